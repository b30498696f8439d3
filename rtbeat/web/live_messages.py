"""Messages of a live connection: checked and turned into values. Pure.

Every function raises ``ValueError`` or ``TypeError``, in one sentence, for what no page would send.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtbeat import options as check
from rtbeat.audio import Float32
from rtbeat.live.controls import TIMED, Control
from rtbeat.live.engine import Engine
from rtbeat.live.events import Event

MOST_SAMPLES = 65_536  # in one message
POLL = 0.01  # seconds between two looks for beats
STATUS = 0.1  # seconds between two messages of status

CONTROLS: dict[str, tuple[str, float | None]] = {
    "tap": ("tap", None),
    "double": ("double", None),
    "halve": ("halve", None),
    "shift": ("shift", None),
    "downbeat": ("one", None),
    "nudge": ("nudge", None),
    "hold": ("hold", 1.0),
    "release": ("hold", 0.0),
    "lock_tempo": ("lock", 1.0),
    "unlock_tempo": ("lock", 0.0),
    "reset": ("reset", None),
}
"""Names of the page -> name and fixed value of the session's control."""


@dataclass(frozen=True)
class Start:
    """What a page wants. sample_rate : Hz of the browser's microphone, None for a device of this
    machine, which ``input`` names (None: the system's choice). tracker : options of
    :class:`rtbeat.BeatTracker`."""

    sample_rate: int | None
    input: str | None
    tracker: dict[str, Any]


def parse(text: str) -> dict[str, Any]:
    """A message of text as an object."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("the message is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ValueError('a message must be an object with the key "type"')
    return message


def parse_start(text: str) -> Start:
    """The first message."""
    message = parse(text)
    if message["type"] != "start":
        raise ValueError('the first message must be of type "start"')
    tracker = {
        "tempo_range": check.tempo_range(message.get("tempo_range") or (40.0, 240.0)),
        "beats_per_bar": check.beats_per_bar(message.get("beats_per_bar")),
    }
    source, name = message.get("source"), message.get("input")
    if source == "browser":
        return Start(check.sample_rate(message.get("sample_rate")), None, tracker)
    if source == "device":
        return Start(None, None if name is None else check.text("input", name), tracker)
    raise ValueError('source must be "browser" or "device"')


def parse_samples(data: bytes) -> Float32:
    """Little-endian float32 samples -> ``(n,)``, 1 to ``MOST_SAMPLES``."""
    if not data or len(data) % 4 or len(data) > 4 * MOST_SAMPLES:
        raise ValueError(
            f"a message of samples has 1 to {MOST_SAMPLES} floats of 4 bytes, not {len(data)} bytes"
        )
    samples = np.frombuffer(data, "<f4").astype(np.float32)
    if not np.isfinite(samples).all():
        raise ValueError("samples must be finite numbers")
    return samples


def parse_control(message: dict[str, Any]) -> Control:
    """A control, for the session of either source. Where a tap has no time it is meant now."""
    if message["type"] != "control":
        raise ValueError('a message must be of type "control"')
    name = message.get("name")
    if not isinstance(name, str) or name not in CONTROLS:
        raise ValueError(f"the control must be one of {', '.join(CONTROLS)}")
    value, at = (_number(message, key) for key in ("value", "at"))
    own, fixed = CONTROLS[name]
    if own in TIMED:
        now = time.perf_counter() if at is None else None
        return Control(own, at, "web", now)
    return Control(own, value if fixed is None else fixed, "web")


def _number(message: dict[str, Any], key: str) -> float | None:
    value = message.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
        raise ValueError(f"{key} must be a number or null")
    return float(value)


def beat_message(event: Event) -> dict[str, Any]:
    """An event of kind ``beat`` for the page."""
    return {"type": "beat", **event.data}


def status_message(engine: Engine, skipped: float) -> dict[str, Any]:
    """How an engine stands. skipped : seconds of sound that were left out."""
    tracker = engine.tracker
    return {
        "type": "status",
        "time": round(engine.time, 4),
        "state": str(tracker.state),
        "tempo": tracker.tempo,
        "confidence": tracker.confidence,
        "next_beat": tracker.next_beat,
        "held": tracker.held,
        "tempo_locked": tracker.locked,
        "level_db": round(engine.meter.level, 1),
        "skipped": round(skipped, 3),
    }
