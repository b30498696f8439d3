"""The scores mean what benchmarks/README.md says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import metrics, uncertainty
from tests.naive_scores import most_hits
from tests.needs import require

TRUE = np.arange(0.5, 30.0, 0.5)  # 120 BPM

# on a grid of 10 ms times often lie exactly on the edge of the window; a window of 69 ms has none
few = st.lists(st.integers(0, 60).map(lambda n: n / 100), max_size=6).map(sorted)
many = st.lists(st.floats(0.0, 30.0), max_size=60).map(sorted)


def ahead(times, lead):
    """Events announced ``lead`` seconds before their beats."""
    times = np.asarray(times, float)
    return np.column_stack((times, times - lead))


@given(few, few)
def test_match_finds_as_many_pairs_as_any_matching(estimated, reference):
    pairs = metrics.match(np.array(estimated), np.array(reference), 0.069)
    assert len(pairs) == most_hits(estimated, reference, 0.069)


@given(many, many)
def test_match_pairs_each_beat_once_and_within_the_window(estimated, reference):
    est, ref = np.array(estimated), np.array(reference)
    pairs = metrics.match(est, ref)
    assert np.all(np.abs(est[pairs[:, 0]] - ref[pairs[:, 1]]) <= 0.07)
    assert np.all(np.diff(pairs, axis=0) > 0)


@given(many, many, st.sampled_from([0.0, 5.0]), st.sampled_from([0.07, 0.025]))
def test_f_measure_is_that_of_mir_eval(estimated, reference, trim, window):
    beat = require("mir_eval", 'pip install "rtbeat[test]"').beat
    est, ref = np.array(estimated), np.array(reference)
    if len(est) == 0 or len(ref) == 0:
        expected = 0.0  # mir_eval warns of empty lists
    else:
        est_kept, ref_kept = beat.trim_beats(est, trim), beat.trim_beats(ref, trim)
        full = len(est_kept) and len(ref_kept)
        expected = beat.f_measure(ref_kept, est_kept, window) if full else 0.0
    assert metrics.f_measure(est, ref, window, trim) == pytest.approx(expected)


def test_f_measure_does_not_mind_the_order_and_counts_both_kinds_of_mistake():
    assert metrics.f_measure(TRUE[::-1], TRUE) == 1.0
    assert metrics.f_measure(TRUE[::2], TRUE) == pytest.approx(2 * 30 / (30 + 59))
    assert metrics.f_measure([], TRUE) == metrics.f_measure(TRUE, []) == 0.0


def test_f_at_25_ms_is_stricter():
    late = TRUE + 0.05
    assert metrics.f_measure(late, TRUE) == 1.0
    assert metrics.f_measure(late, TRUE, window=0.025) == 0.0


def test_f_first_looks_at_the_first_seconds_alone():
    late_start = TRUE[TRUE >= 5.0]
    assert metrics.f_first(late_start, TRUE) == 0.0
    assert metrics.f_measure(late_start, TRUE, trim=5.0) == 1.0
    assert metrics.f_first(TRUE[TRUE < 5.0], TRUE) == 1.0
    assert math.isnan(metrics.f_first([1.0], [7.0, 8.0]))


def test_conditional_f_drops_what_was_announced_too_late():
    events = ahead(TRUE, 0.1)
    assert metrics.conditional_f(events, TRUE, 0.1) == 1.0
    assert metrics.conditional_f(events, TRUE, 0.101) == 0.0
    half = np.concatenate((ahead(TRUE[:30], 0.1), ahead(TRUE[30:], -0.1)))
    assert metrics.conditional_f(half, TRUE) == pytest.approx(2 * 30 / (30 + 59))
    assert metrics.conditional_f(half, TRUE, lead=-0.1) == 1.0
    assert metrics.conditional_f(half[:30], TRUE, trim=16.0) == 0.0


@given(many, st.floats(-0.3, 0.3))
def test_lead_curve_of_one_lead_is_a_step(reference, lead):
    ref = np.array(reference)
    curve = metrics.lead_curve(ahead(ref, lead), ref)
    asked = np.array(metrics.LEADS)
    f = metrics.f_measure(ref, ref)
    assert np.all(curve[asked < lead - 1e-6] == f)
    assert np.all(curve[asked > lead + 1e-6] == 0.0)


def test_heard_f_takes_a_late_announcement_when_it_comes():
    assert metrics.heard_f(ahead(TRUE, 0.2), TRUE) == 1.0
    assert metrics.heard_f(ahead(TRUE, -0.05), TRUE) == 1.0
    assert metrics.heard_f(ahead(TRUE, -0.1), TRUE) == 0.0
    assert metrics.heard_f(ahead(TRUE - 0.1, -0.1), TRUE) == 1.0  # early beat, late word


def test_continuity_accepts_other_levels_in_aml_only():
    require("mir_eval", 'pip install "rtbeat[test]"')
    assert metrics.continuity(TRUE, TRUE) == (1.0, 1.0)
    correct, any_level = metrics.continuity(TRUE[::2], TRUE)
    assert correct == 0.0
    assert any_level > 0.9
    assert metrics.continuity([1.0], TRUE) == (0.0, 0.0)


def test_continuity_is_unknown_without_mir_eval(monkeypatch):
    monkeypatch.setattr(metrics, "mir_eval", None)
    assert np.all(np.isnan(metrics.continuity(TRUE, TRUE)))


def test_downbeat_f_looks_at_number_one_alone():
    positions = np.arange(len(TRUE)) % 4 + 1
    assert metrics.downbeat_f(TRUE, positions, TRUE, positions) == 1.0
    assert metrics.downbeat_f(TRUE, positions % 4 + 1, TRUE, positions) == 0.0
    unknown = np.zeros(len(TRUE), int)
    assert metrics.downbeat_f(TRUE, unknown, TRUE, positions) == 0.0
    assert math.isnan(metrics.downbeat_f(TRUE, positions, TRUE, unknown))


def test_bias_is_the_median_offset_of_right_beats_and_positive_when_late():
    assert metrics.bias(TRUE + 0.02, TRUE) == pytest.approx(0.02)
    assert metrics.bias(TRUE - 0.03, TRUE) == pytest.approx(-0.03)
    far = np.concatenate((TRUE[:5] + 0.02, TRUE[5:] + 0.2))
    assert metrics.bias(far, TRUE) == pytest.approx(0.02)
    assert math.isnan(metrics.bias(TRUE + 0.2, TRUE))


def test_tempo_is_right_within_four_percent_or_an_octave():
    assert metrics.tempo_right(TRUE * 1.03, TRUE) == 1.0
    assert metrics.tempo_right(TRUE * 1.06, TRUE) == 0.0
    assert metrics.tempo_right(TRUE[::2], TRUE) == 0.0
    assert metrics.tempo_right(TRUE[::2], TRUE, octaves=True) == 1.0
    assert metrics.tempo_right([1.0], TRUE) == 0.0
    assert math.isnan(metrics.tempo_right(TRUE, [1.0]))


def test_time_to_lock_is_the_first_of_four_right_beats_in_a_row():
    assert metrics.time_to_lock(TRUE, TRUE) == 0.5
    missed = np.delete(TRUE, 3)  # 0.5, 1.0, 1.5 and then a gap
    assert metrics.time_to_lock(missed, TRUE) == 2.5
    extra = np.sort(np.append(TRUE, 1.75))
    assert metrics.time_to_lock(extra, TRUE) == 2.0
    assert metrics.time_to_lock(TRUE[::2], TRUE) == math.inf  # right, but at half tempo
    assert metrics.time_to_lock(TRUE[:3], TRUE) == math.inf


def test_octave_switches_counts_changes_of_level():
    assert metrics.octave_switches(TRUE, TRUE) == 0.0
    assert metrics.octave_switches(TRUE[::2], TRUE) == 0.0
    half = np.concatenate((TRUE[TRUE < 10], TRUE[(TRUE >= 10) & (TRUE < 20)][::2], TRUE[40:]))
    assert metrics.octave_switches(half, TRUE) == pytest.approx(2 / (29 / 60))
    one_missing = np.delete(TRUE, 20)
    assert metrics.octave_switches(one_missing, TRUE) == 0.0


def test_mean_and_interval_leave_out_what_is_not_known():
    values = [0.0, 1.0, 1.0, float("nan")]
    assert uncertainty.mean(values) == pytest.approx(2 / 3)
    assert uncertainty.bootstrap_interval(values) == uncertainty.bootstrap_interval(values[:3])
    assert math.isnan(uncertainty.mean([]))
    assert np.all(np.isnan(uncertainty.bootstrap_interval([0.5])))


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=30))
def test_bootstrap_interval_holds_the_mean_and_can_be_repeated(values):
    low, high = uncertainty.bootstrap_interval(values)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert (low, high) == uncertainty.bootstrap_interval(values)


def test_difference_is_of_the_clips_that_both_know_and_in_pairs():
    baseline = np.array([0.1, 0.9, 0.5, np.nan, 0.3])
    values = baseline + 0.1
    values[4] = np.nan
    change, (low, high) = uncertainty.difference(values, baseline)
    assert change == pytest.approx(0.1)  # however much the clips differ
    assert low == pytest.approx(0.1)
    assert high == pytest.approx(0.1)


def test_bootstrap_interval_is_the_normal_one_for_many_values():
    values = np.random.default_rng(1).normal(0.7, 0.2, 400)
    low, high = uncertainty.bootstrap_interval(values)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.004)


def test_calibration_error_is_zero_for_honest_confidences_only():
    right = np.tile([True, True, True, False], 25)
    assert uncertainty.calibration_error(np.full(100, 0.75), right) == pytest.approx(0.0)
    assert uncertainty.calibration_error(np.full(100, 1.0), right) == pytest.approx(0.25)
    mixed = np.concatenate((np.full(50, 0.1), np.full(50, 0.9)))
    assert uncertainty.calibration_error(mixed, mixed < 0.5) == pytest.approx(0.9)
    assert math.isnan(uncertainty.calibration_error([], []))
