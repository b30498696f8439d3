"""Doing one song: what is asked for, and what came of it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from typing import Any

from rtbeat.batch.songs import Song
from rtbeat.beat import Beats


@dataclass(frozen=True)
class Settings:
    """What is made of every song.

    out : absolute folder. formats : names of :data:`rtbeat.formats.FORMATS`. model : name or
    absolute path; model_hash : SHA-256 of its file. The others are options of :func:`rtbeat.track`.
    """

    out: str
    formats: tuple[str, ...]
    model: str
    model_hash: str
    decoder: str
    tempo_range: tuple[float, float]
    beats_per_bar: int | None

    def options(self) -> dict[str, Any]:
        """All that the results depend on besides the song, as plain values for JSON."""
        from rtbeat import __version__

        return {
            "formats": list(self.formats),
            "model": os.path.basename(self.model),
            "model_hash": self.model_hash,
            "decoder": self.decoder,
            "tempo_range": list(self.tempo_range),
            "beats_per_bar": self.beats_per_bar,
            "version": __version__,
        }

    def digest(self) -> str:
        """A short text that differs where :meth:`options` do."""
        text = json.dumps(self.options(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def targets(self, song: Song) -> list[str]:
        """Absolute paths of the files made of a song, in the order of the formats."""
        from rtbeat.formats import find

        suffixes = [find("", name).suffixes[0] for name in self.formats]
        return [os.path.join(self.out, *song.stem.split("/")) + suffix for suffix in suffixes]


@dataclass(frozen=True)
class Outcome:
    """What came of a song.

    status : "done", "unchanged" (done before, left as it is) or "failed". error : the reason, None
    unless failed. note : a warning. duration : seconds. tempo : BPM, None if not known. confidence
    : 0..1, mean over the beats, None without.
    """

    song: Song
    status: str
    duration: float | None = None
    tempo: float | None = None
    n_beats: int | None = None
    confidence: float | None = None
    error: str | None = None
    note: str | None = None


def failed(song: Song, error: str) -> Outcome:
    """The outcome of a song that gave nothing; ``error`` need not begin with its path."""
    return Outcome(song, "failed", error=error.removeprefix(f"{song.path}: "))


def do_song(song: Song, settings: Settings) -> tuple[Outcome, Beats | None]:
    """Track a song and write its files, each whole or not at all.

    Never raises for what is wrong with one song: the outcome tells. Thread: any, several at once.
    """
    from rtbeat.audio import AudioFileError

    try:
        beats = _tracked(song, settings)
        _write(beats, song, settings)
    except AudioFileError as error:
        return failed(song, str(error)), None
    except OSError as error:
        return failed(song, f"{error.filename or song.path}: {error.strerror or error}"), None
    except MemoryError:
        return failed(song, "not enough memory for a song of this length"), None
    except Exception as error:  # one song in a million must not end the run
        return failed(song, f"unexpected {type(error).__name__}: {error}"), None
    return _done(song, beats), beats


def _tracked(song: Song, settings: Settings) -> Beats:
    from rtbeat.audio import AudioFileError
    from rtbeat.offline import SHORTEST, track

    beats = track(
        song.path,
        model=settings.model,
        decoder=settings.decoder,
        tempo_range=settings.tempo_range,
        beats_per_bar=settings.beats_per_bar,
    )
    if beats.duration < SHORTEST:
        raise AudioFileError(f"too short ({beats.duration:.1f} s); {SHORTEST} s are needed")
    if not len(beats):
        raise AudioFileError(f"no beats found in {beats.duration:.1f} s of audio")
    return beats


def _write(beats: Beats, song: Song, settings: Settings) -> None:
    from rtbeat import formats

    for path, format in zip(settings.targets(song), settings.formats, strict=True):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        formats.write(beats, path, format)


def _done(song: Song, beats: Beats) -> Outcome:
    tempo = float(beats.tempo)
    return Outcome(
        song,
        "done",
        duration=float(beats.duration),
        tempo=tempo if math.isfinite(tempo) else None,
        n_beats=len(beats),
        confidence=float(beats.confidences.mean()),
    )
