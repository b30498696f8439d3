"""The tempo of beats that were announced: finer than the decoder's, and quick to change."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.line_period import LONGEST, SHORTEST, line_period


@given(st.floats(0.25, 1.5), st.integers(0, 1000), st.floats(-0.01, 0.01))
def test_a_steady_tempo_is_told_to_a_thousandth_whatever_the_decoder_thinks(period, seed, wrong):
    jitter = np.random.default_rng(seed).uniform(-0.004, 0.004, LONGEST) * period / 0.5
    times = 100.0 + np.arange(LONGEST) * period + jitter
    assert abs(line_period(times, period * (1.0 + wrong)) / period - 1.0) < 2e-3


def test_the_first_beats_have_the_decoders_tempo():
    assert line_period([1.0, 1.6, 2.1][: SHORTEST - 1], 0.5) == 0.5


def test_after_a_step_only_the_new_beats_count():
    old = np.arange(12) * 0.6
    new = old[-1] + np.arange(1, 6) * 0.46
    assert abs(line_period([*old, *new], 0.462) - 0.46) < 1e-9


def test_another_octave_than_the_decoders_is_not_believed():
    assert line_period(np.arange(16) * 0.5, 0.25) == 0.25
