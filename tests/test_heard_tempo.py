"""The tempo that the network hears: evidence for the tempi of a decoder, and what teaches it."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat.heard_tempo import HEADS, TEMPI, at_periods, between, log_evidence


def heard(tempo: int, chance: float = 0.9) -> np.ndarray:
    """One frame of activations of a model that hears ``TEMPI[tempo]``."""
    frame = np.zeros((1, 2 + len(TEMPI)), np.float32)
    frame[0, 2 + tempo] = chance
    return frame


def test_heads_are_named_by_their_tempo():
    assert len(HEADS) == len(TEMPI) == 24
    np.testing.assert_allclose([float(name.split()[1]) for name in HEADS], TEMPI, rtol=1e-3)


@pytest.mark.parametrize("tempo", [2, 11, 20])
def test_evidence_is_highest_at_the_tempo_that_is_heard(tempo):
    periods = np.geomspace(10.0, 100.0, 300)
    evidence = at_periods(log_evidence(heard(tempo))[0], between(periods, 50.0))
    assert 3000.0 / periods[np.argmax(evidence)] == pytest.approx(TEMPI[tempo], rel=0.01)
    assert evidence.min() < 0.0 < evidence.max()


def test_evidence_lies_between_that_of_the_tempi_around():
    evidence = log_evidence(heard(9))[0]
    half_way = 3000.0 / np.sqrt(TEMPI[9] * TEMPI[10])
    (found,) = at_periods(evidence, between(np.array([half_way]), 50.0))
    assert found == pytest.approx(0.5 * (evidence[9] + evidence[10]))


def test_tempi_outside_of_the_row_count_as_its_ends():
    evidence = log_evidence(heard(0))[0]
    found = at_periods(evidence, between(np.array([3000.0 / 20.0, 3000.0 / 400.0]), 50.0))
    np.testing.assert_allclose(found, [evidence[0], evidence[-1]])


def test_a_model_that_tells_no_tempo_gives_no_evidence():
    assert (log_evidence(np.full((5, 2), 0.5, np.float32)) == 0.0).all()


def test_a_model_in_doubt_gives_no_evidence():
    assert np.abs(log_evidence(np.full((5, 26), 0.3, np.float32))).max() < 1e-6
