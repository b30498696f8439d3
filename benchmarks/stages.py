"""Where the time of a hop goes, seen from outside: the engine's own code has no timers."""

from __future__ import annotations

import functools
import importlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

# stage -> modules whose classes do its work
STAGES = {
    "features": ("rtbeat.features",),
    "network": ("rtbeat.model", "rtbeat.gru"),
    "decoder": ("rtbeat.filter", "rtbeat.search"),
}


class StageClock:
    """Adds up the time spent in each stage; inside nested calls only the innermost one's."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self._clock = clock
        self._open: list[str] = []
        self._since = 0.0
        self.seconds: dict[str, float] = {}

    def _switch(self) -> None:
        now = self._clock()
        if self._open:
            stage = self._open[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time inside belongs to ``name``."""
        self._switch()
        self._open.append(name)
        try:
            yield
        finally:
            self._switch()
            self._open.pop()

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function`` with its time counted for ``name``."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return timed


def public_methods(module: ModuleType) -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """Plain public methods of the classes that a module defines."""
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if kind.__module__ != module.__name__:
            continue
        for name, member in list(vars(kind).items()):
            if inspect.isfunction(member) and not name.startswith("_"):
                yield kind, name, member


@contextmanager
def instrumented(clock: StageClock, stages: Mapping[str, Sequence[str]] = STAGES) -> Iterator[None]:
    """While open, the stages' methods report to ``clock``; afterwards all is as before. Enter it
    before the tracker is made, which may keep methods it will call."""
    changed = []
    try:
        for stage, modules in stages.items():
            for module in modules:
                for kind, name, member in public_methods(importlib.import_module(module)):
                    changed.append((kind, name, member))
                    setattr(kind, name, clock.wrap(stage, member))
        yield
    finally:
        for kind, name, member in changed:
            setattr(kind, name, member)
