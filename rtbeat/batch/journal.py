"""What has been done in an output folder, so that the next run goes on from there.

``rtbeat-batch.jsonl`` in the folder holds one JSON object a line: for each song its name, size and
time, the digest of the settings it was done with and what came of it; and for each digest the
settings in full.
"""

from __future__ import annotations

import dataclasses
import json
import os
from types import TracebackType
from typing import Any, TextIO

from rtbeat.batch.songs import Song
from rtbeat.batch.work import Outcome, Settings
from rtbeat.formats.atomic import write_bytes

NAME = "rtbeat-batch.jsonl"
_TOLD = ("duration", "tempo", "n_beats", "confidence")


def journal_path(out: str) -> str:
    """Where the journal of an output folder lies."""
    return os.path.join(out, NAME)


class Journal:
    """The journal of an output folder, open for adding.

    It is written anew at the start, with one line a song, and then only added to: a run that is
    killed loses no line but the one being written. One run at a time may use it.

    Raises ``OSError`` where the folder cannot be written. Thread: one.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._digest = settings.digest()
        path = journal_path(settings.out)
        self._songs, known = _read(path)
        known[self._digest] = settings.options()
        lines = [{"settings": digest, "options": known[digest]} for digest in known]
        text = "".join(json.dumps(entry) + "\n" for entry in [*lines, *self._songs.values()])
        write_bytes(path, text.encode("ascii"))
        self._file: TextIO = open(path, "a", encoding="ascii")  # noqa: SIM115 (closed by close)

    def unchanged(self, song: Song) -> Outcome | None:
        """The outcome of a song that was done before with these settings, has not changed since
        and whose files are there; None where it has to be done."""
        entry = self._songs.get(song.name)
        if entry is None or entry["error"] is not None or entry["settings"] != self._digest:
            return None
        if (entry["size"], entry["mtime_ns"]) != (song.size, song.mtime_ns):
            return None
        if not all(os.path.exists(path) for path in self._settings.targets(song)):
            return None
        return Outcome(song, "unchanged", **{key: entry[key] for key in _TOLD})

    def add(self, outcome: Outcome) -> None:
        """Note what came of a song, at once."""
        song = outcome.song
        entry = {"name": song.name, "size": song.size, "mtime_ns": song.mtime_ns}
        entry |= {"settings": self._digest, "error": outcome.error}
        told = dataclasses.asdict(outcome)
        self._file.write(json.dumps(entry | {key: told[key] for key in _TOLD}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _read(path: str) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The last entry of each song, by name, and the settings, by digest."""
    songs: dict[str, dict[str, Any]] = {}
    settings: dict[str, Any] = {}
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                _take(line, songs, settings)
    except FileNotFoundError:
        pass
    return songs, settings


def _take(line: str, songs: dict[str, dict[str, Any]], settings: dict[str, Any]) -> None:
    """One line; a line that was cut off, or is something else, is passed over."""
    try:
        entry = json.loads(line)
        if "options" in entry:
            settings[entry["settings"]] = entry["options"]
        elif {"size", "mtime_ns", "settings", "error", *_TOLD} <= entry.keys():
            songs[entry["name"]] = entry
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
