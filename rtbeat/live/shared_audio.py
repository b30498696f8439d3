"""The memory that one PortAudio stream shares with Python, and what Python does with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtbeat.live import callback as layout
from rtbeat.live.callback import (
    ARRIVAL,
    FREE,
    HEADER,
    SLOT,
    UNIT_GAIN,
    Float32,
    Int64,
    place_click,
    read_ring,
    run_block,
)


class SharedAudio:
    """The memory that one PortAudio stream shares with Python.

    inputs, outputs : channels, 0 for none. sounds : float32 waves ``(n,)`` that can be played, at
    full scale 1. seconds, sample_rate : size of the ring.

    Thread: one thread reads, one thread (the same or another) plays. Realtime-safe: the methods
    allocate; what the callback does is safe.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        sounds: Sequence[Float32] = (),
        sample_rate: float = 48_000,
        seconds: float = 10.0,
        slots: int = 64,
        arrivals: int = 1024,
    ):
        ring = 2 * int(np.ceil(seconds * sample_rate))  # read up to half behind the writer
        longest = max((len(sound) for sound in sounds), default=0)
        sound_words = 1 + (longest + 1) // 2
        parts = (ring // 2, arrivals * ARRIVAL, slots * SLOT, len(sounds) * sound_words)
        starts = HEADER + np.concatenate(([0], np.cumsum(parts)))
        words = np.zeros(int(starts[-1]), np.int64)
        words[layout.SIZE] = len(words)
        words[layout.INPUTS], words[layout.OUTPUTS] = inputs, outputs
        words[layout.RING_AT], words[layout.RING_FRAMES] = starts[0], ring
        words[layout.ARRIVALS_AT], words[layout.ARRIVALS] = starts[1], arrivals
        words[layout.SLOTS_AT], words[layout.SLOTS] = starts[2], slots
        words[layout.SOUNDS_AT], words[layout.SOUND_WORDS], words[layout.SOUNDS] = (
            starts[3],
            sound_words,
            len(sounds),
        )
        words[starts[2] : starts[3] : SLOT] = FREE
        for i, sound in enumerate(sounds):
            at = int(starts[3]) + i * sound_words
            words[at] = len(sound)
            words[at + 1 : at + sound_words].view(np.float32)[: len(sound)] = sound
        self.words: Int64 = words
        self._read = 0  # frames read so far
        self._arrivals_read = 0
        self._warm_up()

    def _warm_up(self) -> None:
        """Compile or load what Python itself calls."""
        read_ring(self.words, 0, np.empty(0, np.float32))
        place_click(self.words, FREE, 0, 0)

    @property
    def address(self) -> int:
        """Of the block; it lives as long as this object."""
        return int(self.words.ctypes.data)

    @property
    def frames(self) -> int:
        """Frames that the callback has seen."""
        return int(self.words[layout.FRAMES])

    @property
    def xruns(self) -> tuple[int, int]:
        """Blocks before which input was lost, and output missing, by the driver's word."""
        return int(self.words[layout.OVERFLOWS]), int(self.words[layout.UNDERFLOWS])

    @property
    def late(self) -> int:
        """Clicks that came too late to be played."""
        return int(self.words[layout.LATE])

    @property
    def position(self) -> int:
        """Index of the next sample that :meth:`read` gives."""
        return self._read

    def read(self, most: int = 1 << 16) -> tuple[Float32, int]:
        """New input, float32 ``(n,)``, n up to ``most``, and how many frames before it were lost
        because nobody had read them in time. Never waits."""
        available = self.frames - self._read
        lost = max(0, available - int(self.words[layout.RING_FRAMES]) // 2)
        self._read += lost
        out = np.empty(min(available - lost, most), np.float32)
        if not read_ring(self.words, self._read, out):  # overtaken while reading
            behind = self.frames - self._read
            self._read += behind
            return np.empty(0, np.float32), lost + behind
        self._read += len(out)
        return out, lost

    def drop(self, frames: int) -> None:
        """Leave out the next ``frames`` of the input."""
        self._read += frames

    def arrivals(self) -> Int64:
        """Calls noted since the last time this was asked, int64 ``(n, 4)``: frames so far, host
        time, capture to call, call to ear; times in ns. Some are left out after a long pause."""
        calls, kept = int(self.words[layout.CALLBACKS]), int(self.words[layout.ARRIVALS])
        first = max(self._arrivals_read, calls - kept // 2)
        self._arrivals_read = calls
        at = int(self.words[layout.ARRIVALS_AT])
        table = self.words[at : at + kept * ARRIVAL].reshape(kept, ARRIVAL)
        return table[np.arange(first, calls) % kept]

    def play(self, index: int, sound: int, gain: float = 1.0) -> bool:
        """Play a sound from output frame ``index`` on; False where too many are waiting.

        Raises ``ValueError`` for a sound that is not there or an index below 0.
        """
        if not 0 <= sound < int(self.words[layout.SOUNDS]) or index < 0:
            raise ValueError(f"there is no sound {sound} or output frame {index}")
        return bool(place_click(self.words, index, sound, round(gain * UNIT_GAIN)))

    def cancel(self, after: int) -> None:
        """Take back the clicks that begin at output frame ``after`` or later. What the callback
        may already be playing cannot be: let ``after`` be a block or two ahead of ``frames``."""
        at, slots = int(self.words[layout.SLOTS_AT]), int(self.words[layout.SLOTS])
        starts = self.words[at : at + slots * SLOT : SLOT]
        starts[starts >= after] = FREE


def run(shared: SharedAudio, source: Float32, outputs: int, now: Sequence[float]) -> Float32:
    """What the callback does, called from Python: for tests and for input that is no device.

    source : float32 ``(frames, inputs)``. now : capture, call and play time, seconds. Returns
    float32 ``(frames, outputs)``.
    """
    frames = len(source)
    out: Float32 = np.zeros(frames * outputs, np.float32)
    flat: Any = np.ascontiguousarray(source, np.float32).reshape(-1)
    run_block(shared.words, flat, out, frames, np.asarray(now, np.float64), 0)
    return out.reshape(frames, outputs)
