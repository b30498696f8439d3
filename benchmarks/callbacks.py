"""Three ways to be called by PortAudio, with an interpreter that is busy.

    python -m benchmarks.callbacks [--seconds 20] [--periods 256 1024]

* ``compiled``: rtbeat's own, machine code without the interpreter (rtbeat/live/callback.py)
* ``python``: a Python function, as sounddevice calls it
* ``rtmixer``: the C callback of python-rtmixer, where it is installed

Each runs in a process of its own beside a thread that holds the interpreter lock for 4 ms at a
time; a JACK server (jackd's dummy driver) and a rig in this process feed it a ramp and record its
clicks, one every half second. Reported: xruns that the server told of, input samples missing,
clicks lost, and the most by which a click is away from its sample.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
RATE = 48_000
SPACING = RATE // 2  # samples between clicks
RESULTS = Path(__file__).parent / "results"
CLICK = np.array([0.9, 0.5, 0.25], np.float32)


def hold_the_interpreter() -> None:
    """A thread that keeps the lock for about 4 ms, fifty times a second, as careless kernels do."""

    def burn() -> None:
        total = sum(range(150_000))
        assert total

    def loop() -> None:
        sys.setswitchinterval(0.05)
        while True:
            burn()
            time.sleep(0.016)

    threading.Thread(target=loop, daemon=True).start()


def _device(name: str) -> int:
    import sounddevice as sd

    for index, device in enumerate(sd.query_devices()):
        if device["name"] == name:
            return index
    raise SystemExit(f"no audio device {name}")


def run_compiled(device: int, until: Callable[[], bool]) -> Float32:
    """rtbeat's stream. Returns the input."""
    from rtbeat.live.audio import AudioStream

    stream = AudioStream(device, device, RATE, output_channels=1, sounds=[CLICK])
    shared, parts, next_click = stream.ports[0].shared, [], SPACING
    while until():
        parts.append(shared.read()[0])
        if shared.frames > next_click - SPACING // 2:
            shared.play(next_click, 0)
            next_click += SPACING
        time.sleep(0.005)
    stream.close()
    return np.concatenate(parts)


def run_python(device: int, until: Callable[[], bool]) -> Float32:
    """A callback in Python that does the same. Returns the input."""
    import sounddevice as sd

    tape = np.zeros(RATE * 600, np.float32)
    position = 0

    def callback(indata: Float32, outdata: Float32, frames: int, times: Any, status: Any) -> None:
        nonlocal position
        tape[position : position + frames] = indata[:, 0]
        outdata[:] = 0.0
        start = -position % SPACING
        if start < frames:
            wave = CLICK[: frames - start]
            outdata[start : start + len(wave), 0] = wave
        position += frames

    with sd.Stream(device=(device, device), samplerate=RATE, channels=1, callback=callback):
        while until():
            time.sleep(0.005)
    return tape[:position]


def run_rtmixer(device: int, until: Callable[[], bool]) -> Float32:
    """python-rtmixer, clicks by its own stream time. Returns the input."""
    import rtmixer

    with rtmixer.MixerAndRecorder(
        device=(device, device), samplerate=RATE, channels=1, latency="low"
    ) as stream:
        ring = rtmixer.RingBuffer(4, 1 << 20)
        stream.record_ringbuffer(ring)
        parts, click = [], np.ascontiguousarray(CLICK[:, None])
        next_time = stream.time + 1.0
        while until():
            count, first, second = ring.get_read_buffers(ring.read_available)
            parts.append(np.frombuffer(bytes(first) + bytes(second), np.float32))
            ring.advance_read_index(count)
            if stream.time > next_time - 0.25:
                stream.play_buffer(click, channels=1, start=next_time)
                next_time += 0.5
            time.sleep(0.005)
    return np.concatenate(parts)


RUNNERS = {"compiled": run_compiled, "python": run_python, "rtmixer": run_rtmixer}


def child(kind: str, device: str, seconds: float) -> None:
    """The process under test: tells what input it got."""
    index = _device(device)
    hold_the_interpreter()
    begun = time.monotonic()
    heard = RUNNERS[kind](index, lambda: time.monotonic() - begun < seconds)
    steps = np.rint(np.diff(heard.astype(np.float64)) * RATE).astype(int) % RATE
    music = np.flatnonzero(steps == 1)
    inside = steps[music[0] : music[-1] + 1] if len(music) else np.zeros(0, int)
    lost = int(((inside - 1) % RATE).sum())
    print(json.dumps({"frames": len(heard), "lost": lost}))


def measure(kind: str, seconds: float, period: int) -> dict[str, Any]:
    """One run of one kind."""
    from tests import jack_server
    from tests.jack_rig import Rig

    jack_server.PERIOD = period
    with jack_server.JackServer() as server:
        rig = Rig(server.client("rig"), seconds=seconds + 20)
        ramp = np.tile(np.arange(RATE, dtype=np.float32) / RATE, int(seconds + 10))
        rig.start(ramp)
        command = [sys.executable, "-m", "benchmarks.callbacks", "--child", kind]
        command += ["--device", rig.name, "--seconds", str(seconds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        recorded, xruns = rig.recorded, rig.xruns
        rig.stop()
        rig.close()
    told = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}
    clicks = np.flatnonzero(recorded > 0.8)
    spacing = np.diff(clicks)
    away = np.abs((spacing + SPACING // 2) % SPACING - SPACING // 2)
    return {
        "callback": kind,
        "period": period,
        "xruns": xruns,
        "input lost (samples)": told.get("lost"),
        "clicks": len(clicks),
        "clicks lost": int((np.rint(spacing / SPACING) - 1).clip(0).sum()),
        "click off its sample, most (samples)": int(away.max(initial=0)),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--periods", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--child", choices=RUNNERS, help=argparse.SUPPRESS)
    parser.add_argument("--device", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.device, args.seconds)
        return
    kinds = [k for k in RUNNERS if k != "rtmixer" or importlib.util.find_spec("rtmixer")]
    rows = [measure(kind, args.seconds, period) for period in args.periods for kind in kinds]
    (RESULTS / "callbacks.json").write_text(json.dumps(rows, indent=1) + "\n")
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *[[str(row[key]) for key in head] for row in rows]]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    (RESULTS / "callbacks.md").write_text(f"{args.seconds:g} s each.\n\n{table}")
    print(table)


if __name__ == "__main__":
    main()
