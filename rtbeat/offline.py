"""Tracking a whole file or array at once."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtbeat import options as check
from rtbeat.audio import read_audio
from rtbeat.beat import Beat, Beats, median_tempo
from rtbeat.decoder import OfflineDecoder
from rtbeat.features import FeatureStream, mixdown
from rtbeat.model import BeatModel
from rtbeat.search import search_beats
from rtbeat.tracker import BeatTracker
from rtbeat.viterbi import viterbi_beats

Progress = Callable[[float], None]

OFFLINE: dict[str, OfflineDecoder] = {"filter": viterbi_beats, "search": search_beats}
BLOCK_SECONDS = 5.0  # audio between two reports of progress


def track(
    source: str | PathLike[str] | NDArray[Any],
    sample_rate: int | None = None,
    *,
    online: bool = False,
    model: str | PathLike[str] = "default",
    decoder: str = "filter",
    tempo_range: tuple[float, float] = (40.0, 240.0),
    beats_per_bar: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Beats:
    """All beats of a song.

    source : path of an audio file, or samples ``(frames,)`` or ``(frames, channels)``.
    sample_rate : Hz, needed with an array.
    online : use the live engine, block by block, as :class:`rtbeat.BeatTracker` would; other
        keyword arguments are its options. Otherwise the whole song is heard before anything is
        decided.
    progress : called now and then with the share done, 0..1.

    Beats at or past the end are dropped. Raises ``rtbeat.AudioFileError`` for a file that cannot
    be read, ``ValueError`` or ``TypeError`` for a wrong argument.
    """
    if isinstance(source, np.ndarray):
        if sample_rate is None:
            raise ValueError("sample_rate is missing; it is needed with an array of samples")
        samples, rate = source, check.sample_rate(sample_rate)
    else:
        samples, rate = read_audio(source)
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    samples = check.block(samples, channels)
    report = progress or (lambda share: None)
    shared: dict[str, Any] = {
        "model": model,
        "decoder": decoder,
        "tempo_range": tempo_range,
        "beats_per_bar": beats_per_bar,
    }
    if online:
        tracker = BeatTracker(rate, channels, **shared, **options)
        return _online(tracker, samples, report)
    if options:
        raise TypeError(f"{', '.join(options)}: only with online=True")
    return _offline(samples, rate, shared, report)


def _online(tracker: BeatTracker, samples: NDArray[np.float32], report: Progress) -> Beats:
    """The live engine over the whole song."""
    beats: list[Beat] = []
    empty = np.zeros(0, np.float32)
    activation: list[NDArray[np.float32]] = [empty]
    step = int(BLOCK_SECONDS * tracker.sample_rate)
    hops = 0
    for start in range(0, len(samples), step):
        beats += tracker.process(samples[start : start + step])
        new, hops = tracker.hops - hops, tracker.hops
        activation.append(tracker.activations[-new:, 0].copy() if new else empty)
        report(min(1.0, (start + step) / len(samples)))
    duration = len(samples) / tracker.sample_rate
    beats = [beat for beat in beats if 0.0 <= beat.time < duration]
    times = np.array([beat.time for beat in beats])
    return Beats(
        times=times,
        numbers=np.array([beat.number for beat in beats], np.int64),
        tempo=median_tempo(times),
        activation=np.concatenate(activation),
        duration=duration,
        frame_rate=tracker.frame_rate,
        confidences=np.array([beat.confidence for beat in beats]),
        announced_at=np.array([beat.announced_at for beat in beats]),
        sample_rate=tracker.sample_rate,
    )


def _offline(
    samples: NDArray[np.float32], sample_rate: int, options: dict[str, Any], report: Progress
) -> Beats:
    """Features and network over the whole song, then the decoder in both directions."""
    name = check.text("decoder", options["decoder"])
    if name not in OFFLINE:
        raise ValueError(f"decoder is {name!r}; offline it must be one of {', '.join(OFFLINE)}")
    model = BeatModel.load(options["model"])
    config = model.config
    rate = config.features.frame_rate
    stream = FeatureStream(config.features, sample_rate)
    step = int(BLOCK_SECONDS * sample_rate)
    parts = []
    for start in range(0, len(samples), step):
        block = samples[start : start + step]
        parts.append(stream.process(mixdown(block, 1 if block.ndim == 1 else block.shape[1])))
        report(0.4 * min(1.0, (start + step) / len(samples)))
    features = np.concatenate(parts) if parts else np.zeros((0, config.features.size), np.float32)
    activations = model.activations(features)
    report(0.8)
    frames, numbers, confidences = OFFLINE[name](
        activations,
        frame_rate=rate,
        tempo_range=check.tempo_range(options["tempo_range"]),
        beats_per_bar=check.beats_per_bar(options["beats_per_bar"]),
    )
    duration = len(samples) / sample_rate
    times = (frames + config.offset) / rate
    inside = (times >= 0.0) & (times < duration)
    report(1.0)
    return Beats(
        times=times[inside],
        numbers=numbers[inside],
        tempo=median_tempo(times[inside]),
        activation=activations[:, 0].copy(),
        duration=duration,
        frame_rate=rate,
        confidences=confidences[inside],
        sample_rate=sample_rate,
    )
