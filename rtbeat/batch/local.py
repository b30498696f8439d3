"""A batch on this machine."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterable
from dataclasses import replace

from rtbeat.batch import pool
from rtbeat.batch.journal import Journal
from rtbeat.batch.songs import Song
from rtbeat.batch.work import Outcome, Settings, do_song, failed


def run_local(
    songs: Iterable[Song], settings: Settings, jobs: int, force: bool = False
) -> Generator[Outcome, None, None]:
    """The outcome of each song as it comes; those that need not be done come first.

    jobs : processes. force : do them all. Raises ``OSError`` where the journal cannot be written.
    """
    os.makedirs(settings.out, exist_ok=True)
    with Journal(settings) as journal:
        tasks = []
        for song in songs:
            unchanged = None if force else journal.unchanged(song)
            if unchanged is None:
                tasks.append((song, settings))
            else:
                yield unchanged
        for (song, _), result in pool.run(_do, tasks, jobs):
            outcome = failed(song, str(result)) if isinstance(result, pool.Died) else result
            journal.add(outcome)
            yield outcome


def _do(task: tuple[Song, Settings]) -> Outcome:
    """One song, in a process of its own."""
    song, settings = task
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", RuntimeWarning)
        outcome, _ = do_song(song, settings)
    notes = [str(one.message) for one in heard if issubclass(one.category, RuntimeWarning)]
    if not notes:
        return outcome
    return replace(outcome, note="; ".join(notes).replace(f"{song.path}: ", ""))


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
