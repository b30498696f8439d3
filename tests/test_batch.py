"""``rtbeat batch`` on this machine: files, resuming, failures, and what is printed where."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

import rtbeat
from rtbeat.batch import local
from rtbeat.cli import main
from tests.libraries import deadly_ffmpeg, library, settings, songs, tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.npz")


@pytest.fixture
def batch(tmp_path, model, monkeypatch, capfd):
    """Run ``rtbeat batch`` in a folder -> exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words, jobs=1):
        common = ["--model", str(model), "--jobs", str(jobs)]
        try:
            code = main(["batch", *map(str, words), *common])
        except SystemExit as exit:
            code = exit.code
        done = capfd.readouterr()
        return code, done.out, done.err

    return run


def statuses(out):
    """Name of each song -> what became of it, from the JSON lines."""
    entries = map(json.loads, out.splitlines())
    return {os.path.basename(entry["file"]): entry["status"] for entry in entries}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_beats_of_a_folder_are_those_of_its_songs_and_a_bad_song_is_told(tmp_path, model, batch):
    library(tmp_path / "Music", 3)
    (tmp_path / "Music" / "bad.mp3").write_text("this is not music")
    code, out, err = batch("Music", "--formats", "beats,json", jobs=2)
    assert code == 1
    assert files(tmp_path / "rtbeat-out") == [
        "Music/a/song00.beats", "Music/a/song00.json", "Music/a/song02.beats",
        "Music/a/song02.json", "Music/b/song01.beats", "Music/b/song01.json", "rtbeat-batch.jsonl",
    ]  # fmt: skip
    rtbeat.track(tmp_path / "Music/a/song00.ogg", model=model).save(tmp_path / "same.beats")
    expected = (tmp_path / "same.beats").read_bytes()
    assert (tmp_path / "rtbeat-out/Music/b/song01.beats").read_bytes() == expected
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (lines["songs"], lines["unchanged"], lines["failed"]) == ("4", "0", "1")
    assert lines["done"].startswith("3  (0:00:18 of music")
    assert "1 of 4 songs failed:" in err
    assert f"{tmp_path}/Music/bad.mp3: this is not audio" in err.replace(os.sep, "/")


def test_a_second_run_does_what_is_new_changed_or_failed(tmp_path, batch):
    music = library(tmp_path / "Music", 3)
    (music / "bad.mp3").write_text("this is not music")
    batch("Music")
    shutil.copy2(music / "a/song00.ogg", music / "new.ogg")
    os.utime(music / "b/song01.ogg", (1, 1))
    code, out, _ = batch("Music", "--json")
    assert code == 1
    assert statuses(out) == {
        "song00.ogg": "unchanged", "song01.ogg": "done", "song02.ogg": "unchanged",
        "new.ogg": "done", "bad.mp3": "failed",
    }  # fmt: skip
    (music / "bad.mp3").unlink()
    assert set(statuses(batch("Music", "--json")[1]).values()) == {"unchanged"}
    assert set(statuses(batch("Music", "--json", "--force")[1]).values()) == {"done"}


def test_json_lines(tmp_path, batch):
    library(tmp_path / "Music", 1)
    code, out, err = batch("Music", "--json", "--out", "there")
    entry = json.loads(out)
    assert (code, err) == (0, "")
    assert list(entry) == [
        "file", "status", "duration", "tempo", "n_beats", "confidence", "error", "note", "files",
    ]  # fmt: skip
    [path] = entry["files"]
    assert path == str(tmp_path / "there" / "Music" / "a" / "song00.beats")
    with open(path) as file:
        assert entry["n_beats"] == len(file.readlines())
    assert entry["duration"] == pytest.approx(6.0, abs=0.1)
    assert 0 < entry["confidence"] <= 1


def test_a_song_that_takes_its_process_down_is_told_and_the_rest_is_done(
    tmp_path, batch, monkeypatch
):
    music = library(tmp_path / "Music", 3)
    (music / "a" / "song01.m4a").write_bytes(b"what ffmpeg would have to read")
    deadly_ffmpeg(tmp_path / "bin", monkeypatch)
    code, out, err = batch("Music", "--json")
    assert code == 1
    assert list(statuses(out).values()).count("done") == 3
    assert "song01.m4a: its process was killed (signal 9); perhaps memory ran out" in err


def test_a_damaged_song_is_done_as_far_as_it_goes_with_a_note(tmp_path, batch):
    music = library(tmp_path / "Music", 1)
    samples, rate = rtbeat.audio.read_audio(music / "a/song00.ogg")
    rtbeat.audio.write_audio(music / "cut.flac", samples, rate)
    whole = (music / "cut.flac").read_bytes()
    (music / "cut.flac").write_bytes(whole[: len(whole) // 2])
    code, out, err = batch("Music", "--json")
    notes = {os.path.basename(e["file"]): e["note"] for e in map(json.loads, out.splitlines())}
    assert code == 0
    assert notes["song00.ogg"] is None
    assert notes["cut.flac"].startswith("damaged")
    assert "cut.flac: damaged" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["Nowhere"], "Nowhere: there is no such file or folder"),
        (["Music", "--formats", "mp5"], "there is no format 'mp5'"),
        (["Music", "--formats", ","], "--formats is empty"),
        (["Music", "--decoder", "oracle"], "--decoder is 'oracle'"),
        (["Music", "--tempo-range", "90", "60"], "tempo_range"),
        (["Music", "--dask", "tcp://x:1"], "--jobs is about this machine"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(tmp_path, batch, words, reason):
    library(tmp_path / "Music", 1)
    code, out, err = batch(*words)
    assert (code, out) == (2, "")
    assert reason in err
    assert not (tmp_path / "rtbeat-out").exists()


def test_files_that_somebody_else_made_are_not_replaced(tmp_path, batch):
    music = library(tmp_path / "Music", 1)
    (music / "a" / "song00.beats").write_text("0.123\t1\n")
    code, _, err = batch("Music", "--out", ".")
    assert code == 2
    assert "song00.beats is there already, and rtbeat batch has not made it" in err
    assert (music / "a" / "song00.beats").read_text() == "0.123\t1\n"
    assert batch("Music", "--out", ".", "--force")[0] == 0
    assert (music / "a" / "song00.beats").read_text() != "0.123\t1\n"


def test_closing_a_batch_early_leaves_whole_files_and_the_next_goes_on(tmp_path, model):
    music = library(tmp_path / "Music", 6)
    chosen = settings(tmp_path / "out", model)
    outcomes = local.run_local(songs(music), chosen, jobs=1)
    first = [next(outcomes), next(outcomes)]
    outcomes.close()
    made = sorted((tmp_path / "out").rglob("*.beats"))
    assert all(path.read_bytes().endswith(b"\n") for path in made)
    assert not list((tmp_path / "out").rglob("*.tmp"))
    again = list(local.run_local(songs(music), chosen, jobs=1))
    assert [o.status for o in again] == ["unchanged"] * 2 + ["done"] * 4
    assert {o.song for o in again[:2]} == {o.song for o in first}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_ctrl_c_ends_with_130_and_says_that_it_goes_on_from_there(tmp_path, model):
    library(tmp_path / "Music", 60)
    command = [sys.executable, "-m", "rtbeat", "batch", "Music", "--json", "--jobs", "1"]
    package = os.path.dirname(os.path.dirname(rtbeat.__file__))
    process = subprocess.Popen(
        [*command, "--model", model],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": package},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # tests in the background of a shell would hand on that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"of 60 songs; the same command goes on from here" in err
    assert b"Traceback" not in err
    assert not list((tmp_path / "rtbeat-out").rglob("*.tmp"))
