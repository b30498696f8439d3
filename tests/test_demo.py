"""The demo: its music, its pace, its figures."""

from __future__ import annotations

import os
import re

import mir_eval
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from rtbeat import Beat
from rtbeat.audio import AudioFile
from rtbeat.cli import demo, main
from rtbeat.cli.scores import score
from rtbeat.features import FeatureConfig, FeatureStream
from training import demo_music

RATE = 8_000


def beat(time: float, lead: float = 0.2, number: int = 1) -> Beat:
    return Beat(time, number, 120.0, 0.9, time - lead)


class ScriptedTracker:
    """Announces given beats when their time has come, and keeps what it was fed."""

    def __init__(self, beats: list[Beat]):
        self.left = list(beats)
        self.fed: list[np.ndarray] = []
        self.time = 0.0

    def process(self, block):
        self.fed.append(block)
        self.time += len(block) / RATE
        due = [beat for beat in self.left if beat.announced_at <= self.time]
        self.left = [beat for beat in self.left if beat.announced_at > self.time]
        return due


class Clock:
    """Time that passes only by sleeping, plus ``late`` seconds more at each sleep."""

    def __init__(self, late: float = 0.0):
        self.now = 100.0
        self.late = late

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + self.late


def piece(seconds: float) -> demo.Piece:
    samples = np.random.default_rng(0).uniform(-1, 1, int(seconds * RATE)).astype(np.float32)
    return demo.Piece("test", samples, RATE, np.array([0.5, 1.0]))


# ---- music ----


def test_music_is_small_and_all_of_it_lasts_under_a_minute():
    seconds = 0.0
    for name in demo.PIECES:
        path = demo.files("rtbeat") / "music" / f"{name}.ogg"
        assert len(path.read_bytes()) < 200_000
        music = demo.load(name)
        seconds += len(music.samples) / music.sample_rate
        assert 0.3 < np.abs(music.samples).max() <= 1.0
    assert seconds < 58


@pytest.mark.parametrize("name", demo.PIECES)
def test_true_beats_are_those_of_the_score(name):
    music, composed = demo.load(name), demo_music.PIECES[name]()
    duration = len(music.samples) / music.sample_rate
    np.testing.assert_allclose(
        music.truth, demo_music.truth(composed, duration).times, atol=0.00051
    )
    assert 0.0 < music.truth[0] < music.truth[-1] < duration


def test_bundled_sound_is_what_the_script_makes():
    made = demo_music.perform(demo_music.waltz(), np.random.default_rng(2))
    bundled = demo.load("waltz").samples
    assert len(made) == len(bundled)
    assert np.corrcoef(made, bundled)[0, 1] > 0.98  # all but what the coding lost


def test_tempi_are_as_told():
    tempi = {name: 60.0 / np.diff(demo.load(name).truth) for name in demo.PIECES}
    np.testing.assert_allclose(tempi["groove"], 118, rtol=0.005)
    np.testing.assert_allclose(tempi["waltz"], 144, rtol=0.005)
    drift = tempi["drift"]
    assert drift[0] == pytest.approx(84, rel=0.005)
    assert drift.max() == pytest.approx(96, rel=0.005)
    assert drift[-1] == pytest.approx(88, rel=0.01)


@pytest.mark.parametrize("name", demo.PIECES)
def test_sound_rises_at_the_true_beats(name):
    """The spectrum rises at nearly every beat by more than it does on average."""
    music = demo.load(name)
    config = FeatureConfig()
    features = FeatureStream(config, music.sample_rate).process(music.samples)
    rise = features[:, config.bands :].sum(axis=1)
    frames = (music.truth * config.frame_rate).astype(int)
    at_beats = np.array([rise[k - 1 : k + 3].max() for k in frames])
    assert np.mean(at_beats > 1.5 * rise.mean()) > 0.9


# ---- pace ----


def test_blocks_come_when_their_last_sample_would():
    clock, seen = Clock(), []
    tracker = ScriptedTracker([])
    demo.play(tracker, piece(1.0), lambda t, b: seen.append(clock.now - 100.0), clock, clock.sleep)
    np.testing.assert_allclose(seen, np.arange(1, 101) / 100, atol=1e-9)
    np.testing.assert_array_equal(np.concatenate(tracker.fed), piece(1.0).samples)


def test_lateness_does_not_add_up():
    clock = Clock(late=0.004)
    demo.play(ScriptedTracker([]), piece(2.0), lambda t, b: None, clock, clock.sleep)
    assert clock.now - 100.0 == pytest.approx(2.004)


def test_fast_never_sleeps():
    def sleep(_: float) -> None:
        raise AssertionError("slept")

    assert demo.play(ScriptedTracker([]), piece(1.0), lambda t, b: None, None, sleep) == []


def test_beats_are_shown_as_they_are_announced_and_dropped_past_the_end():
    shown = []
    beats = [beat(0.5), beat(1.0), beat(2.05)]
    played = demo.play(
        ScriptedTracker(beats), piece(2.0), lambda t, b: shown.extend((t.time, x) for x in b)
    )
    assert played == beats[:2]
    assert [x for _, x in shown] == beats[:2]
    assert [time for time, _ in shown] == pytest.approx([0.3, 0.8], abs=0.011)


# ---- figures ----


def test_scores_of_beats_that_are_late_by_a_little():
    scores = score([beat(0.51, 0.3), beat(1.01, 0.2), beat(1.7, 0.1)], [0.5, 1.0, 1.5, 2.0])
    assert scores.f_measure == pytest.approx(2 * 2 / 7)
    assert scores.offset == pytest.approx(0.01)
    assert scores.lead == pytest.approx(0.2)
    assert scores.first == pytest.approx(0.21)


def test_scores_of_nothing():
    scores = score([], [1.0, 2.0])
    assert scores.f_measure == 0.0
    assert np.isnan([scores.offset, scores.lead, scores.first]).all()


@pytest.mark.filterwarnings("ignore:Estimated beats are empty")
@given(
    st.lists(st.integers(0, 300), unique=True, max_size=30),
    st.lists(st.integers(0, 300), unique=True, min_size=1, max_size=30),
)
def test_f_measure_is_that_of_mir_eval(estimated, true):
    # thirds of 70 ms: no difference lies on the edge of the window, where rounding would decide
    times = np.sort(np.array(estimated, float)) * 0.0233
    truth = np.sort(np.array(true, float)) * 0.0233
    expected = mir_eval.beat.f_measure(truth, times)
    assert score([beat(time) for time in times], truth).f_measure == pytest.approx(expected)


def test_click_of_a_late_beat_comes_when_it_is_known():
    quiet = demo.Piece("quiet", np.zeros(2 * RATE, np.float32), RATE, np.zeros(0))
    mixed, _ = demo.with_clicks(quiet, [beat(0.5, 0.2), beat(1.0, -0.1)])
    assert np.flatnonzero(mixed)[0] == 0.5 * RATE
    assert np.flatnonzero(mixed[RATE:])[0] == pytest.approx(0.1 * RATE)


# ---- the whole ----


def test_demo_shows_beats_scores_and_writes_clicks(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--fast"]) == 0
    out = capfd.readouterr().out
    assert len(re.findall(r"BPM .* ms ahead", out)) > 25
    for name in demo.SHORT:
        assert f"{name}: {demo.PIECES[name]}" in out
    scores = [float(text) for text in re.findall(r"F-measure .*?([\d.]+)\n", out)]
    assert len(scores) == len(demo.SHORT)
    assert min(scores) > 0.5
    with AudioFile("rtbeat-demo.wav") as file:
        seconds = sum(len(block) for block in file.blocks()) / file.sample_rate
    assert seconds == pytest.approx(18.04 + demo.GAP, abs=0.05)


def save(out, capfd):
    code = demo._save([(np.zeros(RATE, np.float32), RATE)], out, demo.Terminal())
    return code, *capfd.readouterr()


def test_clicks_go_elsewhere_where_this_folder_takes_none(capfd, tmp_path, monkeypatch):
    (tmp_path / "rtbeat-demo.wav").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo.tempfile, "tempdir", str(elsewhere))
    code, out, err = save(None, capfd)
    assert (code, err) == (0, "")
    written = out.split(" is in ")[1].strip()
    assert written.startswith(str(elsewhere))
    assert soundfile.info(written).frames == RATE + demo.GAP * RATE


def test_clicks_that_were_wished_for_go_there_or_nowhere(capfd, tmp_path):
    (tmp_path / "a.wav").mkdir()
    code, out, err = save(str(tmp_path / "a.wav"), capfd)
    assert (code, out) == (1, "")
    assert str(tmp_path / "a.wav") in err
    assert os.listdir(tmp_path / "a.wav") == []
