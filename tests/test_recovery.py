"""Measures of how soon a tracker is right again."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.recovery import beats_until_right, phase_error

TRUTH = np.concatenate((np.arange(0, 10) * 0.6, 6.0 + np.arange(20) * 0.5))
TEMPI = np.concatenate((np.full(10, 100.0), np.full(20, 120.0)))


def test_never_wrong_is_zero():
    assert beats_until_right(TRUTH, TEMPI, TRUTH, 6.0) == 0


def test_beats_that_go_on_in_the_old_tempo_count():
    late = TRUTH.copy()
    late[11:13] = (6.6, 7.2)
    assert beats_until_right(late, TEMPI, TRUTH, 6.0) == 3


def test_right_places_with_a_wrong_tempo_are_not_right():
    slow = TEMPI.copy()
    slow[10:15] = 100.0
    assert beats_until_right(TRUTH, slow, TRUTH, 6.0) == 5


def test_beats_between_are_not_right():
    double = np.sort(np.concatenate((TRUTH, TRUTH[10:16] + 0.25)))
    tempi = np.full(len(double), 120.0)
    assert beats_until_right(double, tempi, TRUTH, 6.0) == 6


@pytest.mark.parametrize("times", [np.zeros(0), TRUTH + 0.2])
def test_never_right_is_none(times):
    assert beats_until_right(times, np.full(len(times), 120.0), TRUTH, 6.0) is None


def test_phase_error_has_a_sign():
    assert phase_error(np.array([1.0, 2.03]), 2.0) == pytest.approx(0.03)
    assert phase_error(np.array([1.98]), 2.0) == pytest.approx(-0.02)
    assert phase_error(np.zeros(0), 2.0) == np.inf
