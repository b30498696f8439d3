"""The command line: what is printed where, exit codes, and files that are whole or not there."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys

import numba as nb
import numpy as np
import pytest
import soundfile

import rtbeat
from rtbeat import __version__
from rtbeat.cli import demo, main
from rtbeat.cli.terminal import Terminal
from rtbeat.formats import atomic, beats_text

SECONDS = 8


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """The start of a bundled piece as a stereo wav file."""
    piece = demo.load("groove")
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    mono = piece.samples[: SECONDS * piece.sample_rate]
    soundfile.write(path, np.stack([mono, mono], 1), piece.sample_rate)
    return path


@pytest.fixture(scope="module")
def expected(song):
    return rtbeat.track(song)


@pytest.fixture
def run(capfd):
    """Run a command line in this process -> exit code, standard output, standard error."""

    def run(*words):
        try:
            code = main([os.fspath(word) for word in words])
        except SystemExit as exit:
            code = exit.code
        done = capfd.readouterr()
        return code, done.out, done.err

    return run


def test_version(run):
    assert run("--version") == (0, f"rtbeat {__version__}\n", "")


def test_help_names_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "file" in out
    assert "demo" in out


def test_beats_are_printed_and_nothing_else(run, song, expected):
    code, out, err = run("file", song)
    assert code == 0
    assert out == beats_text.encode(expected).decode()
    assert len(expected) > 5
    assert err == ""


def test_dash_prints_too(run, song, expected):
    assert run("file", song, "--beats", "-")[1] == beats_text.encode(expected).decode()


def test_several_songs_have_headings(run, song, expected):
    text = beats_text.encode(expected).decode()
    code, out, _ = run("file", song, song)
    assert code == 0
    assert out == f"# {song}\n{text}# {song}\n{text}"


def test_json_is_one_object_a_line(run, song, expected):
    code, out, _ = run("file", song, song, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(lines) == 2
    assert list(lines[0]) == ["file", "duration", "tempo", "beats"]
    assert lines[0]["file"] == str(song)
    assert lines[0]["duration"] == SECONDS
    assert list(lines[0]["beats"][0]) == ["time", "number", "confidence"]
    times = [beat["time"] for beat in lines[0]["beats"]]
    np.testing.assert_allclose(times, expected.times, atol=1e-6)


def test_online_announces_ahead_by_the_lead(run, song):
    code, out, _ = run("file", song, "--online", "--lead", "0.3", "--json")
    beats = json.loads(out)["beats"]
    assert code == 0
    leads = [beat["time"] - beat["announced_at"] for beat in beats]
    assert np.median(leads) >= 0.29


def test_options_reach_the_engine(run, song):
    code, out, _ = run("file", song, "--json", "--tempo-range", "70", "130", "--beats-per-bar", "3")
    result = json.loads(out)
    assert code == 0
    assert 70 <= result["tempo"] <= 130
    assert max(beat["number"] for beat in result["beats"]) <= 3


def test_decoder_search(run, song):
    code, out, _ = run("file", song, "--decoder", "search")
    assert code == 0
    assert out


@pytest.mark.parametrize("name", ["out.beats", "out.txt", "out.json"])
def test_beats_file(run, song, expected, tmp_path, name):
    code, out, err = run("file", song, "--beats", tmp_path / name)
    assert (code, out) == (0, "")
    assert str(tmp_path / name) in err
    expected.save(tmp_path / f"same-{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"same-{name}").read_bytes()


def test_quiet_is_silent(run, song, tmp_path):
    assert run("file", song, "--quiet", "--beats", tmp_path / "a.beats") == (0, "", "")


def test_click_file_is_the_song_with_clicks(run, song, tmp_path):
    code, out, _ = run("file", song, "--click", tmp_path / "out.wav")
    made, rate = soundfile.read(tmp_path / "out.wav")
    original, original_rate = soundfile.read(song)
    assert (code, out) == (0, "")
    assert (made.shape, rate) == (original.shape, original_rate)
    assert np.abs(made).max() <= 1.0
    assert not np.allclose(made, original, atol=0.01)


def test_click_only_starts_each_click_on_the_sample_of_its_beat(run, song, expected, tmp_path):
    run("file", song, "--click", tmp_path / "out.wav", "--click-only", "--sound", "beep")
    clicks, rate = soundfile.read(tmp_path / "out.wav")
    assert clicks.shape == (SECONDS * rate,)
    for time in expected.times:
        start = round(time * rate)
        assert not clicks[start - 20 : start].any()
        assert clicks[start] != 0


def test_click_to_standard_output_is_a_wav_file(song):
    command = [sys.executable, "-m", "rtbeat", "file", song, "--click", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert (
        len(soundfile.read(io.BytesIO(done.stdout))[0]) == SECONDS * soundfile.info(song).samplerate
    )


def test_several_songs_go_into_a_folder(run, song, tmp_path):
    other = tmp_path / "other.flac"
    soundfile.write(other, *soundfile.read(song))
    code, out, _ = run("file", song, other, "--beats", tmp_path / "o", "--click", tmp_path / "o")
    assert (code, out) == (0, "")
    assert sorted(os.listdir(tmp_path / "o")) == [
        "other.beats", "other.click.wav", "song.beats", "song.click.wav",
    ]  # fmt: skip


def make_text(path):
    path.write_text("no music\n" * 100)


def make_truncated(path):
    mp3 = path.with_suffix(".mp3")
    soundfile.write(mp3, np.zeros(44_100, np.float32), 44_100)
    path.write_bytes(mp3.read_bytes()[:50])
    mp3.unlink()


def make_second(path):
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, 8_000), 8_000)


def make_silence(path):
    soundfile.write(path, np.zeros(40_000), 8_000)


BAD = [
    pytest.param(lambda path: None, "there is no such file", id="missing"),
    pytest.param(lambda path: path.touch(), "empty", id="empty"),
    pytest.param(lambda path: path.mkdir(), "folder", id="folder"),
    pytest.param(make_text, "not audio", id="text named wav"),
    pytest.param(make_truncated, "not audio", id="truncated mp3"),
    pytest.param(make_second, "too short (1.0 s)", id="one second"),
    pytest.param(make_silence, "no beats found", id="silence"),
]


@pytest.mark.parametrize(("make", "reason"), BAD)
def test_bad_song_gets_one_line_and_leaves_no_file(run, tmp_path, make, reason):
    path = tmp_path / "bad.wav"
    make(path)
    before = sorted(os.listdir(tmp_path))
    code, out, err = run(
        "file", path, "--beats", tmp_path / "a.beats", "--click", tmp_path / "a.wav"
    )
    assert (code, out) == (1, "")
    # the mp3 library may print warnings of its own
    (line,) = [line for line in err.splitlines() if line.startswith("rtbeat: ")]
    assert line.startswith(f"rtbeat: {path}: ")
    assert reason in line
    assert sorted(os.listdir(tmp_path)) == before


def test_unreadable_song(run, song, tmp_path, monkeypatch):
    path = tmp_path / "secret.wav"
    path.write_bytes(song.read_bytes())
    path.chmod(0)
    if os.access(path, os.R_OK):  # an administrator may read everything: let the system refuse

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("rtbeat.audio.open", refuse, raising=False)
    code, out, err = run("file", path)
    assert (code, out) == (1, "")
    assert "no permission to read" in err


def test_one_bad_song_does_not_stop_the_others(run, song, tmp_path):
    code, _, err = run("file", tmp_path / "none.wav", song, "--beats", tmp_path / "out")
    assert code == 1
    assert "no such file" in err
    assert os.listdir(tmp_path / "out") == ["song.beats"]


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("option", ["--beats", "--click"])
def test_full_disk_leaves_no_file(run, song, tmp_path, monkeypatch, option):
    out = tmp_path / {"--beats": "a.beats", "--click": "a.wav"}[option]
    monkeypatch.setattr(atomic.os, "fsync", full_disk)
    code, _, err = run("file", song, option, out)
    assert code == 1
    assert err == f"rtbeat: {out}: No space left on device\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux only")
@pytest.mark.parametrize("more", [[], ["--json"], ["--click", "-"]])
def test_full_disk_behind_standard_output(song, more):
    command = [sys.executable, "-m", "rtbeat", "file", song, *more]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "rtbeat: standard output cannot be written: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="POSIX pipes")
def test_reader_that_leaves_is_no_error(song):
    command = [sys.executable, "-m", "rtbeat", "file", song, song]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_interrupt_ends_with_130(run, song, tmp_path, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rtbeat, "track", interrupt)
    code, out, err = run("file", song, "--beats", tmp_path / "a.beats")
    assert (code, out) == (130, "")
    assert err == "\nrtbeat: interrupted\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["file"], "SONG"),
        (["file", "SONG", "--tempo-range", "60"], "--tempo-range"),
        (["file", "SONG", "--tempo-range", "200", "100"], "tempo_range"),
        (["file", "SONG", "--beats-per-bar", "0"], "beats_per_bar"),
        (["file", "SONG", "--decoder", "none"], "decoder"),
        (["file", "SONG", "--online", "--lead", "-1"], "lead"),
        (["file", "SONG", "--model", "nowhere/none.npz"], "nowhere/none.npz"),
        (["file", "SONG", "--lead", "0.1"], "needs --online"),
        (["file", "SONG", "--sound", "quack"], "click, wood"),
        (["file", "SONG", "--click-only"], "needs --click"),
        (["file", "SONG", "--beats", "out.xyz"], "known are beats"),
        (["file", "SONG", "--click", "out.doc"], "known are .wav"),
        (["file", "SONG", "--beats", "nowhere/out.beats"], "no folder nowhere"),
        (["file", "SONG", "--click", "SONG"], "would be overwritten"),
        (["file", "SONG", "SONG", "--beats", "out"], "written twice"),
        (["file", "SONG", "SONG", "--beats", "SONG"], "must be a folder"),
        (["file", "SONG", "--click", "-", "--json"], "nothing else"),
        (["file", "SONG", "SONG", "--click", "-"], "one song"),
        (["demo", "--click", "out.doc"], "known are .wav"),
        (["demo", "--click", "nowhere/out.wav"], "no folder nowhere"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_the_reason(
    run, song, tmp_path, monkeypatch, words, reason
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*(str(song) if word == "SONG" else word for word in words))
    assert (code, out) == (2, "")
    assert err.startswith("usage: rtbeat")
    assert reason in err
    assert song.read_bytes()
    assert [name for name in os.listdir(tmp_path) if os.path.isfile(tmp_path / name)] == []


@pytest.mark.skipif(os.name != "posix", reason="POSIX file names are bytes")
def test_file_name_that_is_not_utf8_comes_out_as_it_went_in(song, tmp_path):
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.wav")
    with open(name, "wb") as file:
        file.write(song.read_bytes())
    command = [sys.executable, "-m", "rtbeat", "file", name, song]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.startswith(b"# " + name + b"\n")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="POSIX terminals")
def test_progress_is_on_standard_error_and_results_stay_clean(song, expected):
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "rtbeat", "file", song]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 4096):
                seen += part
        except OSError:  # how Linux says that the other side is closed
            pass
        out = process.stdout.read()
    os.close(ours)
    assert b"song.wav" in seen
    assert out == beats_text.encode(expected)


def test_compiling_is_told_once_and_only_when_it_happens(capfd):
    @nb.njit
    def first(x):
        return x + 1

    with Terminal().compile_note():
        first(1)
        first(1.0)
    assert capfd.readouterr().err.count("compiling") == 1
    with Terminal().compile_note():
        first(2)
    assert capfd.readouterr().err == ""
