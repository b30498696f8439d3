"""How often the songs of a part were begun and not ended: what a worker that dies leaves behind.

A song that takes its worker down, because there is not enough memory for it, would take down the
next one as well, and each one after that.
"""

from __future__ import annotations

import contextlib
import json
import os

from rtbeat.batch.songs import Song
from rtbeat.formats.atomic import write_bytes

MOST = 2  # workers that one song may take down, or be unlucky to be with, in a run


class Attempts:
    """The attempts of one run at one part, on the disk before each song is begun.

    Raises ``OSError`` where the file cannot be written. Thread: one a part.
    """

    def __init__(self, folder: str, part: int, run: str):
        self._path = os.path.join(folder, f".part-{part:05d}.json")
        self._run = run
        self._begun: dict[str, int] = {}
        with contextlib.suppress(FileNotFoundError), open(self._path, encoding="ascii") as file:
            stored = json.load(file)
            if stored["run"] == run:
                self._begun = stored["begun"]

    def lost(self, song: Song) -> int:
        """How many workers were lost while at this song."""
        return self._begun.get(song.name, 0)

    def begin(self, song: Song) -> None:
        """A song is about to be tried."""
        self._begun[song.name] = self.lost(song) + 1
        write_bytes(
            self._path, json.dumps({"run": self._run, "begun": self._begun}).encode("ascii")
        )

    def end(self, song: Song) -> None:
        """It was tried, and this worker is still here."""
        del self._begun[song.name]

    def forget(self) -> None:
        """The part is over."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
