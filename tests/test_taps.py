"""Tapped tempo."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat.taps import Taps


def tapped(times, tempo_range=(40.0, 240.0)):
    taps = Taps(tempo_range)
    period = None
    for time in times:
        period = taps.add(time)
    return taps, period


def test_one_tap_has_no_tempo():
    taps, period = tapped([3.0])
    assert period is None
    assert taps.beat == 3.0


def test_two_taps_are_taken_as_they_are():
    taps, period = tapped([3.0, 3.5])
    assert period == pytest.approx(0.5)
    assert taps.beat == 3.5


def test_more_taps_even_out_uneven_fingers():
    uneven = np.arange(4) * 0.5 + np.array([0.0, 0.02, -0.02, 0.03])
    taps, period = tapped(uneven)
    assert abs(period - 0.5) < 0.01
    assert abs(taps.beat - 1.5) < 0.03


def test_a_bounce_changes_nothing():
    taps, period = tapped([0.0, 0.5, 0.53, 1.0])
    assert period == pytest.approx(0.5)
    assert taps.beat == pytest.approx(1.0)


def test_another_tempo_takes_two_taps():
    _, period = tapped([0.0, 0.5, 1.0, 1.5, 2.3])
    assert period == pytest.approx(0.8)


def test_after_a_pause_it_starts_anew():
    taps, period = tapped([0.0, 0.5, 9.0])
    assert period is None
    assert taps.beat == 9.0


def test_it_stays_inside_the_tempo_range():
    assert tapped([0.0, 0.2], (60.0, 240.0))[1] == pytest.approx(0.25)
