"""The programs in ``examples/`` run as they stand and do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

import rtbeat
from rtbeat.formats.beats_text import read
from rtbeat.live.osc_codec import encode
from rtbeat.model import BeatModel
from tests.music import drum_loop, loop_folder
from tests.needs import require

ROOT = Path(__file__).parent.parent
MUSIC = ROOT / "rtbeat" / "music"


def command(example: str, *arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "examples" / example), *map(str, arguments)]


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}


def run(folder: Path, example: str, *arguments: object) -> str:
    """Standard output of an example that ends well, run in ``folder``."""
    done = subprocess.run(
        command(example, *arguments), cwd=folder, env=environment(), capture_output=True,
        encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_in_the_table_that_the_readme_links_to():
    assert "(examples/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    assert listed == {path.name for path in (ROOT / "examples").glob("*.py")}


def test_track_and_plot_scores_both_ways_and_writes_a_plot(tmp_path):
    require("matplotlib", "pip install matplotlib")
    require("mir_eval", "pip install mir_eval")
    lines = run(tmp_path, "track_and_plot.py").splitlines()
    assert lines[0].startswith("offline: ")
    assert lines[1].startswith("as if live: ")
    assert all(float(line.rpartition(" F ")[2]) > 0.5 for line in lines[:2])
    assert (tmp_path / "track_and_plot.png").read_bytes().startswith(b"\x89PNG")


def test_daw_import_writes_a_tempo_map_and_clicks_on_the_beats(tmp_path):
    mido = require("mido", "pip install mido")
    out = run(tmp_path, "daw_import.py", MUSIC / "groove.ogg", tmp_path)
    assert "groove.mid" in out
    beats = rtbeat.track(MUSIC / "groove.ogg")
    now, notes = 0.0, []
    for message in mido.MidiFile(tmp_path / "groove.mid"):
        now += message.time
        if message.type == "note_on" and message.velocity:
            notes.append(now)
    np.testing.assert_allclose(notes, beats.times, atol=1e-4)
    with wave.open(str(tmp_path / "groove.click.wav")) as file:
        clicks = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        rate = file.getframerate()
    assert len(clicks) / rate == pytest.approx(beats.duration, abs=1 / rate)
    for beat in beats.times:
        at = round(beat * rate)
        assert not clicks[at - rate // 50 : at].any()
        assert clicks[at]


def test_daw_import_names_a_song_that_is_not_there(tmp_path):
    done = subprocess.run(
        command("daw_import.py", tmp_path / "none.wav"), env=environment(), capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "none.wav" in done.stderr
    assert "Traceback" not in done.stderr


def test_lights_light_up_on_each_beat_of_the_demo(tmp_path):
    require("pythonosc", "pip install python-osc")
    lines = run(tmp_path, "lights.py", "--port", 0, "--demo", 4.0).splitlines()
    times, numbers = read(MUSIC / "groove.beats")
    wanted = numbers[times <= 4.0].tolist()
    lamps = [line.split("BPM")[0].replace(" ", "") for line in lines if "BPM" in line]
    assert [line.index("●") + 1 for line in lamps] == wanted


def test_lights_follow_the_messages_of_rtbeat(tmp_path):
    """As `rtbeat live` sends them, encoded by it, for a waltz."""
    require("pythonosc", "pip install python-osc")
    import socket

    lights = subprocess.Popen(
        command("lights.py", "--port", 0), cwd=tmp_path, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        port = int(lights.stderr.readline().rpartition(":")[2])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for message in (
                encode("/rtbeat/state", ("LOCKED",)),
                encode("/rtbeat/phase", (0.5, 3)),
                encode("/rtbeat/beat", (2, 144.0, 0.9, 7)),
                encode("/rtbeat/state", ("LOST",)),
            ):
                sender.sendto(message, ("127.0.0.1", port))
                time.sleep(0.05)
        line = lights.stdout.readline()
        assert line.split() == ["○", "●", "○", "144.0", "BPM", "LOCKED", "sure", "0.90"]
        assert lights.stdout.readline().strip() == "LOST"
    finally:
        lights.kill()
        lights.communicate()


def test_train_on_my_songs_gives_a_model_that_tracks(tmp_path):
    require("torch", 'pip install ".[train]"')
    require("mir_eval", 'pip install ".[train]"')
    tempi = {f"song {k}": 90.0 + 5 * k for k in range(9)}
    songs = loop_folder(tmp_path / "songs", tempi, 8.0, 22_050)
    out = run(
        ROOT, "train_on_my_songs.py", songs, "--work", tmp_path / "work",
        "--out", tmp_path / "mine.npz", "--minutes", 0.05, "--from-nothing", "--",
        "--processes", 1, "--batch", 2, "--layers", 1, "--units", 4, "--inputs", 4,
    )  # fmt: skip
    assert "mean of" in out.splitlines()[-1]
    model = BeatModel.load(str(tmp_path / "mine.npz"))
    assert (model.config.layers, model.config.units) == (1, 4)
    samples, _ = drum_loop(100.0, 4.0, 22_050)
    assert rtbeat.track(samples, 22_050, model=str(tmp_path / "mine.npz")).duration == 4.0
