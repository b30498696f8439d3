"""Audio devices: PortAudio streams whose callback is compiled (:mod:`rtbeat.live.callback`).

A device that is both input and output is opened as one duplex stream with one sample counter. Two
devices have two counters, tied together by the host's clock. The stream class is that which
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

from rtbeat.live.callback import Float32, SharedAudio, portaudio_callback
from rtbeat.live.sample_clock import SampleClock

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


class AudioStream:
    """Input and output together, whether one device or two, or one of them alone.

    Index of an input sample is stream time times the rate. ``played_at`` turns the time at which
    something is to be heard at the microphone into an output index.

    Thread: made and closed by main; the engine thread does the rest. Realtime-safe: no.
    """

    def __init__(
        self,
        input_device: int | None,
        output_device: int | None,
        sample_rate: int,
        *,
        input_channels: int = 1,
        output_channels: int = 2,
        block_size: int = 0,
        latency: str | float = "low",
        sounds: Sequence[Float32] = (),
        make_port: Callable[..., Port] = Port,
    ):
        self.sample_rate = sample_rate
        rest = (sample_rate, block_size, latency)
        self.input: Port | None = None
        self.output: Port | None = None
        if input_device is not None and input_device == output_device:
            port = make_port(input_device, input_channels, output_channels, *rest, sounds)
            self.input = self.output = port
            return
        if input_device is not None:
            self.input = make_port(input_device, input_channels, 0, *rest)
        if output_device is not None:
            try:
                self.output = make_port(output_device, 0, output_channels, *rest, sounds)
            except AudioDeviceError:
                self.close()
                raise

    @property
    def ports(self) -> list[Port]:
        """The one or two streams."""
        return [p for p in dict.fromkeys((self.input, self.output)) if p is not None]

    @property
    def duplex(self) -> bool:
        """Whether input and output share one counter."""
        return self.input is not None and self.input is self.output

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the devices."""
        return tuple(port.name for port in self.ports)

    @property
    def alive(self) -> bool:
        """Whether every callback is still being called."""
        return all(port.alive for port in self.ports)

    def update(self) -> None:
        """See :meth:`Port.update`. Call it often."""
        for port in self.ports:
            port.update()

    @property
    def xruns(self) -> dict[str, int]:
        """Losses of input and of output by the drivers' word."""
        count = {}
        if self.input is not None:
            count["input"] = self.input.shared.xruns[0]
        if self.output is not None:
            count["output"] = self.output.shared.xruns[1]
        return count

    def driver_loop(self) -> float | None:
        """From output to input by the driver's word, seconds; None where it cannot be believed."""
        if self.input is None or self.output is None:
            return None
        here, there = self.input.driver_latency, self.output.driver_latency
        if self.duplex:
            return here.loop
        if here.input is None or there.output is None:
            return None
        return here.input + there.output

    def play_at(self, time: float, loop: float) -> int | None:
        """Output index of what is to be heard at stream time ``time``, where ``loop`` seconds pass
        from output to input. None while the clocks are not known yet."""
        if self.output is None:
            return None
        if self.duplex or self.input is None:
            return round((time - loop) * self.sample_rate)
        here, there = self.input.clock.line, self.output.clock.line
        if here is None or there is None:
            return None
        return round(there.count_at(here.host_at(time * self.sample_rate) - loop))

    def close(self) -> bool:
        """Stop; False where a stream hangs."""
        closed = [port.close() for port in self.ports]
        return all(closed)
