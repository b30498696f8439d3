"""Where the results of ``rtbeat file`` go, settled before any work is done."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass


class UsageError(Exception):
    """The command line asks for something that cannot be."""


@dataclass(frozen=True)
class Job:
    """One song: files to write (None: none, or standard output) and whether beats are printed."""

    song: str
    label: str  # of the progress bar
    beats: str | None
    click: str | None
    printed: bool


def plan(args: argparse.Namespace) -> list[Job]:
    """A job for every song. Raises ``UsageError`` for outputs that cannot be."""
    _check_options(args)
    songs: list[str] = args.songs
    beats = _targets(args.beats, "--beats", songs, ".beats")
    clicks = _targets(args.click, "--click", songs, ".click.wav")
    written = [os.path.realpath(path) for path in (*beats, *clicks) if path is not None]
    read = {os.path.realpath(song) for song in songs}
    for path in written:
        if path in read:
            raise UsageError(f"{path} would be overwritten, and it is one of the songs")
        if written.count(path) > 1:
            raise UsageError(f"{path} would be written twice; do these songs one by one")
    _check_suffixes(beats, clicks)
    printed = args.beats == "-" or (args.beats is None and args.click is None)
    return [
        Job(song, _label(songs, k), beats[k], clicks[k], printed) for k, song in enumerate(songs)
    ]


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
    if args.click == "-" and (args.json or args.beats == "-" or len(args.songs) > 1):
        raise UsageError("--click - is for one song, with nothing else on standard output")


def _targets(out: str | None, option: str, songs: list[str], suffix: str) -> list[str | None]:
    """The file of each song; in a folder where ``out`` is one or there are several songs."""
    if out is None or out == "-":
        return [None] * len(songs)
    folder = len(songs) > 1 or os.path.isdir(out) or out.endswith(("/", os.sep))
    if not folder:
        check_folder(out, option)
        return [out]
    try:
        os.makedirs(out, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{option} {out}: for several songs this must be a folder") from None
    except OSError as error:
        raise UsageError(f"{option} {out}: the folder cannot be made: {error.strerror}") from error
    stems = [os.path.splitext(os.path.basename(song))[0] for song in songs]
    return [os.path.join(out, stem + suffix) for stem in stems]


def check_folder(out: str, option: str) -> None:
    """Raise ``UsageError`` where the folder of the file ``out`` is missing."""
    parent = os.path.dirname(out) or "."
    if not os.path.isdir(parent):
        raise UsageError(f"{option} {out}: there is no folder {parent}")


def _check_suffixes(beats: list[str | None], clicks: list[str | None]) -> None:
    from rtbeat import formats
    from rtbeat.audio import check_writable

    try:
        for path in filter(None, beats):
            formats.find(path)
        for path in filter(None, clicks):
            check_writable(os.path.splitext(path)[1])
    except ValueError as error:
        raise UsageError(str(error)) from error
