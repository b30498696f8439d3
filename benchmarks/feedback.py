"""Own clicks in the microphone: ``python -m benchmarks.feedback --data PATH``.

A closed loop: every beat that is announced makes a click, which a loudspeaker in a room adds to the
input that is still to come. Once removed by :class:`rtbeat.own_clicks.OwnClicks`, once not.

* The room: direct sound 30 ms after the beat, then noise that decays by 60 dB in 0.3 s, 6 dB under
  the direct sound in all (:func:`room`).
* Levels: ``peak`` is that of the direct sound of an accented click against the peak of the clip;
  ``rms`` its root mean square over its length against that of the clip.
* ``loop`` is by how much the loop is off its calibration.
* After the music: the clip is cut off after 15 s, silence follows. The tracker should not be kept
  LOCKED by its own clicks, nor brought back.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track as progress

import rtbeat
from benchmarks import metrics
from benchmarks.collections import Clip, DataError, read_collection, spread
from benchmarks.engine import read_mono
from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.uncertainty import bootstrap_interval
from rtbeat.click import click_sound
from rtbeat.own_clicks import OwnClicks

Float32 = NDArray[np.float32]

BLOCK = 0.01  # seconds
VOLUME = 0.7  # of the click as it is played; how loud it returns is another matter
MUSIC_SECONDS, AFTER_SECONDS = 15.0, 30.0  # of the runs in which the music stops
CPU_RATE, CPU_SECONDS, CPU_TEMPO = 48_000, 20.0, 120.0


@dataclass(frozen=True)
class Case:
    """How clicks return. ``level`` : dB below the music, by ``measure``; None = not at all."""

    level: float | None
    measure: str = "peak"
    loop: float = 0.0  # seconds
    removed: bool = True
    sound: str = "click"

    @property
    def name(self) -> str:
        """As in the tables."""
        if self.level is None:
            return "no clicks"
        off = f", loop {1000 * self.loop:+.0f} ms" if self.loop else ""
        sound = "" if self.sound == "click" else f", {self.sound}"
        return f"{self.level:+.0f} dB {self.measure}{off}{sound}"


CASES = (
    Case(None, removed=False),
    *(
        Case(level, measure, removed=removed)
        for level, measure in ((-6.0, "peak"), (-6.0, "rms"), (0.0, "peak"))
        for removed in (False, True)
    ),
    Case(-6.0, loop=-0.1),
    Case(-6.0, loop=0.1),
    Case(-6.0, sound="bell"),
)
STOPS = (
    Case(None, removed=False),
    Case(-6.0, removed=False),
    Case(-6.0),
    Case(0.0),
    Case(-6.0, sound="bell"),
)


def room(sample_rate: int, seed: int, delay: float = 0.03) -> NDArray[np.float64]:
    """Impulse response: 1 at ``delay`` seconds, then 0.35 s of decaying noise of power 1/4."""
    rng = np.random.default_rng(seed)
    start, length = round(delay * sample_rate), round(0.35 * sample_rate)
    tail = rng.standard_normal(length) * 10.0 ** (-3.0 * np.arange(length) / (0.3 * sample_rate))
    tail[: round(0.002 * sample_rate)] = 0.0
    response = np.concatenate((np.zeros(start), tail * 0.5 / np.sqrt((tail**2).sum())))
    response[start] = 1.0
    return response


def returning(wave: Float32, gain: float, response: NDArray[np.float64]) -> Float32:
    """The wave as it comes back."""
    size = len(wave) + len(response)
    echo = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(response, size), size)
    return (gain * echo).astype(np.float32)


def gain_of(case: Case, audio: Float32, accented: Float32) -> float:
    """Factor of the wave that gives the level of the case; 0 for no clicks."""
    if case.level is None:
        return 0.0
    measures = {"peak": lambda x: np.abs(x).max(), "rms": lambda x: np.sqrt(np.mean(x**2))}
    measure = measures[case.measure]
    return float(10.0 ** (case.level / 20.0) * measure(audio) / measure(accented))


def closed_loop(
    audio: Float32, sample_rate: int, case: Case, seed: int, options: dict[str, Any]
) -> tuple[list[rtbeat.Beat], list[rtbeat.tracker.State]]:
    """Mono float32 ``(n,)`` through tracker, speaker and room: beats, state of each block."""
    waves = {accent: click_sound(case.sound, sample_rate, accent) for accent in (False, True)}
    gain, response = gain_of(case, audio, waves[True]), room(sample_rate, seed)
    echoes = {accent: returning(wave, gain, response) for accent, wave in waves.items()}
    tracker = rtbeat.BeatTracker(sample_rate=sample_rate, **options)
    remover = OwnClicks(sample_rate) if case.removed else None
    heard = np.concatenate((audio, np.zeros(2 * sample_rate, np.float32)))
    frames = round(BLOCK * sample_rate)
    beats, states = [], []
    for start in range(0, len(audio), frames):
        stop = min(start + frames, len(audio))
        block = heard[start:stop]
        for beat in tracker.process(block if remover is None else remover.process(block)):
            beats.append(beat)
            accent = beat.number == 1
            if remover is not None:
                remover.play(beat.time, waves[accent] * np.float32(VOLUME))
            first = round((beat.time + case.loop) * sample_rate)
            skip = max(0, stop - first)  # what would have been heard already
            echo = echoes[accent][skip : len(heard) - first]
            heard[first + skip : first + skip + len(echo)] += echo
        states.append(tracker.state)
    return beats, states


def score_case(clip: Clip, case: Case, seed: int, options: dict[str, Any]) -> dict[str, float]:
    """F and F@25 of a clip, percent."""
    audio, sample_rate = read_mono(clip)
    beats, _ = closed_loop(audio, sample_rate, case, seed, options)
    times = [beat.time for beat in beats if beat.time < len(audio) / sample_rate]
    return {
        "F": 100.0 * metrics.f_measure(times, clip.beats),
        "F@25": 100.0 * metrics.f_measure(times, clip.beats, window=0.025),
    }


def score_stop(clip: Clip, case: Case, seed: int, options: dict[str, Any]) -> dict[str, float]:
    """After the music has stopped: seconds in LOCKED, and whether it is LOCKED at the end."""
    audio, sample_rate = read_mono(clip)
    audio = audio[: round(MUSIC_SECONDS * sample_rate)]
    blocks = round(len(audio) / sample_rate / BLOCK)
    silence = np.zeros(round(AFTER_SECONDS * sample_rate), np.float32)
    _, states = closed_loop(np.concatenate((audio, silence)), sample_rate, case, seed, options)
    locked = np.array([state is rtbeat.tracker.State.LOCKED for state in states[blocks:]])
    return {"locked_s": float(locked.sum() * BLOCK), "locked_at_end": 100.0 * float(locked[-1])}


def cpu_share() -> float:
    """Percent of a core that the removal costs: 48 kHz, blocks of 10 ms, a click every 0.5 s."""
    remover, wave = OwnClicks(CPU_RATE), click_sound("click", CPU_RATE)
    noise = np.random.default_rng(0).standard_normal(round(BLOCK * CPU_RATE)).astype(np.float32)
    blocks, period = round(CPU_SECONDS / BLOCK), round(60.0 / CPU_TEMPO / BLOCK)
    began = time.process_time()
    for index in range(blocks):
        if index % period == 0:
            remover.play(index * BLOCK + 0.2, wave)
        remover.process(noise)
    return 100.0 * (time.process_time() - began) / CPU_SECONDS


def summary(rows: list[dict[str, float]], without: list[dict[str, float]]) -> dict[str, Any]:
    """Means, and the change of the first score against the same clips without clicks, with its
    95 % interval."""
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    first = next(iter(means))
    changes = [row[first] - base[first] for row, base in zip(rows, without, strict=True)]
    low, high = bootstrap_interval(changes)
    return {"mean": means, "change": float(np.mean(changes)), "interval": [low, high]}


def row(case: str, found: dict[str, Any]) -> list[str]:
    """A line of a table."""
    low, high = found["interval"]
    change = f"{found['change']:+.1f} ({low:+.1f} to {high:+.1f})"
    return [case, *(f"{mean:.1f}" for mean in found["mean"].values()), change]


def page(results: dict[str, Any]) -> str:
    """The tables as Markdown."""
    parts = [heading("Own clicks in the microphone", results), (__doc__ or "").partition("\n\n")[2]]
    parts.append(f"Removal takes {results['cpu_percent']:.2f} % of a core (48 kHz, 120 BPM).\n")
    for name, found in results["sets"].items():
        parts.append(f"## {name}, {found['clips']} clips\n")
        for title, unit in (
            ("music", "music, percent"),
            ("after", "after the music, s and percent"),
        ):
            columns = next(iter(found[title].values()))["mean"]
            header = [unit, *columns, "change of the first (95 %)"]
            parts.append(table(header, [row(*item) for item in found[title].items()]))
    return "\n".join(parts)


def run(clips: Sequence[Clip], options: dict[str, Any]) -> dict[str, Any]:
    """Every case over the clips of one set."""
    found: dict[str, Any] = {"clips": len(clips), "music": {}, "after": {}}
    console = Console(stderr=True)
    for title, cases, scorer in (("music", CASES, score_case), ("after", STOPS, score_stop)):
        without: list[dict[str, float]] = []
        for case in cases:
            label = case.name + (", removed" if case.removed else "")
            shown = progress(clips, label, console=console)
            rows = [scorer(clip, case, seed, options) for seed, clip in enumerate(shown)]
            without = without or rows  # the first case has no clicks
            found[title][label] = summary(rows, without)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 data that cannot be used."""
    parser = argparse.ArgumentParser(prog="benchmarks.feedback", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets")
    parser.add_argument("--sets", nargs="+", default=["test_spcup", "test_gtzan"])
    parser.add_argument("--limit", type=int, help="at most N clips a set", metavar="N")
    parser.add_argument("--model", default="default", help="name or path of a model")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    args = parser.parse_args(argv)
    try:
        sets = {}
        for name in args.sets:
            clips = spread(read_collection(args.data / name), args.limit)
            sets[name] = run(clips, {"model": args.model})
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    results = {**provenance(args.model), "cpu_percent": cpu_share(), "sets": sets}
    text = page(results)
    write_results(args.out, "feedback", results, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
