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
from rtbeat.formats import beats_text, json_file
from rtbeat.formats.atomic import write_bytes


@dataclass(frozen=True)
class Format:
    """A file format: its name, its suffixes (lower case, with the dot), and its encoder."""

    name: str
    suffixes: tuple[str, ...]
    encode: Callable[[Beats], bytes]


FORMATS = (
    Format("beats", (".beats", ".txt"), beats_text.encode),
    Format("json", (".json",), json_file.encode),
)


def find(path: str | PathLike[str], format: str | None = None) -> Format:
    """The format called ``format``, or where that is None, the one for the suffix of ``path``.

    Raises ``ValueError`` where there is none, naming those that are known.
    """
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    for known in FORMATS:
        if known.name == format or (format is None and suffix in known.suffixes):
            return known
    names = ", ".join(f"{known.name} ({' '.join(known.suffixes)})" for known in FORMATS)
    if format is not None:
        raise ValueError(f"there is no format {format!r}; known are {names}")
    raise ValueError(f"{os.fspath(path)}: no format has the suffix {suffix!r}; known are {names}")


def write(beats: Beats, path: str | PathLike[str], format: str | None = None) -> None:
    """Write ``beats`` to ``path``, whole or not at all.

    Raises ``ValueError`` for a format that is not known, ``OSError`` where the file cannot be
    written.
    """
    write_bytes(path, find(path, format).encode(beats))
