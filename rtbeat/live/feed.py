"""From a PortAudio stream to one unbroken stream time, whatever happens to the device.

Stream time goes on by the host's clock while a device is away, jumps over input that was lost, and
leaves out what has piled up where the machine was too slow. What is left out is told as a number
of frames, so that the tracker can go on over it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import Port
from rtbeat.live.callback import Float32
from rtbeat.live.sample_clock import Line

MOST_BEHIND = 1.0  # seconds of input that may pile up
LEFT_OVER = 0.1  # seconds of it that are kept then
LEAST_GAP = 0.002  # seconds; less is not a loss but a doubt of the clock
MOST = 1 << 14  # frames taken at a time, so that controls act soon
PATCH = 0.02  # seconds of a missing device told at a time


class Feed:
    """Input of a session. ``now`` : host clock, seconds.

    Thread: engine; :meth:`attach` and :meth:`detach` too are called there. Realtime-safe: no.
    """

    def __init__(self, sample_rate: int, now: Callable[[], float] = perf_counter):
        self.sample_rate = sample_rate
        self._now = now
        self._stream: AudioStream | None = None
        self._shift = 0  # stream index less the counter of the port
        self._given = 0  # frames given out, with those told as lost
        self._line: Line | None = None  # host time of the stream index, kept when the port is gone
        self._jumps_lost = 0.0
        self._fresh = False  # attached, but nothing has arrived yet
        self.left_out = 0.0  # seconds told as lost so far

    @property
    def stream(self) -> AudioStream | None:
        """The stream it reads from."""
        return self._stream

    def attach(self, stream: AudioStream) -> None:
        """Read from ``stream`` from now on; stream time goes on where it is."""
        self._stream = stream
        self._jumps_lost = 0.0
        self._fresh = True

    def detach(self) -> None:
        """The device is gone; stream time goes on by the host's clock."""
        self._stream = None

    def poll(self) -> tuple[Float32, int]:
        """What is new: frames lost before, then samples float32 ``(n,)``. Never waits."""
        port = None if self._stream is None else self._stream.input
        if self._stream is not None:
            self._stream.update()
        if port is None or port.clock.line is None:
            return np.empty(0, np.float32), self._missing()
        self._place(port, port.clock.line)
        self._catch_up(port)
        if self._shift + port.shared.position < self._given:
            return np.empty(0, np.float32), 0
        samples, _ = port.shared.read(MOST)
        lost = self._shift + port.shared.position - len(samples) - self._given
        self._given += lost + len(samples)
        self.left_out += lost / self.sample_rate
        self._line = _moved(port.clock.line, self._shift)
        return samples, lost

    def _place(self, port: Port, line: Line) -> None:
        """Where the port's counter lies in stream time: where the line of the one before says, and
        later by what was lost between two blocks since."""
        if self._fresh and self._line is not None:
            self._shift = round(self._line.count_at(line.host_at(0.0)))
        self._fresh = False
        gap = port.clock.lost - self._jumps_lost
        self._jumps_lost = port.clock.lost
        if gap >= LEAST_GAP:
            self._shift += round(gap * self.sample_rate)

    def _catch_up(self, port: Port) -> None:
        """Leave out what has been told as lost already, and what has piled up."""
        shared = port.shared
        behind = shared.frames - shared.position
        told = self._given - self._shift - shared.position
        if behind > MOST_BEHIND * self.sample_rate:
            told = max(told, behind - int(LEFT_OVER * self.sample_rate))
        shared.drop(min(behind, max(0, told)))

    def _missing(self) -> int:
        """Frames that would have come by now from a device that is away."""
        if self._line is None:
            return 0
        frames = int(self._line.count_at(self._now())) - self._given
        if frames < PATCH * self.sample_rate:
            return 0
        self._given += frames
        self.left_out += frames / self.sample_rate
        return frames

    # ---- stream time and the host's ----

    @property
    def known(self) -> bool:
        """Whether stream time and host time are tied together yet."""
        return self._line is not None

    def host_at(self, time: float) -> float:
        """Host time at which the sample of stream time ``time`` is counted, seconds."""
        if self._line is None:
            return self._now()
        return self._line.host_at(time * self.sample_rate)

    def time_at(self, host: float) -> float:
        """The inverse of :meth:`host_at`."""
        if self._line is None:
            return 0.0
        return self._line.count_at(host) / self.sample_rate

    def output_index(self, time: float, loop: float) -> int | None:
        """Output frame of what is to be heard at stream time ``time``, where ``loop`` seconds pass
        from output to input; None without a running output."""
        stream = self._stream
        if stream is None or stream.output is None:
            return None
        if stream.duplex:
            return round((time - loop) * self.sample_rate - self._shift)
        line = stream.output.clock.line
        return None if line is None else round(line.count_at(self.host_at(time) - loop))


def _moved(line: Line, frames: int) -> Line:
    return Line(line.anchor + frames, line.origin, line.rate)
