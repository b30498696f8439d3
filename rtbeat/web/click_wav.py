"""A song with clicks, or clicks alone, as a 16-bit wav file that is made while it is sent.

Block by block: the same sound as :func:`rtbeat.click.mix_clicks` makes, in a few megabytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from rtbeat.audio import Float32
from rtbeat.beat import Beats
from rtbeat.click import MIX_LEVEL, render_clicks

BLOCK = 1 << 17  # frames
RING = 0.25  # seconds that a click may sound
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class ClickWav:
    """wav : a 16-bit wav file. with_song : else the clicks alone, on as many channels.

    Thread: one at a time; it reads the file and computes.
    """

    def __init__(self, wav: Path, beats: Beats, with_song: bool):
        self._wav, self._beats, self._with_song = wav, beats, with_song
        info = soundfile.info(str(wav))
        self._rate, self._frames = int(info.samplerate), int(info.frames)
        self._channels = int(info.channels)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return HEADER.size + self._frames * self._channels * 2

    def pieces(self) -> Iterator[bytes]:
        """The file, piece by piece."""
        frame, data = 2 * self._channels, self.size - HEADER.size
        form = (1, self._channels, self._rate, self._rate * frame, frame, 16)
        yield HEADER.pack(b"RIFF", 36 + data, b"WAVE", b"fmt ", 16, *form, b"data", data)
        level, gain = self._levels() if self._with_song else (1.0, 1.0)
        for block in self._blocks(level):
            yield (
                np.round(np.clip(block * np.float32(gain), -1.0, 1.0) * 32767)
                .astype("<i2")
                .tobytes()
            )

    def _levels(self) -> tuple[float, float]:
        """How loud the clicks are, and by what all is turned down so that nothing is distorted."""
        level = MIX_LEVEL * (self._loudest(0.0) or 1.0)
        return level, 1.0 / max(1.0, self._loudest(level))

    def _loudest(self, level: float) -> float:
        return max((float(np.abs(block).max()) for block in self._blocks(level)), default=0.0)

    def _blocks(self, level: float) -> Iterator[Float32]:
        """Song and clicks float32 ``(n, channels)``, clicks ``level`` times as loud as they are."""
        with soundfile.SoundFile(str(self._wav)) as song:
            start = 0
            while len(block := song.read(BLOCK, dtype="float32", always_2d=True)):
                sound = block if self._with_song else np.zeros_like(block)
                yield sound + np.float32(level) * self._clicks(start, len(block))[:, None]
                start += len(block)

    def _clicks(self, start: int, count: int) -> Float32:
        """Clicks ``(count,)`` from frame ``start`` on, with the ends of those before."""
        early = int(RING * self._rate)
        first = (start - early) / self._rate
        times = self._beats.times - first
        near = (times > -RING) & (times < (early + count) / self._rate + RING)
        clicks = render_clicks(times[near], self._beats.numbers[near], self._rate, early + count)
        return clicks[early:]
