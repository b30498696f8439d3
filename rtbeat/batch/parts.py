"""A Parquet data set with a row a song, in parts that are each written whole or not at all.

A song belongs to a part by the hash of its name, so that done again, by whomever, it replaces its
row: there are never two. The rows hold what :mod:`rtbeat.batch.journal` does for a batch on one
machine, and the next run goes on from them.

======================================= ====================== =====================================
column                                  type                   what
======================================= ====================== =====================================
``name``, ``path``                      string                 place in the tree; absolute path
``size``, ``mtime_ns``                  int64                  of the file: bytes, nanoseconds
``duration``, ``tempo``                 float64                seconds; median BPM
``n_beats``                             int32
``beats``                               list of float64        times in seconds
``numbers``                             list of int8           places in the bar, 1 = downbeat
``confidence``                          float64                mean over the beats, 0..1
``error``                               string                 null where the song is done
``model``, ``options``                  string                 its SHA-256; all options as JSON
======================================= ====================== =====================================

What is not known is null. Needs pyarrow. Thread: one a part.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from rtbeat.batch.songs import Song
from rtbeat.batch.work import Outcome, Settings
from rtbeat.beat import Beats
from rtbeat.formats.atomic import write_bytes

FOLDER = "songs.parquet"
SONGS_A_PART = 100
FEW_PARTS = 64  # so many at least, if there are as many songs: work for many workers
_SHAPE = "_rtbeat.json"  # readers of Parquet pass over names that begin with _ or .


def data_set_path(out: str) -> str:
    """The folder of the data set in an output folder."""
    return os.path.join(out, FOLDER)


def part_count(out: str, songs: int) -> int:
    """Parts of the data set: as many as it has, or for a new one as suit so many songs.

    Makes the folder. Raises ``OSError`` where it cannot be written.
    """
    path = os.path.join(data_set_path(out), _SHAPE)
    try:
        with open(path, encoding="ascii") as file:
            return int(json.load(file)["parts"])
    except FileNotFoundError:
        os.makedirs(data_set_path(out), exist_ok=True)
    count = max(-(-songs // SONGS_A_PART), min(songs, FEW_PARTS), 1)
    write_bytes(path, json.dumps({"parts": count}).encode("ascii"))
    return count


def part_of(song: Song, parts: int) -> int:
    """Index of the part that a song belongs to."""
    digest = hashlib.sha256(_text(song.name).encode()).digest()
    return int.from_bytes(digest[:8], "big") % parts


class Part:
    """The rows of one part; every change is on the disk when the call returns."""

    def __init__(self, settings: Settings, index: int):
        self._settings = settings
        self._options = json.dumps(settings.options(), sort_keys=True)
        self._path = os.path.join(data_set_path(settings.out), f"part-{index:05d}.parquet")
        self._rows = _read(self._path)

    def unchanged(self, song: Song) -> Outcome | None:
        """As :meth:`rtbeat.batch.journal.Journal.unchanged`."""
        row = self._rows.get(_text(song.name))
        if row is None or row["error"] is not None or row["options"] != self._options:
            return None
        if (row["size"], row["mtime_ns"]) != (song.size, song.mtime_ns):
            return None
        if not all(os.path.exists(path) for path in self._settings.targets(song)):
            return None
        told = ("duration", "tempo", "n_beats", "confidence")
        return Outcome(song, "unchanged", **{key: row[key] for key in told})

    def put(self, outcome: Outcome, beats: Beats | None) -> None:
        """Add or replace the row of a song."""
        song = outcome.song
        self._rows[_text(song.name)] = {
            "name": _text(song.name),
            "path": _text(song.path),
            "size": song.size,
            "mtime_ns": song.mtime_ns,
            "duration": outcome.duration,
            "tempo": outcome.tempo,
            "n_beats": outcome.n_beats,
            "beats": None if beats is None else beats.times,
            "numbers": None if beats is None else beats.numbers,
            "confidence": outcome.confidence,
            "error": None if outcome.error is None else _text(outcome.error),
            "model": self._settings.model_hash,
            "options": self._options,
        }
        write_bytes(self._path, _encoded(list(self._rows.values())))


def _read(path: str) -> dict[str, dict[str, Any]]:
    """Rows by name; none where there is no such part yet."""
    import pyarrow.parquet as parquet

    if not os.path.exists(path):
        return {}
    return {row["name"]: row for row in parquet.ParquetFile(path).read().to_pylist()}


def _encoded(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    types = {
        "name": arrow.string(),
        "path": arrow.string(),
        "size": arrow.int64(),
        "mtime_ns": arrow.int64(),
        "duration": arrow.float64(),
        "tempo": arrow.float64(),
        "n_beats": arrow.int32(),
        "beats": arrow.list_(arrow.float64()),
        "numbers": arrow.list_(arrow.int8()),
        "confidence": arrow.float64(),
        "error": arrow.string(),
        "model": arrow.string(),
        "options": arrow.string(),
    }
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_pylist(rows, arrow.schema(types)), sink)
    return bytes(sink.getvalue().to_pybytes())


def _text(name: str) -> str:
    """Text that UTF-8 can hold: bytes of a file name that are none are written as ``\\udcNN``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
