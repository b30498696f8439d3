"""A receiver of OSC on the loopback, for tests of what is sent."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from rtbeat.live.osc_codec import decode


class Receiver:
    """Keeps what arrives: host time, address, arguments."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = self._socket.getsockname()[1]
        self.got: list[tuple[float, str, tuple]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                data = self._socket.recv(4096)
                now = time.perf_counter()
                self.got += [(now, address, values) for address, values in decode(data)]

    def of(self, name: str) -> list[tuple]:
        return [values for _, address, values in self.got if address == f"/rtbeat/{name}"]

    def wait(self, fulfilled, seconds=20.0):
        until = time.monotonic() + seconds
        while not fulfilled():
            assert time.monotonic() < until, self.got[-5:]
            time.sleep(0.01)

    def close(self):
        self._ended.set()
        self._thread.join()
        self._socket.close()
