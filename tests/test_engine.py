"""The engine of a live session, without devices: events, clicks, controls, losses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.live.clicks import ACCENT, PLAIN, SUBDIVISION, ClickOptions
from rtbeat.live.controls import NAMES, Control
from rtbeat.live.engine import Engine, EngineOptions
from tests.music import drum_loop

RATE = 22_050
MUSIC, BEATS = drum_loop(120.0, 14.0, RATE)
MUSIC = MUSIC.astype(np.float32)


def make(**click):
    tracker = {"lead": 0.2, "tempo_range": (80.0, 160.0)}
    return Engine(EngineOptions(RATE, tracker, ClickOptions(**click)))


def run(engine, audio, block=160, controls=(), skips=()):
    """All events over ``audio``; controls and skips as ``(stream index, what)``."""
    events, start = [], 0
    marks = sorted({*(at for at, _ in (*controls, *skips)), len(audio)})
    for mark in marks:
        while start < mark:
            stop = min(start + block, mark)
            events += engine.process(audio[start:stop])
            start = stop
        for at, control in controls:
            if at == mark:
                events += engine.control(control)
        for at, frames in skips:
            if at == mark:
                events += engine.skip(frames)
    return events


def beats(events):
    return [event for event in events if event.kind == "beat"]


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 5000), st.integers(0, 7 * RATE), st.integers(0, 7 * RATE))
def test_events_do_not_depend_on_how_the_input_is_cut(block, first, second):
    """What a replay relies on: the same samples, controls and losses give the same events."""
    controls = [(min(first, second), Control("double")), (max(first, second), Control("one"))]
    skips = [(max(first, second), 3000)]
    plain = run(make(on=True), MUSIC[: 8 * RATE], 160, controls, skips)
    assert run(make(on=True), MUSIC[: 8 * RATE], block, controls, skips) == plain


def test_beats_are_told_ahead_with_the_state_that_they_come_with():
    events = run(make(), MUSIC)
    states = [event.data["state"] for event in events if event.kind == "state"]
    assert states[0] == "LOCKED"
    found = beats(events)
    assert len(found) > 18
    for event in found:
        assert event.time == event.data["announced_at"] < event.data["time"]
    for event in found[8:]:
        assert np.abs(BEATS - event.data["time"]).min() < 0.07


@pytest.mark.parametrize(
    ("mode", "parts"), [("beats", 1), ("downbeats", 0), ("halves", 2), ("quarters", 4)]
)
def test_clicks_are_planned_for_each_beat(mode, parts):
    engine = make(on=True, mode=mode, volume=0.5)
    events = run(engine, MUSIC)
    found, clicks = beats(events), engine.take_clicks()
    if parts == 0:
        ones = [event.data["time"] for event in found if event.data["number"] == 1]
        assert [click.time for click in clicks] == ones
        return
    assert len(clicks) == parts * len(found)
    on_beat = clicks[::parts]
    for event, click in zip(found, on_beat, strict=True):
        assert click.time == event.data["time"]
        assert click.sound == (ACCENT if event.data["number"] == 1 else PLAIN)
        assert click.gain == 0.5
    if parts > 1:
        between = [click for i, click in enumerate(clicks) if i % parts]
        assert {click.sound for click in between} == {SUBDIVISION}
        assert all(np.diff([click.time for click in clicks]) > 0.05)


def test_an_offset_moves_clicks_and_not_beats():
    early, plain = (make(on=True, heard=False, offset=offset) for offset in (-0.05, 0.0))
    assert beats(run(early, MUSIC)) == beats(run(plain, MUSIC))
    moved = np.array([click.time for click in early.take_clicks()])
    still = np.array([click.time for click in plain.take_clicks()])
    np.testing.assert_allclose(moved, still - 0.05)


def test_clicks_come_and_go_with_their_controls():
    engine = make(on=False)
    controls = [(5 * RATE, Control("click")), (8 * RATE, Control("panic"))]
    run(engine, MUSIC, controls=controls)
    times = [click.time for click in engine.take_clicks()]
    # panic also takes back what was planned but not yet handed out
    assert times == []
    engine = make(on=False)
    run(engine, MUSIC[: 8 * RATE], controls=controls[:1])
    times = [click.time for click in engine.take_clicks()]
    assert len(times) in (5, 6, 7)
    assert min(times) > 5.0


def test_losses_leave_stream_time_and_the_grid_whole():
    engine = make()
    lost = RATE // 2
    events = run(engine, MUSIC[: 8 * RATE], skips=[(8 * RATE, lost)])
    events += run(engine, MUSIC[8 * RATE + lost :])
    assert engine.position == len(MUSIC)
    times = np.array([event.data["time"] for event in beats(events)])
    assert (np.diff(times) > 0.25).all()
    later = times[times > 8.6]
    assert len(later) > 8
    assert np.abs(BEATS[:, None] - later[None, :]).min(axis=0).max() < 0.07


def test_every_control_is_taken_and_told():
    for name in NAMES:
        engine = make(on=True)
        run(engine, MUSIC[: 4 * RATE])
        (event, *_) = engine.control(Control(name, None, "key"))
        assert event.kind == "control"
        assert event.data == {"name": name, "value": None, "source": "key"}
        assert run(engine, MUSIC[4 * RATE : 6 * RATE]) is not None


def test_a_control_that_would_leave_the_tempo_range_says_why_it_does_nothing():
    engine = make()
    run(engine, MUSIC[: 8 * RATE])
    tempo = engine.tracker.tempo
    _, note = engine.control(Control("double"))
    assert f"{2 * tempo:.1f} BPM is outside of the tempo range" in note.data["message"]
    assert len(engine.control(Control("scale", 1.2))) == 1


def test_a_reset_forgets_the_music_but_not_the_time():
    engine = make()
    run(engine, MUSIC[: 6 * RATE])
    events = engine.control(Control("reset"))
    assert str(engine.tracker.state) == "LISTENING"
    events += run(engine, MUSIC[6 * RATE :])
    found = beats(events)
    assert found
    assert found[0].data["time"] > 6.0
    assert engine.time == pytest.approx(14.0)


def test_input_is_kept_to_24_bits_as_a_recording_keeps_it():
    samples = (np.random.default_rng(0).standard_normal(RATE) * 2).astype(np.float32)
    exact = np.clip(np.round(samples.astype(np.float64) * 2**23), -(2**23), 2**23 - 1) / 2**23
    assert run(make(), samples) == run(make(), exact.astype(np.float32))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"sound": "cow"}, "cow"), ({"mode": "all"}, "all"), ({"volume": 2.0}, "2.0")],
)
def test_wrong_click_options_are_named(wrong, told):
    with pytest.raises(ValueError, match=told):
        ClickOptions(**wrong)
