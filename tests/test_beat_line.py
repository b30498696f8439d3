"""The tempo of beats that were announced: finer than the decoder's, and quick to change."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.beat_line import LONGEST, SHORTEST, BeatLine, beat_line


@given(st.floats(0.25, 1.5), st.integers(0, 1000), st.floats(-0.01, 0.01))
def test_a_steady_tempo_is_told_to_a_thousandth_whatever_the_decoder_thinks(period, seed, wrong):
    jitter = np.random.default_rng(seed).uniform(-0.004, 0.004, LONGEST) * period / 0.5
    times = 100.0 + np.arange(LONGEST) * period + jitter
    line = beat_line(times, period * (1.0 + wrong))
    assert abs(line.period / period - 1.0) < 2e-3
    assert abs(line.time - (100.0 + (LONGEST - 1) * period)) < 0.008 * period


def test_the_first_beats_have_the_decoders_tempo():
    assert beat_line([1.0, 1.6, 2.1][: SHORTEST - 1], 0.5) == BeatLine(2.1, 0.5)


def test_after_a_step_only_the_new_beats_count():
    old = np.arange(12) * 0.6
    new = old[-1] + np.arange(1, 6) * 0.46
    assert abs(beat_line([*old, *new], 0.462).period - 0.46) < 1e-9


def test_another_octave_than_the_decoders_is_not_believed():
    assert beat_line(np.arange(16) * 0.5, 0.25).period == 0.25
