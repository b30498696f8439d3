"""``rtbeat batch``: beats of whole libraries, in processes or on a Dask cluster."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from typing import TYPE_CHECKING

from rtbeat.cli.batch_report import Report
from rtbeat.cli.outputs import UsageError
from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Generator

    from rtbeat.batch.songs import Song
    from rtbeat.batch.work import Outcome, Settings

EPILOG = """\
The files lie in the output folder as the songs do in theirs: of Music/a/song.mp3 comes
OUT/Music/a/song.beats. Where a.mp3 and a.flac lie side by side they are a.mp3.beats and
a.flac.beats.

The next run passes over songs that are done and whose file and options have not changed, and
tries again those that failed. OUT/rtbeat-batch.jsonl tells what was done. Ctrl-C leaves whole
files only.

--json prints one object a line: file, status (done, unchanged or failed), duration (seconds),
tempo (BPM, null if unknown), n_beats, confidence (mean, 0 to 1), error (null unless failed), note
(a warning, or null) and files (the paths written).

--dask does the work on a cluster that runs already (pip install "rtbeat[dask]" here and there).
Its workers must see the same files at the same paths. Besides the files it makes the Parquet data
set OUT/songs.parquet with a row a song, beats included.

Exit codes: 0 done; 1 a song failed, the others are done; 2 wrong usage; 130 interrupted.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "batch",
        help="find the beats of all songs in folders",
        description="Find the beats of all songs in folders, and go on where the last run ended.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folders", nargs="+", metavar="FOLDER", help="folder with all below it, file or pattern")
    add("--out", default="rtbeat-out", metavar="DIR",
        help="folder of the results (default: rtbeat-out)")  # fmt: skip
    add("--formats", default="beats", metavar="A,B", help="beats (default), json, ...")
    add("--jobs", type=int, metavar="N", help="processes (default: one a core)")
    add("--force", action="store_true", help="do all songs, and replace files that are there")
    add("--dask", metavar="ADDRESS", help="use the cluster of this scheduler (tcp://host:8786)")
    add("--decoder", default="filter", metavar="NAME", help="filter (default) or search")
    add("--tempo-range", type=float, nargs=2, default=(40.0, 240.0), metavar=("LO", "HI"),
        help="slowest and fastest tempo, BPM (default: 40 240)")  # fmt: skip
    add("--beats-per-bar", type=int, metavar="N", help="known length of a bar")
    add("--model", default="default", metavar="NAME", help="name of a model or path of its file")
    add("--json", action="store_true", help="print one JSON object a line")
    add("--quiet", action="store_true", help="no progress, no summary, no notes")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Do all songs; 0, or 1 where one failed. Wrong usage ends in ``SystemExit(2)``."""
    from rtbeat.batch.songs import SongsError, find_songs

    terminal = Terminal(args.quiet)
    parser: argparse.ArgumentParser = args.parser
    try:
        settings = _settings(args)
        songs = find_songs(args.folders)
        _check_targets(songs, settings, args.force)
    except (UsageError, SongsError) as error:
        parser.error(str(error))
    return _do(songs, settings, args, terminal)


def _do(songs: list[Song], settings: Settings, args: argparse.Namespace, terminal: Terminal) -> int:
    from rtbeat.batch.cluster import ClusterError

    report = Report(songs, settings, terminal, args.json)
    try:
        with report.shown(), closing(_outcomes(songs, settings, args)) as outcomes:
            for outcome in outcomes:
                report.add(outcome)
    except ClusterError as error:
        terminal.error(str(error))
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        terminal.error(f"{error.filename or settings.out}: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        report.interrupted()
        raise
    report.finish()
    return 1 if report.failures else 0


def _outcomes(
    songs: list[Song], settings: Settings, args: argparse.Namespace
) -> Generator[Outcome, None, None]:
    if args.dask is None:
        from rtbeat.batch.local import run_local, usable_cores

        return run_local(songs, settings, args.jobs or usable_cores(), args.force)
    from rtbeat.batch.cluster import run_on_cluster

    return run_on_cluster(songs, settings, args.dask, args.force)


def _settings(args: argparse.Namespace) -> Settings:
    """What the options say. Raises ``UsageError`` for what cannot be."""
    from rtbeat import options as check
    from rtbeat.batch.work import Settings
    from rtbeat.model import BeatModel, is_bundled, model_digest
    from rtbeat.offline import OFFLINE

    if args.decoder not in OFFLINE:
        raise UsageError(f"--decoder is {args.decoder!r}; it must be one of {', '.join(OFFLINE)}")
    if args.dask is not None and args.jobs is not None:
        raise UsageError("--jobs is about this machine; with --dask the cluster has its workers")
    try:
        if args.jobs is not None:
            check.whole("--jobs", args.jobs, 1, 1024)
        BeatModel.load(args.model)  # a model that is not sound is told once, not for each song
        return Settings(
            out=os.path.abspath(args.out),
            formats=_formats(args.formats),
            model=args.model if is_bundled(args.model) else os.path.abspath(args.model),
            model_hash=model_digest(args.model),
            decoder=args.decoder,
            tempo_range=check.tempo_range(args.tempo_range),
            beats_per_bar=check.beats_per_bar(args.beats_per_bar),
        )
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error


def _formats(text: str) -> tuple[str, ...]:
    """Names parted by commas. Raises ``ValueError`` for one that is not known, ``UsageError``."""
    from rtbeat.formats import find

    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    suffixes = [find("", name).suffixes[0] for name in names]
    if not names:
        raise UsageError("--formats is empty; name one or more, as in --formats beats,json")
    for name, suffix in zip(names, suffixes, strict=True):
        if suffixes.count(suffix) > 1:
            raise UsageError(
                f"--formats: {name} and another one are both written as {suffix} files; "
                "do them one by one, each with its own --out"
            )
    return names


def _check_targets(songs: list[Song], settings: Settings, force: bool) -> None:
    """Raise ``UsageError`` where the first run in a folder would replace files, which then are
    somebody's own: beats that were found by hand often lie beside the songs."""
    from rtbeat.batch.journal import journal_path
    from rtbeat.batch.parts import data_set_path

    known = os.path.exists(journal_path(settings.out)) or os.path.exists(
        data_set_path(settings.out)
    )
    for song in () if known or force else songs:
        for path in settings.targets(song):
            if os.path.exists(path):
                raise UsageError(
                    f"{path} is there already, and rtbeat batch has not made it; "
                    "choose another --out, or replace it with --force"
                )
