"""What the tempo heads are taught."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat.heard_tempo import TEMPI
from training.tempo_targets import local_tempo, tempo_targets

FRAMES = np.arange(500) + 0.5


def test_a_steady_tempo_is_taught_in_every_frame_of_the_music():
    beats = np.arange(50.0, 450.0, 25.0)  # 120 BPM at 50 frames a second
    out = tempo_targets(beats, FRAMES, 50.0)
    inside = (FRAMES >= 25.0) & (FRAMES <= 450.0)
    assert (out[~inside] == 0.0).all()
    np.testing.assert_allclose(out[inside].sum(1), 1.0, atol=1e-5)
    mean = np.exp((out[200] * np.log(TEMPI)).sum())
    assert mean == pytest.approx(120.0, rel=1e-3)


def test_a_change_of_tempo_is_followed():
    beats = np.concatenate((np.arange(0.0, 250.0, 25.0), np.arange(250.0, 500.0, 40.0)))
    out = tempo_targets(beats, FRAMES, 50.0)
    np.testing.assert_allclose(TEMPI[out[[100, 400]].argmax(1)], [120.0, 75.0], rtol=0.05)


def test_one_wrong_interval_changes_nothing():
    beats = np.delete(np.arange(0.0, 500.0, 25.0), 10)
    np.testing.assert_allclose(local_tempo(beats, 50.0), 120.0)


@pytest.mark.parametrize("beats", [[], [100.0]])
def test_without_an_interval_there_is_no_tempo(beats):
    assert (tempo_targets(np.array(beats), FRAMES, 50.0) == 0.0).all()
