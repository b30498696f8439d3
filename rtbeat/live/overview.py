"""How a session stands, gathered for a screen."""

from __future__ import annotations

import time

import numpy as np

from rtbeat.live.engine import Engine
from rtbeat.live.feed import Feed
from rtbeat.live.latency import LatencyBudget
from rtbeat.live.snapshot import Alternative, Snapshot

RATIOS = {0.5: "÷2", 2.0: "x2", 2.0 / 3.0: "2/3", 1.5: "3/2"}


def take_snapshot(
    engine: Engine,
    feed: Feed,
    latency: LatencyBudget,
    *,
    transport: str,
    ports: tuple[tuple[str, str], ...],
    xruns: int,
    message: str,
) -> Snapshot:
    """The session at this moment; beat and bar as they are heard now.

    Thread: any. Realtime-safe: no.
    """
    tracker = engine.tracker
    now = feed.time_at(time.perf_counter() + latency.input)
    phase, bar = tracker.phase(now), tracker.beats_per_bar
    known = engine.beat is not None and phase is not None
    counted = known and engine.beat is not None and engine.beat.number > 0
    return Snapshot(
        time=engine.time,
        state=str(tracker.state),
        tempo=tracker.tempo,
        number=int(np.floor(phase or 0.0)) % bar + 1 if counted else 0,
        beats_per_bar=bar,
        phase=phase if known else None,
        confidence=tracker.confidence,
        alternatives=tuple(
            Alternative(RATIOS[other.ratio], other.tempo, other.probability)
            for other in tracker.alternatives
        ),
        level=engine.meter.level,
        peak=engine.meter.peak,
        advice=engine.meter.advice,
        held=tracker.held,
        locked=tracker.locked,
        follow=tracker.follow,
        tempo_range=tracker.tempo_range,
        click=engine.clicking,
        volume=engine.volume,
        transport=transport,
        ports=ports,
        xruns=xruns,
        skipped=feed.left_out,
        cpu=latency.cpu(),
        latency=latency.value(),
        message=message,
    )
