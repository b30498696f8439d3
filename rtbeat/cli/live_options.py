"""The command line of ``rtbeat live`` with the settings file as options of a session."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rtbeat.cli.outputs import UsageError
from rtbeat.click import SOUNDS
from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.clicks import CLICK_MODES, ClickOptions, click_sounds
from rtbeat.live.clock_process import PortSpec
from rtbeat.live.devices import AudioDevice, DeviceError, Direction, choose, refresh_audio
from rtbeat.live.engine import EngineOptions
from rtbeat.live.latency import ASSUMED_LOOP, MARGIN
from rtbeat.live.osc_target import MOST_OFFSET, OscTarget, parse_listening, parse_target
from rtbeat.live.recorder import Recorder
from rtbeat.live.session_options import LiveOptions, MidiOptions
from rtbeat.live.settings import Settings

DEFAULT_LEAD = 0.2  # seconds
MOST_LEAD = 1.0
INPUT_CHANNELS = 2  # at most; they are mixed to one


def make_options(args: argparse.Namespace, settings: Settings) -> LiveOptions:
    """Everything about the session. Opens nothing yet.

    Raises ``UsageError`` for what was wrongly given, and what choosing devices raises.
    """
    source, target = _devices(args, settings)
    rate = args.rate or settings.audio.rate or round(source.rate)
    block = settings.audio.block_size or 0 if args.block is None else args.block
    loop = _calibrated(settings, source, target, rate, block)
    click = _click_options(args, settings)
    ports = _ports(args, settings)
    try:
        osc, link = _network(args)
        offsets = [port.offset for port in ports] + [receiver.offset for receiver in osc]
        least = _least_lead(loop, click if target else None, [*offsets, link or 0.0])
        engine = EngineOptions(rate, _tracker_options(args, settings, least), click)
        recorder = Recorder(Path(args.record), engine) if args.record else None
    except ValueError as error:
        raise UsageError(str(error)) from error
    return LiveOptions(
        open_audio=_opener(args, settings, source, target, rate, block, click),
        engine=engine,
        midi=MidiOptions(ports, args.bend, args.midi_start, args.when_lost),
        osc=osc,
        link=link,
        loop=loop,
        recorder=recorder,
    )


def _given(value: Any, setting: Any, default: Any = None) -> Any:
    """What the command line says, else the settings file, else the program."""
    return value if value is not None else setting if setting is not None else default


def _devices(
    args: argparse.Namespace, settings: Settings
) -> tuple[AudioDevice, AudioDevice | None]:
    audio = settings.audio
    api = _given(args.host_api, audio.host_api)
    source = choose("input", _given(args.input, audio.input), api)
    clicking = _given(args.click, settings.live.click, False) or args.output is not None
    target = choose("output", _given(args.output, audio.output), api) if clicking else None
    return source, target


def _calibrated(
    settings: Settings, source: AudioDevice, target: AudioDevice | None, rate: int, block: int
) -> float | None:
    if target is None:
        return None
    found = settings.calibration(source.host_api, source.name, target.name, rate, block)
    return None if found is None else found.loop


def _click_options(args: argparse.Namespace, settings: Settings) -> ClickOptions:
    live, offset = settings.live, args.click_offset
    sound = _given(args.sound, live.sound, "click")
    if sound not in SOUNDS:
        raise UsageError(f"--sound is {sound!r}; it must be one of {', '.join(SOUNDS)}")
    if args.click_mode not in CLICK_MODES:
        modes = ", ".join(CLICK_MODES)
        raise UsageError(f"--click-mode is {args.click_mode!r}; it must be one of {modes}")
    try:
        return ClickOptions(
            on=bool(_given(args.click, live.click, False)),
            sound=sound,
            volume=_given(args.volume, live.volume, 0.7),
            mode=args.click_mode,
            offset=settings.offsets.click if offset is None else offset / 1000.0,
            heard=not args.headphones,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _ports(args: argparse.Namespace, settings: Settings) -> tuple[PortSpec, ...]:
    live = settings.live
    api = _given(args.midi_api, live.midi_api, "auto")
    named, virtual = list(args.midi), list(args.midi_virtual)
    if not named and not virtual:
        named, virtual = (
            list(live.midi_ports or ()),
            [live.midi_virtual] if live.midi_virtual else [],
        )
    return tuple(
        PortSpec(api, *_name_and_offset(text, settings, is_virtual), notes=args.midi_notes)
        for texts, is_virtual in ((named, False), (virtual, True))
        for text in texts
    )


def _name_and_offset(text: str, settings: Settings, virtual: bool) -> tuple[str, bool, float]:
    """``NAME@MS`` as name, whether virtual, and offset in seconds."""
    name, at, number = text.rpartition("@")
    if not at:
        return text, virtual, settings.offsets.midi.get(text, 0.0)
    try:
        return name, virtual, float(number) / 1000.0
    except ValueError:
        return text, virtual, settings.offsets.midi.get(text, 0.0)  # an @ in the name itself


def _network(args: argparse.Namespace) -> tuple[tuple[OscTarget, ...], float | None]:
    """Receivers of OSC and the offset of Link; raises ``ValueError``."""
    if args.osc_in is not None:
        parse_listening(args.osc_in)  # complains here, not when all is open
    return tuple(parse_target(text) for text in args.osc), _link_offset(args.link)


def _link_offset(text: str | None) -> float | None:
    """Offset in seconds as ``--link`` or ``--link=@MS`` says it; None without Link."""
    if text is None:
        return None
    number = text.removeprefix("@") or "0"
    try:
        offset = float(number) / 1000.0
    except ValueError:
        offset = math.nan
    if not abs(offset) <= MOST_OFFSET:
        raise ValueError(f"--link={text}: write the offset as @MS, -1000 to 1000")
    return offset


def _least_lead(loop: float | None, click: ClickOptions | None, offsets: Sequence[float]) -> float:
    """How early a beat has to be known so that every output can be on time, seconds."""
    needs = [0.0]
    if click is not None:
        needs.append((ASSUMED_LOOP if loop is None else loop) - click.offset)
    needs += [-offset for offset in offsets]
    return min(MOST_LEAD, max(needs) + MARGIN)


def _tracker_options(
    args: argparse.Namespace, settings: Settings, least_lead: float
) -> dict[str, Any]:
    live = settings.live
    lead = max(_given(args.lead, live.lead, DEFAULT_LEAD), least_lead)
    options: dict[str, Any] = {
        "lead": lead,
        "tempo_range": tuple(_given(args.tempo_range, live.tempo_range, (40.0, 240.0))),
        "decoder": args.decoder,
        "model": args.model,
        "beats_per_bar": _given(args.beats_per_bar, live.beats_per_bar),
        "coast_beats": args.coast * (_given(args.beats_per_bar, live.beats_per_bar) or 4),
    }
    preset = _given(args.preset, live.preset if args.follow is None else None)
    if preset is not None:
        return {**options, "preset": preset}
    return {**options, "follow": _given(args.follow, live.follow, 0.5)}


def _opener(
    args: argparse.Namespace,
    settings: Settings,
    source: AudioDevice,
    target: AudioDevice | None,
    rate: int,
    block: int,
    click: ClickOptions,
) -> Callable[[], AudioStream]:
    """Opens the devices, by name: after a device was away the indexes may be others."""
    first = True

    def open_audio() -> AudioStream:
        nonlocal first
        here, there = source, target
        if not first:
            here, there = _again(source), None if target is None else _again(target, "output")
        first = False
        return AudioStream(
            here.index,
            None if there is None else there.index,
            rate,
            input_channels=min(INPUT_CHANNELS, here.inputs),
            output_channels=1 if there is None else min(2, there.outputs),
            block_size=block,
            sounds=click_sounds(click.sound, rate),
        )

    return open_audio


def _again(device: AudioDevice, direction: Direction = "input") -> AudioDevice:
    """The device by its name, in a list made anew."""
    try:
        refresh_audio()
        return choose(direction, device.name, device.host_api)
    except DeviceError as error:
        raise AudioDeviceError(str(error)) from error
