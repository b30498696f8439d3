"""Audio devices: input and output together, whatever devices they are.

A device that is both input and output is opened as one duplex stream with one sample counter. Two
devices have two counters, tied together by the host's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtbeat.live.audio_port import AudioDeviceError, Port
from rtbeat.live.callback import Float32


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
