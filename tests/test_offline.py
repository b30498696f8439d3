"""track(): whole songs, offline and through the live engine."""

from __future__ import annotations

import os
import subprocess
import tracemalloc

import numpy as np
import pytest

import rtbeat
from rtbeat import BeatTracker
from rtbeat.audio import write_audio
from rtbeat.features import FeatureStream
from rtbeat.model import BeatModel
from rtbeat.viterbi import viterbi_beats
from tests.models import random_model
from tests.music import drum_loop
from tests.needs import require_program

RATE = 44_100
RANGE = (50.0, 180.0)
DRUMS, BEATS = drum_loop(112.0, 14.0)


def errors(times):
    return np.array([np.abs(BEATS - time).min() for time in times])


@pytest.mark.parametrize("decoder", ["filter", "search"])
def test_all_beats_of_an_array(decoder):
    beats = rtbeat.track(DRUMS, RATE, decoder=decoder, tempo_range=RANGE)
    assert len(beats) == pytest.approx(len(BEATS), abs=2)
    assert np.median(errors(beats.times)) < 0.015
    assert beats.tempo == pytest.approx(112.0, rel=0.01)
    assert beats.duration == 14.0
    assert len(beats.activation) == 700
    assert beats.announced_at is None
    assert set(beats.downbeats) <= set(beats.times)


def same(found, expected):
    for name in ("times", "numbers", "confidences", "activation"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.tempo == expected.tempo
    assert found.duration == expected.duration


@pytest.mark.parametrize(
    ("name", "online"),
    [("loop.wav", False), ("loop.mp3", False), ("loop.flac", False), ("loop.ogg", True)],
)
def test_a_file_read_in_blocks_gives_what_all_its_samples_give(tmp_path, name, online):
    path = tmp_path / name
    stereo = np.stack([DRUMS, np.roll(DRUMS, 200)], 1)
    write_audio(path, stereo, RATE)
    samples, rate = rtbeat.audio.read_audio(path)
    expected = rtbeat.track(samples, rate, tempo_range=RANGE, online=online)
    assert len(expected) > 20
    same(rtbeat.track(path, tempo_range=RANGE, online=online), expected)


def test_blocks_of_a_file_are_as_the_whole_at_once(tmp_path):
    """Features, network and decoder over all samples, as the definition has it."""
    path = tmp_path / "loop.wav"
    write_audio(path, DRUMS[:, None], RATE)
    samples, rate = rtbeat.audio.read_audio(path)
    model = BeatModel.load()
    features = FeatureStream(model.config.features, rate).process(samples[:, 0])
    frames, numbers, _ = viterbi_beats(model.activations(features), tempo_range=RANGE)
    beats = rtbeat.track(path, tempo_range=RANGE)
    times = (frames + model.config.offset) / model.config.features.frame_rate
    inside = (times >= 0) & (times < 14.0)
    np.testing.assert_array_equal(beats.times, times[inside])
    np.testing.assert_array_equal(beats.numbers, numbers[inside])


def test_a_file_that_ffmpeg_decodes_is_tracked_as_its_samples(tmp_path):
    ffmpeg = require_program("ffmpeg", "install ffmpeg")
    write_audio(tmp_path / "a.wav", DRUMS[:, None], RATE)
    command = [ffmpeg, "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "aac", tmp_path / "a.m4a"]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("this ffmpeg has no aac encoder")
    samples, rate = rtbeat.audio.read_audio(tmp_path / "a.m4a")
    same(rtbeat.track(tmp_path / "a.m4a"), rtbeat.track(samples, rate))


def test_a_file_that_breaks_off_is_tracked_so_far_and_said_to(tmp_path):
    write_audio(tmp_path / "a.flac", DRUMS[:, None], RATE)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "b.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(RuntimeWarning, match=r"b\.flac: damaged"):
        beats = rtbeat.track(tmp_path / "b.flac")
    assert 5.0 < beats.duration < 9.0
    assert len(beats) > 5


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for ffmpeg is a shell script")
def test_where_ffmpeg_reads_more_of_a_file_that_breaks_off_all_is_tracked_anew(
    tmp_path, monkeypatch
):
    real = require_program("ffmpeg", "install ffmpeg")
    write_audio(tmp_path / "a.flac", DRUMS[:, None], RATE)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "b.flac").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "bin").mkdir()
    better = f"exec {real} -v error -i {tmp_path}/a.flac -c:a pcm_f32be -f au -"
    (tmp_path / "bin" / "ffmpeg").write_text(f"#!/bin/sh\n{better}\n")
    (tmp_path / "bin" / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    same(rtbeat.track(tmp_path / "b.flac"), rtbeat.track(tmp_path / "a.flac"))


def test_the_sound_of_a_long_file_is_never_held_whole(tmp_path):
    """Ten minutes at 8 kHz are 38 MB of samples; the tiny model's activations and all the
    decoder's tables are a third of that."""
    random_model().save(tmp_path / "tiny.npz")
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (600 * 8000, 2)).astype(np.float32)
    write_audio(tmp_path / "long.wav", noise, 8000)
    rtbeat.track(noise[:8000], 8000, model=tmp_path / "tiny.npz")  # compiled
    tracemalloc.start()
    beats = rtbeat.track(tmp_path / "long.wav", model=tmp_path / "tiny.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert beats.duration == 600.0
    assert peak < noise.nbytes / 2


def test_online_gives_what_the_tracker_announces():
    tracker = BeatTracker(RATE, tempo_range=RANGE, lead=0.1)
    announced = tracker.process(DRUMS)
    beats = rtbeat.track(DRUMS, RATE, online=True, tempo_range=RANGE, lead=0.1)
    inside = [b for b in announced if b.time < 14.0]
    assert list(beats.times) == [b.time for b in inside]
    assert list(beats.announced_at) == [b.announced_at for b in inside]
    assert len(beats.activation) == 700


@pytest.mark.parametrize("online", [False, True])
def test_no_beat_lies_past_the_end(online):
    for seconds in (6.0, 6.2, 6.4):
        beats = rtbeat.track(DRUMS[: int(seconds * RATE)], RATE, online=online)
        assert (beats.times < seconds).all()
        assert (beats.times >= 0).all()


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("samples", [0, 1, 1000, RATE])
def test_short_and_silent_music_has_a_sane_result(online, samples):
    beats = rtbeat.track(np.zeros(samples, np.float32), RATE, online=online)
    assert len(beats) == 0
    assert np.isnan(beats.tempo)


def test_progress_rises_to_one():
    shares: list[float] = []
    rtbeat.track(DRUMS, RATE, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ValueError, "sample_rate"),
        ({"sample_rate": RATE, "lead": 0.1}, TypeError, "online"),
        ({"sample_rate": RATE, "decoder": "oracle"}, ValueError, "decoder"),
        ({"sample_rate": RATE, "tempo_range": (90, 60)}, ValueError, "tempo_range"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        rtbeat.track(DRUMS, **arguments)
