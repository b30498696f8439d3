"""Checks of the values in the settings file.

A check takes the key's name and the value and gives the value as it is kept; it raises
``ValueError`` or ``TypeError`` with one sentence that tells name, value and what is allowed.

Thread: any. Realtime-safe: no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rtbeat import options
from rtbeat.live.midi_map import parse

Check = Callable[[str, Any], Any]


def within(least: float, most: float) -> Check:
    """A number."""
    return lambda name, value: options.number(name, value, least, most)


def whole(least: int, most: int) -> Check:
    """A whole number."""
    return lambda name, value: options.whole(name, value, least, most)


def one_of(*choices: str) -> Check:
    """One of a few words."""

    def check(name: str, value: Any) -> str:
        if options.text(name, value) not in choices:
            raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(choices)}")
        return str(value)

    return check


def tempo_range(name: str, value: Any) -> tuple[float, float]:
    """Slowest and fastest tempo, BPM."""
    return options.tempo_range(value)


def switch(name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, not {value!r}")
    return value


def texts(name: str, value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise TypeError(f'{name} must be a list of texts as in ["one", "two"], not {value!r}')
    return tuple(options.text(name, item) for item in value)


def date(name: str, value: Any) -> str:
    """A date as text, ISO 8601."""
    try:
        datetime.fromisoformat(options.text(name, value))
    except ValueError:
        raise ValueError(f"{name} is {value!r}; it must be a date as 2026-01-31T12:00") from None
    return str(value)


def table(name: str, value: Any) -> Mapping[str, Any]:
    """A table."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a table, not {value!r}")
    return value


def rows(name: str, value: Any) -> list[Any]:
    """An array of tables."""
    if not isinstance(value, list):
        raise TypeError(f"{name} must be an array of tables, [[{name}]], not {value!r}")
    return value


def binding(name: str, value: str) -> str:
    """A MIDI message and what it does, as in ``note 36 ch 10 -> tap``."""
    try:
        parse(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return value
