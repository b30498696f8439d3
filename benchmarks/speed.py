"""Cost of the engine: ``python -m benchmarks.speed``.

Results go to standard output, ``results/speed.json`` and ``results/speed.md``. Run it on an
otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rtbeat
from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.stages import STAGES, StageClock, instrumented
from benchmarks.tables import number, percent
from rtbeat.features import frame_end

FRAME_RATE = 50.0
HOP_BUDGET_MS = 2.0  # median
SHARE_BUDGET = 0.11  # of real time, one core
MUSIC = Path(rtbeat.__file__).parent / "music"

Audio = NDArray[np.float32]


def noise(seconds: float, sample_rate: int = 44_100) -> Audio:
    """Seeded noise in bursts, two a second, float32 ``(frames, 1)``."""
    time_axis = np.arange(round(seconds * sample_rate)) / sample_rate
    bursts = np.exp(-20.0 * (time_axis % 0.5))
    samples = np.random.default_rng(0).standard_normal(len(time_axis)) * bursts * 0.1
    return samples.astype(np.float32)[:, None]


def material(path: Path | None, seconds: float) -> tuple[str, Audio, int]:
    """Name, float32 ``(frames, channels)`` of exactly ``seconds``, sample rate: the file asked
    for, else the first bundled piece, else noise."""
    bundled = sorted(MUSIC.glob("*.ogg"))
    source = path or (bundled[0] if bundled else None)
    if source is None:
        return "noise", noise(seconds), 44_100
    from rtbeat.audio import read_audio

    audio, sample_rate = read_audio(source)
    return (
        source.name,
        np.resize(audio, (round(seconds * sample_rate), audio.shape[1])),
        sample_rate,
    )


def hops(audio: Audio, sample_rate: int) -> Iterator[Audio]:
    """The audio cut so that every block completes one hop."""
    start, index = 0, 0
    while (end := frame_end(index, sample_rate, FRAME_RATE)) <= len(audio):
        yield audio[start:end]
        start, index = end, index + 1


def time_hops(process: Callable[[Audio], Any], blocks: Sequence[Audio]) -> NDArray[np.float64]:
    """Seconds that each block took, float64 ``(blocks,)``."""
    marks = [time.perf_counter()]
    for block in blocks:
        process(block)
        marks.append(time.perf_counter())
    return np.diff(marks)


def percentiles(seconds: NDArray[np.float64]) -> dict[str, float]:
    """p50, p95, p99 and max in ms."""
    p50, p95, p99 = 1000.0 * np.percentile(seconds, [50, 95, 99])
    return {"p50": p50, "p95": p95, "p99": p99, "max": 1000.0 * float(seconds.max())}


def shares(seconds: dict[str, float], total: float) -> dict[str, float]:
    """Share of each stage in ``total`` seconds; what no stage claims is the rest."""
    result = {stage: seconds.get(stage, 0.0) / total for stage in STAGES}
    return result | {"rest": 1.0 - sum(result.values())}


def measure(audio: Audio, sample_rate: int, options: dict[str, Any]) -> dict[str, Any]:
    """Hop times and share of real time of one run, share of each stage from a second one."""
    blocks = list(hops(audio, sample_rate))

    def tracker() -> rtbeat.BeatTracker:
        return rtbeat.BeatTracker(sample_rate=sample_rate, channels=audio.shape[1], **options)

    time_hops(tracker().process, blocks[:100])  # compiled, caches filled
    process = tracker().process
    cpu = time.process_time()
    seconds = time_hops(process, blocks)
    cpu = time.process_time() - cpu
    clock = StageClock()
    with instrumented(clock):
        total = float(time_hops(tracker().process, blocks).sum())
    return {
        "hops": len(blocks),
        "hop_ms": percentiles(seconds),
        "share_of_real_time": cpu / (len(blocks) / FRAME_RATE),
        "stage_share": shares(clock.seconds, total),
    }


def start_times(audio: Audio, sample_rate: int) -> dict[str, float]:
    """Seconds that ``rtbeat file`` takes for ten seconds of audio: cold with every kernel yet to
    be compiled, warm straight after. nan where the command fails (what it says is shown)."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        soundfile.write(song, audio[: 10 * sample_rate], sample_rate)
        environment = os.environ | {"NUMBA_CACHE_DIR": str(Path(folder) / "kernels")}
        # the package of this checkout, wherever the command is run
        paths = [str(MUSIC.parent.parent), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        code = "import sys; from rtbeat.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "file", str(song)]
        times = {}
        for name in ("cold", "warm"):
            begin = time.perf_counter()
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
            times[name] = time.perf_counter() - begin
            if done.returncode != 0:
                print(done.stderr.decode(errors="replace"), file=sys.stderr)
                times[name] = float("nan")
    return times


def verdict(what: str, value: float, budget: float, unit: str) -> str:
    """One line: the figure, the budget, whether it is kept."""
    word = "WITHIN" if value <= budget else "EXCEEDS"
    return f"{what}: {value:.2f} {unit}, budget {budget:g} {unit}: {word} BUDGET"


def page_of(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    rows = [
        [name, *(number(value) for value in run["hop_ms"].values())]
        + [percent(run["share_of_real_time"])]
        + [percent(value) for value in run["stage_share"].values()]
        for name, run in results["decoders"].items()
    ]
    hop = [f"{name} ms" for name in ("p50", "p95", "p99", "max")]
    stages = [f"{stage} %" for stage in (*STAGES, "rest")]
    parts = [
        heading("Speed", results),
        f"{results['material']}, {results['seconds']:g} s at {results['sample_rate']} Hz; cost of "
        "one hop of 20 ms, CPU time of the whole engine as percent of real time, and the share "
        "of each stage in it.\n",
        table(["decoder", *hop, "real time %", *stages], rows),
        *(f"* {line}" for line in results["verdicts"]),
        f"* `rtbeat file` on ten seconds of audio: cold {number(results['start_s']['cold'], 1)} s "
        f"(kernels compiled), warm {number(results['start_s']['warm'], 1)} s",
    ]
    return "\n".join(parts) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; a budget that is exceeded is a result, not a failure."""
    parser = argparse.ArgumentParser(prog="benchmarks.speed", description=__doc__)
    add = parser.add_argument
    add("--audio", type=Path, help="a recording, default: bundled music")
    add("--seconds", type=float, default=60.0, help="length; shorter material is repeated")
    add("--decoder", choices=("filter", "search", "both"), default="both")
    add("--model", default="default", help="name or path of a model")
    add("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(argv)
    name, audio, sample_rate = material(options.audio, options.seconds)
    results = provenance(options.model) | {"material": name, "seconds": options.seconds}
    results |= {"sample_rate": sample_rate, "decoders": {}, "verdicts": []}
    for decoder in ("filter", "search") if options.decoder == "both" else (options.decoder,):
        chosen = {"decoder": decoder, "model": options.model}
        run = results["decoders"][decoder] = measure(audio, sample_rate, chosen)
        share = 100 * run["share_of_real_time"]
        results["verdicts"] += [
            verdict(f"{decoder}, hop median", run["hop_ms"]["p50"], HOP_BUDGET_MS, "ms"),
            verdict(f"{decoder}, share of real time", share, 100 * SHARE_BUDGET, "%"),
        ]
    results["start_s"] = start_times(audio, sample_rate)
    page = page_of(results)
    write_results(options.out, "speed", results, page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
