"""MIDI ports of this machine, and choosing one by index or part of its name.

Thread: main, all of it. Realtime-safe: no.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rtbeat.live.chatter import without_chatter
from rtbeat.live.devices import DIRECTIONS, Direction
from rtbeat.live.matching import DeviceError, listed, pick

NO_RTMIDI = "the MIDI library is not installed; run `pip install rtbeat[midi]`"
REMEDIES = {
    "alsa": "the ALSA sequencer is not there; run `sudo modprobe snd-seq`",
    "jack": "the JACK server does not run; start it, or use another MIDI API",
}


@dataclass(frozen=True)
class MidiPort:
    """index : by RtMidi, within api and direction. direction : ``input`` is heard by us."""

    api: str
    direction: Direction
    index: int
    name: str


@dataclass(frozen=True)
class MidiApi:
    """One way to MIDI on this machine. problem : why it cannot be used, or empty."""

    name: str
    ports: tuple[MidiPort, ...]
    problem: str = ""


def midi_apis() -> list[MidiApi]:
    """Every way to MIDI that this installation knows, with its ports now.

    Raises :class:`DeviceError` without the library.
    """
    rtmidi = _rtmidi()
    known = [api for api in rtmidi.get_compiled_api() if api != rtmidi.API_RTMIDI_DUMMY]
    return [_midi_api(rtmidi, api) for api in known]


def _midi_api(rtmidi: Any, api: int) -> MidiApi:
    name = rtmidi.get_api_name(api)
    makers = {"input": rtmidi.MidiIn, "output": rtmidi.MidiOut}
    ports: list[MidiPort] = []
    try:
        for direction in DIRECTIONS:
            with without_chatter():
                client = makers[direction](api, name="rtbeat")
                names = client.get_ports()
                client.delete()
            ports += [MidiPort(name, direction, i, text) for i, text in enumerate(names)]
    except (rtmidi.RtMidiError, OSError) as error:
        return MidiApi(name, (), REMEDIES.get(name, str(error)))
    return MidiApi(name, tuple(ports))


def choose_midi(direction: Direction, which: str | int, api: str | None = None) -> MidiPort:
    """The port meant by an index, a name or a part of one, as in :func:`choose`.

    api : only ports of this one (alsa, jack, core, winmm); else every one that works, where an
    index counts within the first that has ports.

    Raises :class:`DeviceError` in one sentence with the candidates.
    """
    every = midi_apis()
    if api is not None:
        every = [pick("MIDI API", every, api, lambda one: one.name)]
        if every[0].problem:
            raise DeviceError(f"MIDI by {every[0].name} does not work: {every[0].problem}")
    found = [port for one in every for port in one.ports if port.direction == direction]
    if not found:
        raise DeviceError(
            f"there is no MIDI {direction} port; connect one, or make a virtual one with "
            "--midi-virtual NAME"
        )
    text = str(which)
    if text.isdecimal() and text not in [port.name for port in found]:
        for port in found:
            if (port.api, port.index) == (found[0].api, int(text)):
                return port
        raise DeviceError(
            f"there is no MIDI {direction} port {text}; there are {listed(map(_label, found))}"
        )
    return pick(f"MIDI {direction} port", found, text, _label, lambda port: port.name)


def _label(port: MidiPort) -> str:
    return f"{port.index} {port.name} ({port.api})"


def _rtmidi() -> Any:
    try:
        import rtmidi
    except ImportError as error:
        raise DeviceError(NO_RTMIDI) from error
    return rtmidi
