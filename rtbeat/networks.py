"""All networks of a model side by side, each with its own working memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtbeat import gru
from rtbeat.packed import Weights, buffers

Float32 = NDArray[np.float32]


class Networks:
    """Rows of features in, rows of probabilities out; the rows are kept.

    rows : how many there are, with the one before the first frame. A call may absorb at most
    ``absorbed`` of them and run at most ``run``.

    Thread: one at a time. No array is made after the constructor.
    """

    def __init__(self, weights: tuple[Weights, ...], rows: int, absorbed: int, run: int):
        self._each = [(own, buffers(own, rows, absorbed, run)) for own in weights]
        # float32 (rows, heads): probabilities
        self.activations: Float32 = np.zeros((rows, len(weights[0].heads_bias)), np.float32)

    def absorb(self, features: Float32, row: int) -> None:
        """Features ``(n, F)``, contiguous, for ``row`` and those after it."""
        for weights, work in self._each:
            gru.absorb(features, row, weights, work)

    def refine(self, begin: int, first: int, stop: int) -> None:
        """Run all layers over rows first..stop; those from ``begin`` on are new, see
        :func:`rtbeat.gru.refine`."""
        count = len(self._each)
        for number, (weights, work) in enumerate(self._each):
            gru.refine(begin, first, stop, weights, work)
            gru.collect(work.odds, first, stop, number, count, self.activations)

    def forget(self, row: int) -> None:
        """Let nothing be known in this row, from which the forward direction goes on."""
        for _, work in self._each:
            work.states[:, row] = 0.0

    def move(self, target: slice, source: slice) -> None:
        """Rows ``source`` to where ``target`` is."""
        self.activations[target] = self.activations[source]
        for _, work in self._each:
            work.first_gates[target] = work.first_gates[source]
            work.states[:, target] = work.states[:, source]
