"""What a screen shows of a session: one immutable value, read ten times a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Alternative:
    """Another tempo that the music may have.

    ratio : to the tempo now, as people write it: ``÷2``, ``x2``, ``2/3``, ``3/2``.
    tempo : BPM. weight : 0..1.
    """

    ratio: str
    tempo: float
    weight: float


@dataclass(frozen=True)
class Latency:
    """Where the time goes, seconds. ``loop`` is output to input, measured or told by the driver.

    input, output : the driver's figures, None where absurd. block : one audio block. hop : one hop
    of the tracker. compute : engine work on a hop, median. loop_source : ``measured``, ``driver``
    or ``assumed``. lead : how early beats are announced.
    """

    input: float | None
    output: float | None
    block: float
    hop: float
    compute: float
    loop: float
    loop_source: str
    lead: float


@dataclass(frozen=True)
class Snapshot:
    """A session at one moment. Times are stream time in seconds, levels dB of full scale."""

    time: float
    state: str
    tempo: float | None
    number: int  # place in the bar of the beat that sounds now, 1 = downbeat, 0 = unknown
    beats_per_bar: int
    phase: float | None  # beats since the last downbeat, as it is heard now
    confidence: float
    alternatives: tuple[Alternative, ...]
    level: float  # RMS of the last half second
    peak: float  # of the last two seconds
    advice: str  # "", or what to do about the level
    held: bool
    locked: bool
    follow: float
    tempo_range: tuple[float, float]
    click: bool
    volume: float
    transport: str  # of the MIDI clock: running, stopped, armed, or "" without one
    ports: tuple[tuple[str, str], ...]  # name, status: audio devices and MIDI ports
    xruns: int
    skipped: float  # seconds of input left out
    cpu: float  # share of one core, all threads and processes
    latency: Latency
    message: str  # the newest thing a person should know, or ""
