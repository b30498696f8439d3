"""A test rig on JACK: plays into a virtual microphone, records sound and MIDI, by frame number.

One client does it all, so everything is stamped by one clock, JACK's frame counter. Start the rig
before the program under test lists its devices: PortAudio shows the rig as a device of its name.
"""

from __future__ import annotations

import time
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from tests.needs import require

WRAP = 1 << 32  # JACK's frame counter

Samples = NDArray[np.float32]


class Rig:
    """Player (``out_1``), recorder (``in_1``) and MIDI recorder (``midi_in``).

    seconds : how much can be recorded. feedback : what comes in goes out again, times this, after
    ``delay`` seconds, like loudspeakers before a microphone; a loop through another client adds
    one period of the server.

    All frames are absolute numbers of JACK's counter. ``recorded`` is float32 ``(frames,)`` from
    frame ``origin``; ``midi`` holds ``(frame, bytes)``; ``gaps`` holds ``(frame expected, frame
    got)`` for every cycle that JACK left out; ``xruns`` counts those JACK told of.
    """

    def __init__(
        self,
        name: str = "rig",
        *,
        seconds: float = 60.0,
        feedback: float = 0.0,
        delay: float = 0.0,
    ) -> None:
        jack = require("jack", "pip install JACK-Client")
        self._client = client = jack.Client(name, no_start_server=True)
        self.name: str = client.name
        self.rate: int = client.samplerate
        self._out = client.outports.register("out_1")
        self._in = client.inports.register("in_1")
        self._midi_in = client.midi_inports.register("midi_in")
        self._tape: Samples = np.zeros(round(seconds * self.rate), np.float32)
        self._echo: Samples = np.zeros(round(delay * self.rate), np.float32)
        self._feedback = feedback
        self._source: Samples = np.zeros(0, np.float32)
        self._source_at = 0
        self._expected: int | None = None
        self._recording = False
        self._clear()
        client.set_process_callback(self._process)
        client.set_xrun_callback(self._count_xrun)
        client.activate()

    def _clear(self) -> None:
        self.origin: int | None = None
        self._length = 0
        self.midi: list[tuple[int, bytes]] = []
        self.gaps: list[tuple[int, int]] = []
        self.xruns = 0

    @property
    def recorded(self) -> Samples:
        """What came in since :meth:`start`, a copy."""
        return self._tape[: self._length].copy()

    @property
    def played_at(self) -> int:
        """Frame of the source's first sample."""
        return self._source_at

    @property
    def now(self) -> int:
        """JACK's estimate of the present frame."""
        return int(self._client.frame_time)

    def start(self, source: Samples | None = None, *, ahead: float = 0.25) -> None:
        """Forget the last recording and record; play ``source``, float32 ``(frames,)`` at the
        server's rate, from ``ahead`` seconds on."""
        self._recording = False
        self._clear()
        self._source_at = self.now + round(ahead * self.rate)
        self._source = np.zeros(0, np.float32) if source is None else source.astype(np.float32)
        self._recording = True

    def wait(self, margin: float = 0.5) -> None:
        """Until the source has been played, and ``margin`` seconds more."""
        end = self._source_at + len(self._source) + round(margin * self.rate)
        while self.now < end:
            time.sleep(0.05)

    def stop(self) -> None:
        """End playing and recording."""
        self._recording = False
        self._source = np.zeros(0, np.float32)

    def connect(self, source: str, destination: str, patience: float = 5.0) -> None:
        """Connect two ports of the server as soon as both are there."""
        jack = require("jack", "pip install JACK-Client")
        until = time.monotonic() + patience
        while True:
            try:
                self._client.connect(source, destination)
            except jack.JackError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return

    def connected(self, port: str) -> bool:
        """Whether anything is connected to a port of the server."""
        return bool(self._client.get_all_connections(port))

    def ports(self, pattern: str = "") -> list[str]:
        """Names of the server's ports that contain ``pattern`` (a regular expression)."""
        return [port.name for port in self._client.get_ports(pattern)]

    def _count_xrun(self, delay: float) -> None:
        self.xruns += 1

    def _process(self, frames: int) -> None:
        frame = self._client.last_frame_time
        if self._recording and self._expected is not None and frame != self._expected:
            self.gaps.append((self._expected, frame))
        self._expected = (frame + frames) % WRAP
        heard = self._in.get_array()
        self._play(frame, frames, heard)
        if self._recording:
            self._record(frame, heard)

    def _play(self, frame: int, frames: int, heard: Samples) -> None:
        out = self._out.get_array()
        out[:] = 0.0
        if self._feedback:
            line = np.concatenate((self._echo, heard))
            out += np.float32(self._feedback) * line[:frames]
            self._echo = line[frames:]
        first = frame - self._source_at  # of the source, in this cycle
        start, stop = max(first, 0), min(first + frames, len(self._source))
        if stop > start:
            out[start - first : stop - first] += self._source[start:stop]

    def _record(self, frame: int, heard: Samples) -> None:
        if self.origin is None:
            self.origin = frame
        at = frame - self.origin
        if at + len(heard) <= len(self._tape):
            self._tape[at : at + len(heard)] = heard
            self._length = at + len(heard)
        for offset, message in self._midi_in.incoming_midi_events():
            self.midi.append((frame + offset, bytes(message)))

    def close(self) -> None:
        """Leave the server."""
        self._client.deactivate()
        self._client.close()

    def __enter__(self) -> Rig:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
