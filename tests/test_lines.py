"""Events as lines: one each, to read or as JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.live.events import KINDS, Event
from rtbeat.live.lines import json_line, printable, words

BEAT = Event(
    "beat",
    11.8,
    {"time": 12.0, "number": 1, "tempo": 118.04, "confidence": 0.931, "announced_at": 11.8},
)
EXAMPLES = [
    (BEAT, "    11.800  beat 1 at 12.000 s  118.0 BPM  confidence 0.93  200 ms ahead"),
    (Event("state", 3.5, {"state": "LOCKED", "tempo": 118.0}), "state LOCKED at 118.0 BPM"),
    (Event("state", 3.5, {"state": "LOST", "tempo": None}), "state LOST"),
    (
        Event("control", 1.0, {"name": "nudge", "value": 0.005, "source": "key"}),
        "control nudge 0.005 by key",
    ),
    (
        Event("control", 1.0, {"name": "tap", "value": None, "source": "midi"}),
        "control tap by midi",
    ),
    (Event("skipped", 1.0, {"seconds": 0.25}), "skipped 0.25 s of input"),
    (Event("xrun", 1.0, {"count": 1, "direction": "input"}), "lost input once"),
    (Event("xrun", 1.0, {"count": 3, "direction": "output"}), "lost output 3 times"),
    (Event("stream", 1.0, {"status": "lost", "message": "gone"}), "audio lost: gone"),
    (
        Event("port", 1.0, {"name": "synth", "status": "back", "message": "open again"}),
        "port synth back: open again",
    ),
    (Event("signal", 1.0, {"advice": "too quiet"}), "input level: too quiet"),
    (Event("note", 1.0, {"message": "hello"}), "hello"),
    (Event("grid", 1.0, {"bars": 3}), "grid bars=3"),
]


@pytest.mark.parametrize(("event", "text"), EXAMPLES, ids=lambda x: getattr(x, "kind", None))
def test_words(event, text):
    assert text in words(event)


def test_every_kind_of_event_has_an_example_here():
    assert set(KINDS) <= {event.kind for event, _ in EXAMPLES}


@pytest.mark.parametrize("event", [event for event, _ in EXAMPLES], ids=lambda e: e.kind)
def test_json_tells_all_of_the_event(event):
    told = json.loads(json_line(event))
    assert told == {"event": event.kind, "at": event.time, **event.data}


def test_json_keeps_to_the_standard():
    line = json_line(Event("state", 1.0, {"tempo": math.nan, "limit": math.inf}))
    assert json.loads(line) == {"event": "state", "at": 1.0, "tempo": None, "limit": None}


@given(st.text())
def test_an_event_is_one_line_whatever_a_device_is_called(name):
    event = Event("port", 1.0, {"name": name, "status": "open", "message": ""})
    assert len(words(event).splitlines()) == 1
    assert len(json_line(event).splitlines()) == 1


def test_a_name_cannot_command_the_terminal():
    assert printable("\x1b[2Jsynth\r\n") == "?[2Jsynth??"
