"""Ten minutes of `rtbeat live` with its screen on: xruns, memory, CPU.

    python -m benchmarks.endurance [--minutes 10]

First a client that only passes its input through runs on a JACK server for as long, then
`rtbeat live` with clicks, MIDI clock and screen (in a pseudo terminal of 100 x 30). Xruns are those
that the server tells of in each; CPU is that of all threads and processes of rtbeat together,
memory the resident size of the same. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.jack_rig import Rig
from tests.jack_server import RATE, JackServer
from tests.music import drum_loop

RESULTS = Path(__file__).parent / "results"
TICKS = os.sysconf("SC_CLK_TCK")
SETTLED = 0.2  # share of the run after which memory is looked at first

PASS_THROUGH = """
import sys, time
import sounddevice as sd
index = next(i for i, d in enumerate(sd.query_devices()) if d["name"] == sys.argv[1])
def callback(indata, outdata, frames, times, status):
    outdata[:] = indata
with sd.Stream(device=(index, index), samplerate=48000, channels=1, callback=callback):
    time.sleep(float(sys.argv[2]))
"""


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [p for child in path.read_text().split() for p in family(int(child))]
    return found


def usage(pid: int) -> tuple[float, float]:
    """CPU seconds and resident megabytes of a process and all below it."""
    seconds = megabytes = 0.0
    for one in family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            seconds += (int(fields[11]) + int(fields[12])) / TICKS
            megabytes += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return seconds, megabytes


@contextlib.contextmanager
def in_terminal(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program with a terminal of 100 x 30 whose picture nobody looks at."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)

    def look_away() -> None:
        with contextlib.suppress(OSError):
            while os.read(master, 1 << 16):
                pass

    threading.Thread(target=look_away, daemon=True).start()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)
        process.kill()
        os.close(master)


def wait_for_input(rig: Rig, process: subprocess.Popen[bytes]) -> None:
    """Until the program listens to the rig."""
    until = time.monotonic() + 60.0
    while not rig.connected(f"{rig.name}:out_1"):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the program did not open its input")
        time.sleep(0.1)


def pass_through(seconds: float) -> int:
    """Xruns beside a client that only passes through."""
    with JackServer() as server, Rig(server.client("rig"), seconds=5) as rig:
        command = [sys.executable, "-c", PASS_THROUGH, rig.name, str(seconds + 3)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for_input(rig, process)
        rig.start(drum_loop(120.0, min(seconds, 600.0), RATE)[0])
        time.sleep(seconds)
        xruns = rig.xruns
        process.wait()
    return xruns


def live(seconds: float) -> dict[str, Any]:
    """The figures of `rtbeat live` with everything on."""
    with JackServer() as server, Rig(server.client("rig"), seconds=5) as rig:
        command = [
            sys.executable, "-m", "rtbeat", "live", "--input", rig.name, "--output", rig.name,
            "--host-api", "JACK", "--click", "--midi-api", "jack", "--midi-virtual", "clock",
        ]  # fmt: skip
        with in_terminal(command) as process:
            wait_for_input(rig, process)
            rig.start(drum_loop(120.0, min(seconds, 600.0) + 5.0, RATE)[0])
            time.sleep(SETTLED * seconds)
            begun, (cpu, memory) = time.monotonic(), usage(process.pid)
            sizes = [memory]
            while time.monotonic() - begun < (1.0 - SETTLED) * seconds:
                time.sleep(5.0)
                sizes.append(usage(process.pid)[1])
            share = (usage(process.pid)[0] - cpu) / (time.monotonic() - begun)
            return {
                "xruns": rig.xruns,
                "CPU, share of one core": round(share, 4),
                "memory at first, MB": round(float(np.median(sizes[:5])), 1),
                "memory at the end, MB": round(float(np.median(sizes[-5:])), 1),
                "processes": len(family(process.pid)),
            }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    args = parser.parse_args()
    seconds = 60.0 * args.minutes
    result = {"minutes": args.minutes, "xruns of a pass-through client": pass_through(seconds)}
    result |= live(seconds)
    (RESULTS / "endurance.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
