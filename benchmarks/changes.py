"""Conduct where music changes, pauses or is none: ``python -m benchmarks.changes``.

Pieces of known beats are made by :mod:`benchmarks.pieces` from seeds and played by FluidSynth: a
tempo step, another song, a break of eight bars, five seconds of silence. Sounds without a beat come
from :mod:`benchmarks.negatives`. Nothing but a soundfont (and espeak-ng for speech) is needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track as progress

import rtbeat
from benchmarks import negatives, scenes
from benchmarks.pieces import STYLES, Band, each_style
from benchmarks.recovery import beats_until_right, phase_error
from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.scenes import Scene
from training.render import SAMPLE_RATE

STEPS = {"step 100 to 130": (100.0, 130.0), "step 130 to 100": (130.0, 100.0)}
SOON = 4  # beats
NEAR = 0.035  # seconds
NEGATIVE_SECONDS = 60.0
NEGATIVE_SEEDS = 4


@dataclass(frozen=True, eq=False)
class Heard:
    """What the tracker gave out: times and tempi of the beats, float64 ``(n,)``; its state at the
    end of each 10 ms."""

    times: NDArray[np.float64]
    tempi: NDArray[np.float64]
    states: list[str]

    def states_between(self, start: float, stop: float) -> list[str]:
        """States from ``start`` to ``stop`` seconds, each once, in order of appearance."""
        return list(dict.fromkeys(self.states[round(start * 100) : round(stop * 100)]))


def listen(audio: NDArray[np.float32], options: dict[str, Any]) -> Heard:
    """A fresh tracker over the audio in blocks of 10 ms."""
    tracker = rtbeat.BeatTracker(SAMPLE_RATE, **options)
    beats, states = [], []
    block = SAMPLE_RATE // 100
    for start in range(0, len(audio), block):
        beats += tracker.process(audio[start : start + block])
        states.append(str(tracker.state))
    times, tempi = ([getattr(b, name) for b in beats] for name in ("time", "tempo"))
    return Heard(np.array(times, np.float64), np.array(tempi, np.float64), states)


def change(scene: Scene, heard: Heard) -> dict[str, Any]:
    """After a step or a cut: the number of the first of four right beats in a row."""
    return {"beats": beats_until_right(heard.times, heard.tempi, scene.beats, scene.start)}


def after_break(scene: Scene, heard: Heard) -> dict[str, Any]:
    """Milliseconds off at the first beat of the return and at most in its first bar."""
    first = int(np.searchsorted(scene.beats, scene.stop - 1e-3))
    errors = [1000.0 * phase_error(heard.times, beat) for beat in scene.beats[first : first + 4]]
    return {
        "phase": errors[0],
        "worst of the bar": max(errors, key=abs),
        "beats": beats_until_right(heard.times, heard.tempi, scene.beats, scene.stop),
        "states": heard.states_between(scene.start, scene.stop),
    }


def in_silence(scene: Scene, heard: Heard) -> dict[str, Any]:
    """State at the end, and beats given out per beat of the tempo before, in the silence."""
    period = float(np.diff(scene.beats).mean())
    inside = (heard.times > scene.start + 0.2) & (heard.times < scene.stop)
    share = float(inside.sum()) * period / (scene.stop - scene.start - 0.2)
    return {"state": heard.states[-1], "ticks per beat": share}


JUDGES = {"step": change, "another": change, "break": after_break, "5": in_silence}


def situations(count: int) -> Iterable[tuple[str, Scene]]:
    """Every scene by the name of its kind."""
    band, styles = Band(), list(STYLES)
    for style, seed in each_style(count):
        for name, tempi in STEPS.items():
            yield name, scenes.step(band, style, seed, *tempi)
        other = styles[(seed * 3 + 1) % len(styles)]
        yield "another song", scenes.other_song(band, style, other, seed)
        for kind in scenes.BREAKS:
            yield f"break, {kind}", scenes.with_break(band, style, seed, kind)
        yield "5 s of silence", scenes.sudden_silence(band, style, seed)


def measure(kind: str, scene: Scene, options: dict[str, Any]) -> dict[str, Any]:
    """One scene, measured as its kind asks."""
    heard = listen(scene.audio, options)
    judge = JUDGES[kind.split(",")[0].split(" ")[0]]
    return {"kind": kind, "piece": scene.name, **judge(scene, heard)}


def false_beats(options: dict[str, Any]) -> dict[str, list[float]]:
    """Beats a minute in each kind of sound that has none."""
    rates = {}
    for name, make in negatives.available().items():
        runs = [listen(make(NEGATIVE_SECONDS, seed), options) for seed in range(NEGATIVE_SEEDS)]
        rates[name] = [len(run.times) * 60.0 / NEGATIVE_SECONDS for run in runs]
    return rates


def _numbers(rows: Sequence[dict[str, Any]], key: str) -> NDArray[np.float64]:
    """A column; what never came about is infinite."""
    return np.array([np.inf if row[key] is None else row[key] for row in rows], np.float64)


def _share(hits: NDArray[np.bool_]) -> str:
    return f"{int(hits.sum())} of {len(hits)}"


def page(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in results["pieces"]:
        rows.setdefault(row["kind"], []).append(row)
    changes, breaks, silences = [], [], []
    for kind, found in rows.items():
        if "state" in found[0]:
            coasting = np.array([row["state"] == "COASTING" for row in found])
            ticks = np.median(_numbers(found, "ticks per beat"))
            silences.append((kind, _share(coasting), f"{ticks:.2f}"))
            continue
        beats = _numbers(found, "beats")
        if "phase" in found[0]:
            phase = np.abs(_numbers(found, "phase"))
            worst = np.abs(_numbers(found, "worst of the bar"))
            near = _share(phase <= 1000.0 * NEAR)
            breaks.append((kind, f"{np.median(phase):.1f}", f"{np.median(worst):.1f}", near))
        else:
            changes.append((kind, f"{np.median(beats):g}", _share(beats <= SOON)))
    noises = [(n, *(f"{rate:g}" for rate in r)) for n, r in results["false beats"].items()]
    return "\n".join(
        (
            heading("Changes, breaks and sounds without a beat", results),
            "Beats until right: the beat of the change is 0; right is within 70 ms and 4 % of "
            "the tempo for four beats in a row.\n",
            table(("change", "beats until right, median", f"within {SOON}"), changes),
            "Phase of the first beat after eight bars without the band, and the worst of the first "
            "four.\n",
            table(("break", "median ms", "median worst ms", f"within {NEAR * 1000:g} ms"), breaks),
            table(("silence", "COASTING at the end", "ticks per beat"), silences),
            f"Beats a minute in {NEGATIVE_SECONDS:g} s of each, four seeds.\n",
            table(("sound", *(str(seed) for seed in range(NEGATIVE_SEEDS))), noises),
        )
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0."""
    parser = argparse.ArgumentParser(prog="benchmarks.changes", description=__doc__)
    parser.add_argument("--pieces", type=int, default=20, help="pieces of each kind")
    parser.add_argument("--decoder", default="filter")
    parser.add_argument("--preset", help="dj, band or solo")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    args = parser.parse_args(argv)
    options = {"decoder": args.decoder, "preset": args.preset}
    console, total = Console(stderr=True), args.pieces * (len(STEPS) + len(scenes.BREAKS) + 2)
    todo = progress(situations(args.pieces), "pieces", total=total, console=console)
    results = {
        **provenance("default"),
        "options": options,
        "pieces": [measure(kind, scene, options) for kind, scene in todo],
        "false beats": false_beats(options),
    }
    text = page(results)
    write_results(args.out, "changes", results, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
