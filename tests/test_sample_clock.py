"""The line between samples and host time: late arrivals, drift, lost input."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.live.sample_clock import Line, SampleClock

RATE = 48_000


def arrivals(seconds, block, drift=0.0, lateness=None, start=100.0, seed=0):
    """Calls of a device: frames so far and host time, ``lateness`` seconds (n,) late."""
    counts = np.arange(1, int(seconds * RATE / block) + 1) * block
    host = start + counts / (RATE * (1.0 + drift))
    if lateness is None:
        lateness = np.random.default_rng(seed).exponential(0.002, len(counts))
    return list(zip(counts.tolist(), (host + lateness[: len(counts)]).tolist(), strict=True))


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from([64, 256, 1024]),
    st.floats(-1e-4, 1e-4),
    st.integers(0, 1000),
)
def test_late_arrivals_and_a_crystal_of_its_own_leave_half_a_millisecond(block, drift, seed):
    clock = SampleClock(RATE)
    clock.observe(arrivals(12.0, block, drift, seed=seed))
    count = 12 * RATE
    truth = 100.0 + count / (RATE * (1.0 + drift))
    assert abs(clock.line.host_at(count) - truth) < 5e-4
    assert clock.jumps == 0


def test_good_from_the_first_second_on():
    clock = SampleClock(RATE)
    clock.observe(arrivals(1.0, 256))
    assert abs(clock.line.host_at(RATE) - 101.0) < 5e-4


def test_lost_input_moves_the_line_within_two_seconds():
    first = arrivals(5.0, 512)
    lost = 0.1
    after = [(count, host + lost) for count, host in arrivals(10.0, 512)[len(first) :]]
    clock = SampleClock(RATE)
    clock.observe(first)
    clock.observe(after[: int(2.0 * RATE / 512)])
    assert clock.jumps == 1
    assert abs(clock.lost - lost) < 2e-3
    assert abs(clock.line.host_at(7 * RATE) - (107.0 + lost)) < 1e-3


def test_a_busy_second_is_not_lost_input():
    lateness = np.random.default_rng(1).exponential(0.001, 2000)
    lateness[400:490] += 0.05  # the machine was busy for a second
    clock = SampleClock(RATE)
    for one in arrivals(10.0, 512, lateness=lateness):
        clock.observe([one])
    assert clock.jumps == 0
    assert abs(clock.line.host_at(10 * RATE) - 110.0) < 5e-4


@given(st.floats(0, 1e7), st.floats(-1e-4, 1e-4))
def test_the_map_has_an_exact_inverse(count, drift):
    line = Line(1000.0, 5.0, RATE * (1 + drift))
    assert abs(line.count_at(line.host_at(count)) - count) < 1e-3
