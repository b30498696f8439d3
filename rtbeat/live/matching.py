"""Choosing one of several by name or a part of it. Pure.

Thread: any. Realtime-safe: no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

SHOWN = 8  # candidates in a message


class DeviceError(Exception):
    """No such device or port, several of that name, or no library; the message tells a remedy."""


def best_matches(names: Sequence[str], text: str) -> list[int]:
    """Which names are meant by ``text``: those equal to it, else equal but for the case of
    letters, else those that contain it, whatever the case."""
    folded = text.casefold()
    tests: Sequence[Callable[[str], bool]] = (
        lambda name: name == text,
        lambda name: name.casefold() == folded,
        lambda name: folded in name.casefold(),
    )
    for test in tests:
        if found := [i for i, name in enumerate(names) if test(name)]:
            return found
    return []


def pick(
    what: str,
    candidates: Sequence[T],
    text: str,
    label: Callable[[T], str],
    name: Callable[[T], str] | None = None,
) -> T:
    """The only candidate whose name matches best. ``label`` is shown, ``name`` is matched.

    Raises :class:`DeviceError` where there is none or more than one.
    """
    found = best_matches([(name or label)(one) for one in candidates], text)
    if len(found) == 1:
        return candidates[found[0]]
    if found:
        choices = listed(label(candidates[i]) for i in found)
        raise DeviceError(
            f"{what} {text!r} could be {choices}; write more of the name or its index"
        )
    raise DeviceError(f"there is no {what} {text!r}; there are {listed(map(label, candidates))}")


def listed(labels: Iterable[str]) -> str:
    """Names for a message, not too many."""
    every = list(labels)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return "; ".join(every[:SHOWN]) + more if every else "none"
