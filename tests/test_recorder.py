"""What a recording holds, and what becomes of it when the disk or the run fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.audio import AudioFile
from rtbeat.live import recorder as recorder_module
from rtbeat.live.clicks import ClickOptions
from rtbeat.live.controls import Control
from rtbeat.live.engine import BITS, EngineOptions
from rtbeat.live.events import Event
from rtbeat.live.recorder import Recorder, RecordingError
from rtbeat.live.recording import Step, read_recording

RATE = 8000
OPTIONS = EngineOptions(RATE, {"lead": 0.3, "tempo_range": [60, 180]}, ClickOptions(volume=0.5))
BEAT = Event(
    "beat",
    1 / 3,
    {
        "time": np.float64(0.1) * 3,
        "number": np.int64(2),
        "tempo": 120.37,
        "confidence": np.float32(0.7),
        "announced_at": 1 / 3,
    },
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "take" / "one"


def noise(frames, seed=0):
    return np.random.default_rng(seed).normal(0.0, 0.3, frames).astype(np.float32)


def heard(folder):
    """All samples of the audio, float32."""
    with AudioFile(folder / "audio.flac") as file:
        return np.concatenate([np.empty(0, np.float32), *(block[:, 0] for block in file.blocks())])


def rounded(samples):
    return np.round(np.clip(samples, -1.0, 1.0 - 1.0 / BITS).astype(np.float64) * BITS) / BITS


def test_audio_is_the_input_in_24_bits_and_lost_input_is_silence(folder):
    recorder = Recorder(folder, OPTIONS)
    first, second = noise(1234), 10.0 * noise(777, 1)  # the second is clipped
    recorder.samples(first)
    recorder.skip(500)
    recorder.samples(second)
    assert recorder.close(60.0)
    expected = np.concatenate([rounded(first), np.zeros(500), rounded(second)])
    np.testing.assert_array_equal(heard(folder), expected)
    assert soundfile.info(folder / "audio.flac").subtype == "PCM_24"


def test_what_is_no_number_is_silence(folder):
    recorder = Recorder(folder, OPTIONS)
    recorder.samples(np.array([0.5, np.nan, np.inf, -np.inf], np.float32))
    recorder.close(60.0)
    assert heard(folder).tolist() == [0.5, 0.0, 1.0 - 1.0 / BITS, -1.0]


def test_a_block_may_be_used_again_once_it_is_handed_over(folder):
    recorder, block = Recorder(folder, OPTIONS), np.full(100, 0.5, np.float32)
    recorder.samples(block)
    block[:] = 0.0
    recorder.close(60.0)
    assert (heard(folder) == 0.5).all()


def test_controls_losses_and_events_are_kept_in_order_with_all_digits(folder):
    recorder = Recorder(folder, OPTIONS)
    recorder.samples(noise(100))
    recorder.control(Control("tap", 0.1 + 0.2, "midi"))
    recorder.skip(50)
    recorder.control(Control("hold", None, "key"))
    recorder.event(BEAT)
    recorder.close(60.0)
    recording = read_recording(folder)
    assert recording.steps == (
        Step(100, Control("tap", 0.1 + 0.2, "midi")),
        Step(100, skip=50),
        Step(150, Control("hold", None, "key")),
    )
    assert recording.events == (BEAT,)
    assert recording.header.options == OPTIONS
    assert len(recording.header.model) == 64
    assert (recording.end, recording.reason) == (150, "")


def test_a_folder_with_a_recording_is_refused(folder):
    recorder = Recorder(folder, OPTIONS)
    recorder.samples(noise(100))
    recorder.close(60.0)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RecordingError, match="holds a recording already; give another folder"):
        Recorder(folder, OPTIONS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match="no folder for a recording"):
        Recorder(tmp_path / "file" / "take", OPTIONS)


def test_a_session_that_never_began_leaves_no_files(folder):
    recorder = Recorder(folder, OPTIONS)
    assert recorder.close(60.0)
    assert recorder.problem == ""
    assert list(folder.iterdir()) == []


def test_a_model_of_ones_own_is_found_from_any_folder(folder, tmp_path, monkeypatch):
    from rtbeat.model import BeatModel

    BeatModel.load().save(tmp_path / "mine.npz")
    monkeypatch.chdir(tmp_path)
    recorder = Recorder(folder, EngineOptions(RATE, {"model": "mine.npz"}))
    recorder.samples(noise(100))
    recorder.close(60.0)
    options = read_recording(folder).header.options
    assert options.tracker["model"] == str(tmp_path / "mine.npz")


# ---- what goes wrong ----

KILLED = """
import os, pathlib, signal, sys
import numpy as np
from rtbeat.live.engine import EngineOptions
from rtbeat.live.events import Event
from rtbeat.live.recorder import Recorder
recorder = Recorder(sys.argv[1], EngineOptions(8000))
for block in np.random.default_rng(0).normal(0.0, 0.3, 80_000).astype(np.float32).reshape(-1, 80):
    recorder.samples(block)
recorder.event(Event("note", 10.0, {"message": "the last"}))
lines = pathlib.Path(sys.argv[1], "session.jsonl")
while not lines.exists() or '"the last"' not in lines.read_text():
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_a_killed_run_leaves_all_lines_and_audio_but_for_its_end(folder):
    folder.mkdir(parents=True)
    done = subprocess.run([sys.executable, "-c", KILLED, folder], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    kept, given = heard(folder), noise(80_000)
    assert len(kept) > 80_000 - 3 * 4096  # FLAC is written in lumps
    np.testing.assert_array_equal(kept, rounded(given)[: len(kept)])
    recording = read_recording(folder)
    assert recording.end is None
    assert recording.events[-1].data["message"] == "the last"


def test_a_full_disk_ends_the_recording_and_nothing_else(folder):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        recorder = Recorder(folder, OPTIONS)
        for seed in range(30):
            recorder.samples(noise(RATE, seed))
        recorder.close(60.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "ends here: the disk is full" in recorder.problem
    recorder.samples(noise(RATE))
    recorder.control(Control("tap"))
    recorder.event(BEAT)  # all of these do nothing
    kept = heard(folder)
    assert RATE < len(kept) < 30 * RATE
    np.testing.assert_array_equal(kept[:RATE], rounded(noise(RATE)))
    assert read_recording(folder).end is None


def test_a_disk_too_slow_ends_the_recording_where_it_is(folder, monkeypatch):
    fast, slow = threading.Event(), recorder_module._new_lines

    def wait(path):
        fast.wait(60.0)
        return slow(path)

    monkeypatch.setattr(recorder_module, "_new_lines", wait)
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 100_000)
    recorder = Recorder(folder, OPTIONS)
    while not recorder.problem:
        recorder.samples(noise(1000))
        recorder.event(BEAT)
    recorder.samples(noise(1000))
    recorder.skip(1000)
    recorder.event(BEAT)
    assert "ends here: the disk is too slow" in recorder.problem
    fast.set()
    assert recorder.close(60.0)
    recording = read_recording(folder)
    assert recording.reason == "the disk is too slow"
    assert recording.end == len(heard(folder)) == 1000 * len(recording.events)
    assert 20_000 < recording.end < 30_000  # 4 bytes a sample


def test_closing_waits_no_longer_than_asked(folder, monkeypatch):
    fast, slow = threading.Event(), recorder_module._new_lines

    def wait(path):
        fast.wait(60.0)
        return slow(path)

    monkeypatch.setattr(recorder_module, "_new_lines", wait)
    recorder = Recorder(folder, OPTIONS)
    recorder.samples(noise(1000))
    assert not recorder.close(0.0)
    assert "too slow" in recorder.problem
    fast.set()
    recorder.close(60.0)


# ---- reading ----


def text_of(folder, change):
    """A recording of two events whose lines are changed."""
    recorder = Recorder(folder, OPTIONS)
    recorder.samples(noise(100))
    recorder.event(BEAT)
    recorder.event(BEAT)
    recorder.close(60.0)
    path = folder / "session.jsonl"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    return folder


@settings(deadline=None, max_examples=20)
@given(cut=st.integers(1, 250))
def test_a_last_line_cut_off_is_left_out(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("cut") / "take"
    whole = text_of(folder, lambda lines: lines)
    text = (whole / "session.jsonl").read_text()
    (whole / "session.jsonl").write_text(text[:-cut])
    recording = read_recording(whole)
    assert recording.events == (BEAT,) * len(recording.events)
    assert recording.end is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: [], "empty"),
        (lambda lines: ["text\n", *lines], "line 1: not of a recording"),
        (lambda lines: [*lines[:2], "[]\n"], "line 3: not of a recording"),
        (lambda lines: [*lines[:1], '{"event": "beat"}\n'], "line 2: .*'at' is missing"),
        (
            lambda lines: [json.dumps({**json.loads(lines[0]), "recording": 9}) + "\n"],
            "of format 9; this rtbeat reads 1",
        ),
    ],
)
def test_damage_is_told_with_file_and_line(folder, change, reason):
    with pytest.raises(RecordingError, match=reason):
        read_recording(text_of(folder, change))


def test_a_folder_without_a_recording(tmp_path):
    with pytest.raises(RecordingError, match="no recording here"):
        read_recording(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="POSIX file names are bytes")
def test_a_folder_whose_name_is_no_text(tmp_path):
    folder = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    recorder = Recorder(os.fsdecode(folder), OPTIONS)
    recorder.samples(noise(100))
    assert recorder.close(60.0)
    assert recorder.problem == ""
    assert sorted(os.listdir(folder)) == [b"audio.flac", b"session.jsonl"]
