"""`rtbeat live` on a running audio server: from the sound played to the clicks and ticks recorded.

    python -m benchmarks.end_to_end [SONG ...] [--seconds 40]

A JACK server (jackd's dummy driver, 48 kHz, 1024 samples a period) and a rig stand in for the sound
card: the rig plays music into rtbeat's input and records its clicks and its MIDI clock, all by the
server's frame numbers. `rtbeat calibrate` measures the loop first. Without songs a drum loop of
120.37 BPM is played. Runs with xruns are repeated.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rtbeat
from rtbeat.audio import read_audio
from tests.jack_rig import Rig
from tests.jack_server import RATE, JackServer, without_xruns
from tests.music import drum_loop

Float32 = NDArray[np.float32]
RESULTS = Path(__file__).parent / "results"
CLOCK, START = b"\xf8", b"\xfa"
BETWEEN = 0.05  # seconds of silence between two clicks, at least
TEMPO = 120.37
PORT = "clock"
HOP = RATE // 50


@dataclass(frozen=True)
class Take:
    """What one run left behind.

    music : float32 as played. played_at : frame of its first sample. clicks : int64 frames at which
    clicks were heard. midi : ``(frame, bytes)``. events : of the JSON lines. input : as recorded by
    rtbeat. witness : BPM by ``jack_mclk_dump``, one a line.
    """

    music: Float32
    played_at: int
    clicks: NDArray[np.int64]
    midi: list[tuple[int, bytes]]
    events: list[dict[str, Any]]
    input: Float32
    witness: list[float]

    @property
    def beats(self) -> list[dict[str, Any]]:
        """The beats announced."""
        return [event for event in self.events if event["event"] == "beat"]

    @property
    def music_at(self) -> int:
        """Index in rtbeat's input of the music's first sample."""
        return int(np.argmax(self.input != 0.0) - np.argmax(self.music != 0.0))

    def frame_of(self, time: float) -> float:
        """Server's frame at which the input of stream time ``time`` was played by the rig."""
        return self.played_at - self.music_at + time * RATE


def program(*arguments: str) -> list[str]:
    """A command line of rtbeat."""
    return [sys.executable, "-m", "rtbeat", *arguments]


def calibrate(server: JackServer, settings: Path) -> float:
    """`rtbeat calibrate` through the rig, which plays back what it hears; seconds."""
    with Rig(server.client("rig"), feedback=0.8) as rig:
        device = ["--input", rig.name, "--output", rig.name, "--host-api", "JACK"]
        command = program("calibrate", *device, "--settings", str(settings), "--json")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"rtbeat calibrate failed: {done.stderr}")
    return float(json.loads(done.stdout.splitlines()[-1])["loop"])


def play(
    server: JackServer,
    music: Float32,
    settings: Path,
    *,
    api: str = "jack",
    extra: tuple[str, ...] = (),
) -> tuple[Take, int]:
    """One run of `rtbeat live` over ``music`` (float32, 48 kHz), and its xruns."""
    seconds = len(music) / RATE
    with (
        tempfile.TemporaryDirectory() as folder,
        Rig(server.client("rig"), seconds=seconds + 90) as rig,
    ):
        record = Path(folder) / "record"
        command = program(
            "live", "--input", rig.name, "--output", rig.name, "--host-api", "JACK", "--click",
            "--midi-api", api, "--midi-virtual", PORT, "--midi-notes", "--no-ui", "--json",
            "--settings", str(settings), "--record", str(record), "--headphones", *extra,
        )  # fmt: skip
        with open(Path(folder) / "lines", "w+") as lines, open(Path(folder) / "err", "w+") as err:
            process = subprocess.Popen(command, stdout=lines, stderr=err)
            try:
                witness = _connect(server, rig, process)
                rig.start(music)
                rig.wait()
            finally:
                process.terminate()  # SIGINT is ignored below a shell's background jobs
                process.wait(10.0)
                rig.stop()
            lines.seek(0)
            err.seek(0)
            events = [json.loads(line) for line in lines]
            if not events:
                raise RuntimeError(f"rtbeat live said nothing: {err.read()}")
        heard, _ = read_audio(sorted(record.glob("*.flac"))[0])
        take = Take(
            music,
            rig.played_at,
            _starts(rig.recorded) + (rig.origin or 0),
            rig.midi,
            events,
            heard[:, 0],
            _stop_witness(witness),
        )
        return take, rig.xruns + len(rig.gaps)


def _connect(server: JackServer, rig: Rig, process: subprocess.Popen[bytes]) -> Any:
    """Wait for rtbeat's ports and connect the recorder and the witness to its clock."""
    until = time.monotonic() + 60.0
    clocks: list[str] = []
    while not clocks:
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("rtbeat live did not open its MIDI port")
        time.sleep(0.1)
        clocks = [name for name in rig.ports() if PORT in name and rig.name not in name]
    rig.connect(clocks[0], f"{rig.name}:midi_in")
    witness = subprocess.Popen(
        ["stdbuf", "-oL", "jack_mclk_dump"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    rig.connect(clocks[0], "jack_mclk_dump:mclk_in")
    wanted = f"{rig.name}:out_1"
    until = time.monotonic() + 60.0
    while not rig.connected(wanted):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("rtbeat live did not open its input")
        time.sleep(0.1)
    time.sleep(1.0)
    return witness


def _stop_witness(witness: Any) -> list[float]:
    witness.send_signal(signal.SIGINT)
    try:
        output, _ = witness.communicate(timeout=3.0)
    except subprocess.TimeoutExpired:
        witness.kill()
        output, _ = witness.communicate()
    return [float(bpm) for bpm in re.findall(rb"flt:\s*([0-9.]+)", output)]


def _starts(recorded: Float32) -> NDArray[np.int64]:
    """Where something begins after silence."""
    sound = np.flatnonzero(recorded)
    if not len(sound):
        return np.empty(0, np.int64)
    return sound[np.concatenate(([True], np.diff(sound) > BETWEEN * RATE))]


def click_errors(take: Take, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each click from the nearest of ``times`` (stream time), seconds."""
    frames = np.array([take.frame_of(time) for time in times])
    clicks = take.clicks[take.clicks < take.frame_of(len(take.input) / RATE)]  # later ones have no
    nearest = np.abs(clicks[:, None] - frames[None, :]).argmin(axis=1)  # beat in a file
    return np.asarray((clicks - frames[nearest]) / RATE)


def ticks_between_beats(take: Take) -> list[int]:
    """MIDI clocks between each two notes of the beat, after Start."""
    stream = [message for _, message in take.midi]
    if START not in stream:
        return []
    counts, count = [], None
    for message in stream[stream.index(START) :]:
        if message[0] & 0xF0 == 0x90 and message[2] > 0:
            if count is not None:
                counts.append(count)
            count = 0
        elif message == CLOCK and count is not None:
            count += 1
    return counts


def tick_errors(take: Take) -> NDArray[np.float64]:
    """Seconds from an even spacing over each second of ticks: what a listener's tempo sees."""
    frames = np.array([frame for frame, message in take.midi if message == CLOCK], np.float64)
    if len(frames) < 96:
        return np.empty(0)
    steps = np.arange(48)
    errors = []
    for first in range(48, len(frames) - 48, 48):
        part = frames[first : first + 48]
        errors.append(part - np.polyval(np.polyfit(steps, part, 1), steps))
    return np.concatenate(errors) / RATE


def file_mode(audio: Float32, lead: float) -> NDArray[np.float64]:
    """Beats of `--online` file mode, seconds."""
    return rtbeat.track(audio, RATE, online=True, lead=lead).times


def summary(take: Take, lead: float) -> dict[str, Any]:
    """The figures of a run."""
    music_at = take.music_at
    heard = take.input[music_at : music_at + len(take.music)]
    played = np.clip(take.music, -1.0, 1.0 - 2.0**-23)[: len(heard)]  # as 24 bits hold it
    lost = len(take.music) - int((np.abs(heard - played) < 2e-7).sum())
    same_input = np.abs(click_errors(take, file_mode(take.input, lead))) * 1e3
    against_file = {}
    for name, silence in (("file", 0), ("file in the same frames", music_at % HOP)):
        padded = np.concatenate((np.zeros(silence, np.float32), take.music))
        beats = file_mode(padded, lead) + (music_at - silence) / RATE
        against_file[name] = np.abs(click_errors(take, beats)) * 1e3
    ticks = ticks_between_beats(take)
    return {
        "clicks": len(take.clicks),
        "beats announced": len(take.beats),
        "input samples lost": lost,
        "click error, recorded input, median ms": round(float(np.median(same_input)), 3),
        "click error, recorded input, p99 ms": round(float(np.quantile(same_input, 0.99)), 3),
        **{
            f"click error, {name}, {what} ms": round(float(np.quantile(errors, share)), 3)
            for name, errors in against_file.items()
            for what, share in (("median", 0.5), ("p99", 0.99))
        },
        "beats with 24 ticks": ticks.count(24),
        "beats with other counts": len(ticks) - ticks.count(24),
        "clock tempo, median BPM": round(float(np.median(take.witness[48:] or [0.0])), 3),
        "tick evenness, p99 ms": round(float(np.quantile(np.abs(tick_errors(take)), 0.99)), 3)
        if len(tick_errors(take))
        else None,
    }


def to_server_rate(path: Path, seconds: float) -> Float32:
    """A song as float32 mono at the server's rate."""
    import librosa

    audio, rate = read_audio(path)
    mono = audio.mean(axis=1)[: round(seconds * rate)]
    return np.asarray(librosa.resample(mono, orig_sr=rate, target_sr=RATE), np.float32)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("songs", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--lead", type=float, default=0.2)
    parser.add_argument("--apis", nargs="+", default=["jack", "jack-client"])
    args = parser.parse_args()
    pieces = {f"drum loop {TEMPO} BPM": drum_loop(TEMPO, args.seconds, RATE)[0]}
    pieces |= {path.stem: to_server_rate(path, args.seconds) for path in args.songs}
    rows = []
    with tempfile.TemporaryDirectory() as folder, JackServer() as server:
        settings = Path(folder) / "settings.toml"
        print(f"calibrated loop: {1e3 * calibrate(server, settings):.3f} ms")
        for name, music in pieces.items():
            for api in args.apis:
                take = without_xruns(lambda m=music, a=api: play(server, m, settings, api=a))
                rows.append({"music": name, "port": api, **summary(take, args.lead)})
                print(json.dumps(rows[-1]), flush=True)
    (RESULTS / "end_to_end.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
