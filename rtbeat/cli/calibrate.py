"""``rtbeat calibrate``: measures the delay from loudspeaker to microphone and keeps it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from rtbeat.cli.audio_options import (
    AudioSetup,
    add_audio_options,
    check_audio_options,
    choose_audio,
)
from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from rtbeat.live.loop_delay import LoopDelay
    from rtbeat.live.settings import Calibration, Settings

EPILOG = """\
Put the microphone where it will be, before the loudspeaker that plays the clicks, and keep quiet
for some ten seconds: six short bursts of noise are played. The delay is kept in the settings file
for these devices, this rate and this block size; `rtbeat live` with the same ones uses it.

--json prints one object with the keys host_api, input, output, rate (Hz), block_size (frames),
loop (seconds), spread (seconds between the least and the greatest of the bursts), snr (dB), date.

Exit codes: 0 done; 1 it could not be measured or kept; 2 wrong usage; 130 interrupted.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "calibrate",
        help="measure the delay from loudspeaker to microphone",
        description="Measure the delay from loudspeaker to microphone, so that clicks are heard "
        "on the beat.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add_audio_options(parser)
    add("--volume", type=float, default=0.5, metavar="V", help="of the bursts, 0 to 1")
    add("--json", action="store_true", help="print a JSON object")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Measure and keep it; 1 where that fails."""
    from rtbeat.live.audio_port import AudioDeviceError, any_hung
    from rtbeat.live.loop_delay import LoopError
    from rtbeat.live.matching import DeviceError
    from rtbeat.live.settings import Settings, SettingsError, update

    check_audio_options(args)
    if not 0.0 <= args.volume <= 1.0:
        args.parser.error(f"--volume is {args.volume}; it must be from 0 to 1")
    terminal = Terminal()
    code = 1
    try:
        settings = Settings.load(args.settings)
        for unknown in settings.unknown:
            terminal.note(unknown)
        measured = _measure(args, settings, terminal)
        update(lambda newest: newest.with_calibration(measured), args.settings)
        terminal.result(_words(args, measured))
        code = 0
    except (AudioDeviceError, DeviceError, LoopError, SettingsError) as error:
        terminal.error(str(error))
    if any_hung():  # PortAudio would hang at exit too
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _measure(args: argparse.Namespace, settings: Settings, terminal: Terminal) -> Calibration:
    from rtbeat.live.calibrate import measure_loop
    from rtbeat.live.loop_delay import noise_bursts

    setup = choose_audio(args, settings)
    bursts = noise_bursts(setup.rate)
    with terminal.compile_note():
        stream = setup.open(bursts)
    terminal.note(f"playing on {setup.output.name}, listening on {setup.input.name}; quiet, please")
    try:
        found = measure_loop(stream, bursts, args.volume)
    finally:
        stream.close()
    return _calibration(setup, found)


def _calibration(setup: AudioSetup, found: LoopDelay) -> Calibration:
    from rtbeat.live.settings import Calibration

    return Calibration(
        setup.input.host_api,
        setup.input.name,
        setup.output.name,
        setup.rate,
        setup.block_size,
        loop=round(found.delay, 7),
        spread=round(found.spread, 7),
        snr=round(found.snr, 1),
        date=datetime.now().isoformat(timespec="seconds"),
    )


def _words(args: argparse.Namespace, measured: Calibration) -> str:
    from rtbeat.live.settings import settings_path

    if args.json:
        return json.dumps(asdict(measured)) + "\n"
    return (
        f"from output to input: {1000 * measured.loop:.2f} ms "
        f"({measured.loop * measured.rate:.1f} samples at {measured.rate} Hz), "
        f"spread {1000 * measured.spread:.2f} ms, signal to noise {measured.snr:.0f} dB\n"
        f"kept in {settings_path(args.settings)} for {measured.input} and {measured.output} on "
        f"{measured.host_api}, block size {measured.block_size or 'as the device likes'}\n"
    )
