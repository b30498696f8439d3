"""What ``rtbeat batch`` shows: progress, one JSON object a song, what failed, a summary."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.progress import Progress

    from rtbeat.batch.songs import Song
    from rtbeat.batch.work import Outcome, Settings


class Report:
    """Counts outcomes and tells them.

    songs : all of the run. as_json : print an object for each outcome, and no table.
    """

    def __init__(
        self, songs: Sequence[Song], settings: Settings, terminal: Terminal, as_json: bool
    ):
        self._settings = settings
        self._terminal = terminal
        self._as_json = as_json
        self._songs = len(songs)
        self._bytes = sum(song.size for song in songs)  # to do; they tell the time left
        self._bytes_done = 0
        self._count: Counter[str] = Counter()
        self._seconds = 0.0  # of music
        self._start = time.monotonic()
        self._bar: Progress | None = None
        self.failures: list[Outcome] = []

    @contextmanager
    def shown(self) -> Iterator[None]:
        """A bar with the time left while the context lasts, on a terminal."""
        if self._terminal.quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        # only standard error is ours to draw on; a song may take longer than rich's half minute
        with Progress(
            *columns,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            speed_estimate_period=3600.0,
        ) as bar:
            bar.add_task(self._state(), total=None)
            self._bar = bar
            yield
        self._bar = None

    def add(self, outcome: Outcome) -> None:
        """One more song is over. Raises what :meth:`Terminal.result` does."""
        self._count[outcome.status] += 1
        if outcome.status == "unchanged":
            self._bytes -= outcome.song.size
        else:
            self._bytes_done += outcome.song.size
        if outcome.status == "done":
            self._seconds += outcome.duration or 0.0
        if outcome.status == "failed":
            self.failures.append(outcome)
        if self._as_json:
            self._terminal.result(json.dumps(self._as_object(outcome)) + "\n")
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(
                task,
                description=self._state(),
                completed=self._bytes_done,
                total=self._bytes,
            )
        if outcome.note is not None:
            self._terminal.note(f"{outcome.song.path}: {outcome.note}")

    def interrupted(self) -> None:
        """The run ends early."""
        self._terminal.note(f"{self._state()}; the same command goes on from here")

    def finish(self) -> None:
        """All songs are over: what failed and why, and the summary."""
        if self.failures:
            self._terminal.error(f"{len(self.failures)} of {self._songs} songs failed:")
        for outcome in self.failures:
            self._terminal.error(f"{outcome.song.path}: {outcome.error}")
        if not self._as_json and not self._terminal.quiet:
            self._terminal.result(self._summary())

    def _state(self) -> str:
        over = sum(self._count.values())
        failed = f", {self._count['failed']} failed" if self._count["failed"] else ""
        return f"{over} of {self._songs} songs{failed}"

    def _summary(self) -> str:
        seconds = time.monotonic() - self._start
        done = str(self._count["done"])
        if self._seconds:
            speed = f"{self._seconds / seconds:.0f} x real time"
            done += f"  ({_clock(self._seconds)} of music, {speed})"
        rows = (
            ("songs", str(self._songs)),
            ("done", done),
            ("unchanged", str(self._count["unchanged"])),
            ("failed", str(self._count["failed"])),
            ("time", _clock(seconds)),
            ("results", os.path.join(self._settings.out, "")),
        )
        return "".join(f"{name:<10} {value}\n" for name, value in rows)

    def _as_object(self, outcome: Outcome) -> dict[str, Any]:
        there = outcome.status != "failed"
        return {
            "file": outcome.song.path,
            "status": outcome.status,
            "duration": _rounded(outcome.duration, 6),
            "tempo": _rounded(outcome.tempo, 3),
            "n_beats": outcome.n_beats,
            "confidence": _rounded(outcome.confidence, 4),
            "error": outcome.error,
            "note": outcome.note,
            "files": self._settings.targets(outcome.song) if there else [],
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _clock(seconds: float) -> str:
    """As ``h:mm:ss``."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
