"""What is sent over OSC, and when: no socket, no clock."""

from __future__ import annotations

import pytest

from rtbeat.live.osc_schedule import LATE, RATE, OscBeat, OscSchedule

PERIOD = 0.5


def beat(count: int, time: float, number: int | None = None, bar: int = 4) -> OscBeat:
    return OscBeat(count, (count - 1) % 4 + 1 if number is None else number, bar, time, 120.0, 0.9)


def play(beats: list[OscBeat], end: float, step: float = 0.01, lead: float = 0.2):
    """All messages of a schedule that begins at 0 and is told each beat ``lead`` ahead."""
    schedule, sent, left = OscSchedule(0.0), [], list(beats)
    schedule.state("LOCKED")
    for turn in range(1, round(end / step) + 1):
        while left and left[0].time - lead <= turn * step:
            schedule.beat(left.pop(0))
        sent += schedule.until(turn * step)
    return schedule, sent


def of(messages, address):
    return [message for message in messages if message.address == f"/rtbeat/{address}"]


def test_every_beat_is_sent_once_at_its_time():
    beats = [beat(k + 1, 1.0 + k * PERIOD) for k in range(8)]
    _, sent = play(beats, 6.0)
    told = of(sent, "beat")
    assert [message.time for message in told] == [b.time for b in beats]
    assert [message.values for message in told] == [
        (b.number, b.tempo, b.confidence, b.count) for b in beats
    ]
    assert [message.time for message in sent] == sorted(message.time for message in sent)


def test_the_phase_runs_from_beat_to_beat_through_the_bar():
    beats = [beat(k + 1, 1.0 + k * PERIOD) for k in range(8)]
    _, sent = play(beats, 4.9)
    phases = of(sent, "phase")
    assert len(phases) == pytest.approx(3.9 * RATE, abs=2)
    for message in phases:
        phase, bar = message.values
        assert bar == 4
        assert phase == pytest.approx((message.time - 1.0) / PERIOD % 4, abs=2e-3)


def test_the_phase_waits_for_a_late_beat_and_never_goes_back():
    uneven = [1.0, 1.5, 2.1, 2.6, 2.95, 3.5]
    _, sent = play([beat(k + 1, time) for k, time in enumerate(uneven)], 5.0, lead=0.05)
    total, last = [], 0.0
    for message in of(sent, "phase"):
        bars = sum(b <= message.time for b in uneven) - 1
        total.append(bars // 4 * 4 + message.values[0])
        assert int(message.values[0]) == bars % 4
        assert total[-1] >= last
        last = total[-1]


def test_without_downbeats_the_phase_is_that_of_the_beat():
    _, sent = play([beat(k + 1, 1.0 + k * PERIOD, number=0) for k in range(4)], 3.0)
    assert {message.values[1] for message in of(sent, "phase")} == {0}
    assert all(0.0 <= message.values[0] < 1.0 for message in of(sent, "phase"))


def test_who_joins_late_is_told_all_within_a_beat():
    _, sent = play([beat(k + 1, 1.0 + k * 0.25) for k in range(20)], 5.0)
    for joined in (0.0, 1.3, 2.77, 4.0):
        soon = [message for message in sent if joined <= message.time < joined + 0.25]
        assert of(soon, "state")[0].values == ("LOCKED",)
        assert of(soon, "bpm")[0].values == (120.0 if joined >= 1.0 else 0.0,)


def test_a_new_state_is_told_with_the_next_phase_and_ends_phases():
    schedule, _ = play([beat(1, 1.0)], 1.2)
    schedule.state("LOST")
    sent = schedule.until(1.2 + 1 / RATE)
    assert of(sent, "state")[0].values == ("LOST",)
    assert of(sent, "bpm")[0].values == (0.0,)
    assert not of(schedule.until(3.0), "phase")


def test_after_a_stall_beats_come_late_and_only_the_newest_phase():
    schedule, _ = play([beat(1, 1.0), beat(2, 1.5)], 1.4)
    schedule.beat(beat(3, 2.0))
    sent = schedule.until(2.3)
    assert [message.values[3] for message in of(sent, "beat")] == [2, 3]
    assert len(of(sent, "phase")) == 1


def test_beats_that_are_much_too_late_are_left_out():
    schedule, _ = play([], 1.0)
    schedule.beat(beat(1, 2.0))
    schedule.beat(beat(2, 2.0 + LATE))
    sent = schedule.until(2.5 + LATE)
    assert [message.values[3] for message in of(sent, "beat")] == [2]
