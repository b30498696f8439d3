"""A session without audio: a metronome that obeys the knobs and keeps what was posted.

For trying and measuring what only looks at a session (screen, keyboard, MIDI controls).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from rtbeat.live.controls import Control
from rtbeat.live.snapshot import Alternative, Latency, Snapshot

TOGGLES = {"lock": "locked", "hold": "held", "click": "click"}
KNOBS = ("follow", "volume")
_LATENCY = Latency(0.012, 0.021, 0.0213, 0.02, 0.0007, 0.043, "assumed", 0.2)


class FakeSession:
    """Four in a bar at ``tempo`` from the moment it is made. now : clock in seconds.

    posted : every control, in order. Thread: any. Realtime-safe: no.
    """

    def __init__(self, tempo: float = 118.0, now: Callable[[], float] = time.perf_counter):
        self.posted: list[Control] = []
        self._now, self._start = now, now()
        self._state = Snapshot(
            time=0.0, state="LOCKED", tempo=tempo, number=1, beats_per_bar=4, phase=0.0,
            confidence=0.83, alternatives=(), level=-18.0, peak=-6.0, advice="", held=False,
            locked=False, follow=0.5, tempo_range=(40.0, 240.0), click=True, volume=0.8,
            transport="stopped", ports=(("fake input", "open"), ("fake clock", "open")), xruns=0,
            skipped=0.0, cpu=0.0, latency=_LATENCY, message="",
        )  # fmt: skip

    def post(self, control: Control) -> None:
        """Keep a control; knobs and switches act at once."""
        self.posted.append(control)
        self._state = _acted(self._state, control)

    def snapshot(self) -> Snapshot:
        """How things stand now."""
        tempo = self._state.tempo or 0.0
        elapsed = self._now() - self._start
        phase = elapsed * tempo / 60.0 % 4.0
        others = (Alternative("÷2", tempo / 2, 0.11), Alternative("x2", tempo * 2, 0.04))
        return replace(
            self._state, time=elapsed, phase=phase, number=int(phase) + 1, alternatives=others
        )


def _acted(state: Snapshot, control: Control) -> Snapshot:
    name, value = control.name, control.value
    slowest, fastest = state.tempo_range
    if name in TOGGLES:
        field = TOGGLES[name]
        on = not getattr(state, field) if value is None else bool(value)
        return replace(state, **{field: on})  # type: ignore[arg-type]
    if value is not None and name in KNOBS:
        return replace(state, **{name: value})  # type: ignore[arg-type]
    if value is not None and name in ("slowest", "fastest"):
        limits = (value, fastest) if name == "slowest" else (slowest, value)
        return replace(state, tempo_range=limits)
    return state
