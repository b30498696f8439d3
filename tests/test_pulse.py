"""The steady grid behind the beats heard last."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat.pulse import SETTLED, Pulse


def activations(beats, frames, height=0.6):
    out = np.full((frames, 2), 0.02, np.float32)
    for beat in beats:
        around = np.arange(int(beat) - 2, int(beat) + 3)
        around = around[(around >= 0) & (around < frames)]
        out[around, 0] = np.maximum(out[around, 0], height * (1 - np.abs(around + 0.5 - beat) / 3))
    return out


def listened(told, heard, frames, period=24.0, pulse=None):
    """A pulse that was told of beats, one lead ahead, and then heard others."""
    pulse = pulse or Pulse()
    acts = activations(heard, frames)
    coming = list(told)
    for newest in range(frames):
        while coming and coming[0] < newest + 10:
            pulse.announce(coming.pop(0), period)
        pulse.hear(acts[max(0, newest - 499) : newest + 1], newest)
    return pulse


@pytest.mark.parametrize("period", [15.0, 24.37, 41.2])
def test_a_line_through_uneven_announcements_finds_the_steady_tempo(period):
    beats = np.arange(5.3, 1200, period)
    told = beats + np.random.default_rng(0).uniform(-1.5, 1.5, len(beats))
    line = listened(told, beats, 1200, period).line()
    assert line.period == pytest.approx(period, rel=1e-3)
    after = (line.frame - 5.3) / period
    assert after == pytest.approx(round(after), abs=0.5 / period)


def test_eight_bars_later_it_is_still_right():
    beats = np.arange(5.3, 900, 24.37)
    told = beats + np.random.default_rng(1).normal(0, 0.7, len(beats))
    line = listened(told, beats, 900, 24.37).line()
    position = (line.frame + 32 * line.period - 5.3) / 24.37
    assert abs(position - round(position)) * 24.37 < 0.035 * 50


def test_beats_left_out_are_counted():
    beats = np.arange(10.0, 1000, 25.0)
    told = np.delete(beats, [6, 7, 13, 20])
    assert listened(told, beats, 1000, 25.0).line().period == pytest.approx(25.0, rel=1e-3)


def test_a_tempo_that_wanders_has_no_line():
    periods = 24.0 + 5.0 * np.sin(np.arange(40) / 2.5)
    beats = 10.0 + np.cumsum(periods)
    assert listened(beats, beats, 900).line() is None


def test_a_few_beats_have_no_line():
    beats = np.arange(10.0, 150, 25.0)
    assert listened(beats, beats, 200).line() is None


def test_a_new_tempo_takes_the_place_of_the_old_one():
    beats = np.concatenate((np.arange(10.0, 700, 30.0), np.arange(723.0, 1100, 23.0)))
    assert listened(beats, beats, 1100).line().period == pytest.approx(23.0, rel=5e-3)


def test_it_counts_what_was_missed_and_what_was_confirmed():
    beats = np.arange(10.0, 1000, 25.0)
    pulse = listened(beats, beats[:20], 800)
    assert pulse.confirmed == 0
    assert pulse.missed == int(sum((beats >= beats[20]) & (beats < 800 - SETTLED - 3)))
    assert not pulse.lively
    again = listened(beats, beats, 800)
    assert again.missed == 0
    assert again.confirmed > 20
    assert again.lively


def test_time_that_passed_unheard_is_neither():
    beats = np.arange(10.0, 1000, 25.0)
    pulse = listened(beats, beats[:20], 800)
    pulse.pass_over()
    assert (pulse.missed, pulse.confirmed) == (0, 0)


def test_a_window_that_began_anew_does_no_harm():
    pulse = Pulse()
    pulse.announce(100.0, 25.0)
    for newest in range(118, 140):
        pulse.hear(np.full((newest - 117, 2), 0.5, np.float32), newest)
    assert (pulse.missed, pulse.confirmed) == (0, 0)
