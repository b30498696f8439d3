"""Random windows of music with their targets, drawn from shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rtbeat.features import FeatureConfig
from training import negatives
from training.clicks import click_times, click_track
from training.shards import FLOOR, RENDERED, Excerpt, read_shard, source_of, to_log

VALIDATION_SHARE = 0.15
SILENT_SHARE = 0.03  # windows without music, so that silence and noise are known not to be beats
# Log-normal weight of an excerpt's tempo (BPM, octaves). Rhythm games prefer songs, or readings of
# them, at 150 BPM and more; without it the network learns to double the tempo of all real music.
TEMPO_CENTRE, TEMPO_WIDTH = 105.0, 0.45
TAPPED = frozenset({"train_gtzan", "ballroom"})  # by people, whose tempi stay as they are
OVERLAY_SHARE = 0.15  # windows of music that talk, a crowd or noise is laid over
CLICKS_SHARE = 0.1  # windows of music that are heard together with the tracker's own clicks
CUT_SHARE = 0.12  # windows in which other music takes over, so that an old tempo is soon left
TAUGHT_SHARE = 0.5  # of a target that a teacher tells, where there is one
HALF_WIDTH = 1.5  # frames over which a target falls from 1 to 0 around a beat
CONFIG = FeatureConfig()

Mel = NDArray[np.float16]


@dataclass
class Batch:
    """Log mel power ``(batch, frames, bands)`` float16 and targets ``(batch, frames, 2)`` float32;
    ``bars_known`` ``(batch,)``: whether the downbeat targets mean anything."""

    mel: NDArray[np.float16]
    targets: NDArray[np.float32]
    bars_known: NDArray[np.bool_]


def keeps_out(group: str) -> bool:
    """Whether a group (song, chart pack) is kept out of training, for validation."""
    return crc32(group.encode()) % 1000 < VALIDATION_SHARE * 1000


def is_validation(excerpt: Excerpt) -> bool:
    """Whether the excerpt's whole group is kept out of training."""
    return keeps_out(excerpt.group)


def taught_file(shard: Path) -> Path:
    """Where that lies which a teacher hears in a shard."""
    return shard.parent.parent / "taught" / f"{shard.stem}.npy"


def read_taught_shard(path: Path) -> list[Excerpt]:
    """All excerpts of a shard, with what a teacher hears in them where it has been written.

    Raises ``ValueError`` where it was written of another shard of that name.
    """
    excerpts = read_shard(path)
    file = taught_file(path)
    if file.exists():
        taught = np.load(file, allow_pickle=False)
        ends = np.cumsum([len(e.mel) for e in excerpts])
        if len(taught) != ends[-1]:
            raise ValueError(f"{file} is not of {path}; delete it and run training.teach again")
        for excerpt, end in zip(excerpts, ends, strict=True):
            excerpt.taught = taught[end - len(excerpt.mel) : end]
    return excerpts


def load_sources(
    folder: Path, validation: bool, most: int | None, all_songs: bool = False
) -> dict[str, list[Excerpt]]:
    """Excerpts by source (shard name up to the last dash), of one side of the split.

    Rendered pieces are not split by group: the first three of their shards are kept for validation.
    ``most`` limits the number of rendered shards. all_songs : no song is kept out of training.
    """
    sources: dict[str, list[Excerpt]] = {}
    for path in sorted(folder.glob("*.npz")):
        source = source_of(path)
        rendered = source == RENDERED
        if rendered:
            number = int(path.stem.rsplit("-", 1)[1])
            if (number < 3) != validation or (most is not None and number >= most):
                continue
        for excerpt in read_shard(path) if validation else read_taught_shard(path):
            everything = rendered or (all_songs and not validation)
            if everything or is_validation(excerpt) == validation:
                sources.setdefault(source, []).append(excerpt)
    return sources


def targets(excerpt: Excerpt, start: int, frames: int) -> NDArray[np.float32]:
    """Beat and downbeat targets ``(frames, 2)`` of a window; triangles around each beat."""
    centre = start + np.arange(frames) + 0.5
    low, high = np.searchsorted(excerpt.beats, [start - 2.0, start + frames + 2.0])
    out = np.zeros((frames, 2), np.float32)
    for beat, number in zip(excerpt.beats[low:high], excerpt.numbers[low:high], strict=True):
        shape = np.maximum(0.0, 1.0 - np.abs(centre - beat) / HALF_WIDTH)
        out[:, 0] = np.maximum(out[:, 0], shape)
        if number == 1:
            out[:, 1] = np.maximum(out[:, 1], shape)
    return out


def tempo_weight(excerpt: Excerpt, frame_rate: float = 50.0) -> float:
    """How often an excerpt of its tempo is drawn, 0..1."""
    if len(excerpt.beats) < 2:
        return 1.0
    tempo = 60.0 * frame_rate / float(np.median(np.diff(excerpt.beats)))
    return float(np.exp(-0.5 * (np.log2(tempo / TEMPO_CENTRE) / TEMPO_WIDTH) ** 2))


def overlay(mel: Mel, power: NDArray[np.float32], decibels: float) -> Mel:
    """Log mel power of music with something else added, its mean ``decibels`` under the music's."""
    music = np.exp(mel.astype(np.float32))
    gain = music.mean() / (power.mean() + FLOOR) * 10.0 ** (-decibels / 10.0)
    return to_log(music + gain * power)


class Sampler:
    """Draws batches of windows; each source has its share, each excerpt counts by its length and
    mostly the weight of its tempo. ``disturbed``: with talk, noise and clicks over some of the
    music, and with cuts to other music."""

    def __init__(
        self,
        sources: dict[str, list[Excerpt]],
        shares: dict[str, float],
        seed: list[int],
        disturbed: bool = False,
    ):
        self._disturbed = disturbed
        self._rng = np.random.default_rng(seed)
        self._sources = [sources[name] for name in sorted(sources)]
        weights = np.array([shares.get(name, 1.0) for name in sorted(sources)])
        self._shares = weights / weights.sum()
        self._over = sources.get(negatives.SOURCE, [])
        self._weights = []
        for name, excerpts in sorted(sources.items()):
            weights = np.array([e.labelled[1] - e.labelled[0] for e in excerpts], float)
            if name not in TAPPED:
                weights *= [tempo_weight(e) for e in excerpts]
            self._weights.append(weights / weights.sum())

    def draw(self, size: int, frames: int) -> Batch:
        """``size`` windows of ``frames`` frames with random right edges. Music shorter than the
        window begins after silence."""
        items = [self._window(frames) for _ in range(size)]
        return Batch(
            np.stack([mel for mel, _, _ in items]),
            np.stack([target for _, target, _ in items]),
            np.array([known for _, _, known in items]),
        )

    def _window(self, frames: int) -> tuple[Mel, NDArray[np.float32], bool]:
        mel, target, known = self._piece(frames)
        if self._disturbed and self._rng.random() < CUT_SHARE:
            other, later, both = self._piece(frames)
            cut = int(frames * self._rng.uniform(0.2, 0.9))
            mel[cut:], target[cut:] = other[cut:], later[cut:]
            known = known and both
        return mel, target, known

    def _piece(self, frames: int) -> tuple[Mel, NDArray[np.float32], bool]:
        """A window of one excerpt, at times with something over it, or of silence."""
        if self._rng.random() < SILENT_SHARE:
            bands = self._sources[0][0].mel.shape[1]
            silence = np.full((frames, bands), np.log(FLOOR), np.float16)
            return silence, np.zeros((frames, 2), np.float32), True
        source = self._rng.choice(len(self._sources), p=self._shares)
        excerpt = self._sources[source][
            self._rng.choice(len(self._weights[source]), p=self._weights[source])
        ]
        mel, target, heard = self._cut(excerpt, frames)
        if self._disturbed and len(excerpt.beats):
            mel = self._disturb(mel, target)
        if heard is not None:
            target += TAUGHT_SHARE * (heard - target)
        return mel, target, bool((excerpt.numbers > 0).all())

    def _cut(
        self, excerpt: Excerpt, frames: int
    ) -> tuple[Mel, NDArray[np.float32], NDArray[np.float32] | None]:
        """A window of an excerpt, its targets by its beats and by its teacher."""
        low, high = excerpt.labelled
        stop = int(self._rng.integers(min(high, low + frames), high + 1))
        start = max(low, stop - frames)
        mel = np.full((frames, excerpt.mel.shape[1]), np.log(FLOOR), np.float16)
        mel[frames - (stop - start) :] = excerpt.mel[start:stop]
        target = targets(excerpt, stop - frames, frames)
        target[: frames - (stop - start)] = 0.0
        if excerpt.taught is None:
            return mel, target, None
        heard = np.zeros_like(target)
        heard[frames - (stop - start) :] = excerpt.taught[start:stop]
        return mel, target, heard

    def _disturb(self, mel: Mel, target: NDArray[np.float32]) -> Mel:
        """At times something over the music that has nothing to do with its beats."""
        chance = self._rng.random()
        if chance < OVERLAY_SHARE and self._over:
            other = self._over[self._rng.integers(len(self._over))]
            over, _, _ = self._cut(other, len(mel))
            return overlay(mel, np.exp(over.astype(np.float32)), self._rng.uniform(0.0, 25.0))
        if OVERLAY_SHARE <= chance < OVERLAY_SHARE + CLICKS_SHARE:
            beats = np.flatnonzero(target[:, 0] > 0.6) + 0.5
            times = click_times(beats, len(mel), CONFIG.frame_rate, self._rng)
            clicks = click_track(times, len(mel), CONFIG, self._rng)
            return overlay(mel, clicks, self._rng.uniform(-5.0, 20.0))
        return mel
