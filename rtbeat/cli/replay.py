"""``rtbeat replay``: a recorded session once more, compared with what happened then."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rtbeat.cli.outputs import UsageError, check_folder
from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from rtbeat.live.recording import Recording

EPILOG = """\
DIR is a folder made by `rtbeat live --record DIR`. Its audio, controls and losses go through the
same engine again, as fast as the machine goes; the events are printed, one a line, and compared
with those of the session. They are the same to the last bit with the same rtbeat and model on a
machine of the same kind. Events of devices and ports (xrun, stream, port) belong to the session
alone and do not come again.

--json prints one JSON object a line, with the keys of `rtbeat live --no-ui --json`.

--report writes a page about the session: how soon the beat was found and how it was kept, tempo
over time, dropouts, and how far the beats were from those that the offline tracker finds in the
same audio. --report - prints the figures of it in place of the events.

Exit codes: 0 the events are the same; 1 they are not, or the recording cannot be used; 2 wrong
usage; 130 interrupted.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "replay",
        help="go through a recorded session again",
        description="Go through a recorded session again and report on it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", metavar="DIR", help="folder of the recording")
    add("--json", action="store_true", help="print one JSON object a line")
    add("--report", metavar="OUT", help="write a report there (.html); - prints its figures")
    add("--quiet", action="store_true", help="no progress, no notes")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Replay; 0 where the events are the same, else 1. Wrong usage ends in ``SystemExit(2)``."""
    from rtbeat.audio import AudioFileError
    from rtbeat.live.recording import RecordingError, read_recording

    terminal = Terminal(args.quiet)
    try:
        if args.report not in (None, "-"):
            _check_report(args.report)
        recording = read_recording(args.folder)
        same = _replay(recording, args, terminal)
        if args.report is not None:
            _report(recording, args.report, terminal)
    except UsageError as error:
        args.parser.error(str(error))
    except (AudioFileError, RecordingError) as error:
        terminal.error(str(error))
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        terminal.error(f"{error.filename or args.folder}: {error.strerror or error}")
        return 1
    return 0 if same else 1


def _check_report(path: str) -> None:
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {path}: a report is a page; give a name that ends in .html")
    check_folder(path, "--report")


def _replay(recording: Recording, args: argparse.Namespace, terminal: Terminal) -> bool:
    """Print the events and say whether they are what they were."""
    from rtbeat.live.lines import json_line, words
    from rtbeat.live.recording import RecordingError
    from rtbeat.live.replay import Replay, changes_since

    line = json_line if args.json else words
    events = []
    with terminal.progress("replay") as progress, terminal.compile_note():
        try:
            changes = changes_since(recording.header)
            replay = Replay(recording, progress)
        except (ValueError, TypeError, FileNotFoundError) as error:  # options of another version
            raise RecordingError(f"{args.folder}: cannot be replayed here: {error}") from error
        for event in replay.events():
            events.append(event)
            if args.report != "-":
                terminal.result(line(event) + "\n")
    if recording.end is None:
        terminal.note(f"{args.folder}: the run was killed; this is what was kept of it")
    if recording.reason:
        terminal.note(f"{args.folder}: the recording ended early: {recording.reason}")
    difference = replay.difference(events)
    if difference:
        terminal.error(f"{args.folder}: not as recorded: {difference}")
        for change in changes:
            terminal.error(f"{args.folder}: {change}")
    else:
        terminal.note(f"{args.folder}: {len(events)} events, the same as recorded")
    return not difference


def _report(recording: Recording, path: str, terminal: Terminal) -> None:
    from rtbeat.formats.atomic import write_bytes
    from rtbeat.live.report import report_on
    from rtbeat.live.report_page import report_page
    from rtbeat.live.report_words import report_text

    with terminal.progress("report") as progress, terminal.compile_note():
        report = report_on(recording, progress)
    if path == "-":
        terminal.result(report_text(report))
        return
    title = f"Session {recording.folder.resolve().name}"
    write_bytes(path, report_page(report, title, recording.header.started).encode())
    terminal.note(f"{recording.folder}: report: {path}")
