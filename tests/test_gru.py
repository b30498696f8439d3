"""Kernels against plain numpy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat import gru
from rtbeat.networks import Networks
from rtbeat.packed import buffers, pack
from tests import naive_gru
from tests.models import ANCESTOR, TINY, random_arrays, random_features


def test_tanh_and_sigmoid_are_within_the_stated_error_everywhere():
    x = np.concatenate((np.linspace(-20, 20, 20_001), [-1e30, 1e30])).astype(np.float32)
    exact = x.astype(np.float64)
    assert max(abs(gru.tanh(v) - np.tanh(e)) for v, e in zip(x, exact, strict=True)) < 4e-7
    logistic = 0.5 + 0.5 * np.tanh(0.5 * exact)
    assert max(abs(gru.sigmoid(v) - e) for v, e in zip(x, logistic, strict=True)) < 2e-7
    assert gru.tanh(np.float32(0.0)) == 0.0


@given(
    rows=st.integers(0, 9),
    size=st.integers(1, 21),
    width=st.integers(1, 40),
    first=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_project_is_a_matrix_product(rows, size, width, first):
    rng = np.random.default_rng(rows + 10 * size + 1000 * width)
    inputs = rng.standard_normal((first + rows, size)).astype(np.float32)
    weights = rng.standard_normal((size, width)).astype(np.float32)
    bias = rng.standard_normal(width).astype(np.float32)
    out = np.full((rows + 2, width), 7.0, np.float32)
    gru.project(inputs, first, weights, bias, out, 1, rows)
    np.testing.assert_allclose(out[1 : 1 + rows], inputs[first:] @ weights + bias, atol=2e-5)
    assert (out[0] == 7.0).all()
    assert (out[-1] == 7.0).all()


@pytest.mark.parametrize("size", [5, 64, 160])
def test_project_gives_a_row_the_same_bits_whatever_is_projected_with_it(size):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((7, size)).astype(np.float32)
    weights = rng.standard_normal((size, 93)).astype(np.float32)
    bias = rng.standard_normal(93).astype(np.float32)
    together, alone = np.zeros((7, 93), np.float32), np.zeros((7, 93), np.float32)
    gru.project(inputs, 0, weights, bias, together, 0, 7)
    for row in range(7):
        gru.project(inputs, row, weights, bias, alone, row, 1)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("config", [TINY, ANCESTOR], ids=["tiny", "ancestor"])
@pytest.mark.parametrize("frames", [1, 2, 7, 40])
def test_a_run_over_all_rows_is_the_network(config, frames):
    arrays, features = random_arrays(config), random_features(config, frames)
    packed = pack(config, arrays)
    work = Networks(packed, frames + 1, frames, frames)
    work.absorb(features, 1)
    work.refine(1, 1, frames + 1)
    expected = naive_gru.activations(config, arrays, features)
    np.testing.assert_allclose(work.activations[1:], expected, atol=1e-5)


def test_forward_direction_goes_on_from_the_row_before():
    """Two runs, one after the other, give layer 0 the forward outputs of one run over all."""
    (packed,), features = pack(TINY, random_arrays(TINY)), random_features(TINY, 30)
    whole, parts = buffers(packed, 31, 30, 30), buffers(packed, 31, 30, 30)
    for work, cuts in ((whole, (1, 31)), (parts, (1, 12, 31))):
        gru.absorb(features, 1, packed, work)
        for first, stop in itertools.pairwise(cuts):
            gru.refine(first, first, stop, packed, work)
    units = TINY.units
    np.testing.assert_array_equal(whole.states[0, :, :units], parts.states[0, :, :units])
    assert not np.array_equal(whole.states[0, :, units:], parts.states[0, :, units:])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_count_as_the_mean(bad):
    arrays, features = random_arrays(TINY), random_features(TINY, 3)
    packed = pack(TINY, arrays)
    results = []
    for value in (bad, arrays["mean"][5]):
        features[1, 5] = value
        work = Networks(packed, 4, 3, 3)
        work.absorb(features, 1)
        work.refine(1, 1, 4)
        results.append(work.activations.copy())
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[0]).all()
