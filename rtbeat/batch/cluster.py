"""A batch on a Dask cluster that runs already. Its workers must see the same files, at the same
paths, and have the same rtbeat and pyarrow installed.

A task is a part of the data set (:mod:`rtbeat.batch.parts`). Dask gives the task of a lost worker
to another one, which finds in the part what was done.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rtbeat.batch.attempts import MOST, Attempts
from rtbeat.batch.parts import Part, data_set_path, part_count, part_of
from rtbeat.batch.songs import Song
from rtbeat.batch.work import Outcome, Settings, do_song, failed

CONNECT_SECONDS = 15
WORKERS_SECONDS = 60
LOST = f"{MOST} workers were lost while at this song; perhaps memory ran out"


class ClusterError(Exception):
    """The cluster cannot be used; the message says what to do."""


def run_on_cluster(
    songs: Sequence[Song], settings: Settings, address: str, force: bool = False
) -> Generator[Outcome, None, None]:
    """The outcome of each song, part by part as they come.

    address : of the scheduler, as in ``tcp://host:8786``. force : do all of them. An iterator
    that is closed early lets workers end the song they are at. Raises :class:`ClusterError`,
    ``OSError`` where the output folder cannot be written.
    """
    with _client(address) as client:
        parts: dict[int, list[Song]] = {}
        count = part_count(settings.out, len(songs))
        for song in songs:
            parts.setdefault(part_of(song, count), []).append(song)
        with _running(settings.out) as mark:
            _check_workers(client, mark)
            tasks = {index: (index, part, settings, mark, force) for index, part in parts.items()}
            yield from _results(client, tasks)


def do_part(
    index: int, songs: Sequence[Song], settings: Settings, mark: str, force: bool
) -> list[Outcome]:
    """On a worker: all songs of a part. mark : a file that is there as long as the run goes on."""
    part = Part(settings, index)
    attempts = Attempts(data_set_path(settings.out), index, os.path.basename(mark))
    outcomes = []
    for song in songs:
        outcome = None if force else part.unchanged(song)
        if outcome is None:
            if not os.path.exists(mark):
                break
            outcome = _attempt(song, settings, part, attempts)
        outcomes.append(outcome)
    attempts.forget()
    return outcomes


def _attempt(song: Song, settings: Settings, part: Part, attempts: Attempts) -> Outcome:
    if attempts.lost(song) >= MOST:
        outcome, beats = failed(song, LOST), None
    else:
        attempts.begin(song)
        outcome, beats = do_song(song, settings)
        attempts.end(song)
    part.put(outcome, beats)
    return outcome


def check_worker(mark: str) -> tuple[bool, str]:
    """On a worker: whether it sees a file, and the version of its rtbeat. Raises ``ImportError``
    where it has no pyarrow."""
    import pyarrow  # noqa: F401

    from rtbeat import __version__

    return os.path.exists(mark), __version__


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        import pyarrow  # noqa: F401
        from distributed import Client
    except ImportError as error:
        raise ClusterError('this needs pip install "rtbeat[dask]"') from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"there is no Dask scheduler at {address} (it looks like tcp://host:8786)"
        ) from error
    with client:
        yield client


@contextmanager
def _running(out: str) -> Iterator[str]:
    """A file that is there while the context lasts, by which workers know that the run goes on."""
    path = os.path.join(data_set_path(out), f"_run-{uuid.uuid4().hex}")
    with open(path, "x", encoding="ascii"):
        pass
    try:
        yield path
    finally:
        os.unlink(path)


def _check_workers(client: Any, mark: str) -> None:
    """Raise :class:`ClusterError` where a worker could not do its part."""
    from distributed import TimeoutError as NoneInTime

    from rtbeat import __version__

    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except NoneInTime:
        raise ClusterError(f"the cluster has no workers, for {WORKERS_SECONDS} s") from None
    for worker, found in client.run(check_worker, mark, on_error="return").items():
        if isinstance(found, Exception):
            raise ClusterError(
                f"worker {worker} cannot run rtbeat ({found}); "
                f'install "rtbeat[dask]" {__version__} there'
            )
        seen, version = found
        if version != __version__:
            raise ClusterError(f"worker {worker} has rtbeat {version}, here is {__version__}")
        if not seen:
            folder = os.path.dirname(mark)
            raise ClusterError(
                f"worker {worker} does not see {folder}; workers need the same files at the same "
                "paths"
            )


def _results(client: Any, tasks: dict[int, tuple[Any, ...]]) -> Iterator[Outcome]:
    """What the parts give. Dask gives up a task that has lost several workers; it is handed in
    again until every song of it that may be the reason has been passed over."""
    from distributed import KilledWorker, as_completed

    def submit(index: int) -> Any:
        return client.submit(do_part, *tasks[index], pure=False)

    part_of_future = {submit(index): index for index in tasks}
    tries = dict.fromkeys(tasks, 1)
    completed = as_completed(part_of_future, loop=client.loop)
    for future in completed:
        index = part_of_future.pop(future)
        songs = tasks[index][1]
        error = _error(future)
        if error is None:
            yield from future.result()
        elif isinstance(error, KilledWorker) and tries[index] <= MOST * len(songs):
            tries[index] += 1
            again = submit(index)
            part_of_future[again] = index
            completed.add(again)
        else:
            yield from (failed(song, f"the cluster could not do it: {error}") for song in songs)


def _error(future: Any) -> BaseException | None:
    """What a future ended with; raises :class:`ClusterError` where the scheduler is gone."""
    from concurrent.futures import CancelledError

    try:
        error: BaseException | None = future.exception()
    except CancelledError as cancelled:
        error = cancelled
    if isinstance(error, CancelledError):
        raise ClusterError("the scheduler was lost; the same command goes on from here")
    return error
