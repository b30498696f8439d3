"""Plots: a picture of the kind that was asked for, with a line for every beat."""

from __future__ import annotations

import io
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from rtbeat import Beats
from rtbeat.beat import median_tempo
from rtbeat.formats import plot
from tests.music import drum_loop
from tests.needs import require

matplotlib = require("matplotlib", 'pip install "rtbeat[plot]"')

RATE = 8_000


def make_beats(count: int = 16) -> Beats:
    times = 0.3 + 0.5 * np.arange(count)
    numbers = np.arange(count) % 4 + 1
    activation = np.linspace(0, 1, 450).astype(np.float32)
    return Beats(times, numbers, median_tempo(times), activation, 9.0)


BEATS = make_beats()
SAMPLES = drum_loop(120.0, 9.0, RATE)[0]


def lines_of(svg: bytes, color: str) -> int:
    """Vertical lines of a colour, those of the legend left out."""
    root = ElementTree.fromstring(svg)
    count = 0
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        words = path.get("d", "").split()
        if color in path.get("style", "") and len(words) == 6 and words[1] == words[4]:
            count += 1
    return count


def test_every_beat_is_a_line_in_each_panel_but_the_tempo():
    alone = plot.draw(BEATS, suffix=".svg")
    assert (lines_of(alone, plot.BEAT), lines_of(alone, plot.DOWNBEAT)) == (12, 4)
    whole = plot.draw(BEATS, SAMPLES, RATE, ".svg")
    assert (lines_of(whole, plot.BEAT), lines_of(whole, plot.DOWNBEAT)) == (24, 8)


def test_panels_are_named_and_the_waveform_comes_with_samples_only():
    alone = plot.draw(BEATS, suffix=".svg").decode()
    whole = plot.draw(BEATS, SAMPLES, RATE, ".svg").decode()
    for name in ("activation", "tempo (BPM)", "time (s)", "downbeat"):
        assert name in alone
        assert name in whole
    assert "amplitude" in whole
    assert "amplitude" not in alone


def test_png_is_a_picture_that_is_not_empty():
    from matplotlib.image import imread

    stereo = np.stack([SAMPLES, SAMPLES], 1)
    picture = imread(io.BytesIO(plot.draw(BEATS, stereo, RATE, ".PNG")))
    assert picture.shape[:2] == (684, 1440)
    assert 0.02 < (picture[..., :3] < 0.9).any(axis=2).mean() < 0.9


def test_pdf():
    assert plot.draw(BEATS, suffix=".pdf").startswith(b"%PDF")


@pytest.mark.parametrize("suffix", plot.SUFFIXES)
def test_the_same_beats_give_the_same_bytes(suffix):
    assert plot.draw(BEATS, suffix=suffix) == plot.draw(BEATS, suffix=suffix)


@pytest.mark.parametrize("count", [0, 1])
def test_few_beats_and_broken_samples_are_drawn_too(count):
    broken = np.array([0.5, np.nan, np.inf], np.float32)
    assert plot.draw(make_beats(count), broken, RATE)
    assert plot.draw(make_beats(count), broken[:0], RATE)


def test_nothing_is_left_behind_in_matplotlib():
    before = dict(matplotlib.rcParams)
    plot.draw(BEATS)
    assert dict(matplotlib.rcParams) == before
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"'\.gif'; known are \.png"):
        plot.draw(BEATS, suffix=".gif")
    with pytest.raises(ValueError, match="sample_rate is missing"):
        plot.draw(BEATS, SAMPLES)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"rtbeat\[plot\]"):
        plot.draw(BEATS)
