"""Processes that do one task at a time; one that is killed costs its task and nothing else.

The standard library's pools end, or wait for ever, when a process is killed, as a system that runs
out of memory does.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

PATIENCE = 5.0  # seconds that a process has to end by itself


@dataclass(frozen=True)
class Died:
    """The process that did a task ended; code : exit code, negative for a signal."""

    code: int

    def __str__(self) -> str:
        if self.code == -9:
            return "its process was killed (signal 9); perhaps memory ran out: try fewer --jobs"
        if self.code < 0:
            return f"its process was killed (signal {-self.code})"
        return f"its process ended with exit code {self.code}"


@dataclass
class _Worker(Generic[Task]):
    process: BaseProcess
    pipe: Connection[Any, Any]
    task: Task


def run(
    function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
) -> Iterator[tuple[Task, Result | Died]]:
    """Each task with its result, in the order in which they are done, by ``jobs`` processes.

    The function has to be one of a module, tasks and results picklable. Closing the iterator, or
    an exception such as an interrupt, ends the processes; they are asked to first, so that what
    they are writing is removed.
    """
    waiting = iter(tasks)
    workers: list[_Worker[Task]] = []
    try:
        for task in waiting:
            workers.append(_started(function, task))
            if len(workers) == jobs:
                break
        while workers:
            ready = wait([worker.pipe for worker in workers])
            for worker in [worker for worker in workers if worker.pipe in ready]:
                yield worker.task, _result(worker)
                _go_on(worker, workers, function, waiting)
    finally:
        _end(workers)


def _go_on(
    worker: _Worker[Task],
    workers: list[_Worker[Task]],
    function: Callable[[Task], Any],
    waiting: Iterator[Task],
) -> None:
    """The next task for a process, or for a new one where it has died."""
    for task in waiting:
        try:
            worker.pipe.send(task)
            worker.task = task
        except OSError:  # it is closed, or was killed just now
            worker.pipe.close()
            workers[workers.index(worker)] = _started(function, task)
        return
    workers.remove(worker)
    worker.pipe.close()  # which ends it


def _started(function: Callable[[Task], Any], task: Task) -> _Worker[Task]:
    # spawned, not forked: each process compiles and opens its own things
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(function, there), daemon=True)
    process.start()
    there.close()  # or its end would not be noticed
    here.send(task)
    return _Worker(process, here, task)


def _result(worker: _Worker[Any]) -> Any:
    """What a process that has something to tell says."""
    try:
        return worker.pipe.recv()
    except (EOFError, OSError):
        worker.pipe.close()
        worker.process.join()
        return Died(worker.process.exitcode or 0)


def _end(workers: list[_Worker[Any]]) -> None:
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(PATIENCE)
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


def _serve(function: Callable[[Any], Any], pipe: Connection[Any, Any]) -> None:
    """The process: tasks in, results out, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first process decides
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    try:
        while True:
            pipe.send(function(pipe.recv()))
    except (EOFError, OSError):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending anyway, and in silence
