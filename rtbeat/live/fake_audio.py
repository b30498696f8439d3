"""Audio devices in memory: the same streams, driven by a program in place of a sound card.

For tests, and for hosts that bring their own audio. Time is simulated: nothing waits.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import Port
from rtbeat.live.callback import ARRIVAL, ARRIVALS, ARRIVALS_AT, CALLBACKS, OUTPUTS, Float32
from rtbeat.live.shared_audio import run


class Clock:
    """Host time that goes on only when told, seconds."""

    def __init__(self, start: float = 1000.0):
        self.time = start

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


class FakePort(Port):
    """A port without a device: :meth:`advance` is what the device would do."""

    def _open(self, device: int, inputs: int, outputs: int, latency: str | float) -> Any:
        self.name = f"fake {device}"
        self._inputs = inputs
        return None

    def advance(self, samples: Float32, host: float, latency: float = 0.0) -> Float32:
        """One block: input float32 ``(n,)`` in, output ``(n,)`` (first channel) back.

        host : time of the call. latency : of each way, as the driver tells it, seconds.
        """
        words = self.shared.words
        source = np.repeat(samples[:, None], self._inputs, axis=1)
        row = int(words[CALLBACKS] % words[ARRIVALS])
        block = len(samples) / self.sample_rate
        times = (0.0, latency + block, 2 * latency + block)
        out = run(self.shared, source, int(words[OUTPUTS]), times)
        words[words[ARRIVALS_AT] + row * ARRIVAL + 1] = round(host * 1e9)
        return out[:, 0] if out.shape[1] else np.zeros(len(samples), np.float32)


def fake_stream(
    sample_rate: int, clock: Clock, sounds: list[Float32] | None = None, devices: int = 1
) -> AudioStream:
    """A stream on one duplex device or on two devices in memory."""

    make = partial(FakePort, now=clock)
    return AudioStream(
        0, devices - 1, sample_rate, output_channels=1, sounds=sounds or [], make_port=make
    )
