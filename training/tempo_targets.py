"""What the tempo heads of the network are taught: how fast the beats go around each frame.

Beats and tempo learnt together make a better network of both (S. Böck, M. Davies, P. Knees,
"Multi-task learning of tempo and beat: learning one to improve the other", ISMIR 2019), and the
tempo is what a decoder gets wrong most often: by an octave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtbeat.heard_tempo import A_OCTAVE, TEMPI

SMOOTHED = 5  # intervals between beats whose median is the tempo at their middle


def local_tempo(beats: NDArray[np.float64], frame_rate: float) -> NDArray[np.float64]:
    """Tempo at each interval between beats (rising, in frames), BPM float64 ``(n - 1,)``."""
    intervals = np.pad(np.diff(beats), SMOOTHED // 2, mode="edge")
    spans = np.lib.stride_tricks.sliding_window_view(intervals, SMOOTHED)
    # no interval is shorter than a frame
    return np.asarray(60.0 * frame_rate / np.maximum(1.0, np.median(spans, axis=1)), np.float64)


def tempo_targets(
    beats: NDArray[np.float64], frames: NDArray[np.float64], frame_rate: float
) -> NDArray[np.float32]:
    """Targets float32 ``(len(frames), 24)`` at positions ``frames``, for rising beats in frames.

    A tempo between two classes is shared between them. Without a tempo, more than a beat outside of
    the beats or with fewer than two of them, all are 0.
    """
    out = np.zeros((len(frames), len(TEMPI)), np.float32)
    if len(beats) < 2:
        return out
    middle = 0.5 * (beats[1:] + beats[:-1])
    tempo = np.interp(frames, middle, local_tempo(beats, frame_rate))
    distance = np.abs(np.log2(tempo[:, None] / TEMPI[None, :])) * A_OCTAVE
    shares = np.maximum(0.0, 1.0 - distance)
    period = 60.0 * frame_rate / tempo
    inside = (frames >= beats[0] - period) & (frames <= beats[-1] + period)
    out[inside] = shares[inside]
    return out
