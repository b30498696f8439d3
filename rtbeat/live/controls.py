"""A performer's controls as values: keyboard, MIDI, OSC and Python all make these.

A :class:`Control` goes to :meth:`rtbeat.live.session.Session.post` from any thread and acts at the
next hop; what acted is recorded with the sample at which it did, so that a replay does the same.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMES = {
    "tap": "the beat is here; two to four taps set tempo and phase (value: stream time, or none)",
    "double": "twice the tempo",
    "halve": "half the tempo",
    "scale": "the tempo times value (2/3, 3/2, 2, 1/2)",
    "shift": "all beats half a beat later (value: beats, default 0.5)",
    "one": "the nearest beat is the first of a bar (value: stream time, or none)",
    "nudge": "all beats later by value seconds; negative is earlier",
    "lock": "value 1 keeps the tempo, 0 frees it, none toggles",
    "hold": "value 1 goes on from the last tempo whatever is heard, 0 follows again, none toggles",
    "follow": "value 0 (steady) to 1 (follow)",
    "slowest": "lower end of the tempo range, BPM",
    "fastest": "upper end of the tempo range, BPM",
    "click": "value 1 clicks on, 0 off, none toggles",
    "volume": "loudness of the clicks, 0 to 1",
    "start": "MIDI Start at the next downbeat",
    "stop": "MIDI Stop now",
    "continue": "MIDI Continue at the next beat",
    "panic": "MIDI Stop and all notes off, now; no clicks until `click` or `start`",
    "reset": "forget everything heard",
}
TIMED = frozenset({"tap", "one"})
"""Controls whose value is when the performer acted."""


@dataclass(frozen=True)
class Control:
    """One action of a performer.

    name : one of ``NAMES``. value : see there. source : who made it: key, midi, osc, web or python.
    host_time : ``time.perf_counter()`` when the performer acted, for those of ``TIMED`` that come
        without a value: the session turns it into the stream time that they need.
    """

    name: str
    value: float | None = None
    source: str = "python"
    host_time: float | None = None

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"control is {self.name!r}; it must be one of {', '.join(NAMES)}")
