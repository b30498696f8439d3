"""Weights in the kernels' layout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtbeat.packed import buffers, pack
from rtbeat.weights import DIRECTIONS
from tests.models import TINY, random_arrays, random_features, random_model
from training.ensemble import padded

WIDE = replace(TINY, inputs=TINY.inputs + 3, units=TINY.units + 5)


def widened():
    """TINY's weights, and the same with idle units."""
    narrow = random_arrays(TINY)
    return narrow, padded(TINY, narrow, WIDE.inputs, WIDE.units)


def test_units_that_do_nothing_cost_nothing():
    narrow, wide = widened()
    for expected, found in zip(*pack(TINY, narrow), *pack(WIDE, wide), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["bias_ih", "bias_hh", "weight_ih", "weight_hh"])
def test_a_unit_with_anything_in_its_new_gate_is_kept(kind):
    _, wide = widened()
    wide[f"gru.1.backward.{kind}"][-2] = 0.25  # the last unit but one
    (packed,) = pack(WIDE, wide)
    assert packed.recurrent.shape[2] == WIDE.units - 1


def test_a_network_of_zeros_is_one():
    zeros = {name: np.zeros(shape, np.float32) for name, shape in TINY.shapes().items()}
    (packed,) = pack(TINY, zeros)
    assert packed.recurrent.shape[1] == len(DIRECTIONS)
    assert buffers(packed, 4, 1, 3).states.shape == (TINY.layers, 4, 2)
    model = random_model()
    flat = type(model)(TINY, zeros).activations(random_features(TINY, 9))
    np.testing.assert_array_equal(flat, 0.5)
