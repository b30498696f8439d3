"""``rtbeat file``: beats of songs as text, JSON, files and click tracks."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from rtbeat.cli.outputs import Job, Target, UsageError, plan
from rtbeat.cli.results import OUTPUTS, Tracked
from rtbeat.cli.terminal import Terminal
from rtbeat.formats import beats_text
from rtbeat.formats.atomic import write_bytes
from rtbeat.formats.json_file import as_object

if TYPE_CHECKING:
    from rtbeat.beat import Beats

EPILOG = """\
Without any OUT the beats are printed: one "time<TAB>number" a line, seconds and position in the
bar (1 = downbeat, left out where unknown). For several songs a line "# path" comes before each.

Every OUT may be given along with the others. For one song it is a file, or a folder that exists;
for several songs a folder, made if needed. Files in a folder are called after the song, e.g.
SONG.beats, SONG.labels.txt, SONG.click.wav. One OUT may be -: standard output.

--json prints one object a line, whatever else is written. Its keys are file, duration
(seconds), tempo (BPM, null if unknown) and beats: a list of objects with time, number (0 =
unknown), confidence (0 to 1: the chance that the beat is within 70 ms of a true one) and, with
--online, announced_at (seconds).

Exit codes: 0 done; 1 a song failed, the others are done; 2 wrong usage; 130 interrupted.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "file",
        help="find the beats of songs",
        description="Find the beats of songs in audio files.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("songs", nargs="+", metavar="SONG", help="audio file (wav, flac, ogg, mp3, m4a, ...)")
    for output in OUTPUTS:
        add(output.option, metavar="OUT", help=output.help)
    add("--click-only", action="store_true", help="with --click: one channel of clicks, no song")
    add("--sound", default="click", help="sound of the clicks: click, wood, beep, bell")
    add("--online", action="store_true", help="track as if live: beats are announced ahead")
    add("--lead", type=float, metavar="S", help="seconds of announcing ahead, with --online")
    add("--decoder", default="filter", metavar="NAME", help="filter (default) or search")
    add("--tempo-range", type=float, nargs=2, default=(40.0, 240.0), metavar=("LO", "HI"),
        help="slowest and fastest tempo, BPM (default: 40 240)")  # fmt: skip
    add("--beats-per-bar", type=int, metavar="N", help="known length of a bar")
    add("--model", default="default", metavar="NAME", help="name of a model or path of its file")
    add("--json", action="store_true", help="print one JSON object a line")
    add("--quiet", action="store_true", help="no progress, no notes")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Do all songs; 0, or 1 where one failed. Wrong usage ends in ``SystemExit(2)``."""
    terminal = Terminal(args.quiet)
    parser: argparse.ArgumentParser = args.parser
    try:
        if args.lead is not None and not args.online:
            raise UsageError("--lead is about announcing ahead: it needs --online")
        jobs = plan(args)
        failed = [job for job in jobs if not _attempt(job, args, terminal)]
        return 1 if failed else 0
    except UsageError as error:
        parser.error(str(error))


class NoResultError(Exception):
    """A song could be read but gave nothing."""


def _attempt(job: Job, args: argparse.Namespace, terminal: Terminal) -> bool:
    """Do one song; where it fails, say why and return False."""
    from rtbeat.audio import AudioFileError

    try:
        _do(job, args, terminal)
    except (AudioFileError, NoResultError) as error:
        terminal.error(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        terminal.error(f"{error.filename or job.song}: {error.strerror or error}")
    except MemoryError:
        terminal.error(f"{job.song}: not enough memory for a song of this length")
    else:
        return True
    return False


def _do(job: Job, args: argparse.Namespace, terminal: Terminal) -> None:
    from rtbeat.offline import SHORTEST

    with terminal.progress(job.label) as progress, terminal.compile_note():
        beats = _track(job.song, args, progress)
    seconds = beats.duration
    if seconds < SHORTEST:
        raise NoResultError(f"{job.song}: too short ({seconds:.1f} s); {SHORTEST} s are needed")
    if not len(beats):
        raise NoResultError(f"{job.song}: no beats found in {seconds:.1f} s of audio")
    _deliver(job, Tracked(job.song, beats, args.sound, args.click_only), args, terminal)


def _track(song: str, args: argparse.Namespace, progress: Callable[[float], None]) -> Beats:
    from rtbeat import track

    try:
        return track(
            song,
            online=args.online,
            decoder=args.decoder,
            tempo_range=tuple(args.tempo_range),
            beats_per_bar=args.beats_per_bar,
            model=args.model,
            progress=progress,
            **({} if args.lead is None else {"lead": args.lead}),
        )
    except (ValueError, FileNotFoundError, PermissionError) as error:
        # what is wrong with the song is an AudioFileError; so it is an option, or the model's file
        raise UsageError(str(error)) from error


def _deliver(job: Job, song: Tracked, args: argparse.Namespace, terminal: Terminal) -> None:
    """Everything that was asked for, as files and on standard output."""
    beats = song.beats
    for target in job.targets:
        data = _encoded(job, target, song)
        if target.path is None:
            terminal.result_bytes(data)
        else:
            write_bytes(target.path, data)
    if args.json:
        terminal.result(json.dumps({"file": job.song, **as_object(beats)}) + "\n")
    elif job.printed:
        head = f"# {job.song}\n" if len(args.songs) > 1 else ""
        terminal.result(head + beats_text.encode(beats).decode("ascii"))
    written = [target.path for target in job.targets if target.path is not None]
    if written:
        terminal.note(
            f"{job.song}: {len(beats)} beats, {beats.tempo:.1f} BPM: {', '.join(written)}"
        )


def _encoded(job: Job, target: Target, song: Tracked) -> bytes:
    try:
        return target.output.encode(song, target.name)
    except ValueError as error:  # a kind of audio that cannot hold this song's rate or channels
        raise NoResultError(f"{job.song}: {error}") from error
