"""What happens in a live session, as values: for printing, recording and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened.

    kind : one of ``KINDS``.
    time : stream time in seconds at which it was noticed (a beat's own time is in its data).
    data : keys and plain values (numbers, strings, booleans, None), see ``KINDS``.
    """

    kind: str
    time: float
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        """One flat object for a JSON line: ``event``, ``at`` and the data."""
        return {"event": self.kind, "at": round(self.time, 6), **self.data}


KINDS = {
    "beat": "time, number, tempo, confidence, announced_at: a beat was announced",
    "state": "state, tempo: the tracker's state changed",
    "control": "name, value, source: a control acted",
    "skipped": "seconds: input was lost or left out, because the machine was too slow",
    "xrun": "count, direction: the audio system lost input or output since the last such event",
    "stream": "status (open, lost, back, stopped), message: an audio device came or went",
    "port": "name, status (open, lost, back, stopped), message: a MIDI port, OSC receiver or Link",
    "signal": "advice (too quiet, clipping, no signal, fine): the input level asks for something",
    "note": "message: anything else a person should know",
}
