"""Where the results of ``rtbeat file`` go, settled before any work is done."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass

from rtbeat.cli.results import OUTPUTS, Output


class UsageError(Exception):
    """The command line asks for something that cannot be."""


@dataclass(frozen=True)
class Target:
    """A result to write: to ``path``, or where that is None, to standard output."""

    output: Output
    path: str | None

    @property
    def name(self) -> str:
        """A file name whose suffix tells the kind of file."""
        return f"out{self.output.suffix}" if self.path is None else self.path


@dataclass(frozen=True)
class Job:
    """One song, what to write of it, and whether its beats are printed as text."""

    song: str
    label: str  # of the progress bar
    targets: tuple[Target, ...]
    printed: bool


def plan(args: argparse.Namespace) -> list[Job]:
    """A job for every song. Raises ``UsageError`` for outputs that cannot be."""
    _check_options(args)
    _check_standard_output(args)
    songs: list[str] = args.songs
    wanted = [output for output in OUTPUTS if getattr(args, output.dest) is not None]
    columns = [_targets(output, getattr(args, output.dest), songs) for output in wanted]
    rows = [tuple(column[index] for column in columns) for index in range(len(songs))]
    if args.beats == "-":  # as text with headings, not as a file
        rows = [tuple(t for t in row if t.output.dest != "beats") for row in rows]
    _check_paths([target.path for row in rows for target in row if target.path], songs)
    _check_suffixes(rows[0])
    printed = args.beats == "-" or not wanted
    return [Job(song, _label(songs, k), rows[k], printed) for k, song in enumerate(songs)]


def _label(songs: list[str], index: int) -> str:
    """What the progress bar says."""
    name = os.path.basename(songs[index])
    return f"[{index + 1}/{len(songs)}] {name}" if len(songs) > 1 else name


def _check_options(args: argparse.Namespace) -> None:
    from rtbeat.click import SOUNDS

    if args.sound not in SOUNDS:
        raise UsageError(f"--sound is {args.sound!r}; it must be one of {', '.join(SOUNDS)}")
    if args.click_only and args.click is None:
        raise UsageError("--click-only needs --click OUT")


def _check_standard_output(args: argparse.Namespace) -> None:
    printed = [output.option for output in OUTPUTS if getattr(args, output.dest) == "-"]
    files = [option for option in printed if option != "--beats"]
    if files and (len(printed) > 1 or args.json or len(args.songs) > 1):
        raise UsageError(f"{files[0]} - is for one song, with nothing else on standard output")
    if printed and args.json:
        raise UsageError("--beats - and --json both print the beats; leave one out")


def _targets(output: Output, out: str, songs: list[str]) -> list[Target]:
    """The file of each song; in a folder where ``out`` is one or there are several songs."""
    if out == "-":
        return [Target(output, None)] * len(songs)
    folder = len(songs) > 1 or os.path.isdir(out) or out.endswith(("/", os.sep))
    if not folder:
        check_folder(out, output.option)
        return [Target(output, out)]
    _make_folder(out, output.option)
    stems = [os.path.splitext(os.path.basename(song))[0] for song in songs]
    return [Target(output, os.path.join(out, stem + output.suffix)) for stem in stems]


def _make_folder(out: str, option: str) -> None:
    try:
        os.makedirs(out, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{option} {out}: for several songs this must be a folder") from None
    except OSError as error:
        raise UsageError(f"{option} {out}: the folder cannot be made: {error.strerror}") from error


def check_folder(out: str, option: str) -> None:
    """Raise ``UsageError`` where the folder of the file ``out`` is missing."""
    parent = os.path.dirname(out) or "."
    if not os.path.isdir(parent):
        raise UsageError(f"{option} {out}: there is no folder {parent}")


def _check_paths(paths: list[str], songs: list[str]) -> None:
    written = [os.path.realpath(path) for path in paths]
    read = {os.path.realpath(song) for song in songs}
    for path in written:
        if path in read:
            raise UsageError(f"{path} would be overwritten, and it is one of the songs")
        if written.count(path) > 1:
            raise UsageError(f"{path} would be written twice; do these songs one by one")


def _check_suffixes(targets: tuple[Target, ...]) -> None:
    for target in targets:
        try:
            target.output.check(target.name)
        except (ValueError, ModuleNotFoundError) as error:
            raise UsageError(str(error)) from error
