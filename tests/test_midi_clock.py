"""The clock's schedule, without a port: grids in, timed bytes out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.grid_line import Grid
from rtbeat.midi_clock import ALL_NOTES_OFF, CLOCK, CONTINUE, START, STOP, Message, MidiClock
from rtbeat.tick_line import TickLine

LEAD = 0.2  # seconds a beat is announced before it is heard
STEP = 0.004  # seconds between two looks at the clock
BPM_120 = 0.5
TRANSPORT = (START, STOP, CONTINUE)


class Player:
    """Host time made by hand: it tells the clock what is due and collects what the clock says."""

    def __init__(self, clock: MidiClock, step: float = STEP) -> None:
        self.clock, self.step = clock, step
        self.now = 10.0
        self.sent: list[Message] = []
        self.asked: list[tuple[float, int]] = []  # the present, and how many were sent before

    def until(self, time: float) -> None:
        while self.now < time:
            end = self.now + self.step
            self.asked.append((self.now, len(self.sent)))
            self.sent += self.clock.until(self.now, end)
            self.now = end

    def play(self, grids: Iterable[Grid]) -> None:
        """Announce each beat ``LEAD`` before it is heard."""
        for grid in grids:
            self.until(grid.time - LEAD)
            self.clock.set_grid(grid, self.now)

    def times(self, data: bytes = CLOCK) -> list[float]:
        return [message.time for message in self.sent if message.data == data]

    def said(self) -> list[bytes]:
        """Everything but the ticks, in order."""
        return [message.data for message in self.sent if message.data != CLOCK]


def steady(
    count: int, period: float = BPM_120, start: float = 11.0, first: int = 0, meter: int = 4
) -> list[Grid]:
    """Beats without jitter; the first is a downbeat where ``first`` is a multiple of the meter."""
    return [
        Grid(first + i, (first + i) % meter + 1 if meter else 0, meter, start + i * period, period)
        for i in range(count)
    ]


def moved(grids: Sequence[Grid], seconds: float) -> list[Grid]:
    return [Grid(g.beat, g.number, g.beats_per_bar, g.time + seconds, g.period) for g in grids]


def tempi(ticks: Sequence[float]) -> list[float]:
    """BPM of every whole beat of the clock."""
    beats = ticks[::24]
    return [60.0 / (b - a) for a, b in itertools.pairwise(beats)]


def nearest(ticks: Sequence[float], time: float) -> int:
    return min(range(len(ticks)), key=lambda i: abs(ticks[i] - time))


# ticks ---------------------------------------------------------------------------------------


def test_24_ticks_a_beat_and_the_first_on_the_beat():
    player = Player(MidiClock(2.0))
    player.play(steady(9))
    ticks = player.times()
    assert ticks[::24][:8] == pytest.approx([11.0 + 0.5 * i for i in range(8)])
    assert ticks[1] - ticks[0] == pytest.approx(0.5 / 24)


def test_nothing_is_sent_before_there_is_a_grid():
    player = Player(MidiClock(2.0))
    player.until(20.0)
    assert player.sent == []
    assert player.clock.state == "waiting"


def test_a_beat_announced_too_late_is_joined_at_the_next():
    player = Player(MidiClock(2.0))
    player.until(11.2)
    player.clock.set_grid(steady(1)[0], player.now)
    player.until(12.0)
    assert player.times()[0] == pytest.approx(11.5)


def test_without_new_beats_it_goes_on_at_the_last_tempo():
    player = Player(MidiClock(2.0))
    player.play(steady(4, period=0.4))
    player.until(25.0)
    ticks = player.times()
    assert [b - a for a, b in itertools.pairwise(ticks)] == pytest.approx(
        [0.4 / 24] * (len(ticks) - 1)
    )


@st.composite
def jittered(draw: st.DrawFn) -> list[Grid]:
    """A tempo that scatters and drifts, as trackers announce it."""
    period = draw(st.floats(0.27, 1.3))
    drift = draw(st.floats(-0.004, 0.004))
    count = draw(st.integers(8, 40))
    scatter = st.floats(-0.008, 0.008)
    grids, time = [], 11.0
    for i in range(count):
        grid = (time + draw(scatter), period + draw(scatter) / 4)
        grids.append(Grid(i, i % 4 + 1, 4, *grid))
        time += period
        period *= 1.0 + drift
    return grids


@given(jittered(), st.floats(0.5, 6.0), st.floats(0.001, 0.02))
@settings(max_examples=60, deadline=None)
def test_ticks_of_a_jittered_grid(grids: list[Grid], bend: float, step: float):
    """Times rise strictly, none is past, 24 lie between two beats, the bend limit holds."""
    player = Player(MidiClock(bend), step)
    player.play(grids)
    player.until(grids[-1].time + 0.01)
    ticks = player.times()
    assert all(b > a for a, b in itertools.pairwise(ticks))
    for (now, before), (_, after) in itertools.pairwise(player.asked):
        assert all(now <= m.time < now + step for m in player.sent[before:after])
    if player.clock.relocks:
        return
    assert all(abs(b - a) <= bend + 1e-6 for a, b in itertools.pairwise(tempi(ticks)))
    for grid in grids[:-1]:
        at = nearest(ticks[::24], grid.time)
        assert at == grid.beat
        assert abs(ticks[24 * at] - grid.time) < 0.15 * grid.period


@given(st.floats(0.3, 1.2), st.lists(st.floats(-0.005, 0.005), min_size=20, max_size=40))
@settings(max_examples=40, deadline=None)
def test_scatter_of_some_ms_is_not_passed_on(period: float, scatter: list[float]):
    """The tempo that a display shows moves less than the announced beats do."""
    grids = [
        Grid(i, i % 4 + 1, 4, 11.0 + i * period + late, period) for i, late in enumerate(scatter)
    ]
    player = Player(MidiClock(4.0))
    player.play(grids)
    sent, announced = tempi(player.times()), tempi([g.time for g in grids for _ in range(24)])
    change = [abs(b - a) for a, b in itertools.pairwise(sent)]
    raw = [abs(b - a) for a, b in itertools.pairwise(announced)]
    assert player.clock.relocks == 0
    assert sum(change) <= 0.8 * sum(raw) + 0.5


def test_the_messages_do_not_depend_on_how_time_is_cut():
    fine, coarse = Player(MidiClock(2.0), 0.001), Player(MidiClock(2.0), 0.02)
    for player in (fine, coarse):
        player.play(steady(20, period=0.45))
        player.until(22.0)
    assert [m.data for m in fine.sent][:400] == [m.data for m in coarse.sent][:400]
    assert [m.time for m in fine.sent][:400] == pytest.approx([m.time for m in coarse.sent][:400])


# bending and meeting the grid again ----------------------------------------------------------


@pytest.mark.parametrize("error", [0.03, -0.03])
def test_a_small_error_is_bent_away_within_the_limit(error: float):
    player = Player(MidiClock(2.0))
    player.play(steady(8))
    player.play(moved(steady(20, start=15.0, first=8), error))
    beats = player.times()[::24]
    errors = [beat - (11.0 + error + 0.5 * i) for i, beat in enumerate(beats)]
    assert player.clock.relocks == 0
    assert errors[8] == pytest.approx(-error, abs=1e-6)
    assert all(abs(e) < 0.002 for e in errors[20:27])
    assert all(abs(b - a) <= 2.0 + 1e-6 for a, b in itertools.pairwise(tempi(player.times())))
    assert max(e / error for e in errors[8:27]) < 0.4  # not much further than the goal


def test_half_a_beat_is_met_by_one_stretched_beat():
    player = Player(MidiClock(2.0))
    player.play(steady(8))
    player.play(moved(steady(8, start=15.0, first=8), 0.25))
    player.until(19.0)
    ticks = player.times()
    assert player.clock.relocks == 1
    for grid in moved(steady(6, start=16.0, first=10), 0.25):
        at = nearest(ticks, grid.time)
        assert ticks[at] == pytest.approx(grid.time, abs=1e-6)
        assert at % 24 == 0
    spacing = [b - a for a, b in itertools.pairwise(ticks)]
    assert min(spacing) / (0.5 / 24) >= 0.5
    assert max(spacing) / (0.5 / 24) <= 2.0


@pytest.mark.parametrize(("old", "new"), [(0.5, 0.25), (0.5, 1.0), (0.6, 60 / 130), (0.5, 0.75)])
def test_another_tempo_is_right_within_two_beats(old: float, new: float):
    player = Player(MidiClock(2.0))
    player.play(steady(8, period=old))
    change = 11.0 + 7 * old  # the time of the last beat at the old tempo
    player.play(steady(12, period=new, start=change + new, first=8))
    ticks = player.times()
    for grid in steady(9, period=new, start=change + 3 * new, first=10):
        at = nearest(ticks, grid.time)
        assert ticks[at] == pytest.approx(grid.time, abs=0.002)
        assert at % 24 == 0
    after = [t for t in ticks if t > change + 3 * new]
    assert [b - a for a, b in itertools.pairwise(after)] == pytest.approx(
        [new / 24] * (len(after) - 1), rel=0.05
    )


def test_a_count_of_beats_begun_again_changes_nothing():
    player = Player(MidiClock(2.0))
    player.play(steady(8))
    player.play(steady(8, start=15.0, first=0))
    assert player.clock.relocks == 0
    assert tempi(player.times()) == pytest.approx([120.0] * len(tempi(player.times())))


@pytest.mark.parametrize("stall", [0.03, 0.3, 1.0, 7.77])
def test_a_stall_makes_no_burst_and_loses_no_tick(stall: float):
    clock = MidiClock(2.0)
    player = Player(clock)
    player.play(steady(6))
    player.until(14.0)
    before = len(player.times())
    player.now += stall
    player.until(player.now + 5.0)
    ticks = player.times()
    spacing = [b - a for a, b in itertools.pairwise(ticks)]
    assert min(spacing) >= 0.5 * 0.5 / 24 - 1e-9
    assert ticks[before] >= 14.0 + stall
    beats = [t for i, t in enumerate(ticks) if i % 24 == 0 and t > 14.0 + stall + 1.0]
    assert all((t - 11.0) / 0.5 == pytest.approx(round((t - 11.0) / 0.5), abs=1e-6) for t in beats)


def test_a_look_that_is_a_little_late_moves_one_tick_only():
    line = TickLine(2.0)
    line.follow(steady(1)[0], 10.8)
    on_time = [line.take(0.0) for _ in range(3)]
    now = line.next_time + 0.008
    line.catch_up(now)
    late = line.take(now)
    after = line.take(late)
    assert late - on_time[-1] == pytest.approx(0.5 / 24 + 0.008)
    assert after - on_time[-1] == pytest.approx(2 * 0.5 / 24)


def test_a_stall_delays_start_to_a_downbeat_of_the_grid():
    player = Player(MidiClock(2.0))
    player.clock.set_grid(steady(1)[0], player.now)
    player.now += 4.2  # past several beats, two of them downbeats
    player.until(18.0)
    assert player.times(START) == pytest.approx([15.0 - 0.001])


# transport -----------------------------------------------------------------------------------


def test_start_comes_just_before_the_first_tick_of_a_downbeat():
    player = Player(MidiClock(2.0))
    player.play(steady(12, first=2))  # number 3: the downbeat is the third beat
    start = player.times(START)
    assert start == pytest.approx([12.0 - 0.001])
    at = next(i for i, m in enumerate(player.sent) if m.data == START)
    assert player.sent[at + 1].data == CLOCK
    assert player.sent[at + 1].time == pytest.approx(12.0)
    assert at == 48  # ticks flow before


def test_start_on_the_next_beat_where_asked():
    player = Player(MidiClock(2.0, start="beat"))
    player.play(steady(3, first=2))
    assert player.times(START) == pytest.approx([11.0 - 0.001])


def test_where_no_downbeat_is_known_a_beat_will_do_in_the_end():
    player = Player(MidiClock(2.0))
    player.play(steady(12, meter=0))
    assert player.times(START) == pytest.approx([11.0 + 8 * 0.5 - 0.001])


def test_stop_is_sent_at_once_and_ticks_go_on():
    player = Player(MidiClock(2.0))
    player.play(steady(4))
    player.until(12.6)
    player.clock.command("stop")
    player.until(13.4)
    assert player.times(STOP) == pytest.approx([12.6], abs=STEP)
    assert player.clock.state == "stopped"
    assert player.times()[-1] == pytest.approx(13.4, abs=0.025)


def test_continue_goes_on_from_the_bar_where_it_stopped_by_song_position():
    player = Player(MidiClock(2.0))
    player.play(steady(8))  # the third bar begins at 15.0
    player.until(14.9)
    player.clock.command("stop")  # in the second bar: beats 4 to 7 of the song
    player.until(15.3)
    player.clock.command("continue")
    player.until(18.0)
    sent = [m for m in player.sent if m.data != CLOCK]
    assert [m.data for m in sent] == [START, STOP, bytes((0xF2, 16, 0)), CONTINUE]
    assert sent[2].time == pytest.approx(17.0 - 0.25)  # half a beat to find the place
    assert sent[3].time == pytest.approx(17.0 - 0.001)


def test_continue_on_a_beat_goes_on_from_the_beat():
    player = Player(MidiClock(2.0, start="beat"))
    player.play(steady(8))
    player.until(14.3)
    player.clock.command("stop")  # beat 6
    player.until(14.45)
    player.clock.command("continue")
    player.until(15.0)
    assert player.said() == [START, STOP, bytes((0xF2, 24, 0)), CONTINUE]


def test_song_positions_beyond_14_bits_are_left_out():
    player = Player(MidiClock(2.0))
    player.clock.rejoin(-5000)
    player.play(steady(3))
    assert player.said() == [STOP, CONTINUE]


def test_start_while_running_begins_the_song_anew_on_the_next_downbeat():
    player = Player(MidiClock(2.0))
    player.play(steady(6))
    player.clock.command("start")
    player.until(16.0)
    assert [(m.data, round(m.time, 3)) for m in player.sent if m.data in TRANSPORT] == [
        (START, 10.999),
        (STOP, 14.998),
        (START, 14.999),
    ]


def test_a_receiver_that_missed_messages_is_brought_to_where_the_song_is():
    player = Player(MidiClock(2.0))
    player.play(steady(6))
    origin = player.clock.song_origin
    again = Player(MidiClock(2.0))  # a new clock, which has not seen the beginning
    again.clock.rejoin(origin)
    again.now = 13.6
    again.play(steady(8, start=14.0, first=6))
    assert again.said() == [STOP, bytes((0xF2, 32, 0)), CONTINUE]
    assert again.times(CONTINUE) == pytest.approx([15.0 - 0.001])
    assert again.clock.song_origin == origin


def test_panic_stops_silences_and_is_ended_by_start():
    player = Player(MidiClock(2.0))
    player.play(steady(3))
    player.clock.command("panic")
    at = len(player.sent)
    player.until(14.0)
    assert [m.data for m in player.sent[at:]] == [STOP, *ALL_NOTES_OFF]
    player.clock.command("start")
    player.until(15.2)
    assert player.times(START)[-1] == pytest.approx(15.0 - 0.001)
    assert player.times()[-1] > 15.0


@pytest.mark.parametrize(
    ("policy", "ticking", "said"),
    [("stop", False, [START, STOP]), ("tick", True, [START, STOP]), ("hold", True, [START])],
)
def test_a_lost_grid(policy: str, ticking: bool, said: list[bytes]):
    player = Player(MidiClock(2.0, policy=policy))
    player.play(steady(6))
    player.until(14.0)
    player.clock.lose()
    player.until(20.0)
    assert player.said() == said
    assert (player.times()[-1] > 19.9) == ticking


@pytest.mark.parametrize("policy", ["stop", "tick"])
def test_a_grid_found_again_goes_on_from_the_bar(policy: str):
    player = Player(MidiClock(2.0, policy=policy))
    player.play(steady(6))
    player.until(14.0)  # in the second bar
    player.clock.lose()
    player.until(20.0)
    player.play(steady(8, start=20.3, first=6))
    assert player.said() == [START, STOP, bytes((0xF2, 16, 0)), CONTINUE]
    assert player.times(CONTINUE) == pytest.approx([21.3 - 0.001])
    back = [m.time for m in player.sent if 20.0 < m.time < 21.3 and m.data == CLOCK]
    if policy == "stop":
        assert len(back) == 48  # two whole beats, then the bar


def test_a_transport_stopped_by_hand_stays_stopped_when_the_grid_returns():
    player = Player(MidiClock(2.0, policy="stop"))
    player.play(steady(4))
    player.clock.command("stop")
    player.until(13.0)
    player.clock.lose()
    player.play(steady(8, start=20.0))
    assert player.said() == [START, STOP]


def test_notes_on_beats_and_downbeats():
    player = Player(MidiClock(2.0, clock=False, notes=True))
    player.play(steady(5))
    on = [m for m in player.sent if m.data[0] == 0x99]
    off = [m for m in player.sent if m.data[0] == 0x89]
    assert [m.data[1] for m in on] == [76, 77, 77, 77]
    assert [m.time for m in on] == pytest.approx([11.0, 11.5, 12.0, 12.5])
    assert [m.time for m in off] == pytest.approx([m.time + 0.125 for m in on])
    assert len(player.sent) == 8  # neither ticks nor Start


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"bend": 0.0}, "bend is 0.0"),
        ({"bend": 2.0, "start": "bar"}, "start is 'bar'; it must be one of downbeat, beat"),
        ({"bend": 2.0, "policy": "go"}, "policy is 'go'; it must be one of stop, tick, hold"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        MidiClock(**arguments)
    with pytest.raises(ValueError, match="command is 'go'"):
        MidiClock(2.0).command("go")


@pytest.mark.parametrize("period", [0.0, -1.0, float("nan")])
def test_a_grid_without_a_period_is_refused(period: float):
    with pytest.raises(ValueError, match="period is"):
        Grid(0, 1, 4, 1.0, period)
