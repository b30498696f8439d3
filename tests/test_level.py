"""The input level meter: figures against the whole signal's, and advice that does not flicker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.live.level import FLOOR, HYSTERESIS, NO_SIGNAL, REMEDY, TOO_QUIET, LevelMeter

RATE = 8_000


def tone(peak_db: float, seconds: float) -> np.ndarray:
    """A sine of 400 Hz: 20 samples a period, so that its peak is among them."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (10 ** (peak_db / 20) * np.sin(2 * np.pi * 400 * time)).astype(np.float32)


def heard(*signals: np.ndarray) -> LevelMeter:
    meter = LevelMeter(RATE)
    for signal in signals:
        meter.process(signal)
    return meter


def test_a_sine_has_its_peak_and_3_db_less():
    meter = heard(tone(-12.0, 3.0))
    assert meter.peak == pytest.approx(-12.0, abs=0.01)
    assert meter.level == pytest.approx(-15.01, abs=0.01)


def test_the_level_is_of_half_a_second_and_the_peak_of_two():
    meter = heard(tone(-6.0, 3.0), tone(-40.0, 0.5))
    assert meter.level == pytest.approx(-43.01, abs=0.01)
    assert meter.peak == pytest.approx(-6.0, abs=0.01)
    meter.process(tone(-40.0, 1.5))
    assert meter.peak == pytest.approx(-40.0, abs=0.01)


def test_silence_and_nothing_at_all_are_at_the_floor():
    assert LevelMeter(RATE).level == LevelMeter(RATE).peak == FLOOR
    meter = heard(np.zeros(RATE, np.float32))
    assert meter.level == meter.peak == FLOOR


def test_the_loudest_channel_counts():
    stereo = np.stack([tone(-40.0, 3.0), tone(-20.0, 3.0)], axis=1)
    meter = heard(stereo)
    assert meter.peak == pytest.approx(-20.0, abs=0.01)
    assert meter.level == pytest.approx(-23.01, abs=0.01)


def test_samples_that_are_not_finite_count_as_silence():
    signal = tone(-20.0, 3.0)
    signal[::50] = np.nan
    signal[1::50] = np.inf
    meter = heard(signal)
    assert meter.peak == pytest.approx(-20.0, abs=0.01)
    assert meter.advice == ""


@given(st.lists(st.integers(0, 3 * RATE), max_size=8))
def test_blocks_do_not_matter(cuts):
    left = np.concatenate([tone(-50.0, 1.7), tone(0.0, 0.2), tone(-30.0, 1.1)])
    signal = np.stack([left, left[::-1]], axis=1)
    whole = heard(signal)
    meter = heard(*np.split(signal, sorted(cuts)))
    assert meter.level == pytest.approx(whole.level)
    assert (meter.peak, meter.advice) == (whole.peak, whole.advice)


@pytest.mark.parametrize(
    ("peak", "advice"),
    [(-120.0, "no signal"), (-80.0, "no signal"), (-60.0, "too quiet"), (-20.0, ""), (-1.0, "")],
)
def test_advice(peak, advice):
    assert heard(tone(peak, 3.0)).advice == advice


@pytest.mark.parametrize(("least", "advice"), [(NO_SIGNAL, "no signal"), (TOO_QUIET, "too quiet")])
def test_advice_goes_away_only_well_above_where_it_came(least, advice):
    meter = heard(tone(least - 1.0, 3.0))
    assert meter.advice == advice
    meter.process(tone(least + HYSTERESIS - 1.0, 3.0))
    assert meter.advice == advice
    meter.process(tone(least + HYSTERESIS + 1.0, 3.0))
    assert meter.advice != advice
    meter.process(tone(least + 1.0, 3.0))
    assert meter.advice != advice


def test_a_short_pause_is_no_reason_for_advice():
    meter = heard(tone(-20.0, 3.0), np.zeros(round(1.9 * RATE), np.float32))
    assert meter.advice == ""
    meter.process(np.zeros(round(0.2 * RATE), np.float32))
    assert meter.advice == "no signal"


def test_clipping_is_told_at_once_and_for_two_seconds():
    meter = heard(tone(-10.0, 0.2), np.clip(2.0 * tone(0.0, 0.1), -1.0, 1.0))
    assert meter.advice == "clipping"
    meter.process(tone(-10.0, 1.9))
    assert meter.advice == "clipping"
    meter.process(tone(-10.0, 0.2))
    assert meter.advice == ""


def test_single_samples_at_full_scale_are_a_loud_record():
    signal = tone(-6.0, 3.0)
    signal[:: RATE // 10] = 1.0
    assert heard(signal).advice == ""


def test_reset_forgets():
    meter = heard(tone(0.0, 3.0))
    meter.reset()
    assert (meter.level, meter.peak, meter.advice) == (FLOOR, FLOOR, "")


def test_every_advice_has_its_remedy():
    for advice in ("no signal", "too quiet", "clipping"):
        assert REMEDY[advice].startswith(f"{advice}: ")
    assert REMEDY[""] == ""
