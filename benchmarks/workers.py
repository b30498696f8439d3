"""One function over many tasks, in one process or several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_all(
    function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Iterator[Result]:
    """Results in the order of the tasks. With ``jobs`` > 1 the function has to be one of a module,
    and tasks and results have to be picklable."""
    if jobs == 1:
        yield from map(function, tasks)
        return
    # spawned, not forked: every process compiles and opens its own things
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(function, tasks)
