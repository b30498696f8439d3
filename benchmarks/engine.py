"""Running the tracker over a recording the way a host does: in blocks of 10 ms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rtbeat
from benchmarks.collections import Clip, DataError

BLOCK = 0.01  # seconds


@dataclass(frozen=True, eq=False)
class Run:
    """What a tracker gave out for one clip.

    duration : seconds of audio. times, confidences : float64 ``(n,)``. numbers : int64 ``(n,)``.
    announced_at : float64 ``(n,)`` stream times of an online run, else None.
    """

    duration: float
    times: NDArray[np.float64]
    numbers: NDArray[np.int64]
    confidences: NDArray[np.float64]
    announced_at: NDArray[np.float64] | None = None

    @property
    def events(self) -> NDArray[np.float64]:
        """float64 ``(n, 2)``: beat time, announced at. Online runs only."""
        return np.column_stack((self.times, self.announced_at))


Process = Callable[[NDArray[np.float32]], Iterable[rtbeat.Beat]]


def run_blocks(process: Process, audio: NDArray[np.float32], sample_rate: int) -> Run:
    """Feed float32 ``(frames, ...)`` in blocks of 10 ms and collect the beats.

    Beats announced for a time past the end of the audio are dropped, as in file mode.
    """
    beats: list[rtbeat.Beat] = []
    duration = len(audio) / sample_rate
    frames = round(BLOCK * sample_rate)
    for start in range(0, len(audio), frames):
        beats.extend(process(audio[start : start + frames]))
    kept = [beat for beat in beats if beat.time < duration]
    return Run(
        duration,
        np.array([beat.time for beat in kept], np.float64),
        np.array([beat.number for beat in kept], np.int64),
        np.array([beat.confidence for beat in kept], np.float64),
        np.array([beat.announced_at for beat in kept], np.float64),
    )


def read_mono(clip: Clip) -> tuple[NDArray[np.float32], int]:
    """The clip mixed to one channel, float32 ``(frames,)``, and its rate. Raises ``DataError``."""
    from rtbeat.audio import read_audio  # here, so that scoring needs no sound library

    try:
        audio, sample_rate = read_audio(clip.audio)
    except rtbeat.AudioFileError as error:
        raise DataError(f"{clip.audio}: {error}") from error
    return audio.mean(axis=1, dtype=np.float32), sample_rate


def run_samples(audio: NDArray[np.float32], sample_rate: int, options: dict[str, Any]) -> Run:
    """A fresh :class:`rtbeat.BeatTracker` over float32 ``(frames,)`` or ``(frames, channels)``."""
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    tracker = rtbeat.BeatTracker(sample_rate=sample_rate, channels=channels, **options)
    return run_blocks(tracker.process, audio, sample_rate)


def run_online(clip: Clip, options: dict[str, Any]) -> Run:
    """A fresh :class:`rtbeat.BeatTracker` over the whole clip, first seconds included."""
    from rtbeat.audio import read_audio

    audio, sample_rate = read_audio(clip.audio)
    return run_samples(audio, sample_rate, options)


def run_offline(clip: Clip, options: dict[str, Any]) -> Run:
    """:func:`rtbeat.track` over the whole file."""
    beats = rtbeat.track(clip.audio, **options)
    return Run(beats.duration, beats.times, beats.numbers, beats.confidences)
