"""The forward filter and Viterbi: exact, steady, quick to recover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.filter import FilterDecoder
from rtbeat.state_space import Dynamics, Observation, StateSpace, log_ratios
from rtbeat.viterbi import REST, event_frames, viterbi_beats
from tests import naive


def activations(beats, frames: int, bar: int = 4) -> np.ndarray:
    """Activations as a good network gives: triangles at beats, downbeats every ``bar``."""
    out = np.full((frames, 2), 0.01, np.float32)
    centre = np.arange(frames) + 0.5
    for i, beat in enumerate(beats):
        shape = 0.9 * np.maximum(0, 1 - np.abs(centre - beat) / 1.5)
        out[:, 0] = np.maximum(out[:, 0], shape)
        if i % bar == 0:
            out[:, 1] = np.maximum(out[:, 1], 0.9 * shape)
    return out


def announced(decoder, acts, ahead: float = 10.0) -> list[tuple[float, int]]:
    """Beats announced when they are ``ahead`` frames away, by the tracker's rule."""
    out: list[tuple[float, int]] = []
    guard = 0.0
    for newest in range(len(acts)):
        decoder.update(acts[max(0, newest - 499) : newest + 1], newest)
        beat = decoder.predict(max(newest + 1.0, guard))
        if beat is not None and decoder.presence > 0.6 and beat.frame - newest - 2 < ahead:
            out.append((beat.frame, beat.number))
            guard = beat.frame + 0.45 * beat.period
    return out


def test_the_filter_equals_the_naive_forward_algorithm():
    dynamics = Dynamics(restart=0.0)
    fixed = Observation(least=0.06, most=0.06)
    decoder = FilterDecoder(
        10.0, (100.0, 200.0), beats_per_bar=2, dynamics=dynamics, observation=fixed
    )
    decoder.lag = 0
    acts = np.random.default_rng(3).uniform(0.01, 0.9, (14, 2)).astype(np.float32)
    start = decoder._kept.astype(np.float64)
    for newest in range(len(acts)):
        decoder.update(acts[: newest + 1], newest)
    event, downbeat, other = log_ratios(acts, decoder.observation, decoder._usual.share)
    bars = np.where(decoder.space.numbers == 1, downbeat[:, None], other[:, None])
    expected = naive.forward_next_event(decoder.space, event[:, None] + bars, start)
    decoder.predict(len(acts))
    got = {len(acts) + i: p for i, p in enumerate(decoder._coming) if p > 1e-6}
    assert got.keys() == {k for k, p in expected.items() if p > 1e-6}
    for frame, chance in got.items():
        assert chance == pytest.approx(expected[frame], abs=2e-5)


def test_viterbi_finds_the_best_of_all_sequences():
    space = StateSpace(10.0, (170.0, 260.0), Dynamics())
    acts = np.random.default_rng(5).uniform(0.01, 0.95, (10, 2)).astype(np.float32)
    observation = Observation()
    event = log_ratios(acts, observation, observation.prior)[0]
    _, expected = naive.best_events(event, space, observation.lowest * REST)
    assert list(event_frames(event, space, observation.lowest)) == expected


@pytest.mark.parametrize("tempo", [52.0, 97.3, 120.0, 171.0])
def test_steady_beats_are_predicted_within_ten_milliseconds(tempo):
    period = 3000.0 / tempo
    beats = np.arange(7.3, 1500, period)
    found = announced(FilterDecoder(), activations(beats, 1500))
    late = [frame for frame, _ in found if frame > 500 and frame < 1480]
    errors = [np.abs(beats - frame).min() for frame in late]
    assert len(late) == pytest.approx(980 / period, abs=1.1)
    assert np.mean(errors) < 0.5


def test_downbeats_are_found():
    beats = np.arange(4.0, 1500, 25.0)
    found = announced(FilterDecoder(), activations(beats, 1500, bar=3))
    for frame, number in found:
        if frame > 700:
            assert number == round((frame - 4.0) / 25.0) % 3 + 1


def test_a_step_of_tempo_is_followed():
    beats = np.concatenate((np.arange(10, 750, 30.0), np.arange(760, 1500, 23.0)))
    found = announced(FilterDecoder(), activations(beats, 1500))
    late = [frame for frame, _ in found if frame > 960]
    assert np.median([np.abs(beats - frame).min() for frame in late]) < 1.5


def test_noise_has_no_presence():
    decoder = FilterDecoder()
    acts = np.random.default_rng(0).uniform(0.0, 0.06, (1500, 2)).astype(np.float32)
    for newest in range(len(acts)):
        decoder.update(acts[max(0, newest - 499) : newest + 1], newest)
        assert decoder.presence < 0.6


def test_predicting_changes_nothing():
    decoder = FilterDecoder()
    acts = activations(np.arange(5, 300, 25.0), 300)
    for newest in range(300):
        decoder.update(acts[: newest + 1], newest)
    first = [decoder.predict(300.0 + ahead) for ahead in (0, 40, 90, 0, 40, 90)]
    assert first[:3] == first[3:]
    assert all(p.frame > 300 + a for p, a in zip(first, (0, 40, 90), strict=False))


def test_a_seed_sets_tempo_and_phase_at_once():
    decoder = FilterDecoder()
    quiet = np.full((60, 2), 0.02, np.float32)
    for newest in range(60):
        decoder.update(quiet[: newest + 1], newest)
    decoder.seed(50.0, 30.0, number=1)
    beat = decoder.predict(61.0)
    assert beat.frame == pytest.approx(80.0, abs=1.5)
    assert beat.period == pytest.approx(30.0, rel=0.05)
    assert beat.number == 2


def test_a_locked_tempo_does_not_move():
    decoder = FilterDecoder()
    beats = np.concatenate((np.arange(5, 500, 25.0), np.arange(505, 1200, 20.0)))
    acts = activations(beats, 1200)
    for newest in range(1200):
        decoder.update(acts[max(0, newest - 499) : newest + 1], newest)
        if newest == 450:
            decoder.lock_tempo(25.0)
    assert decoder.predict(1200.0).period == pytest.approx(25.0, rel=0.04)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_offline_beats_rise_within_the_tempo_range(seed):
    acts = np.random.default_rng(seed).uniform(0, 1, (400, 2)).astype(np.float32)
    frames, numbers, confidences = viterbi_beats(acts, tempo_range=(60.0, 180.0))
    assert (np.diff(frames) > 3000 / 180 * 0.75).all()
    assert len(frames) == len(numbers) == len(confidences)
    assert set(numbers) <= {1, 2, 3, 4}


def test_offline_silence_has_no_beats():
    frames, numbers, confidences = viterbi_beats(np.zeros((500, 2), np.float32))
    assert len(frames) == len(numbers) == len(confidences) == 0


def test_offline_does_not_beat_in_a_silent_introduction():
    beats = np.arange(500.0, 1000, 25.0)
    frames, _, _ = viterbi_beats(activations(beats, 1000))
    np.testing.assert_allclose(frames, beats, atol=0.6)
