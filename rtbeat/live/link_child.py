"""The Ableton Link process: a member of the session on the network that leads its tempo and phase.

The library (LinkPython-extern, which holds Ableton's GPL code) is imported here alone. Link counts
time by another clock of the host; the difference is measured at each use.
"""

from __future__ import annotations

import contextlib
import os
import queue
import time
from typing import Any

from rtbeat.grid_line import Grid
from rtbeat.live.child_main import Reports, run_child
from rtbeat.live.link_follower import LinkFollower

IDLE = 0.1  # s between two looks at the members
START_TEMPO = 120.0  # BPM, until there is a beat
READINGS = 5  # of both clocks; the quickest one counts


class LinkChild:
    """Leads a session. Thread: main thread of its process."""

    def __init__(self, hello: dict[str, Any], reports: Reports) -> None:
        import link

        self.inbox: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self.closing = False
        self._offset = float(hello["offset"])
        self._reports = reports
        self._follower = LinkFollower()
        self._link: Any = link.Link(START_TEMPO)
        self._link.startStopSyncEnabled = False
        self._link.enabled = True
        self._peers = -1
        self._parent = os.getppid()

    def run(self) -> None:
        """Lead until told to end."""
        while not self.closing and os.getppid() == self._parent:
            with contextlib.suppress(queue.Empty):
                self._hear(self.inbox.get(timeout=IDLE))
                while True:
                    self._hear(self.inbox.get_nowait())
            self._look()
        self._link.enabled = False

    def _hear(self, message: list[Any]) -> None:
        key, *values = message
        if key == "grid":
            self._follower.follow(Grid(*values))
            self._lead()
        elif key == "lose":
            self._follower.lose()
        elif key == "close":
            self.closing = True

    def _look(self) -> None:
        """Who is there; a session that existed before has brought its own tempo."""
        peers = int(self._link.numPeers())
        if peers == self._peers:
            return
        self._peers = peers
        others = "no other member" if peers == 0 else f"other members: {peers}"
        self._reports.tell("port", status="open", message=others)
        self._lead()

    def _lead(self) -> None:
        host, micros = self._now()
        quantum = float(self._follower.quantum)
        state = self._link.captureSessionState()
        order = self._follower.order(
            host - self._offset, state.beatAtTime(micros, quantum), state.tempo()
        )
        if order is None:
            return
        if order.tempo is not None:
            state.setTempo(order.tempo, micros)
        if order.beat is not None:
            state.forceBeatAtTime(order.beat, micros, quantum)
        self._link.commitSessionState(state)

    def _now(self) -> tuple[float, int]:
        """The same moment by the host's clock, seconds, and by Link's, microseconds."""
        clock, readings = self._link.clock(), []
        for _ in range(READINGS):
            before = time.perf_counter()
            micros = clock.micros()
            after = time.perf_counter()
            readings.append((after - before, 0.5 * (before + after), micros))
        _, host, micros = min(readings)
        return host, micros


def main(hello: dict[str, Any]) -> None:
    """Entry point of the process."""
    run_child(LinkChild, hello)
