"""Compose and synthesise the music bundled for ``rtbeat demo``, with its true beats.

    python -m training.demo_music [--out rtbeat/music]

Three pieces of under 20 s: a band groove with drums, a guitar piece without drums whose tempo
drifts, a waltz. Everything is drawn from fixed seeds, so the samples are the same on every run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from rtbeat.beat import Beats, median_tempo
from rtbeat.formats import write
from training import demo_synth as synth

START = 0.5  # seconds before the first beat
HUMAN = 0.003  # standard deviation of a player's timing, seconds


@dataclass(frozen=True)
class Note:
    """``beat`` and ``length`` in beats from the first; ``loudness`` 0..1."""

    play: synth.Instrument
    beat: float
    pitch: float
    length: float
    loudness: float


@dataclass(frozen=True)
class Score:
    """A piece: ``tempi`` gives ``(beat, BPM)`` corners, smoothly joined."""

    beats_per_bar: int
    beats: int
    tempi: tuple[tuple[float, float], ...]
    notes: tuple[Note, ...]
    room: float = 0.15

    def times(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Seconds of positions in beats (up to 8 past the end)."""
        grid = np.arange(0.0, self.beats + 8.0, 1.0 / 64.0)
        corners, tempi = np.array(self.tempi).T
        part = np.interp(grid, corners, np.arange(len(corners)))
        low = np.minimum(part.astype(int), max(0, len(corners) - 2))
        ease = 0.5 - 0.5 * np.cos(np.pi * (part - low))
        tempo = tempi[low] + ease * (tempi[np.minimum(low + 1, len(tempi) - 1)] - tempi[low])
        seconds = np.concatenate(([0.0], np.cumsum(60.0 / tempo / 64.0)[:-1]))
        return START + np.interp(at, grid, seconds)


def groove() -> Score:
    """Pop band at a steady 118 BPM: drums, bass, electric piano, lead."""
    roots = (45, 41, 48, 43)  # Am7 F C G
    chords = ((57, 60, 64, 67), (57, 60, 65, 69), (55, 60, 64, 67), (55, 59, 62, 67))
    notes: list[Note] = []
    for bar in range(8):
        start = 4.0 * bar
        notes += groove_drums(start, fill=bar in (3, 7))
        root = roots[bar % 4]
        line = (
            (0, 0, 0.9),
            (1.5, 0, 0.4),
            (2, 0, 0.45),
            (2.5, 7, 0.4),
            (3, 12, 0.4),
            (3.5, 7, 0.4),
        )
        for at, step, length in line:
            notes.append(Note(synth.bass, start + at, root - 12 + step, length, 0.5))
        for at, length, loud in ((0, 1.4, 0.2), (1.5, 0.4, 0.15), (2.5, 1.2, 0.17)):
            notes += chord(synth.electric_piano, start + at, chords[bar % 4], length, loud)
    melody = (
        (8, 76, 1), (9, 74, 0.5), (9.5, 72, 1), (10.5, 74, 0.5), (11, 76, 1),
        (12, 74, 1.5), (13.5, 71, 0.5), (14, 67, 1.5), (15.5, 69, 0.5),
        (16, 72, 1), (17, 76, 0.5), (17.5, 79, 1.5), (19, 76, 1), (20, 77, 1), (21, 76, 0.5),
        (21.5, 72, 1.5), (23.5, 74, 0.5), (24, 76, 1), (25, 79, 1), (26, 81, 0.5), (26.5, 79, 1),
        (27.5, 76, 0.5), (28, 74, 1), (29, 71, 1), (30, 74, 2),
    )  # fmt: skip
    notes += [Note(synth.reed, beat, pitch, 0.9 * length, 0.27) for beat, pitch, length in melody]
    notes += chord(synth.electric_piano, 32, (45, 57, 60, 64, 69), 4, 0.25)
    notes += [Note(synth.bass, 32, 33, 3, 0.55), Note(synth.kick, 32, 0, 1, 0.9)]
    notes += [Note(synth.hat, 32, 0, 0.25, 0.3), Note(synth.reed, 32, 76, 2.5, 0.27)]
    return Score(4, 33, ((0, 118), (40, 118)), tuple(notes))


def groove_drums(start: float, fill: bool) -> Iterator[Note]:
    """One bar of kick, snare and hi-hat, with a fill on its last beat or none."""
    for at, loud in ((0, 0.95), (1.5, 0.6), (2, 0.8)):
        yield Note(synth.kick, start + at, 0, 1, loud)
    for at, loud in ((1, 0.6), (3, 0.65)):
        yield Note(synth.snare, start + at, 0, 1, loud)
    for eighth in range(6 if fill else 8):
        loud = 0.22 if eighth % 2 == 0 else 0.13
        yield Note(synth.hat, start + eighth / 2, 0, 0.12 if eighth == 7 else 0.04, loud)
    if fill:
        for at, loud in ((3.25, 0.3), (3.5, 0.45), (3.75, 0.55)):
            yield Note(synth.snare, start + at, 0, 1, loud)


def drift() -> Score:
    """Fingerpicked guitar and electric piano, no drums: 84, up to 96, back to 88 BPM."""
    shapes = (
        (40, 52, 59, 64, 67), (48, 55, 60, 64, 67), (43, 50, 59, 62, 67), (50, 57, 62, 66, 69),
    )  # Em C G D  # fmt: skip
    # bass on the beats, thumb and fingers between: string, loudness on each eighth
    pattern = ((0, 0.75), (3, 0.4), (1, 0.6), (4, 0.45), (0, 0.65), (3, 0.4), (1, 0.6), (2, 0.4))
    notes: list[Note] = []
    for bar in range(7):
        shape = shapes[bar % 4]
        for eighth, (string, loud) in enumerate(pattern):
            at = 4.0 * bar + eighth / 2
            notes.append(Note(synth.pluck, at, shape[string], 1.6 if string < 2 else 1.1, loud))
            if eighth in (0, 4):  # pinched with the melody string
                notes.append(Note(synth.pluck, at, shape[4], 1.2, 0.45))
    melody = (
        (8, 71, 1.5), (9.5, 69, 0.5), (10, 67, 2), (12, 66, 1), (13, 69, 1), (14, 74, 2),
        (16, 76, 1), (17, 74, 0.5), (17.5, 71, 1.5), (19, 67, 1), (20, 72, 1.5), (21.5, 71, 0.5),
        (22, 67, 2), (24, 74, 1), (25, 71, 1), (26, 69, 1), (27, 67, 1),
    )  # fmt: skip
    notes += [
        Note(synth.electric_piano, beat, pitch, length, 0.4) for beat, pitch, length in melody
    ]
    notes += strum(28, (40, 47, 52, 55, 59, 64))
    return Score(
        4, 29, ((0, 84), (6, 84), (14, 96), (18, 96), (28, 88), (40, 88)), tuple(notes), 0.2
    )


def waltz() -> Score:
    """Three in a bar at 144 BPM: bass and guitar, a lead on top, no drums."""
    bars = (
        (48, (60, 64, 67)), (45, (60, 64, 69)), (50, (62, 65, 69)), (43, (59, 62, 67)),
        (48, (60, 64, 67)), (40, (59, 64, 67)), (41, (60, 65, 69)), (43, (59, 65, 67)),
        (45, (60, 64, 69)), (50, (60, 62, 66)), (43, (59, 62, 67)), (43, (59, 62, 65)),
    )  # fmt: skip
    notes: list[Note] = []
    for bar, (root, upper) in enumerate(bars):
        start = 3.0 * bar
        notes.append(Note(synth.bass, start, root - 12, 1.2, 0.6))
        for at, loud in ((1, 0.3), (2, 0.26)):
            notes += chord(synth.pluck, start + at, upper, 0.6, loud)
    melody = (
        (0, 79, 2), (2, 76, 1), (3, 72, 2), (5, 76, 1), (6, 77, 1), (7, 76, 1), (8, 74, 1),
        (9, 71, 3), (12, 79, 2), (14, 84, 1), (15, 83, 2), (17, 79, 1), (18, 81, 1), (19, 79, 1),
        (20, 77, 1), (21, 74, 3), (24, 76, 2), (26, 81, 1), (27, 78, 1.5), (28.5, 76, 0.5),
        (29, 74, 1), (30, 79, 2), (32, 77, 1), (33, 74, 1), (34, 71, 1), (35, 74, 1),
    )  # fmt: skip
    notes += [Note(synth.reed, beat, pitch, 0.9 * length, 0.3) for beat, pitch, length in melody]
    notes += [Note(synth.bass, 36, 36, 3, 0.6), Note(synth.reed, 36, 72, 2.5, 0.3)]
    notes += strum(36, (48, 55, 60, 64, 67))
    return Score(3, 37, ((0, 144), (48, 144)), tuple(notes), 0.2)


PIECES = {"groove": groove, "drift": drift, "waltz": waltz}


def chord(
    play: synth.Instrument, beat: float, pitches: tuple[int, ...], length: float, loudness: float
) -> list[Note]:
    """Several notes at once."""
    return [Note(play, beat, pitch, length, loudness) for pitch in pitches]


def strum(beat: float, pitches: tuple[int, ...]) -> list[Note]:
    """A last chord, from the lowest string up."""
    return [Note(synth.pluck, beat + 0.02 * k, pitch, 3.0, 0.5) for k, pitch in enumerate(pitches)]


def perform(score: Score, rng: np.random.Generator) -> NDArray[np.float32]:
    """Mono float32 ``(samples,)`` at ``SAMPLE_RATE``: played by hands, in a room."""
    rate = synth.SAMPLE_RATE
    seconds = float(score.times(np.array([score.beats + 1.5]))[0])
    dry = np.zeros(int(seconds * rate))
    for note in score.notes:
        start, stop = score.times(np.array([note.beat, note.beat + note.length]))
        start += rng.normal(0.0, HUMAN)
        wave = note.play(note.pitch, stop - start, rng) * note.loudness * rng.uniform(0.85, 1.1)
        first = round(start * rate)
        room = dry[first : first + len(wave)]
        room += wave[: len(room)]
    wet = synth.reverb(dry, 1.2, score.room, rng)
    fade = np.minimum(1.0, np.arange(len(wet), 0, -1) / (0.4 * rate))
    loud = np.tanh(1.2 * wet / np.abs(wet).max()) * fade  # soft limiting, as a mix would have
    return (0.9 * loud / np.abs(loud).max()).astype(np.float32)


def truth(score: Score, duration: float) -> Beats:
    """The beats that the score was played from."""
    times = score.times(np.arange(score.beats, dtype=np.float64))
    numbers = np.arange(score.beats) % score.beats_per_bar + 1
    return Beats(times, numbers, median_tempo(times), np.zeros(0, np.float32), duration)


def main() -> None:
    """Write every piece as ``NAME.ogg`` with its beats in ``NAME.beats``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("rtbeat/music"), help="folder")
    out: Path = parser.parse_args().out
    for seed, (name, compose) in enumerate(PIECES.items()):
        score = compose()
        audio = perform(score, np.random.default_rng(seed))
        soundfile.write(out / f"{name}.ogg", audio, synth.SAMPLE_RATE, compression_level=0.7)
        write(truth(score, len(audio) / synth.SAMPLE_RATE), out / f"{name}.beats")


if __name__ == "__main__":
    main()
