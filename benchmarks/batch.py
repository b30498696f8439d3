"""Cost of whole files: ``python -m benchmarks.batch``.

CPU time of ``rtbeat.track`` on a file, decoding included (that of ffmpeg as well), and the peak of
memory; songs in one process, each long mix in one of its own, with the kernels loaded. CPU time and
not time on the clock, so that other work on the machine counts little. Results go to standard
output, ``results/batch.json`` and ``results/batch.md``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.speed import MUSIC, material, verdict
from benchmarks.tables import number

SPEED_BUDGET = 1.0  # percent of real time on one core: 100 times as fast
MEMORY_BUDGET = 600.0  # MB
SONGS = 1_000_000

Task = tuple[str, str, str, int]  # path, decoder, model, runs


def write_song(path: Path, source: Path | None, seconds: float) -> Path:
    """A stereo file of this length: a recording, or bundled music, again and again."""
    _, audio, rate = material(source, 60.0)
    left = round(seconds * rate)
    with soundfile.SoundFile(path, "w", rate, 2) as file:
        while left > 0:
            for start in range(0, min(left, len(audio)), rate):
                file.write(audio[start : min(start + rate, left)][:, [0, -1]])
            left -= min(left, len(audio))
    return path


def cpu_seconds() -> float:
    """CPU time of this process and of those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def peak_memory() -> float:
    """Most memory that this process has held, MB; nan where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def measure_all(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Each task after the other in this process, with the kernels loaded before."""
    import rtbeat

    for _, decoder, model, _ in tasks:
        rtbeat.track(min(MUSIC.glob("*.ogg")), decoder=decoder, model=model)
    return [measure(task) for task in tasks]


def measure(task: Task) -> dict[str, Any]:
    """CPU seconds (median of the runs), seconds of audio, most memory of the process so far."""
    import rtbeat

    path, decoder, model, runs = task
    seconds = []
    for _ in range(runs):
        start = cpu_seconds()
        beats = rtbeat.track(path, decoder=decoder, model=model)
        seconds.append(cpu_seconds() - start)
    cpu = statistics.median(seconds)
    return {
        "file": Path(path).suffix[1:],
        "decoder": decoder,
        "audio_s": beats.duration,
        "cpu_s": cpu,
        "times_real_time": beats.duration / cpu,
        "peak_mb": peak_memory(),
    }


def spawned(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """:func:`measure_all` in a new process, whose peak of memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure_all, (tasks,))


def make_files(folder: Path, options: argparse.Namespace) -> tuple[list[Path], Path]:
    """Songs of every kind, and the long mix."""
    seconds = 60.0 * options.minutes
    kinds = (".mp3", ".flac", ".ogg")
    songs = [write_song(folder / f"song{kind}", options.audio, seconds) for kind in kinds]
    program = shutil.which("ffmpeg")
    if program is not None:
        target = folder / "song.m4a"
        command = [program, "-v", "error", "-i", songs[1], "-c:a", "aac", target]
        if subprocess.run(command, check=False).returncode == 0:
            songs.append(target)
    return songs, write_song(folder / "mix.flac", options.audio, 3600.0 * options.hours)


def page_of(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    rows = [
        [run["file"], run["decoder"], number(run["audio_s"], 0), number(run["cpu_s"]),
         number(run["times_real_time"], 0), number(run["peak_mb"], 0)]
        for run in results["runs"]
    ]  # fmt: skip
    header = ["file", "decoder", "audio s", "CPU s", "x real time", "peak MB"]
    parts = [
        heading("Whole files", results),
        "CPU time of `rtbeat.track` on a stereo file at 44100 Hz, decoding included, in one "
        "process, and the most memory that this has held (songs share one).\n",
        table(header, rows),
        *(f"* {line}" for line in results["verdicts"]),
        f"* a million songs like the first: {results['million_songs_cpu_hours']:.0f} CPU hours",
    ]
    return "\n".join(parts) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; a budget that is exceeded is a result, not a failure."""
    parser = argparse.ArgumentParser(prog="benchmarks.batch", description=__doc__)
    add = parser.add_argument
    add("--audio", type=Path, help="a recording, default: bundled music")
    add("--minutes", type=float, default=4.0, help="length of a song")
    add("--hours", type=float, default=3.0, help="length of the mix")
    add("--runs", type=int, default=5, help="of each song; the median counts")
    add("--model", default="default", help="name or path of a model")
    add("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        songs, mix = make_files(Path(folder), options)
        tasks = [(str(song), "filter", options.model, options.runs) for song in songs]
        tasks += [(str(songs[0]), "search", options.model, options.runs)]
        runs = spawned(tasks)
        for name in ("filter", "search"):
            runs += spawned([(str(mix), name, options.model, 1)])
    slowest = max(100.0 / run["times_real_time"] for run in runs)
    largest = max(run["peak_mb"] for run in runs)
    results = provenance(options.model) | {"runs": runs}
    results["million_songs_cpu_hours"] = SONGS * runs[0]["cpu_s"] / 3600.0
    results["verdicts"] = [
        verdict("slowest", slowest, SPEED_BUDGET, "% of real time"),
        verdict("most memory", largest, MEMORY_BUDGET, "MB"),
    ]
    page = page_of(results)
    write_results(options.out, "batch", results, page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
