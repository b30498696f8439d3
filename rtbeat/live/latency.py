"""The latency budget of a session: where the time goes between a beat and what is made of it."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from rtbeat.live.engine import Engine
from rtbeat.live.feed import Feed
from rtbeat.live.snapshot import Latency

ASSUMED_LOOP = 0.03  # seconds, where the driver tells nothing that can be believed
MARGIN = 0.05  # seconds between announcing a beat and having to play it, for the engine's turn


class LatencyBudget:
    """Figures of one session, kept up to date by the engine thread.

    measured : loop in seconds found by calibration, or None. Thread: any. Realtime-safe: no.
    """

    def __init__(self, feed: Feed, measured: float | None, engine: Engine):
        self._feed = feed
        self._measured = measured
        self._engine = engine
        self._work: deque[float] = deque(maxlen=500)  # seconds a hop
        self._began = (time.perf_counter(), time.process_time())
        self._share = 0.0

    def note_work(self, seconds: float, frames: int) -> None:
        """The engine worked so long on so many frames."""
        hop = self._engine.sample_rate / self._engine.tracker.frame_rate
        if frames >= hop:
            self._work.append(seconds * hop / frames)

    @property
    def loop(self) -> float:
        """From output to input, seconds: measured, else told by the driver, else assumed."""
        return self._loop()[0]

    def _loop(self) -> tuple[float, str]:
        if self._measured is not None:
            return self._measured, "measured"
        stream = self._feed.stream
        told = stream.driver_loop() if stream is not None else None
        return (ASSUMED_LOOP, "assumed") if told is None else (told, "driver")

    @property
    def input(self) -> float:
        """From a sound to the host time at which its sample is counted, seconds."""
        stream = self._feed.stream
        if stream is None or stream.input is None:
            return 0.0
        told = stream.input.driver_latency.input
        return 0.0 if told is None else min(told, self.loop) if stream.output else told

    def cpu(self) -> float:
        """Share of one core that all threads of this process used since this was asked last."""
        wall, used = time.perf_counter(), time.process_time()
        before_wall, before_used = self._began
        if wall - before_wall > 1.0:
            self._began = (wall, used)
            self._share = (used - before_used) / (wall - before_wall)
        return self._share

    def value(self) -> Latency:
        """All figures."""
        loop, source = self._loop()
        stream = self._feed.stream
        port = None if stream is None else stream.input
        out = None if stream is None else stream.output
        tracker = self._engine.tracker
        return Latency(
            input=None if port is None else port.driver_latency.input,
            output=None if out is None else out.driver_latency.output,
            block=0.0 if port is None else port.block_seconds,
            hop=tracker.latency / self._engine.sample_rate,
            compute=float(np.median(self._work)) if self._work else 0.0,
            loop=loop,
            loop_source=source,
            lead=tracker.lead,
        )

    def words(self) -> str:
        """The budget as lines for a person."""
        now = self.value()
        return "latency in milliseconds\n" + "\n".join(
            f"  {name:<34} {_milliseconds(value)}"
            for name, value in (
                ("input (driver)", now.input),
                ("output (driver)", now.output),
                (f"output to input ({now.loop_source})", now.loop),
                ("audio block", now.block),
                ("hop of the tracker", now.hop),
                ("work on a hop, median", now.compute),
                ("beats are announced ahead by", now.lead),
                ("left after output and work", now.lead - now.loop - now.block - now.hop),
            )
        )


def _milliseconds(seconds: float | None) -> str:
    return "not known" if seconds is None else f"{1e3 * seconds:8.2f}"
