"""A MIDI port on JACK that is exact to the sample, by JACK-Client.

JACK asks every client for the events of one period of frames. So the schedule is asked for the
same stretch of host time in JACK's own callback, and each message gets its frame. RtMidi puts
everything at the beginning of the next period instead.
"""

from __future__ import annotations

import importlib
import queue
import time
from typing import Any

from rtbeat.live.midi_ports import PortError, PortSpec, Sink, Take, find

WRAP = 1 << 32  # of JACK's frame counter
SETTLED = 0.01  # share of a new measurement in the map: seconds to follow, as clocks drift slowly
JUMP = 0.001  # s; further off is a late cycle, or the counter stood still during an xrun
PERSISTENT = 8  # measurements in a row, until a jump is believed
TRIES = 2  # readings of the clock; the one with the least in between counts


class FrameMap:
    """Frame number to host time: a steady rate and a slowly followed origin.

    rate : frames a second. Frame numbers may wrap at 2**32.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._last = 0
        self._total = 0
        self._origin: float | None = None
        self._count = 0
        self._strays = 0

    def time_of(self, frame: int, measured: float) -> float:
        """Host time of ``frame``, seconds, with one more measurement of it.

        Thread: audio callback. Realtime-safe: no (Python).
        """
        self._total += (frame - self._last) % WRAP
        self._last = frame
        played = self._total / self._rate
        return played + self._learn(measured - played)

    def _learn(self, origin: float) -> float:
        if self._origin is None or self._strays == PERSISTENT:
            self._origin, self._count, self._strays = origin, 0, 0
        if abs(origin - self._origin) > JUMP:
            self._strays += 1
            return self._origin
        self._strays = 0
        self._count += 1
        self._origin += max(SETTLED, 1.0 / self._count) * (origin - self._origin)
        return self._origin


class JackSink(Sink):
    """A MIDI output of JACK, connected to an existing input where it is not virtual."""

    def __init__(self, spec: PortSpec, client: str) -> None:
        try:
            jack = importlib.import_module("jack")
        except OSError as error:  # the C library is missing
            raise PortError(f"JACK is not installed: {error}") from error
        jack.set_error_function(lambda message: None)
        jack.set_info_function(lambda message: None)
        try:
            self._client = jack.Client(client, no_start_server=True)
        except jack.JackOpenError as error:
            raise PortError("the JACK server is not running") from error
        self._spec = spec
        self._gone = False
        self._port: Any = self._client.midi_outports.register(
            spec.name if spec.virtual else "clock"
        )
        self.title = self._port.name
        if not spec.virtual:
            self.title = self._found()
        self._map = FrameMap(self._client.samplerate)
        self._client.set_shutdown_callback(self._shut)
        self._last: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def _found(self) -> str:
        try:
            return find(self._spec.name, self._inputs())
        except PortError:
            self._client.close()
            raise

    def drive(self, take: Take) -> bool:
        rate = self._client.samplerate
        offset = self._spec.offset

        def process(frames: int) -> None:
            self._port.clear_buffer()
            frame = self._client.last_frame_time
            base = self._map.time_of(frame, self._measure(rate)) - offset
            for time_, data in take(base, base + frames / rate):
                at = min(max(round((time_ - base) * rate), 0), frames - 1)
                self._port.write_midi_event(at, data)
            while not self._last.empty():
                self._port.write_midi_event(frames - 1, self._last.get_nowait())

        self._client.set_process_callback(process)
        self._client.activate()
        if not self._spec.virtual:
            self._client.connect(self._port, self.title)
        return True

    def _inputs(self) -> list[str]:
        ports = self._client.get_ports(is_midi=True, is_input=True)
        return [port.name for port in ports if not self._client.owns(port)]

    def _measure(self, rate: int) -> float:
        """Host time of the present cycle's first frame, by JACK's own smoothed estimate."""
        readings = []
        for _ in range(TRIES):
            before = time.perf_counter()
            since = self._client.frames_since_cycle_start
            after = time.perf_counter()
            readings.append((after - before, 0.5 * (before + after) - (since + 0.5) / rate))
        return float(min(readings)[1])

    def _shut(self, status: object, reason: str) -> None:
        self._gone = True

    def send(self, data: bytes) -> None:
        """Send at the end of the present cycle: for last messages only."""
        self._last.put(data)

    def there(self) -> bool:
        return not self._gone and (self._spec.virtual or self.title in self._inputs())

    def close(self) -> None:
        if not self._gone:
            self._client.deactivate()
            self._client.close()
