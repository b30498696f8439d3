"""A report on a session: how soon the beat was found, how it was kept, and what went wrong.

The figures come from the events alone; with the audio they are joined by those of
:mod:`phase_error`.

Contents: :func:`make_report` -> :class:`Report`; :func:`report_on` does it for a recording, audio
and all; :func:`find_jumps`. ``report_words`` tells it in words,
``report_page`` makes a page of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtbeat import track
from rtbeat.audio import AudioFile
from rtbeat.live.events import Event
from rtbeat.live.phase_error import Phase, compare_phase
from rtbeat.live.recording import Recording
from rtbeat.offline import OFFLINE
from rtbeat.tracker import State

Float64 = NDArray[np.float64]

SAME = 0.15  # share by which the tempo may move from beat to beat and be the same
SETTLED = 3  # beats that a new tempo must last, or it was a slip
RATIOS = {2.0: "x2", 0.5: "÷2", 1.5: "3/2", 2.0 / 3.0: "2/3", 3.0: "x3", 1.0 / 3.0: "÷3"}
CLOSE = 0.08  # share by which a ratio may differ from these
TEMPO_CONTROLS = ("tap", "double", "halve", "scale", "reset")
ASKED = 3.0  # seconds after one of these in which a jump is its doing
AUDIBLE = 1e-3  # RMS of 50 ms: -60 dB of full scale
SHARED = ("model", "decoder", "tempo_range", "beats_per_bar")  # options of both trackers


@dataclass(frozen=True)
class Span:
    """From ``start`` to ``end``, stream time in seconds; ``name`` tells of what."""

    start: float
    end: float
    name: str


@dataclass(frozen=True)
class Jump:
    """The tempo went from one to another at stream time ``time``, BPM before and after; ``ratio``
    as people write it, or "" for none of the usual ones. asked : whether a performer did it."""

    time: float
    before: float
    after: float
    ratio: str
    asked: bool = False


@dataclass(frozen=True)
class Report:
    """Figures of one session; times are stream time, seconds.

    seconds : length. sound_at : when there was something to hear, None where that is not known.
    beats : events of the beats. states, holds : what it was doing when; the holds were asked for.
    locks : seconds each time from listening (or the first sound) to following.
    """

    seconds: float
    sound_at: float | None
    beats: tuple[Event, ...]
    states: tuple[Span, ...]
    holds: tuple[Span, ...]
    locks: tuple[float, ...]
    jumps: tuple[Jump, ...]
    xruns: int
    skipped: float
    notes: tuple[Event, ...]  # what happened to devices and ports, and the like
    phase: Phase | None = None

    def seconds_in(self, state: str) -> float:
        """Time spent in a state."""
        return sum(span.end - span.start for span in self.states if span.name == state)

    def times_in(self, state: str) -> int:
        """How often it came into a state."""
        return sum(span.name == state for span in self.states)

    @property
    def octave_switches(self) -> tuple[Jump, ...]:
        """Jumps to half or double tempo and the like that nobody asked for."""
        return tuple(jump for jump in self.jumps if jump.ratio and not jump.asked)

    def values(self, key: str) -> Float64:
        """A value of all beats, float64 ``(n,)``: ``time``, ``tempo``, ``confidence`` ..."""
        return np.array([beat.data[key] for beat in self.beats], np.float64)


def make_report(
    events: Sequence[Event],
    seconds: float,
    sound_at: float | None = None,
    phase: Phase | None = None,
) -> Report:
    """The report on ``seconds`` of stream time in which these events happened."""
    beats = tuple(event for event in events if event.kind == "beat")
    states = _states(events, seconds)
    return Report(
        seconds=seconds,
        sound_at=sound_at,
        beats=beats,
        states=states,
        holds=_holds(events, seconds),
        locks=_locks(states, sound_at or 0.0),
        jumps=_jumps(events, beats),
        xruns=sum(event.data["count"] for event in events if event.kind == "xrun"),
        skipped=sum(event.data["seconds"] for event in events if event.kind == "skipped"),
        notes=tuple(event for event in events if event.kind in ("stream", "port", "note")),
        phase=phase,
    )


def _states(events: Sequence[Event], seconds: float) -> tuple[Span, ...]:
    spans = []
    start, name = 0.0, str(State.LISTENING)
    for event in events:
        if event.kind == "state":
            spans.append(Span(start, event.time, name))
            start, name = event.time, event.data["state"]
    return (*spans, Span(start, max(start, seconds), name))


def _locks(states: Sequence[Span], sound_at: float) -> tuple[float, ...]:
    """Seconds of listening, or being lost, that ended in following."""
    idle = (State.LISTENING, State.LOST)
    return tuple(
        max(0.0, before.end - max(before.start, sound_at))
        for before, after in pairwise(states)
        if before.name in idle and after.name == State.LOCKED
    )


def _holds(events: Sequence[Event], seconds: float) -> tuple[Span, ...]:
    """Holds that a performer asked for; a control without a value toggles."""
    spans, start = [], None
    for event in events:
        if event.kind != "control" or event.data["name"] not in ("hold", "reset"):
            continue
        value = event.data["value"]
        wanted = start is None if value is None else value > 0.5
        if event.data["name"] == "reset" or not wanted:
            if start is not None:
                spans.append(Span(start, event.time, "hold"))
            start = None
        elif start is None:
            start = event.time
    return (*spans, *([] if start is None else [Span(start, max(start, seconds), "hold")]))


def _jumps(events: Sequence[Event], beats: Sequence[Event]) -> tuple[Jump, ...]:
    asked = [e.time for e in events if e.kind == "control" and e.data["name"] in TEMPO_CONTROLS]
    found = find_jumps([e.data["time"] for e in beats], [e.data["tempo"] for e in beats])
    return tuple(
        replace(jump, asked=any(0.0 <= jump.time - time <= ASKED for time in asked))
        for jump in found
    )


def find_jumps(times: Sequence[float], tempi: Sequence[float]) -> tuple[Jump, ...]:
    """Where the tempo of successive beats (BPM) jumped and stayed for ``SETTLED`` beats."""
    jumps: list[Jump] = []
    before = tempi[0] if tempi else 0.0
    for index, tempo in enumerate(tempi):
        if not _same(tempo, before):
            following = tempi[index : index + SETTLED]
            if len(following) < SETTLED or not all(_same(other, tempo) for other in following):
                continue
            jumps.append(Jump(times[index], before, tempo, _ratio(tempo / before)))
        before = tempo
    return tuple(jumps)


def _same(tempo: float, other: float) -> bool:
    return abs(math.log(tempo / other)) < math.log1p(SAME)


def _ratio(ratio: float) -> str:
    nearest = min(RATIOS, key=lambda known: abs(math.log(ratio / known)))
    return RATIOS[nearest] if abs(ratio / nearest - 1.0) < CLOSE else ""


# ---- with the audio ----


def report_on(recording: Recording, progress: Callable[[float], None]) -> Report:
    """The report on a recording, with the offline tracker run over its audio.

    Raises ``rtbeat.AudioFileError`` for audio that cannot be read.
    """
    with AudioFile(recording.audio) as file:
        rate = file.sample_rate
        samples = np.concatenate([np.empty(0, np.float32), *(b[:, 0] for b in file.blocks())])
    given = recording.header.options.tracker
    options = {name: given[name] for name in SHARED if name in given}
    if options.get("decoder") not in OFFLINE:  # one of another package may work live alone
        options.pop("decoder", None)
    offline = track(samples, rate, progress=progress, **options)
    times = np.array([e.data["time"] for e in recording.events if e.kind == "beat"])
    return make_report(
        recording.events,
        (recording.end or len(samples)) / rate,
        _first_sound(samples, rate),
        compare_phase(times, offline),
    )


def _first_sound(samples: NDArray[np.float32], rate: int) -> float | None:
    width = max(1, rate // 20)
    slots = samples[: len(samples) // width * width].reshape(-1, width)
    loud = np.flatnonzero(np.sqrt(np.square(slots).mean(axis=1)) > AUDIBLE)
    return float(loud[0] * width / rate) if len(loud) else None
