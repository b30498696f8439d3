"""What an Ableton Link session is told so that it follows the beats: no network."""

from __future__ import annotations

import pytest

from rtbeat.grid_line import Grid
from rtbeat.live.link_follower import LARGE, SMALL, LinkFollower


class Link:
    """A session: one tempo, one line of beats."""

    def __init__(self, beat: float, tempo: float):
        self.beat, self.tempo, self._at = beat, tempo, 0.0
        self.jumps = 0

    def go(self, time: float) -> None:
        self.beat += (time - self._at) * self.tempo / 60.0
        self._at = time

    def obey(self, order) -> None:
        if order is not None and order.tempo is not None:
            self.tempo = order.tempo
        if order is not None and order.beat is not None:
            self.beat = order.beat
            self.jumps += 1


def lead(link: Link, beats: int, tempo: float = 125.0, number=lambda k: k % 4 + 1, bar: int = 4):
    """Announce beats from 1 s on, each 0.2 s ahead, to a session; the time of the last one."""
    follower, period = LinkFollower(), 60.0 / tempo
    for k in range(beats):
        time = 1.0 + k * period
        link.go(time - 0.2)
        follower.follow(Grid(k, number(k), bar, time, period))
        link.obey(follower.order(time - 0.2, link.beat, link.tempo))
    link.go(time)
    return time


def test_the_session_takes_tempo_and_place_in_the_bar_at_once():
    link = Link(beat=17.3, tempo=90.0)
    lead(link, 1)
    assert link.tempo == pytest.approx(125.0)
    assert link.beat % 4 == pytest.approx(0.0, abs=1e-9)
    assert link.jumps == 1


def test_small_errors_are_bent_away_without_a_jump():
    link = Link(beat=0.0, tempo=125.0)
    link.beat = 3.93 - 1.0 * 125.0 / 60.0  # late by 0.07 beats at the first one
    lead(link, 24)
    assert link.jumps == 0
    assert (link.beat + 2) % 4 - 2 == pytest.approx(3 - 4, abs=2 * SMALL)
    assert link.tempo == pytest.approx(125.0, abs=0.3)


def test_a_session_that_is_right_is_left_alone():
    link = Link(beat=0.0, tempo=125.0)
    link.beat = 4.0 + SMALL / 2 - 125.0 / 60.0
    follower = LinkFollower()
    link.go(0.8)
    follower.follow(Grid(0, 1, 4, 1.0, 60.0 / 125.0))
    assert follower.order(0.8, link.beat, link.tempo) is None


def test_only_the_beat_is_followed_where_downbeats_are_unknown():
    link = Link(beat=2.0 + LARGE / 2 - 125.0 / 60.0, tempo=125.0)
    lead(link, 1, number=lambda k: 0, bar=0)
    assert link.jumps == 0


def test_three_in_a_bar_has_a_quantum_of_three():
    follower, link = LinkFollower(), Link(beat=0.4, tempo=100.0)
    assert follower.quantum == 4
    follower.follow(Grid(7, 3, 3, 1.0, 0.5))
    assert follower.quantum == 3
    link.obey(follower.order(1.0, link.beat, link.tempo))
    assert link.beat % 3 == pytest.approx(2.0)


def test_once_lost_the_session_goes_on_as_it_is():
    follower = LinkFollower()
    assert follower.order(1.0, 0.5, 100.0) is None
    follower.follow(Grid(0, 1, 4, 1.0, 0.5))
    follower.lose()
    assert follower.order(1.5, 0.5, 100.0) is None
