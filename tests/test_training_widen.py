"""Wider networks that compute what the narrow one does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtbeat.model import BeatModel
from rtbeat.weights import ModelConfig
from training.widen import widen

CONFIG = ModelConfig(inputs=6, layers=3, units=5)
BARE = replace(CONFIG, inputs=0)  # no dense layer


def model(config=CONFIG, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        name: rng.normal(0, 0.4, shape).astype(np.float32)
        for name, shape in config.shapes().items()
    }
    return BeatModel(config, arrays)


def features(frames=60):
    size = CONFIG.features.size
    return np.random.default_rng(1).normal(0, 1, (frames, size)).astype(np.float32)


@pytest.mark.parametrize("units", [5, 6, 9, 14])
@pytest.mark.parametrize(
    ("config", "inputs"),
    [(CONFIG, 6), (CONFIG, 7), (CONFIG, 12), (CONFIG, 20), (BARE, 0)],
)
def test_a_wider_network_computes_the_same(config, inputs, units):
    narrow = model(config)
    rng = np.random.default_rng(2)
    wide = BeatModel(*widen(narrow.config, narrow.arrays, inputs, units, rng, noise=0.0))
    assert wide.config == replace(narrow.config, inputs=inputs, units=units)
    np.testing.assert_allclose(
        wide.activations(features()), narrow.activations(features()), atol=1e-4
    )


def test_noise_parts_the_copies_and_changes_little():
    narrow = model()
    wide = BeatModel(*widen(CONFIG, narrow.arrays, 6, 10, np.random.default_rng(2)))
    rows = wide.arrays["gru.1.forward.weight_hh"][:10]
    assert len(np.unique(rows.round(6), axis=0)) == 10
    difference = np.abs(wide.activations(features()) - narrow.activations(features()))
    assert difference.mean() < 0.02


def test_noise_parts_the_copies_of_the_dense_layer_and_leaves_the_units_that_were():
    narrow = model()
    before = {name: array.copy() for name, array in narrow.arrays.items()}
    config, arrays = widen(CONFIG, narrow.arrays, 18, 5, np.random.default_rng(2))
    wide = BeatModel(config, arrays)
    dense = wide.arrays["input.weight"]
    assert len(np.unique(dense.round(6), axis=0)) == 18
    np.testing.assert_array_equal(dense[:6], before["input.weight"])
    gaps = abs(dense[6:, None] - dense[None, :6]).mean(2).min(1)  # to the unit that each copies
    assert gaps.max() < 0.05 * dense.std()
    difference = np.abs(wide.activations(features()) - narrow.activations(features()))
    assert 0 < difference.mean() < 0.02
    for name, array in narrow.arrays.items():
        np.testing.assert_array_equal(array, before[name])  # what was given is not changed


def test_a_network_made_no_wider_stays_as_it_is():
    narrow = model()
    config, arrays = widen(CONFIG, narrow.arrays, 6, 5, np.random.default_rng(2))
    assert config == CONFIG
    for name, array in narrow.arrays.items():
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize(
    ("config", "inputs", "units"),
    [(CONFIG, 6, 4), (CONFIG, 5, 5), (CONFIG, 12, 4), (CONFIG, 0, 5), (BARE, 6, 5)],
)
def test_a_network_cannot_be_made_narrower_nor_get_a_dense_layer(config, inputs, units):
    message = (
        f"a network of {config.inputs} inputs and 5 units cannot be widened to {inputs} and {units}"
    )
    with pytest.raises(ValueError, match=message):
        widen(config, model(config).arrays, inputs, units, np.random.default_rng(0))
