"""The network over a whole piece, whose features come in parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtbeat.networks import Networks
from rtbeat.packed import Weights

Float32 = NDArray[np.float32]

# Frames are given out in runs of _CHUNK, each heard together with the _AHEAD after it.
_CHUNK = 12288
_AHEAD = 1024


class PieceRun:
    """All layers in both directions over a piece. How the features are cut changes nothing.

    Up to 13312 frames (4 min 26 s at 50 frames/s) run as one. Longer pieces are run in parts of
    12288 frames, to bound memory (some 80 MB beside the output for 80 units): the forward direction
    goes on from part to part, the backward direction of each starts 1024 frames after its end. On
    music a trained model's probabilities then differ from one run over all by some 0.01 at most;
    where it is in doubt, at a cut from one song to another, for some frames by more.

    Thread: one at a time. Realtime-safe: no.
    """

    def __init__(self, weights: tuple[Weights, ...]):
        self._weights = weights
        self._size = len(weights[0].mean)
        self._held: list[Float32] = []  # features that wait for more
        self._count = 0  # frames of them
        self._done: list[Float32] = []
        self._work: Networks | None = None

    def push(self, features: Float32) -> None:
        """Take in the next frames ``(n, F)``. Values that are not finite count as the mean.

        Raises ``ValueError`` for features of another shape.
        """
        features = np.asarray(features, np.float32)
        if features.ndim != 2 or features.shape[1] != self._size:
            raise ValueError(
                f"features must have shape (frames, {self._size}), not {features.shape}"
            )
        self._held.append(features)
        self._count += len(features)
        if self._count > _CHUNK + _AHEAD:
            self._run_chunks()

    def finish(self) -> Float32:
        """The piece is over -> probabilities float32 ``(T, heads)`` of all its frames."""
        if self._count:
            self._run(np.concatenate(self._held), self._count)
        heads = len(self._weights[0].heads_bias)
        return np.concatenate([np.zeros((0, heads), np.float32), *self._done])

    def _run_chunks(self) -> None:
        """Run what more than a chunk and what is ahead of it has been heard of."""
        held = np.concatenate(self._held)
        start = 0
        while len(held) - start > _CHUNK + _AHEAD:
            self._run(held[start : start + _CHUNK + _AHEAD], _CHUNK)
            start += _CHUNK
        self._held, self._count = [held[start:].copy()], len(held) - start

    def _run(self, heard: Float32, keep: int) -> None:
        """Run the layers over ``heard``; its first ``keep`` frames are settled by that."""
        if self._work is None:
            self._work = Networks(self._weights, 1 + len(heard), len(heard), len(heard))
        work = self._work
        work.absorb(np.ascontiguousarray(heard), 1)
        work.refine(1, 1, 1 + len(heard))
        self._done.append(work.activations[1 : 1 + keep].copy())
        work.move(slice(0, 1), slice(keep, keep + 1))
