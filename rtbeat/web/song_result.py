"""Beats as plain values and back, for the pipes between the server and its processes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rtbeat.beat import Beats


def as_result(beats: Beats) -> dict[str, Any]:
    """Beats as plain values; activations rounded to 3 decimals, as the page gets them."""
    return {
        "duration": beats.duration,
        "sample_rate": beats.sample_rate,
        "frame_rate": beats.frame_rate,
        "tempo": beats.tempo if math.isfinite(beats.tempo) else None,
        "activation": np.round(beats.activation.astype(np.float64), 3).tolist(),
        "times": beats.times.tolist(),
        "numbers": beats.numbers.tolist(),
        "confidences": beats.confidences.tolist(),
    }


def beats_of(result: dict[str, Any]) -> Beats:
    """The beats that :func:`as_result` was given."""
    return Beats(
        times=np.array(result["times"], np.float64),
        numbers=np.array(result["numbers"], np.int64),
        tempo=float("nan") if result["tempo"] is None else result["tempo"],
        activation=np.array(result["activation"], np.float32),
        duration=result["duration"],
        frame_rate=result["frame_rate"],
        confidences=np.array(result["confidences"], np.float64),
        sample_rate=result["sample_rate"],
    )
