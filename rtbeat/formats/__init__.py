"""File formats for beats: one small module each, found by name or by suffix.

A format is a pure function from :class:`rtbeat.Beats` to the bytes of the file; writing it whole
or not at all happens here, once for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike

from rtbeat.beat import Beats
from rtbeat.formats import (
    audacity,
    beats_text,
    csv_file,
    jams_file,
    json_file,
    midi_file,
    reaper,
    sonic_visualiser,
)
from rtbeat.formats.atomic import write_bytes


@dataclass(frozen=True)
class Format:
    """A file format: its name, its suffixes (lower case, with the dot), its encoder, and what a
    person calls it.

    The first suffix is the one to give to a new file. A suffix may have two parts, as in
    ``song.labels.txt``.
    """

    name: str
    suffixes: tuple[str, ...]
    encode: Callable[[Beats], bytes]
    title: str


FORMATS = (
    Format("beats", (".beats", ".txt"), beats_text.encode, "beats text"),
    Format("json", (".json",), json_file.encode, "JSON"),
    Format("csv", (".csv",), csv_file.encode, "CSV table"),
    Format("jams", (".jams",), jams_file.encode, "JAMS annotations"),
    Format("audacity", (".labels.txt", ".labels"), audacity.encode, "Audacity labels"),
    Format("sv", (".svl",), sonic_visualiser.encode, "Sonic Visualiser layer"),
    Format("midi", (".mid", ".midi"), midi_file.encode, "MIDI tempo map"),
    Format("reaper", (".reaper.csv",), reaper.encode, "REAPER markers"),
)


def find(path: str | PathLike[str], format: str | None = None) -> Format:
    """The format called ``format``, or where that is None, the one for the suffix of ``path``.

    Of several suffixes that fit, the longest counts. Raises ``ValueError`` where there is none,
    naming those that are known.
    """
    names = ", ".join(f"{known.name} ({' '.join(known.suffixes)})" for known in FORMATS)
    if format is not None:
        for known in FORMATS:
            if known.name == format:
                return known
        raise ValueError(f"there is no format {format!r}; known are {names}")
    text = os.fspath(path)
    name = os.path.basename(text).lower()
    fitting = {
        suffix: known
        for known in FORMATS
        for suffix in known.suffixes
        if name.endswith(suffix) and name != suffix
    }
    if not fitting:
        suffix = os.path.splitext(text)[1]
        raise ValueError(f"{text}: no format has the suffix {suffix!r}; known are {names}")
    return fitting[max(fitting, key=len)]


def write(beats: Beats, path: str | PathLike[str], format: str | None = None) -> None:
    """Write ``beats`` to ``path``, whole or not at all.

    Raises ``ValueError`` for a format that is not known, ``OSError`` where the file cannot be
    written.
    """
    write_bytes(path, find(path, format).encode(beats))
