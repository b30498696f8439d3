"""Audio files: every kind reads alike, and every bad one gets a sentence that says why."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest
import soundfile

from rtbeat import audio
from rtbeat import ffmpeg as ffmpeg_pipe
from rtbeat.audio import AudioFile, AudioFileError, read_audio, write_audio
from tests.needs import require_program

RATE = 48_000


@pytest.fixture
def ffmpeg():
    """Path of ffmpeg."""
    return require_program("ffmpeg", "install ffmpeg")


def tone(seconds: float = 1.0, channels: int = 2) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.stack(
        [0.3 * np.sin(2 * np.pi * 440 * (k + 1) * time) for k in range(channels)], 1
    ).astype(np.float32)


def level(samples: np.ndarray) -> np.ndarray:
    return np.sqrt((samples**2).mean(axis=0))


def make_m4a(folder, name="a.m4a"):
    soundfile.write(folder / "a.wav", tone(), RATE)
    command = ["ffmpeg", "-v", "error", "-i", folder / "a.wav", "-c:a", "aac", folder / "out.m4a"]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("this ffmpeg has no aac encoder")
    os.rename(folder / "out.m4a", folder / name)


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.wav", {}), ("a.flac", {}), ("a.ogg", {}), ("a.mp3", {}),
     ("a.opus", {"format": "OGG", "subtype": "OPUS"})],
)  # fmt: skip
def test_kinds_that_libsndfile_reads(tmp_path, name, options):
    soundfile.write(tmp_path / name, tone(), RATE, **options)
    samples, rate = read_audio(tmp_path / name)
    assert rate == RATE
    assert samples.dtype == np.float32
    assert samples.shape[1] == 2
    assert abs(len(samples) - RATE) < 0.06 * RATE
    np.testing.assert_allclose(level(samples), level(tone()), rtol=0.05)


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize("name", ["a.m4a", "-i.m4a", "concat:a|b.m4a"])
def test_other_kinds_go_through_ffmpeg_whatever_their_name(tmp_path, monkeypatch, name):
    make_m4a(tmp_path, name)
    monkeypatch.chdir(tmp_path)
    samples, rate = read_audio(name)
    assert rate == RATE
    assert samples.dtype == np.float32
    np.testing.assert_allclose(level(samples), level(tone()), rtol=0.05)


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {path.name}\n",
    ],
)
def test_a_file_cannot_make_ffmpeg_read_another(tmp_path, text):
    other = tmp_path / "other.mp3"
    soundfile.write(other, tone(), RATE)
    (tmp_path / "list.m3u8").write_text(text.format(path=other))
    with pytest.raises(AudioFileError, match="not audio"):
        read_audio(tmp_path / "list.m3u8")


@pytest.mark.usefixtures("ffmpeg")
def test_without_ffmpeg_the_message_tells_to_install_it(tmp_path, monkeypatch):
    make_m4a(tmp_path)
    monkeypatch.setattr(audio.shutil, "which", lambda _: None)
    with pytest.raises(AudioFileError, match="install ffmpeg"):
        read_audio(tmp_path / "a.m4a")


def program(folder, monkeypatch, text):
    """The only ffmpeg to be found is a shell script."""
    if os.name == "nt":
        pytest.skip("the stand-in for ffmpeg is a shell script")
    (folder / "ffmpeg").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_ffmpeg_that_hangs_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(b"not audio")
    program(tmp_path, monkeypatch, "exec sleep 100")
    monkeypatch.setattr(ffmpeg_pipe, "FFMPEG_TIMEOUT", 0.2)
    with pytest.raises(AudioFileError, match=r"ffmpeg gave nothing for 0.2 s"):
        read_audio(tmp_path / "a.m4a")


def test_what_is_no_audio_to_ffmpeg_either_is_told(tmp_path, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(b"not audio")
    program(tmp_path, monkeypatch, "echo this is neither a header nor sound, but long enough")
    with pytest.raises(AudioFileError, match="not audio that libsndfile or ffmpeg can read"):
        read_audio(tmp_path / "a.m4a")


@pytest.mark.usefixtures("ffmpeg")
def test_sound_from_ffmpeg_is_exact_and_comes_in_blocks(tmp_path):
    """Through the pipe a wav file gives the samples that libsndfile gives."""
    noise = np.random.default_rng(0).uniform(-1.2, 1.2, (400_001, 3)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, RATE, subtype="FLOAT")
    sound = ffmpeg_pipe.FfmpegSound("ffmpeg", str(tmp_path / "a.wav"))
    blocks = []
    while len(block := sound.block(4096)):
        blocks.append(block)
    sound.close()
    assert (sound.samplerate, sound.channels) == (RATE, 3)
    assert {len(block) for block in blocks[:-1]} == {4096}
    np.testing.assert_array_equal(np.concatenate(blocks), noise)


def test_blocks_are_the_whole_file_in_pieces(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE, subtype="FLOAT")
    with AudioFile(tmp_path / "a.wav") as file:
        assert (file.sample_rate, file.channels) == (RATE, 2)
        blocks = list(file.blocks(1000))
    assert [len(block) for block in blocks] == [1000] * 48
    np.testing.assert_array_equal(np.concatenate(blocks), tone())


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg"])
def test_blocks_of_lossy_files_fit_together(tmp_path, name):
    soundfile.write(tmp_path / name, tone(2.0), RATE)
    whole, _ = soundfile.read(tmp_path / name, dtype="float32")
    samples, _ = read_audio(tmp_path / name)
    np.testing.assert_allclose(samples, whole, atol=1e-6)


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.wav", "a.ogg"])
def test_truncated_file_is_used_as_far_as_it_goes(tmp_path, name):
    rng = np.random.default_rng(1)
    noise = (0.1 * rng.standard_normal(4 * RATE)).astype(np.float32)
    soundfile.write(tmp_path / name, noise, RATE)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    samples, _ = read_audio(tmp_path / name)
    assert 1.0 < len(samples) / RATE < 2.5


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.ogg"])
def test_truncated_to_nothing_is_an_error(tmp_path, name):
    soundfile.write(tmp_path / name, tone(), RATE)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:60])
    with pytest.raises(AudioFileError, match=name):
        read_audio(tmp_path / name)


def make_text(path):
    path.write_text("this is not music\n" * 50)


def make_silent(path):
    soundfile.write(path, np.zeros((0, 2), np.float32), RATE)


def make_rate(rate):
    return lambda path: soundfile.write(path, np.zeros(rate, np.float32), rate)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda path: None, "there is no such file", id="missing"),
        pytest.param(lambda path: path.mkdir(), "this is a folder", id="folder"),
        pytest.param(lambda path: path.touch(), "this file is empty", id="empty"),
        pytest.param(make_text, "this is not audio", id="text named wav"),
        pytest.param(make_silent, "there is no sound", id="no frames"),
        pytest.param(make_rate(4_000), "4000 Hz, allowed are 8000 to", id="rate too low"),
        pytest.param(make_rate(384_000), "384000 Hz, allowed", id="rate too high"),
    ],
)
def test_bad_file_gets_one_sentence_with_name_and_reason(tmp_path, make, reason):
    path = tmp_path / "song.wav"
    make(path)
    with pytest.raises(AudioFileError) as caught:
        read_audio(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert reason in message
    assert "\n" not in message


def test_file_without_permission(tmp_path, monkeypatch):
    path = tmp_path / "song.wav"
    soundfile.write(path, tone(), RATE)
    path.chmod(0)
    if os.access(path, os.R_OK):  # an administrator may read everything: let the system refuse

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(AudioFileError, match="no permission to read"):
        read_audio(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioFileError, match="pipe or device"):
        read_audio(tmp_path / "pipe.wav")


@pytest.mark.parametrize("name", ["no\0name.wav", "x" * 5000, ""])
def test_impossible_names(name):
    with pytest.raises(AudioFileError):
        read_audio(name)


@pytest.mark.skipif(os.name != "posix", reason="POSIX file names are bytes")
def test_file_name_that_is_not_utf8(tmp_path):
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.wav")
    soundfile.write(name, tone(), RATE)
    assert len(read_audio(os.fsdecode(name))[0]) == RATE


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".MP3"])
def test_written_audio_reads_back(tmp_path, suffix):
    path = tmp_path / f"click{suffix}"
    write_audio(path, tone(channels=1)[:, 0], RATE)
    samples, rate = read_audio(path)
    assert rate == RATE
    assert samples.shape[1] == 1
    np.testing.assert_allclose(level(samples), level(tone(channels=1)), rtol=0.05)


@pytest.mark.parametrize("suffix", [".flac", ".ogg"])
def test_long_audio_is_written_whole(tmp_path, suffix):
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (70 * RATE, 2)).astype(np.float32)
    write_audio(tmp_path / f"long{suffix}", noise, RATE)
    assert soundfile.info(tmp_path / f"long{suffix}").frames == len(noise)


@pytest.mark.parametrize(
    ("name", "rate", "reason"), [("a.doc", RATE, "known are .wav"), ("a.mp3", 96_000, "Use .wav")]
)
def test_audio_that_cannot_be_written(tmp_path, name, rate, reason):
    with pytest.raises(ValueError, match=reason):
        write_audio(tmp_path / name, tone(), rate)
    assert os.listdir(tmp_path) == []
