"""One PortAudio stream whose callback is compiled (:mod:`rtbeat.live.callback`).

The stream class is that which
sounddevice offers to libraries for callbacks in C; python-rtmixer does the same with its own.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from rtbeat.live.callback import Float32, portaudio_callback
from rtbeat.live.sample_clock import SampleClock
from rtbeat.live.shared_audio import SharedAudio

LONGEST_LATENCY = 1.0  # seconds; a driver that says more is not believed
CLOSE_SECONDS = 0.7  # a stream whose server has died never closes
SILENT_SECONDS = 1.5  # without a callback after which a stream counts as dead


class AudioDeviceError(Exception):
    """An audio device cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class DriverLatency:
    """What the driver says, seconds; None where it said nothing or nonsense.

    input : from the sound to the moment at which the sample clock counts its sample. output : from
    that moment for an output sample to its sound. loop : both together.
    """

    input: float | None
    output: float | None
    loop: float | None


class Port:
    """One running PortAudio stream: input, output or both.

    device : index by PortAudio. inputs, outputs : channels, 0 = without. sounds : see
    :class:`rtbeat.live.callback.SharedAudio`. block_size : frames, 0 = as the device likes.

    Raises :class:`AudioDeviceError`. Thread: main. Realtime-safe: no.
    """

    def __init__(
        self,
        device: int,
        inputs: int,
        outputs: int,
        sample_rate: int,
        block_size: int = 0,
        latency: str | float = "low",
        sounds: Sequence[Float32] = (),
        now: Callable[[], float] = perf_counter,
    ):
        self.sample_rate = sample_rate
        self._now = now
        self.block_size = block_size
        self.name = ""
        self.shared = SharedAudio(inputs, outputs, sounds, sample_rate)
        self.clock = SampleClock(sample_rate)
        self._driver: deque[tuple[float, float, int]] = deque(maxlen=200)
        self._counted = 0
        self._moved_at = now()
        self._stream = self._open(device, inputs, outputs, latency)

    def _open(self, device: int, inputs: int, outputs: int, latency: str | float) -> Any:
        import sounddevice as sd

        self.name = str(sd.query_devices(device)["name"])
        kind = "duplex" if inputs and outputs else "input" if inputs else "output"
        both = kind == "duplex"
        ffi: Any = sd._ffi
        try:
            stream = sd._StreamBase(
                kind=kind,
                samplerate=self.sample_rate,
                blocksize=self.block_size,
                device=(device, device) if both else device,
                channels=(inputs, outputs) if both else inputs or outputs,
                dtype="float32",
                latency=latency,
                callback=ffi.cast("PaStreamCallback *", portaudio_callback.address),
                userdata=ffi.cast("void *", self.shared.address),
            )
            stream.start()
        except (sd.PortAudioError, ValueError) as error:
            raise AudioDeviceError(_explain(device, kind, self.sample_rate, error)) from error
        return stream

    def update(self) -> None:
        """Take in what the callback noted: the clock, the driver's latencies. Call it often."""
        rows = self.shared.arrivals()
        if len(rows):
            self._moved_at = self._now()
            self.clock.observe((int(count), host * 1e-9) for count, host, _, _ in rows)
            blocks = np.diff(rows[:, 0], prepend=self._counted)
            self._counted = int(rows[-1, 0])
            self._driver.extend(zip(rows[:, 2] * 1e-9, rows[:, 3] * 1e-9, blocks, strict=True))

    @property
    def driver_latency(self) -> DriverLatency:
        """Median of what the driver said of late, checked for sense.

        PortAudio speaks of a block's first sample; the clock counts a block when it is whole.
        """
        if not self._driver:
            return DriverLatency(None, None, None)
        said = np.array(self._driver)
        before, after, block = np.median(said, axis=0)
        seconds = block / self.sample_rate
        loop = float(np.median(said[:, 0] + said[:, 1]))
        return DriverLatency(
            _sensible(max(0.0, before - seconds)) if before >= 0.0 else None,
            _sensible(after + seconds),
            _sensible(loop),
        )

    @property
    def block_seconds(self) -> float:
        """Length of a block, the median of late; 0 before the first."""
        blocks = [block for *_, block in self._driver]
        return float(np.median(blocks)) / self.sample_rate if blocks else 0.0

    @property
    def alive(self) -> bool:
        """Whether the callback is still being called, as of the last :meth:`update`."""
        return self._now() - self._moved_at < SILENT_SECONDS

    def close(self) -> bool:
        """Stop the stream; False where it hangs, as when the audio server has been killed. Never
        takes longer than a second."""
        stream = self._stream

        def stop() -> None:
            with contextlib.suppress(Exception):
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)

        if stream is None:
            return True
        thread = threading.Thread(target=stop, daemon=True)
        thread.start()
        thread.join(CLOSE_SECONDS)
        if thread.is_alive():
            _HUNG.append(self)  # the callback may run on: its memory must stay
            return False
        return True


_HUNG: list[Port] = []


def any_hung() -> bool:
    """Whether a stream could not be closed: PortAudio then hangs at exit as well, and the program
    has to leave by ``os._exit``."""
    return bool(_HUNG)


def _sensible(seconds: float) -> float | None:
    return float(seconds) if 0.0 <= seconds <= LONGEST_LATENCY else None


def _explain(device: int, kind: str, sample_rate: int, error: Exception) -> str:
    """One sentence for a person."""
    import sounddevice as sd

    info: Any = sd.query_devices(device)
    name = f"audio device {device} ({info['name']})"
    text = str(error).removeprefix("Error opening Stream: ")
    if "sample rate" in text.lower():
        best = info["default_samplerate"]
        return f"{name} does not run at {sample_rate} Hz; use --rate {best:.0f}"
    if "channels" in text.lower():
        have = f"{info['max_input_channels']} inputs and {info['max_output_channels']} outputs"
        return f"{name} has {have}, too few for {kind}; choose another with `rtbeat devices`"
    if "unavailable" in text.lower() or "busy" in text.lower():
        remedy = "close that program or choose another device with `rtbeat devices`"
        return f"{name} is in use by another program or gone; {remedy}"
    return f"{name} cannot be opened for {kind}: {text}"
