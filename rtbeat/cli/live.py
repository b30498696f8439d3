"""``rtbeat live``: microphone in; clicks, MIDI clock, OSC and Ableton Link out."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rtbeat.cli.outputs import UsageError
from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from rtbeat.live.midi_map import MidiMap
    from rtbeat.live.session import Session
    from rtbeat.live.settings import Settings

POLL = 0.02  # seconds between two looks at what happened

EPILOG = """\
Devices are chosen by index or by part of the name, see `rtbeat devices`. What is not given here is
taken from the settings file, then from the system.

--midi and --midi-virtual may be given several times; NAME@MS sends MS milliseconds later, NAME@-MS
really earlier; so it is with --osc HOST:PORT@MS and --link=@MS. docs/controls.md has the addresses.

--no-ui prints what happens, one event a line; with --json one JSON object a line, whose keys are
event, at (seconds since the start) and those of the event.

Exit codes: 0 done; 1 a device or port failed; 2 wrong usage; 130 interrupted.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "live",
        help="follow a microphone: clicks, MIDI clock, OSC, Ableton Link",
        description="Follow live music: clicks, MIDI clock, OSC and Ableton Link on the beat.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_audio(parser.add_argument_group("audio"))
    _add_clicks(parser.add_argument_group("clicks"))
    _add_midi(parser.add_argument_group("MIDI"))
    _add_network(parser.add_argument_group("network"))
    _add_tracking(parser.add_argument_group("tracking"))
    _add_session(parser.add_argument_group("session"))
    parser.set_defaults(run=run, parser=parser)


def _add_audio(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--input", metavar="NAME", help="input device (default: the system's)")
    add("--output", metavar="NAME", help="output device for clicks (default: the system's)")
    add("--host-api", metavar="NAME", help="only devices of this audio system (ALSA, JACK, ...)")
    add("--rate", type=int, metavar="HZ", help="sample rate (default: the device's)")
    add("--block", type=int, metavar="N", help="frames a block (default: as the device likes)")


def _add_clicks(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--click", action="store_true", default=None, help="play clicks on the beats")
    add("--click-mode", default="beats", metavar="MODE",
        help="beats (default), downbeats, halves, thirds or quarters")  # fmt: skip
    add("--click-offset", type=float, metavar="MS", help="clicks later by MS; negative is earlier")
    add("--sound", metavar="NAME", help="click (default), wood, beep or bell")
    add("--volume", type=float, metavar="V", help="loudness of the clicks, 0 to 1 (default: 0.7)")
    add("--headphones", action="store_true",
        help="the microphone cannot hear the clicks: leave it as it is")  # fmt: skip


def _add_midi(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--midi", action="append", default=[], metavar="NAME", help="send clock to this port")
    add("--midi-virtual", action="append", default=[], metavar="NAME",
        help="make a port of this name that others can connect to")  # fmt: skip
    add("--midi-api", metavar="API", help="alsa, jack, core, windows or jack-client")
    add("--midi-notes", action="store_true", help="notes on beats and downbeats too")
    add("--midi-start", default="downbeat", choices=("downbeat", "beat"),
        help="what Start and Continue wait for (default: downbeat)")  # fmt: skip
    add("--bend", type=float, default=4.0, metavar="BPM",
        help="most that the clock's tempo leaves the music's to catch up (default: 4)")  # fmt: skip
    add("--when-lost", default="stop", choices=("stop", "tick", "hold"),
        help="once the music is lost: Stop; Stop, tick on; or go on (default: stop)")  # fmt: skip
    add("--controls", action="append", default=[], metavar="NAME",
        help="take a performer's controls from this MIDI input")  # fmt: skip
    add("--controls-virtual", metavar="NAME", help="make a MIDI input for controls")


def _add_network(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--osc", action="append", default=[], metavar="HOST:PORT[@MS]",
        help="send beats, phase, tempo and state there over OSC")  # fmt: skip
    add("--osc-in", metavar="[HOST:]PORT",
        help="take a performer's controls over OSC (host: this machine only)")  # fmt: skip
    add("--link", nargs="?", const="", metavar="@MS",
        help="lead the Ableton Link session on this network")  # fmt: skip


def _add_tracking(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--lead", type=float, metavar="S", help="seconds of announcing ahead (default: 0.2)")
    add("--follow", type=float, metavar="X", help="0 steady to 1 follow (default: 0.5)")
    add("--preset", metavar="NAME", help="dj, band or solo: sets --follow")
    add("--tempo-range", type=float, nargs=2, metavar=("LO", "HI"), help="BPM (default: 40 240)")
    add("--beats-per-bar", type=int, metavar="N", help="known length of a bar")
    add("--coast", type=int, default=8, metavar="BARS",
        help="bars to go on without music before giving up (default: 8)")  # fmt: skip
    add("--decoder", default="filter", metavar="NAME", help="filter (default) or search")
    add("--model", default="default", metavar="NAME", help="name of a model or path of its file")


def _add_session(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--no-ui", action="store_true", help="no screen: print one event a line")
    add("--json", action="store_true", help="with --no-ui: JSON lines")
    add("--record", metavar="DIR", help="keep input, events and controls in this folder")
    add("--seconds", type=float, metavar="S", help="end after S seconds")
    add("--latency-report", action="store_true", help="print the latency budget at the end")
    add("--settings", metavar="FILE", help="settings file (default: the platform's folder)")


def run(args: argparse.Namespace) -> int:
    """Run a session until it is ended. Wrong usage ends in ``SystemExit(2)``."""
    from rtbeat.cli.live_options import make_options
    from rtbeat.live.audio_port import AudioDeviceError, any_hung
    from rtbeat.live.devices import DeviceError
    from rtbeat.live.midi_controls import MidiInputError
    from rtbeat.live.midi_ports import PortError
    from rtbeat.live.osc_target import OscError
    from rtbeat.live.recorder import RecordingError
    from rtbeat.live.session_outputs import LinkMissingError
    from rtbeat.live.settings import Settings, SettingsError

    terminal = Terminal()
    parser: argparse.ArgumentParser = args.parser
    code = 1
    try:
        settings = Settings.load(args.settings)
        for unknown in settings.unknown:
            terminal.note(unknown)
        code = _perform(args, settings, terminal, make_options)
    except UsageError as error:
        parser.error(str(error))
    except (
        AudioDeviceError,
        DeviceError,
        PortError,
        MidiInputError,
        OscError,
        LinkMissingError,
        RecordingError,
        SettingsError,
    ) as error:
        terminal.error(str(error))
    except KeyboardInterrupt:
        code = 130
    if any_hung():  # PortAudio would hang at exit too
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _perform(
    args: argparse.Namespace, settings: Settings, terminal: Terminal, make_options: Any
) -> int:
    from rtbeat.live.session import Session

    with terminal.compile_note():
        session = Session(make_options(args, settings))
    with _ending_on_signals():
        try:
            session.start()
            _show(args, session, settings, terminal)
            return 0
        finally:
            session.close()
            _report_recording(args, session, terminal)
            if args.latency_report:
                terminal.note(session.latency.words())


def _report_recording(args: argparse.Namespace, session: Session, terminal: Terminal) -> None:
    """What happened, in words, from the recording."""
    recorder = session.options.recorder
    if recorder is None or not args.record:
        return
    from rtbeat.live.recording import RecordingError, read_recording
    from rtbeat.live.report import make_report
    from rtbeat.live.report_words import report_text

    if recorder.problem:
        terminal.error(recorder.problem)
    with contextlib.suppress(RecordingError):  # nothing was recorded
        recording = read_recording(args.record)
        seconds = (recording.end or 0) / recording.header.options.sample_rate
        terminal.note(report_text(make_report(recording.events, seconds)))


@contextlib.contextmanager
def _ending_on_signals() -> Iterator[None]:
    """SIGTERM ends a session as Ctrl-C does: with Stop and All Notes Off."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show(
    args: argparse.Namespace, session: Session, settings: Settings, terminal: Terminal
) -> None:
    """The screen, or lines, until the end."""
    from rtbeat.cli.live_inputs import midi_controls, osc_controls

    deadline = None if args.seconds is None else time.monotonic() + args.seconds

    def going_on() -> bool:
        session.tend()
        return session.running and (deadline is None or time.monotonic() < deadline)

    with (
        midi_controls(args, session, settings) as mapping,
        osc_controls(args, session, terminal),
    ):
        if args.no_ui or not (sys.stdin.isatty() and sys.stdout.isatty()):
            _print_lines(session, terminal, args.json, going_on)
        else:
            _perform_on_screen(args, session, mapping, going_on)


def _print_lines(session: Session, terminal: Terminal, as_json: bool, going_on: Any) -> None:
    from rtbeat.live.lines import json_line, words

    line = json_line if as_json else words
    while going_on():
        for event in session.events():
            terminal.result(line(event) + "\n")
        time.sleep(POLL)
    for event in session.events():
        terminal.result(line(event) + "\n")


def _perform_on_screen(
    args: argparse.Namespace, session: Session, mapping: MidiMap | None, going_on: Any
) -> None:
    from rich.console import Console

    from rtbeat.live.keyboard import open_keyboard
    from rtbeat.live.midi_map import Binding
    from rtbeat.live.screen_loop import perform
    from rtbeat.live.settings import SettingsError, update

    def keep(binding: Binding) -> None:
        message, _, action = str(binding).partition(" -> ")
        try:
            update(
                lambda now: replace(now, midi_learn={**now.midi_learn, message: action}),
                args.settings,
            )
        except SettingsError as error:
            session.note(f"learnt, but not kept: {error}")

    perform(session, open_keyboard(), Console(), mapping, learnt=keep, running=going_on)
