"""Checks of arguments: one clear sentence with the argument, the value and what is allowed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtbeat.features import SAMPLE_RATE_RANGE

PRESETS = {"dj": 0.15, "band": 0.5, "solo": 0.85}


def number(name: str, value: Any, least: float, most: float) -> float:
    """``value`` as a float within the limits."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}; it must be from {least:g} to {most:g}")
    return float(value)


def whole(name: str, value: Any, least: int, most: int) -> int:
    """``value`` as an int within the limits; floats only where they are whole."""
    result = number(name, value, least, most)
    if result != int(result):
        raise ValueError(f"{name} is {value}; it must be a whole number")
    return int(result)


def sample_rate(value: Any) -> int:
    """Sample rate in Hz."""
    return whole("sample_rate", value, *SAMPLE_RATE_RANGE)


def channels(value: Any) -> int:
    """Number of channels."""
    return whole("channels", value, 1, 64)


def tempo_range(value: Any) -> tuple[float, float]:
    """Slowest and fastest tempo in BPM, at least a factor of 1.1 apart."""
    try:
        slowest, fastest = value
    except (TypeError, ValueError):
        raise TypeError(f"tempo_range must be a pair (slowest, fastest), not {value!r}") from None
    slowest = number("tempo_range[0]", slowest, 20, 400)
    fastest = number("tempo_range[1]", fastest, 20, 400)
    if fastest < 1.1 * slowest:
        raise ValueError(
            f"tempo_range is ({slowest:g}, {fastest:g}); the fastest must be at least 1.1 times "
            "the slowest"
        )
    return slowest, fastest


def preset(value: Any) -> str:
    """Name of a preset."""
    if not isinstance(value, str) or value not in PRESETS:
        raise ValueError(f"preset is {value!r}; it must be one of {', '.join(PRESETS)}")
    return value


def follow(value: Any) -> float:
    """The knob steady .. follow, or that of a preset by its name."""
    return PRESETS[preset(value)] if isinstance(value, str) else number("follow", value, 0.0, 1.0)


def coast_beats(value: Any) -> int | None:
    """Beats carried on without evidence, None = without end."""
    return None if value is None else whole("coast_beats", value, 0, 100_000)


def beats_per_bar(value: Any) -> int | None:
    """Beats in a bar, None = find out."""
    return None if value is None else whole("beats_per_bar", value, 2, 12)


def text(name: str, value: Any) -> str:
    """``value`` where it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    return value


def block(value: Any, count: int) -> NDArray[Any]:
    """A block of audio ``(frames,)`` or ``(frames, count)`` as float32, full scale 1."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.dtype == np.uint64:
        raise TypeError(f"block must hold float or integer samples, not {array.dtype}")
    if array.ndim == 1 and count > 1 and len(array) > 0:
        raise ValueError(f"block has one channel; the tracker was made for {count}")
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] != count):
        raise ValueError(
            f"block has shape {array.shape}; it must be (frames,) or (frames, {count})"
        )
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    half = float(2 ** (8 * array.dtype.itemsize - 1))
    centre = half if array.dtype.kind == "u" else 0.0
    return ((array.astype(np.float64) - centre) / half).astype(np.float32)
