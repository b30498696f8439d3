"""Wider networks that compute what the narrow one does."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat.model import BeatModel
from rtbeat.weights import ModelConfig
from training.widen import widen

CONFIG = ModelConfig(inputs=6, layers=3, units=5)


def model(seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        name: rng.normal(0, 0.4, shape).astype(np.float32)
        for name, shape in CONFIG.shapes().items()
    }
    return BeatModel(CONFIG, arrays)


def features(frames=60):
    size = CONFIG.features.size
    return np.random.default_rng(1).normal(0, 1, (frames, size)).astype(np.float32)


@pytest.mark.parametrize("units", [5, 6, 9, 14])
def test_a_wider_network_computes_the_same(units):
    narrow = model()
    rng = np.random.default_rng(2)
    wide = BeatModel(*widen(CONFIG, narrow.arrays, units, rng, noise=0.0))
    assert wide.config.units == units
    np.testing.assert_allclose(
        wide.activations(features()), narrow.activations(features()), atol=1e-4
    )


def test_noise_parts_the_copies_and_changes_little():
    narrow = model()
    wide = BeatModel(*widen(CONFIG, narrow.arrays, 10, np.random.default_rng(2)))
    rows = wide.arrays["gru.1.forward.weight_hh"][:10]
    assert len(np.unique(rows.round(6), axis=0)) == 10
    difference = np.abs(wide.activations(features()) - narrow.activations(features()))
    assert difference.mean() < 0.02


def test_a_network_cannot_be_made_narrower():
    with pytest.raises(ValueError, match="5 units cannot be widened to 4"):
        widen(CONFIG, model().arrays, 4, np.random.default_rng(0))
