"""Timeline: beats and time are exact inverses of each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.timeline import MOST_KNOTS, Timeline


@st.composite
def timelines(draw):
    gaps = draw(st.lists(st.floats(0.25, 2.0), min_size=0, max_size=20))
    timeline = Timeline((draw(st.floats(0, 100)),), (draw(st.integers(0, 3)),), 0.5)
    for gap in gaps:
        timeline = timeline.extended(timeline.times[-1] + gap, gap)
    return timeline


@given(timelines(), st.floats(-5, 200))
def test_time_of_is_the_inverse_of_beat_at(timeline, time):
    assert timeline.time_of(timeline.beat_at(time)) == pytest.approx(time, abs=1e-9)


@given(timelines())
def test_every_knot_is_met_exactly(timeline):
    for time, beat in zip(timeline.times, timeline.beats, strict=True):
        assert timeline.beat_at(time) == beat
        assert timeline.time_of(beat) == time


@given(timelines(), st.floats(-5, 200), st.floats(0.001, 5))
def test_musical_position_rises(timeline, time, step):
    assert timeline.beat_at(time + step) > timeline.beat_at(time)


def test_it_goes_on_with_the_last_period():
    timeline = Timeline((1.0,), (0,), 0.5).extended(1.6, 0.6)
    assert timeline.beat_at(2.2) == pytest.approx(2.0)


def test_a_beat_that_is_not_later_is_refused():
    with pytest.raises(ValueError, match="rise"):
        Timeline((1.0,), (0,), 0.5).extended(1.0, 0.5)


def test_old_beats_are_dropped():
    timeline = Timeline((0.0,), (0,), 0.5)
    for i in range(1, 500):
        timeline = timeline.extended(0.5 * i, 0.5)
    assert len(timeline.times) == MOST_KNOTS
    assert timeline.beat_at(timeline.times[0]) == 500 - MOST_KNOTS
