"""The OSC process: one receiver, one schedule, one thread that is on time."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import time
from typing import Any

from rtbeat.live.child_main import Reports, run_child
from rtbeat.live.osc_codec import encode
from rtbeat.live.osc_schedule import OscBeat, OscMessage, OscSchedule

IDLE = 0.05  # s between two looks at signals
FIND_AGAIN = 2.0  # s between two attempts to find the receiver
LOOK = 1.0  # s between two looks at whether the parent is there


class OscChild:
    """Sends a schedule to one receiver. Thread: main thread of its process."""

    def __init__(self, hello: dict[str, Any], reports: Reports) -> None:
        self.inbox: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self.closing = False
        self._host, self._port = str(hello["host"]), int(hello["port"])
        self._offset = float(hello["offset"])
        self._reports = reports
        self._schedule = OscSchedule(time.perf_counter() - self._offset)
        self._socket: socket.socket | None = None
        self._address: Any = None
        self._told = ""
        self._find_at = 0.0
        self._parent = os.getppid()
        self._looked = time.monotonic()

    def run(self) -> None:
        """Send until told to end. A receiver that cannot be reached now is tried on."""
        while not self.closing:
            self._find()
            for message in self._schedule.until(time.perf_counter() - self._offset):
                self._send(message)
            self._look()
            wait = self._schedule.next_time + self._offset - time.perf_counter()
            with contextlib.suppress(queue.Empty):
                self._hear(self.inbox.get(timeout=max(0.0, min(wait, IDLE))))
                while True:
                    self._hear(self.inbox.get_nowait())

    def _hear(self, message: list[Any]) -> None:
        key, *values = message
        if key == "beat":
            self._schedule.beat(OscBeat(*values))
        elif key == "state":
            self._schedule.state(values[0])
        elif key == "close":
            self.closing = True

    def _find(self) -> None:
        """The receiver's address, once: a name must not be looked up for every message."""
        if self._socket is not None or time.monotonic() < self._find_at:
            return
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
            found.sort(key=lambda row: row[0] != socket.AF_INET)  # what most programs listen at
            family, kind, _, _, self._address = found[0]
            self._socket = socket.socket(family, kind)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._tell("open", f"sending to {self._address[0]} port {self._port}")
        except OSError as error:
            self._find_at = time.monotonic() + FIND_AGAIN
            self._tell(
                "missing", f"the host {self._host!r} is not known: {error.strerror or error}"
            )

    def _send(self, message: OscMessage) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(encode(message.address, message.values), self._address)
            self._tell("open", "sending again")
        except BlockingIOError:
            pass  # the network's queue is full: as lost as any datagram
        except OSError as error:
            self._tell("lost", f"cannot be sent to: {error.strerror or error}")

    def _tell(self, status: str, message: str) -> None:
        """A report, where the status is a new one."""
        if status != self._told:
            told = "back" if status == "open" and self._told else status
            self._told = status
            self._reports.tell("port", status=told, message=message)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            self.closing = self.closing or os.getppid() != self._parent


def main(hello: dict[str, Any]) -> None:
    """Entry point of the process."""
    run_child(OscChild, hello)
