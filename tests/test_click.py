"""Clicks: on the nearest sample, told apart by ear and by number, mixed without clipping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.click import PLAIN_GAIN, SOUNDS, click_sound, mix_clicks, render_clicks

RATE = 44_100


def test_there_is_a_choice_of_sounds():
    assert len(SOUNDS) >= 3
    made = [click_sound(sound, RATE).tobytes() for sound in SOUNDS]
    assert len(set(made)) == len(SOUNDS)


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000, 192_000])
def test_sound_starts_at_once_ends_in_silence_and_has_a_known_peak(sound, rate):
    for accent, peak in ((True, 1.0), (False, PLAIN_GAIN)):
        click = click_sound(sound, rate, accent)
        assert click.dtype == np.float32
        assert click[0] != 0.0
        assert abs(click[-1]) < 0.001
        assert np.abs(click).max() == pytest.approx(peak)
        assert len(click) < 0.25 * rate


@pytest.mark.parametrize("sound", SOUNDS)
def test_attack_is_immediate(sound):
    """Half the peak within a millisecond: the click is heard when it is placed."""
    click = np.abs(click_sound(sound, RATE, True))
    assert np.argmax(click > 0.5) < 0.001 * RATE


@pytest.mark.parametrize("sound", SOUNDS)
def test_downbeat_is_higher(sound):
    def centroid(accent: bool) -> float:
        spectrum = np.abs(np.fft.rfft(click_sound(sound, RATE, accent), RATE))
        return float((spectrum * np.arange(len(spectrum))).sum() / spectrum.sum())

    assert centroid(True) > 1.15 * centroid(False)


def test_unknown_sound_is_refused():
    with pytest.raises(ValueError, match="sound must be one of click"):
        click_sound("quack", RATE)


@given(time=st.floats(0.0, 0.9), rate=st.sampled_from([8_000, 44_100, 48_000, 96_000]))
def test_click_starts_on_the_nearest_sample(time, rate):
    out = render_clicks([time], [2], rate, rate)
    start = int(np.flatnonzero(out)[0])
    assert abs(start - time * rate) <= 0.5 + 1e-6
    click = click_sound("click", rate)
    np.testing.assert_array_equal(out[start : start + len(click)], click)


@given(
    first=st.lists(st.floats(0.0, 0.5), max_size=8),
    second=st.lists(st.floats(0.0, 0.5), max_size=8),
)
def test_overlapping_clicks_add_up(first, second):
    def render(times: list[float]) -> np.ndarray:
        return render_clicks(times, [1] * len(times), 8_000, 6_000)

    np.testing.assert_allclose(render(first + second), render(first) + render(second), atol=1e-5)


def test_only_number_one_is_accented():
    out = render_clicks([0.0, 0.3, 0.6], [1, 2, 0], RATE, RATE)
    peaks = [np.abs(out[int(s * RATE) :][: RATE // 5]).max() for s in (0.0, 0.3, 0.6)]
    assert peaks == pytest.approx([1.0, PLAIN_GAIN, PLAIN_GAIN])


def test_clicks_outside_are_left_out_and_cut_at_the_end():
    out = render_clicks([-0.1, 0.999, 1.0, 5.0], [1, 1, 1, 1], 1_000 * 8, 8_000)
    assert out.shape == (8_000,)
    assert np.flatnonzero(out)[0] == 7_992


def test_no_times_is_silence():
    assert not render_clicks([], [], RATE, 100).any()


@pytest.mark.parametrize(
    ("times", "numbers", "words"),
    [([0.1], [], "1 times but 0 numbers"), ([float("nan")], [1], "finite")],
)
def test_wrong_times_are_refused(times, numbers, words):
    with pytest.raises(ValueError, match=words):
        render_clicks(times, numbers, RATE, 100)


@pytest.mark.parametrize("shape", [(RATE,), (RATE, 1), (RATE, 2)])
@pytest.mark.parametrize("loudness", [0.01, 0.5, 1.0, 3.0])
def test_mix_never_clips(shape, loudness):
    rng = np.random.default_rng(0)
    audio = (loudness * rng.uniform(-1, 1, shape)).astype(np.float32)
    clicks = render_clicks([0.1, 0.5], [1, 2], RATE, RATE)
    mixed = mix_clicks(audio, clicks, 1.0)
    assert mixed.shape == audio.shape
    assert mixed.dtype == np.float32
    assert np.abs(mixed).max() <= 1.0


def test_mix_is_turned_down_as_a_whole_not_distorted():
    audio = np.ones((100, 2), np.float32) * np.float32(0.9)
    clicks = np.zeros(100, np.float32)
    clicks[50] = 1.0
    mixed = mix_clicks(audio, clicks, 1.0)
    np.testing.assert_allclose(mixed[50], 1.0)
    np.testing.assert_allclose(mixed[0], 0.5)


def test_quiet_music_has_quiet_clicks_and_silence_has_clicks_too():
    clicks = np.zeros(10, np.float32)
    clicks[5] = 1.0
    quiet = np.full(10, 0.01, np.float32)
    assert mix_clicks(quiet, clicks, 0.5)[5] == pytest.approx(0.015)
    assert mix_clicks(np.zeros(10, np.float32), clicks, 0.5)[5] == 0.5


def test_broken_samples_become_silence():
    audio = np.array([np.nan, np.inf, 0.5], np.float32)
    assert mix_clicks(audio, np.zeros(3, np.float32)).tolist() == [0.0, 0.0, 0.5]
