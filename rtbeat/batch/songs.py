"""Finding songs in folders, and where the results of each belong."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# what is taken for a song inside a folder; a file that is named itself may have any suffix
SUFFIXES = {
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf",
    ".w64", ".rf64", ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc", ".mka", ".mkv",
    ".webm", ".mov", ".avi", ".ac3", ".dsf",
}  # fmt: skip


class SongsError(Exception):
    """The songs asked for cannot be done; the message says what to do."""


@dataclass(frozen=True)
class Song:
    """A file to do.

    path : absolute. name : its place in the tree of the results, parted by ``/``, which tells it
    from all others. stem : the same for the files made of it, without their suffix. size : bytes.
    mtime_ns : time of the last change.
    """

    path: str
    name: str
    stem: str
    size: int
    mtime_ns: int


def find_songs(arguments: Sequence[str]) -> list[Song]:
    """Songs of folders (with all below), files and patterns such as ``Music/**/*.mp3``, by name.

    The tree is that of ``cp -r``: what lies in ``FOLDER`` is called ``FOLDER/...``, a file that
    is named itself by its last part. Hidden files and folders, and links to folders, are passed
    over. Raises :class:`SongsError` for an argument without songs, and for two of one name.
    """
    found: dict[str, str] = {}
    for argument in arguments:
        songs = [pair for path in _expanded(argument) for pair in _below(path)]
        if not songs:
            raise SongsError(f"{argument}: {_nothing(argument)}")
        for path, name in songs:
            other = found.setdefault(name, path)
            if other != path:
                raise SongsError(
                    f"{other} and {path} would both be written as {name}; "
                    "do one of them with another --out"
                )
    result = _with_stems(sorted(found.items()))
    for stem, count in Counter(song.stem for song in result).items():
        if count > 1:
            raise SongsError(f"files of two songs would be called {stem}; rename one of the songs")
    return result


def _expanded(argument: str) -> list[str]:
    """The paths that match, if it is a pattern and not a path that exists."""
    if os.path.lexists(argument):
        return [argument]
    return sorted(glob.glob(argument, recursive=True))


def _below(path: str) -> Iterator[tuple[str, str]]:
    """Absolute path and name of each song."""
    path = os.path.abspath(path)
    if not os.path.isdir(path):
        yield path, os.path.basename(path)
        return
    parent = os.path.dirname(path)
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith("."):
                song = os.path.join(folder, name)
                yield song, os.path.relpath(song, parent).replace(os.sep, "/")


def _nothing(argument: str) -> str:
    if os.path.isdir(argument):
        return "no audio files in this folder"
    return "there is no such file or folder"


def _with_stems(found: Iterable[tuple[str, str]]) -> list[Song]:
    """Stems without the song's own suffix, kept where ``a.mp3`` and ``a.flac`` lie side by side."""
    songs = list(found)
    count = Counter(os.path.splitext(name)[0] for name, _ in songs)
    result = []
    for name, path in songs:
        stem = os.path.splitext(name)[0]
        size, mtime_ns = _stat(path)
        result.append(Song(path, name, stem if count[stem] == 1 else name, size, mtime_ns))
    return result


def _stat(path: str) -> tuple[int, int]:
    """Size and time; zeros for what cannot be read, which is told when the song is tried."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
