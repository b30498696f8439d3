"""Cost of the screen: ``python -m benchmarks.screen``.

The screen over a session without audio, ten pictures a second, into a pipe that a child process
reads, so that only the drawing counts. Results go to standard output,
``results/screen.json`` and ``results/screen.md``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks.report import RESULTS, heading, provenance, table, write_results
from benchmarks.tables import number
from rtbeat.live.fake import FakeSession
from rtbeat.live.keyboard import Keyboard
from rtbeat.live.screen_loop import RATE, perform

BUDGET = 2.0  # percent of a core
SIZES = ((40, 24), (80, 24), (132, 43))
COUNT = "import sys; print(sum(len(part) for part in iter(lambda: sys.stdin.buffer.read1(), b'')))"


def measure(width: int, height: int, seconds: float) -> dict[str, float]:
    """Share of a core in percent, and bytes a second that a terminal gets."""
    reader, writer = os.pipe()
    with (
        os.fdopen(reader, "rb") as source,
        subprocess.Popen(
            [sys.executable, "-c", COUNT], stdin=source, stdout=subprocess.PIPE, text=True
        ) as terminal,
    ):
        with os.fdopen(writer, "w", encoding="utf-8") as file:
            console = Console(
                file=file, width=width, height=height, force_terminal=True, color_system="truecolor"
            )
            end, cpu = time.perf_counter() + seconds, time.process_time()
            perform(FakeSession(), Keyboard(), console, running=lambda: time.perf_counter() < end)
            cpu = time.process_time() - cpu
        written = int(terminal.communicate()[0])
    shares = {"cpu": 100 * cpu / seconds, "bytes": written / seconds}
    return {"width": width, "height": height, **shares}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Cost of the screen.")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each size (default: 20)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    rows = [measure(*size, options.seconds) for size in SIZES]
    results = provenance() | {"rate": RATE, "seconds": options.seconds, "sizes": rows}
    header = ["terminal", "CPU %", "ms a picture", "bytes a second"]
    cells = [
        [
            f"{row['width']:.0f} x {row['height']:.0f}",
            number(row["cpu"], 2),
            number(10 * row["cpu"] / RATE, 2),
            number(row["bytes"], 0),
        ]
        for row in rows
    ]
    page = "\n".join([heading("Screen", results), table(header, cells)])
    worst = max(row["cpu"] for row in rows)
    verdict = "WITHIN" if worst <= BUDGET else "EXCEEDS"
    page += f"\nWorst {worst:.2f} % of a core, budget {BUDGET:g} %: {verdict} BUDGET\n"
    print(page)
    write_results(options.out, "screen", results, page)


if __name__ == "__main__":
    main()
