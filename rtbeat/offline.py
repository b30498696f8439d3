"""Tracking a whole file or array at once.

A file is read block by block: of its sound no more than some seconds are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtbeat import options as check
from rtbeat.audio import AudioFile, require_sound
from rtbeat.beat import Beat, Beats, median_tempo
from rtbeat.decoder import OfflineDecoder
from rtbeat.features import FeatureStream, mixdown
from rtbeat.model import BeatModel
from rtbeat.search import search_beats
from rtbeat.tracker import BeatTracker
from rtbeat.viterbi import viterbi_beats

Float32 = NDArray[np.float32]
Progress = Callable[[float], None]

OFFLINE: dict[str, OfflineDecoder] = {"filter": viterbi_beats, "search": search_beats}
BLOCK_SECONDS = 5.0  # audio between two reports of progress
SHORTEST = 1.5  # seconds that commands ask of a song: one beat at the slowest tempo, 40 BPM
READ = 0.8  # share told when all has been read; the decoder is still to come


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

    source : path of an audio file, or samples ``(frames,)`` or ``(frames, channels)``. A file is
        never held whole: three hours take less than 600 MB.
    sample_rate : Hz, needed with an array.
    online : use the live engine, block by block, as :class:`rtbeat.BeatTracker` would; other
        keyword arguments are its options. Otherwise the whole song is heard before anything is
        decided.
    progress : called now and then with the share done, 0..1.

    Beats at or past the end are dropped. Raises ``rtbeat.AudioFileError`` for a file that cannot
    be read, ``ValueError`` or ``TypeError`` for a wrong argument.
    """
    if options and not online:
        raise TypeError(f"{', '.join(options)}: only with online=True")
    given: dict[str, Any] = {
        "model": model,
        "decoder": decoder,
        "tempo_range": tempo_range,
        "beats_per_bar": beats_per_bar,
        **options,
    }
    follow = _online if online else _offline
    report = progress or (lambda share: None)
    if isinstance(source, np.ndarray):
        if sample_rate is None:
            raise ValueError("sample_rate is missing; it is needed with an array of samples")
        return follow(_song_of_array(source, check.sample_rate(sample_rate)), given, report)
    with AudioFile(source) as audio:
        beats = follow(_song_of_file(audio), given, report)
        if audio.damaged and audio.rescue():
            beats = follow(_song_of_file(audio), given, report)
        require_sound(audio)
        return beats


@dataclass(frozen=True)
class _Song:
    """sample_rate : Hz. samples : their number, where it is known. blocks : mono float32
    ``(n,)``, some seconds each."""

    sample_rate: int
    samples: int | None
    blocks: Iterator[Float32]

    def share(self, heard: int) -> float:
        """Share of the song that so many samples are, 0..1; 0 where its length is not known."""
        return min(1.0, heard / self.samples) if self.samples else 0.0


def _song_of_array(samples: NDArray[Any], sample_rate: int) -> _Song:
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    check.block(samples[:0], channels)  # a wrong array is refused before a model is loaded
    step = int(BLOCK_SECONDS * sample_rate)
    blocks = (samples[start : start + step] for start in range(0, len(samples), step))
    mixed = (mixdown(check.block(block, channels), channels) for block in blocks)
    return _Song(sample_rate, len(samples), mixed)


def _song_of_file(audio: AudioFile) -> _Song:
    mixed = (mixdown(block, audio.channels) for block in audio.blocks())
    blocks = _joined(mixed, int(BLOCK_SECONDS * audio.sample_rate))
    return _Song(audio.sample_rate, audio.frames, blocks)


def _joined(blocks: Iterable[Float32], size: int) -> Iterator[Float32]:
    """The same samples in blocks of ``size``, the last one shorter: cut as an array's are."""
    parts: list[Float32] = []
    count = 0
    for block in blocks:
        parts.append(block)
        count += len(block)
        if count >= size:
            held = np.concatenate(parts)
            whole = count - count % size
            yield from np.split(held[:whole], whole // size)
            parts, count = [held[whole:]], count - whole
    if count:
        yield np.concatenate(parts)


def _online(song: _Song, options: dict[str, Any], report: Progress) -> Beats:
    """The live engine over the whole song."""
    tracker = BeatTracker(song.sample_rate, **options)
    beats: list[Beat] = []
    empty = np.zeros(0, np.float32)
    activation: list[Float32] = [empty]
    samples = hops = 0
    for block in song.blocks:
        beats += tracker.process(block)
        new, hops = tracker.hops - hops, tracker.hops
        activation.append(tracker.activations[-new:, 0].copy() if new else empty)
        samples += len(block)
        report(song.share(samples))
    report(1.0)
    duration = samples / song.sample_rate
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


def _offline(song: _Song, options: dict[str, Any], report: Progress) -> Beats:
    """Features and network over the whole song, then the decoder in both directions."""
    name = check.text("decoder", options["decoder"])
    if name not in OFFLINE:
        raise ValueError(f"decoder is {name!r}; offline it must be one of {', '.join(OFFLINE)}")
    tempo_range = check.tempo_range(options["tempo_range"])
    beats_per_bar = check.beats_per_bar(options["beats_per_bar"])
    model = BeatModel.load(options["model"])
    rate = model.config.features.frame_rate
    activations, samples = _activations(song, model, report)
    frames, numbers, confidences = OFFLINE[name](
        activations, frame_rate=rate, tempo_range=tempo_range, beats_per_bar=beats_per_bar
    )
    duration = samples / song.sample_rate
    times = (frames + model.config.offset) / rate
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
        sample_rate=song.sample_rate,
    )


def _activations(song: _Song, model: BeatModel, report: Progress) -> tuple[Float32, int]:
    """Activations ``(frames, heads)`` of a song, and how many samples it has."""
    stream = FeatureStream(model.config.features, song.sample_rate)
    piece = model.piece()
    samples = 0
    for block in song.blocks:
        piece.push(stream.process(block))
        samples += len(block)
        report(READ * song.share(samples))
    return piece.finish(), samples
