"""Other beat trackers, run here on the same clips as rtbeat: librosa, aubio, essentia.

Each is run as it comes, with the settings its makers chose, and only where it is installed.

* librosa: ``librosa.beat.beat_track`` (D. Ellis, "Beat tracking by dynamic programming", JNMR
  36(1), 2007), at 22,050 Hz, to which ``librosa.load`` brings everything. Offline.
* aubio: ``aubio.tempo`` (M. Davies, M. Plumbley, "Context-dependent beat tracking of musical
  audio", IEEE TASLP 15(3), 2007), online, fed hop by hop; a beat is announced at the end of the hop
  that reports it. ``aubio+extrap`` makes it speak ahead, as ``X+extrap`` of ``peers.json``.
* essentia: ``RhythmExtractor2013``, method multifeature (J. Zapata, M. Davies, E. Gomez,
  "Multi-feature beat tracking", IEEE/ACM TASLP 22(4), 2014), at 44,100 Hz, its rate. Offline.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.collections import Clip
from benchmarks.engine import Run, read_mono
from benchmarks.scores import ClipScores, by_group, score

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LIBROSA_RATE = 22_050
ESSENTIA_RATE = 44_100
AUBIO_HOP, AUBIO_RATE = 512, 44_100  # its defaults; the window is two hops


@dataclass(frozen=True)
class Peer:
    """A tracker that may be installed.

    module : what has to import. install : how to get it. run : mono float32 ``(n,)`` and its rate
    -> beat times, and of an online tracker the times they were announced at, else None; seconds.
    """

    module: str
    install: str
    run: Callable[[Float32, int], tuple[Float64, Float64 | None]]


@dataclass(frozen=True)
class Task:
    """One clip by one peer of ``PEERS``."""

    clip: Clip
    peer: str


def run_librosa(audio: Float32, sample_rate: int) -> tuple[Float64, None]:
    """Beats of the whole clip."""
    import librosa

    audio = librosa.resample(audio, orig_sr=sample_rate, target_sr=LIBROSA_RATE)
    _, times = librosa.beat.beat_track(y=audio, sr=LIBROSA_RATE, units="time")
    return np.asarray(times, np.float64), None


def aubio_hop(sample_rate: int) -> int:
    """The power of two that lasts most nearly as long as aubio's hop at 44,100 Hz."""
    return 2 ** round(np.log2(AUBIO_HOP * sample_rate / AUBIO_RATE))


def run_aubio(audio: Float32, sample_rate: int) -> tuple[Float64, Float64]:
    """Beats as they come, hop by hop."""
    import aubio

    hop = aubio_hop(sample_rate)
    tempo = aubio.tempo("default", 2 * hop, hop, sample_rate)
    events = []
    for start in range(0, len(audio) - hop + 1, hop):
        if tempo(audio[start : start + hop])[0]:
            events.append((tempo.get_last_s(), (start + hop) / sample_rate))
    beats = np.array(events, np.float64).reshape(-1, 2)
    return beats[:, 0], beats[:, 1]


def extrapolate(times: Float64, announced_at: Float64) -> tuple[Float64, Float64]:
    """Each beat of a tracker that speaks late as the announcement of its next: this one plus the
    median of the last four intervals, announced with this one. The first beat has none before."""
    steps = [np.median(np.diff(times[max(0, k - 4) : k + 1])) for k in range(1, len(times))]
    return times[1:] + np.array(steps, np.float64), announced_at[1:]


def run_aubio_ahead(audio: Float32, sample_rate: int) -> tuple[Float64, Float64]:
    """aubio's next beats."""
    return extrapolate(*run_aubio(audio, sample_rate))


def run_essentia(audio: Float32, sample_rate: int) -> tuple[Float64, None]:
    """Beats of the whole clip."""
    import essentia

    essentia.log.infoActive = False  # it tells on standard error what it lacks
    from essentia.standard import Resample, RhythmExtractor2013

    if sample_rate != ESSENTIA_RATE:
        resample = Resample(inputSampleRate=sample_rate, outputSampleRate=ESSENTIA_RATE)
        audio = resample(audio)
    return np.asarray(RhythmExtractor2013(method="multifeature")(audio)[1], np.float64), None


PEERS = {
    "librosa": Peer("librosa", 'pip install "rtbeat[bench]"', run_librosa),
    "aubio": Peer("aubio", "pip install aubio", run_aubio),
    "aubio+extrap": Peer("aubio", "pip install aubio", run_aubio_ahead),
    "essentia": Peer("essentia", "pip install essentia", run_essentia),
}


def available(peers: dict[str, Peer]) -> tuple[list[str], list[str]]:
    """Names of the peers that import, and a line on each module that does not."""
    names, missing = [], {}
    for name, peer in peers.items():
        try:
            importlib.import_module(peer.module)
        except ImportError as error:
            missing[peer.module] = f"{peer.module} is not measured ({error}): {peer.install}"
        else:
            names.append(name)
    return names, list(missing.values())


def make_tasks(clips: Sequence[Clip], names: Sequence[str]) -> list[Task]:
    """Every clip by every peer."""
    return [Task(clip, name) for name in names for clip in clips]


def label(name: str) -> str:
    """Name of a peer in the tables, beside those of ``peers.json``."""
    return f"{name} (measured)"


def run_task(task: Task) -> ClipScores:
    """Run and score a peer on a clip. Raises ``DataError`` for audio that cannot be read."""
    audio, sample_rate = read_mono(task.clip)
    duration = len(audio) / sample_rate
    times, announced_at = PEERS[task.peer].run(audio, sample_rate)
    inside = times < duration
    told = None if announced_at is None else announced_at[inside]
    numbers, confidences = np.zeros(inside.sum(), np.int64), np.zeros(inside.sum())
    run = Run(duration, times[inside], numbers, confidences, told)
    scores = score(run, task.clip, label(task.peer))
    return replace(scores, values=scores.values | {"downF": float("nan")})  # none tells bars


def results(clips: Sequence[ClipScores]) -> dict[str, Any]:
    """``versions``: of each library that was run. ``sets``: as of
    :func:`benchmarks.scores.by_group`, without a calibration of confidences, which peers have not.
    """
    sets = by_group(clips)
    for systems in sets.values():
        for summary in systems.values():
            for part in (summary, *summary.get("genres", {}).values()):
                del part["calibration_error"]
    run = {peer.module for name, peer in PEERS.items() if label(name) in {c.system for c in clips}}
    return {"versions": {m: importlib.metadata.version(m) for m in sorted(run)}, "sets": sets}
