"""``rtbeat file``: every output by its option, several at once, one on standard output."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import rtbeat
from rtbeat import formats
from rtbeat.cli import demo, main
from rtbeat.cli.results import OUTPUTS
from tests.needs import require

SECONDS = 6
FORMATS = {
    "--csv": "csv",
    "--jams": "jams",
    "--audacity": "audacity",
    "--sv": "sv",
    "--midi-file": "midi",
    "--reaper": "reaper",
}


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """The start of a bundled piece, three channels at a rate of its own; the second is silent."""
    piece = demo.load("groove")
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    mono = piece.samples[: SECONDS * piece.sample_rate]
    soundfile.write(path, np.stack([mono, 0 * mono, mono / 2], 1), piece.sample_rate)
    return path


@pytest.fixture(scope="module")
def expected(song):
    return rtbeat.track(song)


@pytest.fixture
def run(capfdbinary):
    """Run ``rtbeat file`` in this process -> exit code, standard output, standard error."""

    def run(*words):
        try:
            code = main(["file", *(os.fspath(word) for word in words)])
        except SystemExit as exit:
            code = exit.code
        done = capfdbinary.readouterr()
        return code, done.out, done.err.decode()

    return run


def test_all_outputs_at_once(run, song, expected, tmp_path):
    require("matplotlib", 'pip install "rtbeat[plot]"')
    words = [word for output in OUTPUTS for word in (output.option, tmp_path / "out")]
    (tmp_path / "out").mkdir()
    code, out, err = run(song, *words)
    assert (code, out) == (0, b"")
    assert sorted(os.listdir(tmp_path / "out")) == sorted(f"song{o.suffix}" for o in OUTPUTS)
    for output in OUTPUTS:
        assert str(tmp_path / "out" / f"song{output.suffix}") in err
    for option, name in FORMATS.items():
        (suffix,) = [output.suffix for output in OUTPUTS if output.option == option]
        made = (tmp_path / "out" / f"song{suffix}").read_bytes()
        assert made == formats.find("", name).encode(expected)
    assert (tmp_path / "out" / "song.png").read_bytes().startswith(b"\x89PNG")


def test_every_format_has_an_option():
    by_suffix = {"beats", "json"}  # by --beats; --json prints
    assert set(FORMATS.values()) | by_suffix == {format.name for format in formats.FORMATS}
    options = {output.option: output for output in OUTPUTS}
    for option, name in FORMATS.items():
        assert options[option].suffix == formats.find("", name).suffixes[0]


@pytest.mark.parametrize(("option", "name"), FORMATS.items())
def test_an_option_writes_its_format_whatever_the_suffix(
    run, song, expected, tmp_path, option, name
):
    code, out, _ = run(song, option, tmp_path / "out.dat")
    assert (code, out) == (0, b"")
    assert (tmp_path / "out.dat").read_bytes() == formats.find("", name).encode(expected)


def test_beats_takes_every_suffix(run, song, expected, tmp_path):
    for format in formats.FORMATS:
        path = tmp_path / f"out{format.suffixes[0]}"
        assert run(song, "--beats", path, "--quiet") == (0, b"", "")
        assert path.read_bytes() == format.encode(expected)


def test_one_output_goes_to_standard_output_and_others_to_files(run, song, expected, tmp_path):
    code, out, err = run(song, "--midi-file", "-", "--csv", tmp_path / "out.csv")
    assert code == 0
    assert out == formats.find("", "midi").encode(expected)
    assert str(tmp_path / "out.csv") in err


def test_standard_output_takes_bytes_unchanged(song, expected):
    command = [sys.executable, "-m", "rtbeat", "file", song, "--midi-file", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == formats.find("", "midi").encode(expected)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_click_track_and_mix_have_the_rate_length_and_channels_of_the_song(
    run, song, expected, tmp_path, suffix
):
    clicks, mix = tmp_path / f"clicks{suffix}", tmp_path / f"mix{suffix}"
    code, _, _ = run(song, "--click-track", clicks, "--mix", mix, "--sound", "beep")
    assert code == 0
    original, rate = soundfile.read(song)
    for path in (clicks, mix):
        made, made_rate = soundfile.read(path)
        assert (made.shape, made_rate) == (original.shape, rate)
    if suffix != ".ogg":  # which changes the samples
        made, _ = soundfile.read(clicks)
        assert (made == made[:, :1]).all()
        for time in expected.times:
            start = round(time * rate)
            assert not made[start - 20 : start].any()
            assert made[start, 0] != 0


def test_mix_and_click_are_the_same(run, song, tmp_path):
    run(song, "--mix", tmp_path / "mix.wav", "--click", tmp_path / "click.wav")
    assert (tmp_path / "mix.wav").read_bytes() == (tmp_path / "click.wav").read_bytes()


def test_mix_is_the_song_and_the_click_track(run, song, tmp_path):
    run(song, "--mix", tmp_path / "mix.wav", "--click-track", tmp_path / "clicks.wav")
    original, mix, clicks = (
        soundfile.read(path)[0] for path in (song, tmp_path / "mix.wav", tmp_path / "clicks.wav")
    )
    silent = mix[:, 1]  # of the song: what is left is clicks, at some level
    level = np.abs(silent).max() / np.abs(clicks[:, 1]).max()
    np.testing.assert_allclose(silent, level * clicks[:, 1], atol=2 / 32_768)
    music = np.dot(mix[:, 0] - silent, original[:, 0]) / np.dot(original[:, 0], original[:, 0])
    np.testing.assert_allclose(mix[:, 0] - silent, music * original[:, 0], atol=2 / 32_768)


def test_several_songs_go_into_folders(run, song, tmp_path):
    other = tmp_path / "other.flac"
    soundfile.write(other, *soundfile.read(song))
    out, sound = tmp_path / "out", tmp_path / "sound"
    code, _, _ = run(song, other, "--sv", out, "--audacity", out, "--mix", sound)
    assert code == 0
    assert sorted(os.listdir(out)) == [
        "other.labels.txt", "other.svl", "song.labels.txt", "song.svl",
    ]  # fmt: skip
    assert sorted(os.listdir(sound)) == ["other.mix.wav", "song.mix.wav"]


def test_plot_to_standard_output_is_a_png(run, song):
    image = require("matplotlib.image", 'pip install "rtbeat[plot]"')
    code, out, _ = run(song, "--plot", "-")
    assert code == 0
    assert image.imread(io.BytesIO(out)).ndim == 3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["SONG", "--csv", "-", "--midi-file", "-"], "nothing else"),
        (["SONG", "--csv", "-", "--beats", "-"], "nothing else"),
        (["SONG", "--jams", "-", "--json"], "nothing else"),
        (["SONG", "--beats", "-", "--json"], "leave one out"),
        (["SONG", "SONG", "--csv", "-"], "one song"),
        (["SONG", "--csv", "SONG"], "would be overwritten"),
        (["SONG", "--csv", "out", "--jams", "out"], "written twice"),
        (["SONG", "SONG", "--reaper", "out"], "written twice"),
        (["SONG", "--sv", "nowhere/out.svl"], "--sv nowhere/out.svl: there is no folder nowhere"),
        (["SONG", "SONG", "--sv", "SONG"], "must be a folder"),
        (["SONG", "--plot", "out.gif"], "known are .png"),
        (["SONG", "--mix", "out.doc"], "known are .wav"),
        (["SONG", "--click-track", "out.doc"], "known are .wav"),
        (["SONG", "--click-only", "--mix", "out.wav"], "needs --click OUT"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(
    run, song, tmp_path, monkeypatch, words, reason
):
    monkeypatch.chdir(tmp_path)
    before = song.read_bytes()
    code, out, err = run(*(str(song) if word == "SONG" else word for word in words))
    assert (code, out) == (2, b"")
    assert reason in err
    assert song.read_bytes() == before
    assert [name for name in os.listdir(tmp_path) if os.path.isfile(tmp_path / name)] == []


def test_plot_without_matplotlib_is_wrong_usage(run, song, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run(song, "--plot", tmp_path / "out.png")
    assert code == 2
    assert 'pip install "rtbeat[plot]"' in err


def test_audio_that_a_kind_cannot_hold_fails_that_song(run, song, tmp_path):
    code, _, err = run(song, "--mix", tmp_path / "out.mp3")  # mp3 has two channels at most
    assert code == 1
    assert err.startswith(f"rtbeat: {song}: .mp3 cannot hold this audio")
    assert os.listdir(tmp_path) == []
