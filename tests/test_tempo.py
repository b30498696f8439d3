import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.tempo import TempoPrior, autocorrelation, tempo_candidates

RATE = 50.0


def pulses(period, frames=500, width=1.0, phase=3.0):
    """Beat activations with a beat every ``period`` frames, float32 (frames,)."""
    centres = np.arange(phase, frames, period)
    distance = np.arange(frames)[:, None] + 0.5 - centres
    return np.exp(-0.5 * (distance / width) ** 2).max(1).astype(np.float32)


def test_autocorrelation_is_the_mean_product_at_each_lag():
    values = np.random.default_rng(1).random(60).astype(np.float32)
    centred = values.astype(np.float64) - values.mean(dtype=np.float64)
    expected = [
        sum(centred[i] * centred[i + lag] for i in range(60 - lag)) / max(60 - lag, 30)
        for lag in range(50)
    ]
    np.testing.assert_allclose(autocorrelation(values, 50), expected, atol=1e-9)


def test_autocorrelation_beyond_the_signal_is_zero():
    assert not autocorrelation(pulses(20, frames=30), 100)[30:].any()


@pytest.mark.parametrize("tempo", [50.0, 87.3, 120.0, 133.7, 174.0, 219.0])
def test_the_tempo_of_regular_beats_is_found_to_a_tenth_of_a_bpm(tempo):
    found = tempo_candidates(pulses(60 * RATE / tempo), RATE)
    assert min(abs(candidate.tempo - tempo) for candidate in found) < 0.1 * tempo / 100


def test_best_first_and_the_weights_sum_to_one():
    weights = [candidate.weight for candidate in tempo_candidates(pulses(25), RATE)]
    assert len(weights) > 1
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1.0)


def test_the_prior_decides_between_a_tempo_and_its_half():
    activations = pulses(20)  # 150 BPM, and as periodic at 75
    assert tempo_candidates(activations, RATE, TempoPrior(150, 0.2))[0].tempo == pytest.approx(
        150, abs=0.2
    )
    assert tempo_candidates(activations, RATE, TempoPrior(75, 0.2))[0].tempo == pytest.approx(
        75, abs=0.2
    )


@pytest.mark.parametrize("frames", [0, 1, 2, 10, 500])
def test_silence_has_no_tempo(frames):
    assert tempo_candidates(np.zeros(frames, np.float32), RATE) == []


def test_one_beat_has_no_tempo():
    assert tempo_candidates(pulses(1000), RATE) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 600), st.floats(30, 100), st.floats(1.1, 6))
def test_whatever_is_heard_tempi_stay_in_the_range(seed, frames, slowest, ratio):
    activations = np.random.default_rng(seed).random(frames).astype(np.float32)
    prior = TempoPrior(minimum=slowest, maximum=slowest * ratio)
    found = tempo_candidates(activations, RATE, prior, count=3)
    assert len(found) <= 3
    assert all(slowest <= candidate.tempo <= slowest * ratio for candidate in found)
    assert not found or sum(candidate.weight for candidate in found) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["centre", "width", "minimum", "maximum"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_prior_of_nonsense_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        TempoPrior(**{name: value})


def test_an_empty_tempo_range_is_refused():
    with pytest.raises(ValueError, match="below the maximum"):
        TempoPrior(minimum=120, maximum=120)


def test_the_prior_is_one_at_its_centre_and_zero_outside_its_range():
    weights = TempoPrior(100, 0.5, 50, 200).weight(np.array([49.0, 50.0, 100.0, 200.0, 201.0]))
    np.testing.assert_allclose(weights, [0, np.exp(-2), 1, np.exp(-2), 0])


def test_activations_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(frames,\)"):
        tempo_candidates(np.zeros((10, 2), np.float32), RATE)
    with pytest.raises(ValueError, match="frame_rate"):
        tempo_candidates(np.zeros(10, np.float32), 0.0)
