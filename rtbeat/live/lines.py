"""Events as lines for people and for scripts, where there is no screen. Pure.

Contents: :func:`words` gives a line to read, :func:`json_line` one JSON object.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from rtbeat.live.events import Event

Data = Mapping[str, Any]


def json_line(event: Event) -> str:
    """One JSON object without a line end: ``event``, ``at`` and the event's data. A number that
    JSON does not know (not finite) is null.

    Thread: any. Realtime-safe: no.
    """
    plain = {key: _plain(value) for key, value in event.as_object().items()}
    return json.dumps(plain, allow_nan=False)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def words(event: Event) -> str:
    """One line to read, without a line end: stream time in seconds, then what happened.

    Thread: any. Realtime-safe: no.
    """
    tell = _WORDS.get(event.kind)
    text = tell(event.data) if tell else f"{event.kind} {_pairs(event.data)}"
    return f"{event.time:10.3f}  {printable(text).rstrip()}"


def printable(text: str) -> str:
    """``text`` with every character that could move the cursor or colour the terminal shown as
    ``?``: names of devices come from outside."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _beat(data: Data) -> str:
    place = data["number"] or "?"
    lead = 1000.0 * (data["time"] - data["announced_at"])
    return (
        f"beat {place} at {data['time']:.3f} s  {data['tempo']:.1f} BPM  "
        f"confidence {data['confidence']:.2f}  {lead:.0f} ms ahead"
    )


def _state(data: Data) -> str:
    tempo = data.get("tempo")
    return f"state {data['state']}" + (f" at {tempo:.1f} BPM" if tempo else "")


def _control(data: Data) -> str:
    value = data.get("value")
    return f"control {data['name']}{'' if value is None else f' {value:g}'} by {data['source']}"


def _skipped(data: Data) -> str:
    return f"skipped {data['seconds']:.2f} s of input: the machine was too slow"


def _xrun(data: Data) -> str:
    times = "once" if data["count"] == 1 else f"{data['count']} times"
    return f"xrun: the audio system lost {data['direction']} {times}"


def _stream(data: Data) -> str:
    return f"audio {data['status']}: {data['message']}"


def _port(data: Data) -> str:
    return f"port {data['name']} {data['status']}: {data['message']}"


def _signal(data: Data) -> str:
    return f"input level: {data['advice']}"


def _note(data: Data) -> str:
    return str(data["message"])


def _pairs(data: Data) -> str:
    return " ".join(f"{key}={value}" for key, value in data.items())


_WORDS: dict[str, Callable[[Data], str]] = {
    "beat": _beat,
    "state": _state,
    "control": _control,
    "skipped": _skipped,
    "xrun": _xrun,
    "stream": _stream,
    "port": _port,
    "signal": _signal,
    "note": _note,
}
