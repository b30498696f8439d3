"""Own clicks: taken out of what the microphone hears, music left alone, whatever the blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.feedback import Case, closed_loop, returning, room
from rtbeat.click import SOUNDS, click_sound
from rtbeat.own_clicks import AHEAD, LONGEST, OwnClicks
from rtbeat.tracker import State
from tests.music import drum_loop

RATE = 16_000
LEAD = 0.2  # seconds by which clicks are made known


def click_times(seconds: float, spacing: float = 0.5) -> np.ndarray:
    """Beats as a tracker gives them, a few milliseconds about an even grid."""
    even = np.arange(0.5, seconds - 0.1, spacing)
    return even + np.random.default_rng(1).normal(0.0, 0.003, len(even))


def echoes(times, length, response=None, sound="click", gain=0.4) -> np.ndarray:
    """What the microphone hears of clicks, each fourth accented."""
    response = room(RATE, 0) if response is None else response
    out = np.zeros(length, np.float32)
    for index, time in enumerate(times):
        echo = returning(click_sound(sound, RATE, index % 4 == 0), gain, response)
        start = round(time * RATE)
        out[start : start + len(echo)] += echo[: length - start]
    return out


def clean(heard, times, sound="click", remover=None, frames=160) -> np.ndarray:
    """The microphone's signal through a remover that is told of each click ``LEAD`` ahead."""
    remover = remover or OwnClicks(RATE)
    parts, told = [], 0
    for start in range(0, len(heard), frames):
        while told < len(times) and times[told] - LEAD < start / RATE:
            remover.play(times[told], 0.7 * click_sound(sound, RATE, told % 4 == 0))
            told += 1
        parts.append(remover.process(heard[start : start + frames]))
    return np.concatenate(parts)


def decibels(signal, reference) -> float:
    return 10.0 * float(np.log10((np.sum(signal**2.0) + 1e-20) / np.sum(reference**2.0)))


def noise(seconds: float, level: float = 0.1) -> np.ndarray:
    samples = np.random.default_rng(2).standard_normal(round(seconds * RATE))
    return (level * samples).astype(np.float32)


def test_without_clicks_nothing_is_touched():
    signal = noise(2.0)
    np.testing.assert_array_equal(OwnClicks(RATE).process(signal), signal)


@pytest.mark.parametrize("sound", SOUNDS)
def test_clicks_alone_vanish_after_a_few(sound):
    times = click_times(6.0)
    heard = echoes(times, 6 * RATE, sound=sound)
    left = clean(heard, times, sound)
    assert decibels(left[: 2 * RATE], heard[: 2 * RATE]) > -10.0  # the first must be learnt
    assert decibels(left[4 * RATE :], heard[4 * RATE :]) < -50.0


@pytest.mark.parametrize("delay", [-0.095, -0.03, 0.0, 0.06, 0.16])
def test_a_loop_that_is_not_calibrated_is_learnt_too(delay):
    times = click_times(6.0)
    heard = echoes(times + delay, 6 * RATE, room(RATE, 0, delay=0.0))
    left = clean(heard, times)
    assert decibels(left[4 * RATE :], heard[4 * RATE :]) < -40.0


@pytest.mark.parametrize("spacing", [0.2, 0.25, 0.35])
def test_clicks_so_close_that_their_echoes_overlap(spacing):
    times = click_times(6.0, spacing)
    heard = echoes(times, 6 * RATE)
    left = clean(heard, times)
    assert decibels(left[4 * RATE :], heard[4 * RATE :]) < -35.0


def test_music_on_the_beat_stays_while_its_clicks_go():
    seconds = 24
    music, beats = drum_loop(120.0, seconds, RATE)
    times = beats + np.random.default_rng(1).normal(0.0, 0.003, len(beats))
    echo = echoes(times, len(music))
    late = slice(12 * RATE, None)
    out = clean(music + echo, times)[late]
    assert decibels(out - music[late], echo[late]) < -8.0
    onsets = music[late]
    assert np.dot(out, onsets) / np.dot(onsets, onsets) == pytest.approx(1.0, abs=0.01)


def test_nothing_is_taken_from_music_where_no_click_returns():
    """Headphones: whatever is learnt from music that is on every beat must do no harm."""
    music, beats = drum_loop(120.0, 24, RATE)
    times = beats + np.random.default_rng(1).normal(0.0, 0.003, len(beats))
    out = clean(music, times)
    assert decibels(out - music, music) < -20.0


def test_when_the_music_stops_the_clicks_do_not_last():
    seconds = 16
    music, _ = drum_loop(113.0, seconds, RATE)
    music[8 * RATE :] = 0.0
    times = click_times(seconds)
    out = clean(music + echoes(times, len(music)), times)
    assert np.abs(out[11 * RATE :]).max() < 1e-4


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_residue_of_a_poor_loudspeaker_is_turned_down_to_what_is_between(level):
    seconds = 8
    times = click_times(seconds)
    heard = echoes(times, seconds * RATE)
    heard += 0.05 * heard**2  # no linear response explains this, 40 dB below the echo
    floor = noise(seconds, level)
    late = slice(6 * RATE, None)
    out = clean(heard + floor, times)[late]
    if level:
        assert abs(decibels(out, floor[late])) < 3.0  # no holes in the noise either
    else:
        assert decibels(out, heard[late]) < -45.0


def test_a_microphone_that_is_moved_is_noticed():
    seconds = 24
    times = click_times(seconds)
    heard = echoes(times, seconds * RATE)
    moved = echoes(times, seconds * RATE, room(RATE, 7, delay=0.05))
    heard[12 * RATE :] = moved[12 * RATE :]
    music = noise(seconds, 0.02)
    out = clean(heard + music, times) - music
    assert decibels(out[10 * RATE : 12 * RATE], heard[10 * RATE : 12 * RATE]) < -10.0
    assert decibels(out[12 * RATE : 13 * RATE], heard[12 * RATE : 13 * RATE]) > -3.0
    assert decibels(out[20 * RATE :], heard[20 * RATE :]) < -10.0


def test_suppression_tells_how_well_it_works():
    remover = OwnClicks(RATE)
    assert remover.suppression == 0.0
    times = click_times(6.0)
    clean(echoes(times, 6 * RATE) + noise(6.0, 0.05), times, remover=remover)
    in_noise = remover.suppression
    remover.reset()
    clean(echoes(times, 6 * RATE), times, remover=remover)
    assert 3.0 < in_noise < remover.suppression


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 4 * RATE), max_size=40))
def test_blocks_do_not_matter(cuts):
    """However the signal is cut; clicks are told at the same samples."""
    times = click_times(4.0, 0.4)
    heard = echoes(times, 4 * RATE) + noise(4.0, 0.05)
    told_at = {round((time - LEAD) * RATE): time for time in times}

    def run(edges: set[int]) -> np.ndarray:
        remover, parts = OwnClicks(RATE), []
        order = sorted({0, len(heard), *told_at} | edges)
        for start, stop in pairwise(order):
            if start in told_at:
                remover.play(told_at[start], click_sound("click", RATE))
            parts.append(remover.process(heard[start:stop]))
        return np.concatenate(parts)

    np.testing.assert_array_equal(run(set(cuts)), run(set()))


def test_reset_makes_it_as_new():
    times = click_times(3.0)
    heard = echoes(times, 3 * RATE) + noise(3.0)
    remover = OwnClicks(RATE)
    first = clean(heard, times, remover=remover)
    remover.reset()
    np.testing.assert_array_equal(clean(heard, times, remover=remover), first)


def test_a_click_told_late_is_removed_from_then_on():
    times = click_times(6.0)
    heard = echoes(times, 6 * RATE)
    remover = OwnClicks(RATE)
    clean(heard, times, remover=remover)
    wave, echo = (
        click_sound("click", RATE),
        returning(click_sound("click", RATE), 0.4, room(RATE, 0)),
    )
    told = round(0.04 * RATE)
    first = remover.process(echo[:told])
    remover.play(6.0, 0.7 * wave)
    rest = remover.process(echo[told:])
    assert decibels(first, echo[:told]) > -1.0
    assert decibels(rest, echo[told:]) < -30.0


def test_broken_samples_become_silence():
    signal = np.array([0.5, np.nan, np.inf, -0.5], np.float32)
    assert OwnClicks(RATE).process(signal).tolist() == [0.5, 0.0, 0.0, -0.5]


@pytest.mark.parametrize(
    "wave",
    [[], np.zeros((4, 2)), np.zeros(round(LONGEST * RATE) + 1), [0.0, np.nan]],
    ids=["empty", "two channels", "too long", "not finite"],
)
def test_wrong_waves_are_refused(wave):
    with pytest.raises(ValueError, match="wave has shape"):
        OwnClicks(RATE).play(0.5, np.array(wave, np.float32))


@pytest.mark.parametrize("time", [float("nan"), float("inf"), AHEAD + 0.1, -AHEAD - 0.1])
def test_wrong_times_are_refused(time):
    with pytest.raises(ValueError, match="time is"):
        OwnClicks(RATE).play(time, np.ones(4, np.float32))


def test_blocks_of_two_channels_are_refused():
    with pytest.raises(ValueError, match="one channel"):
        OwnClicks(RATE).process(np.zeros((4, 2), np.float32))


@pytest.mark.parametrize("removed", [False, True])
def test_the_tracker_is_not_kept_locked_by_its_own_clicks(removed):
    """The closed loop: beats make clicks, which the microphone hears when the music has stopped."""
    rate = 24_000
    music, _ = drum_loop(120.0, 8.0, rate)
    audio = np.concatenate((music, np.zeros(6 * rate, np.float32)))
    _, states = closed_loop(audio, rate, Case(-6.0, removed=removed), 0, {})
    assert states[round(7.9 / 0.01)] is State.LOCKED
    assert (states[-1] is State.COASTING) == removed


def test_lost_input_teaches_nothing_and_keeps_the_time():
    """A gap over one click: the others are removed as before, at their own times."""
    times = click_times(12.0)
    heard = echoes(times, 12 * RATE)
    start, stop = round(6.2 * RATE), round(6.9 * RATE)
    remover = OwnClicks(RATE)
    for index, time in enumerate(times):
        if time < AHEAD:
            remover.play(time, click_sound("click", RATE, index % 4 == 0))
    remover.process(heard[: 4 * RATE])
    for index, time in enumerate(times):
        if AHEAD <= time < 9.0:
            remover.play(time, click_sound("click", RATE, index % 4 == 0))
    first = remover.process(heard[4 * RATE : start])
    remover.skip(stop - start)
    after = remover.process(heard[stop : round(9.0 * RATE)])
    assert np.abs(first).max() < 0.1 * np.abs(heard).max()
    assert np.abs(after).max() < 0.1 * np.abs(heard).max()
