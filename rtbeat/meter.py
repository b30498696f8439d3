"""Which beat of the bar is which, from how strongly each beat is heard as a downbeat."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

# a bar is told when it explains this part of the variance of the downbeats heard
_ENOUGH = 0.25
# and given up for another that explains this much more
_HOLD = 0.1


@dataclass(frozen=True)
class Bar:
    """Bars of ``beats`` beats; the beat of index ``first`` is a downbeat."""

    beats: int
    first: int

    def number(self, index: int) -> int:
        """Position in the bar, 1 = downbeat, of the beat of that index."""
        return (index - self.first) % self.beats + 1


@nb.njit(nogil=True, cache=True)
def downbeat_strength(activations, chain, out):  # type: ignore[no-untyped-def]
    """How much each beat is heard as a downbeat, given that it is a beat: 0..1 into out float64.

    activations float32 (frames, 2); chain int64 (beats,), frames.
    """
    n = activations.shape[0]
    for i in range(chain.shape[0]):
        beat = 0.0
        down = 0.0
        for k in range(max(0, chain[i] - 1), min(n, chain[i] + 2)):
            beat = max(beat, activations[k, 0])
            down = max(down, activations[k, 1])
        # a beat that is hardly heard has no say
        out[i] = min(1.0, down / max(beat, 0.1))


@nb.njit(nogil=True, cache=True)
def _explained(downs, beats, first):  # type: ignore[no-untyped-def]
    """Part of the variance of ``downs`` explained by every ``beats``-th being a downbeat, 0..1."""
    n = downs.shape[0]
    inside = 0.0
    outside = 0.0
    count = 0
    for i in range(n):
        if (i - first) % beats == 0:
            inside += downs[i]
            count += 1
        else:
            outside += downs[i]
    if count == 0 or count == n:
        return 0.0
    rise = inside / count - outside / (n - count)
    mean = (inside + outside) / n
    # the constant keeps differences too small to mean anything from being explained
    variance = 0.01 * n
    for i in range(n):
        variance += (downs[i] - mean) ** 2
    return max(0.0, rise) * rise * count * (n - count) / n / variance


def find_bar(
    downs: NDArray[np.float64], last: int, choices: tuple[int, ...], held: Bar | None
) -> Bar | None:
    """The bar that fits consecutive beats best, or None where none is told clearly.

    downs : float64 ``(beats,)``, 0..1, of :func:`downbeat_strength`; ``last`` is the index of the
    last of them. choices : numbers of beats a bar may have. held : the bar believed so far, kept
    unless another is clearly better.
    """
    if len(downs) < 2 * min(choices):
        return held
    origin = last - len(downs) + 1  # index of downs[0]
    best, most = held, _ENOUGH
    if held is not None:
        most = _HOLD + _explained(downs, held.beats, (held.first - origin) % held.beats)
    for beats in choices:
        for first in range(beats):
            share = _explained(downs, beats, first)
            if share > max(most, _ENOUGH):
                best, most = Bar(beats, origin + first), share
    return best


def number_beats(
    downs: NDArray[np.float64], choices: tuple[int, ...], around: int
) -> NDArray[np.int64]:
    """Position in the bar, int64, of each beat of a piece; 0 where no bar is told clearly.

    downs and choices as for :func:`find_bar`; each is told from ``around`` beats on either side.
    """
    numbers = np.zeros(len(downs), np.int64)
    bar: Bar | None = None
    for i in range(len(downs)):
        low = max(0, min(i - around, len(downs) - 2 * around))
        high = min(len(downs), low + 2 * around)
        bar = find_bar(downs[low:high], high - 1, choices, bar)
        numbers[i] = bar.number(i) if bar else 0
    return numbers
