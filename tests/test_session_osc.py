"""OSC in a whole live session on a sound card in memory: beats out, controls in, late joiners."""

from __future__ import annotations

import socket

import pytest

from rtbeat.live.osc_codec import encode
from rtbeat.live.osc_controls import OscControls
from rtbeat.live.osc_target import OscTarget
from rtbeat.live.session import Session
from tests.osc_receiver import Receiver
from tests.sound_card import SoundCard, options, wait_for


@pytest.fixture
def receivers():
    receivers = [Receiver(), Receiver()]
    yield receivers
    for receiver in receivers:
        receiver.close()


@pytest.fixture
def card():
    card = SoundCard()
    yield card
    card.close()


def test_osc_tells_the_beats_of_the_session_and_obeys_controls(card, receivers):
    """One session: what it tells, to whom, and what it does when told."""
    on_time, early = receivers
    targets = (
        OscTarget("127.0.0.1", on_time.port),
        OscTarget("127.0.0.1", early.port, offset=-0.1),
    )
    session, events = Session(options(card, osc=targets)), []
    session.start()
    try:
        wait_for(session, events, lambda event: event.kind == "beat" and event.time > 5.0)
        assert (targets[0].name, "open") in session.snapshot().ports
        with OscControls(session.post, session.note, "127.0.0.1", 0) as controls:
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for address, values in (("/rtbeat/hold", (1,)), ("/rtbeat/nudge", (0.02,))):
                sender.sendto(encode(address, values), ("127.0.0.1", controls.port))
            sender.sendto(b"#bundle\0", ("127.0.0.1", controls.port))
            sender.close()
            wait_for(session, events, lambda event: event.data.get("name") == "nudge")
            on_time.wait(lambda: controls.wrong)
        assert session.snapshot().held
        joined = len(on_time.got)
        wait_for(session, events, lambda event: event.kind == "beat")
        beats = len([event for event in events if event.kind == "beat"])
        on_time.wait(lambda: len(on_time.of("beat")) >= beats)
    finally:
        assert session.close()
    told = [event.data for event in events if event.kind == "beat"]
    heard = on_time.of("beat")
    assert len(heard) >= len(told)
    for count, (beat, (number, tempo, confidence, index)) in enumerate(
        zip(told, heard, strict=False), 1
    ):
        assert index == count
        assert number == beat["number"]
        assert tempo == pytest.approx(beat["tempo"], rel=1e-6)
        assert confidence == pytest.approx(beat["confidence"], rel=1e-6)
    assert [c.data["name"] for c in events if c.kind == "control"] == ["hold", "nudge"]
    (note,) = [event for event in events if event.kind == "note"]
    assert "docs/controls.md" in note.data["message"]
    assert {values[0] for values in on_time.of("state")} >= {"LISTENING", "LOCKED"}
    # who joins in the middle hears everything before the next beat but one
    late = [address for _, address, _ in on_time.got[joined:]]
    beats_after = [at for at, address in enumerate(late) if address == "/rtbeat/beat"]
    before = late[: beats_after[1]] if len(beats_after) > 1 else late
    assert {"/rtbeat/state", "/rtbeat/bpm", "/rtbeat/phase"} <= set(before)
    _assert_offset(on_time, early)
    assert session.snapshot().tempo == pytest.approx(120.0, abs=1.0)


def _assert_offset(on_time, early):
    """The early receiver hears each beat a tenth of a second before the other: the median, as any
    one may be held up by a busy machine."""
    at = [
        {values[3]: when for when, address, values in receiver.got if address == "/rtbeat/beat"}
        for receiver in (on_time, early)
    ]
    apart = sorted(at[0][index] - at[1][index] for index in at[0].keys() & at[1].keys())
    assert apart[len(apart) // 2] == pytest.approx(0.1, abs=0.05)
