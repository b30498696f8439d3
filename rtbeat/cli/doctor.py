"""``rtbeat doctor``: measures what this machine can do, and says it in plain words."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from rtbeat.cli.audio_options import add_audio_options, check_audio_options, choose_audio
from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from rtbeat.live.doctor import Finding

EPILOG = """\
Plays six short bursts of noise to hear how long sound takes from the loudspeaker to the
microphone. Takes about half a minute.

--json prints one object a line, for reports of errors, with the keys name, verdict (good, fair,
bad, not measured), words, remedy, value (null without a figure), unit, details.

Exit codes: 0 nothing is bad; 1 something is; 2 wrong usage; 130 interrupted.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "doctor",
        help="measure what this machine can do",
        description="Measure what this machine can do for live music, with advice.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_audio_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """All checks, each printed as it is done; 1 where something is bad."""
    from rtbeat.live.audio_port import any_hung

    check_audio_options(args)
    terminal = Terminal()
    bad = False
    for finding in _findings(args, terminal):
        bad = bad or finding.verdict == "bad"
        terminal.result(json.dumps(asdict(finding)) + "\n" if args.json else lines(finding))
    code = 1 if bad else 0
    if any_hung():  # PortAudio would hang at exit too
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _findings(args: argparse.Namespace, terminal: Terminal) -> Iterator[Finding]:
    from rtbeat.live import doctor_checks as checks
    from rtbeat.live.audio import AudioStream
    from rtbeat.live.doctor_ticks import check_ticks
    from rtbeat.live.loop_delay import noise_bursts
    from rtbeat.live.matching import DeviceError
    from rtbeat.live.settings import Settings, SettingsError

    yield checks.check_versions()
    yield checks.check_settings(args.settings)
    yield checks.check_devices()
    yield checks.check_midi()
    with terminal.compile_note():
        yield from checks.check_tracker()
    yield check_ticks()
    try:
        settings = Settings.load(args.settings)
    except SettingsError:  # told above
        settings = Settings()
    try:
        setup = choose_audio(args, settings)
    except DeviceError as error:
        yield from checks.stream_not_opened(str(error))
        return
    bursts = noise_bursts(setup.rate)

    def open_stream() -> AudioStream:
        return setup.open(bursts)

    terminal.note(f"playing on {setup.output.name}, listening on {setup.input.name} for 10 s")
    yield from checks.check_stream(open_stream, bursts)


def lines(finding: Finding) -> str:
    """A finding for people: verdict, name and words; the remedy below."""
    text = f"{finding.verdict:<12}  {finding.name:<13}  {finding.words}\n"
    if finding.remedy:
        text += f"{'':<29}-> {finding.remedy}\n"
    return text
