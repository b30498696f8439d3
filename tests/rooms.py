"""Rooms for tests: what a microphone hears of a loudspeaker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtbeat.live.fake_audio import Clock, fake_stream

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def delayed(sound: NDArray[np.floating], samples: float, length: int) -> Float64:
    """The sound after a delay that need not be whole, float64 ``(length,)``.

    The fraction is made in the frequency domain: exact for sound that ends below half the rate.
    """
    whole = int(np.floor(samples))
    size = 2 * (len(sound) + 64)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * (samples - whole))
    moved = np.fft.irfft(np.fft.rfft(sound, size) * turn, size)
    out = np.zeros(length)
    count = min(len(sound) + 32, length - whole)
    out[whole : whole + count] = moved[:count]
    return out


def room_response(rate: int, seconds: float = 0.3, level: float = 0.5) -> Float64:
    """Direct sound, some early reflections and a tail that dies away by 60 dB in ``seconds``."""
    random = np.random.default_rng(1)
    response = random.standard_normal(round(seconds * rate))
    response *= level * 0.05 * np.exp(-6.9 * np.arange(len(response)) / len(response))
    response[: round(0.003 * rate)] = 0.0
    for milliseconds, gain in ((3.1, 0.6), (7.7, -0.45), (11.3, 0.3)):
        response[round(milliseconds * rate / 1000)] += gain * level
    response[0] = level
    return response


class Loop:
    """A stream in memory whose output comes back into its input.

    delay : samples from loudspeaker to microphone, at least a block. noise : RMS. devices : 2 for
    a loudspeaker with a clock of its own, ``lag`` samples behind. wander : called with the sample
    index, more delay.
    """

    BLOCK = 64

    def __init__(self, rate, sounds, delay, *, noise=0.0, level=0.5, devices=1, lag=0, wander=None):
        self.clock = Clock()
        self.stream = fake_stream(rate, self.clock, sounds, devices)
        self._rate, self._delay, self._noise, self._level = rate, delay, noise, level
        self._wander = wander or (lambda index: 0)
        self._air = np.zeros(60 * rate, np.float64)  # what is on its way, by input index
        self._response = room_response(rate, 0.05, level)
        self._random = np.random.default_rng(2)
        self._at = 0
        if lag:
            self.stream.output.advance(np.zeros(lag, np.float32), self.clock())

    def sleep(self, seconds):
        """Let the devices run; to be given to the program as its ``sleep``."""
        for _ in range(max(1, round(seconds * self._rate / self.BLOCK))):
            self._advance()

    def _advance(self):
        self.clock.sleep(self.BLOCK / self._rate)
        here = slice(self._at, self._at + self.BLOCK)
        heard = self._air[here] + self._noise * self._random.standard_normal(self.BLOCK)
        now = self.clock()
        played = self.stream.input.advance(heard.astype(np.float32), now)
        if not self.stream.duplex:
            played = self.stream.output.advance(np.zeros(self.BLOCK, np.float32), now)
        if played.any():
            moved = np.convolve(played, self._response)
            moved = delayed(
                moved, self._delay + self._wander(self._at), len(moved) + 4 * self._rate
            )
            self._air[self._at : self._at + len(moved)] += moved
        self._at += self.BLOCK
