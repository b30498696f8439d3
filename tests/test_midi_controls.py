"""MIDI messages as controls: the text of bindings, what messages do, learning, and real ports."""

from __future__ import annotations

import os
import queue
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.live.controls import NAMES, Control
from rtbeat.live.midi_controls import MidiControls, MidiInputError
from rtbeat.live.midi_map import KNOBS, Binding, MidiMap, parse
from tests import needs
from tests.jack_server import JackServer

numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.sampled_from(sorted(NAMES))
channels, data = st.integers(1, 16), st.integers(0, 127)
bindings = st.one_of(
    st.builds(
        Binding,
        st.sampled_from(["note", "cc", "program"]),
        channels,
        data,
        names,
        st.none() | numbers,
    ),
    st.builds(Binding, st.just("cc"), channels, data, names, st.tuples(numbers, numbers)),
)

# ---- text ----


@given(bindings)
def test_a_binding_is_the_same_after_its_text(binding):
    assert parse(str(binding)) == binding


@pytest.mark.parametrize(
    ("line", "binding"),
    [
        ("note 36 ch 10 -> tap", Binding("note", 10, 36, "tap")),
        ("note 40 ch 10 -> follow 0.85", Binding("note", 10, 40, "follow", 0.85)),
        ("cc 20 ch 1 -> follow 0..1", Binding("cc", 1, 20, "follow", (0.0, 1.0))),
        ("cc 7 ch 16 -> nudge -0.05..0.05", Binding("cc", 16, 7, "nudge", (-0.05, 0.05))),
        ("program 3 ch 1 -> reset", Binding("program", 1, 3, "reset")),
    ],
)
def test_these_lines_mean_these_bindings(line, binding):
    assert parse(line) == binding
    assert str(binding) == line


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("note 36 -> tap", "write it like"),
        ("note 36 ch 10 tap", "write it like"),
        ("note 36 ch 0 -> tap", "channel is 0; it must be from 1 to 16"),
        ("note 128 ch 1 -> tap", "note is 128; it must be from 0 to 127"),
        ("knob 1 ch 1 -> tap", "message is 'knob'; it must be one of note, cc, program"),
        ("note 1 ch 1 -> dance", "control is 'dance'; it must be one of tap"),
        ("note 1 ch 1 -> follow 0..1", "a note has a range; it must be a cc to have one"),
        ("cc 1 ch 1 -> follow 1e999", "value is inf; it must be finite"),
    ],
)
def test_a_wrong_line_is_quoted_and_says_what_is_wrong(line, wrong):
    with pytest.raises(ValueError, match="MIDI binding") as error:
        parse(line)
    assert repr(line) in str(error.value)
    assert wrong in str(error.value)


# ---- messages ----


def acted(mapping: MidiMap, *messages: list[int]) -> list[tuple[str, float | None]]:
    controls = [mapping.control(message, 0.0) for message in messages]
    return [(control.name, control.value) for control in controls if control]


def test_a_note_acts_when_it_begins_and_tells_when():
    mapping = MidiMap([parse("note 36 ch 10 -> tap")])
    assert mapping.control([0x99, 36, 100], 7.5) == Control("tap", None, "midi", 7.5)
    assert acted(mapping, [0x99, 36, 0], [0x89, 36, 64]) == []  # both are the end of the note
    assert acted(mapping, [0x99, 37, 100], [0x90, 36, 100]) == []  # another note, channel


def test_a_note_held_by_two_messages_acts_twice():
    mapping = MidiMap([parse("note 36 ch 1 -> tap")])
    assert len(acted(mapping, [0x90, 36, 100], [0x90, 36, 0], [0x90, 36, 1])) == 2
    assert len(acted(mapping, [0x90, 36, 100], [0x90, 36, 100])) == 2


@given(numbers.filter(lambda x: abs(x) < 1e6), numbers.filter(lambda x: abs(x) < 1e6), data)
def test_a_knob_spreads_over_its_range(low, high, position):
    mapping = MidiMap([Binding("cc", 1, 20, "follow", (low, high))])
    [(_, value)] = acted(mapping, [0xB0, 20, position])
    assert value == pytest.approx(low + (high - low) * position / 127)


def test_a_knob_reaches_both_ends_and_may_be_reversed():
    mapping = MidiMap([parse("cc 20 ch 1 -> volume 1..0")])
    assert acted(mapping, [0xB0, 20, 0], [0xB0, 20, 127]) == [("volume", 1.0), ("volume", 0.0)]


def test_a_switch_acts_once_each_time_it_is_pressed():
    mapping = MidiMap([parse("cc 64 ch 1 -> hold")])
    pressed, released = [0xB0, 64, 127], [0xB0, 64, 0]
    assert acted(mapping, pressed) == [("hold", None)]
    assert acted(mapping, pressed, [0xB0, 64, 90]) == []
    assert acted(mapping, released, pressed) == [("hold", None)]


def test_a_program_change_acts():
    mapping = MidiMap([parse("program 3 ch 2 -> reset")])
    assert acted(mapping, [0xC1, 3]) == [("reset", None)]
    assert acted(mapping, [0xC1, 4]) == []


def test_the_last_binding_of_a_message_holds():
    mapping = MidiMap([parse("note 36 ch 1 -> tap"), parse("note 36 ch 1 -> one")])
    assert acted(mapping, [0x90, 36, 100]) == [("one", None)]


@given(st.lists(st.integers(0, 255), max_size=4))
def test_no_message_breaks_it(message):
    MidiMap([parse("note 36 ch 10 -> tap")]).control(message, 0.0)


# ---- learning ----


def test_the_next_message_is_learnt_and_does_nothing_else():
    mapping = MidiMap()
    mapping.learn("tap")
    assert acted(mapping, [0xF8], [0x99, 36, 0], [0x99, 36, 100]) == []
    assert mapping.take_learnt() == parse("note 36 ch 10 -> tap")
    assert acted(mapping, [0x99, 36, 0], [0x99, 36, 90]) == [("tap", None)]


def test_a_pedal_that_is_learnt_does_not_act_while_it_is_still_down():
    mapping = MidiMap()
    mapping.learn("hold")
    assert acted(mapping, [0xB0, 64, 127], [0xB0, 64, 127]) == []
    assert acted(mapping, [0xB0, 64, 0], [0xB0, 64, 127]) == [("hold", None)]


@pytest.mark.parametrize("control", sorted(KNOBS))
def test_a_controller_learns_to_be_a_knob_and_a_note_cannot(control):
    mapping = MidiMap()
    mapping.learn(control)
    acted(mapping, [0x90, 36, 100])
    assert mapping.take_learnt() is None
    acted(mapping, [0xB0, 20, 64])
    assert mapping.take_learnt() == Binding("cc", 1, 20, control, KNOBS[control])


def test_a_control_with_its_value_can_be_learnt_by_a_note():
    mapping = MidiMap()
    mapping.learn("follow", 0.85)
    acted(mapping, [0x90, 40, 100])
    assert mapping.take_learnt() == parse("note 40 ch 1 -> follow 0.85")


def test_learning_again_takes_a_message_from_what_it_did_before():
    mapping = MidiMap([parse("note 36 ch 1 -> tap")])
    mapping.learn("one")
    acted(mapping, [0x90, 36, 100])
    assert mapping.bindings == (parse("note 36 ch 1 -> one"),)


# ---- ports ----

PAD = f"pad {os.getpid()}"  # JACK wants names that no other server of the machine has


@pytest.fixture(scope="module")
def jack():
    """rtmidi, on a JACK server of our own."""
    rtmidi = needs.require("rtmidi", "pip install python-rtmidi")
    with JackServer(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(MidiControls, "client", f"rtbeat controls {os.getpid()}")
        yield rtmidi


def wait_until(true) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to be")


@pytest.fixture
def pad(jack):
    """Makes a MIDI keyboard that others can connect to."""
    made = []

    def make():
        port = jack.MidiOut(jack.API_UNIX_JACK, PAD)
        port.open_virtual_port("keys")
        made.append(port)
        return port

    yield make
    for port in made:
        if not port.is_deleted:
            port.delete()


MAPPING = ("note 36 ch 10 -> tap", "cc 20 ch 1 -> follow 0..1")


def open_controls(jack, posted: queue.Queue, *ports: str, **options) -> MidiControls:
    mapping = MidiMap(map(parse, MAPPING))
    return MidiControls(posted.put, mapping, ports, api=jack.API_UNIX_JACK, **options)


def test_messages_of_a_port_arrive_with_the_time_of_their_arrival(jack, pad):
    keys, posted = pad(), queue.Queue()
    with open_controls(jack, posted, PAD.upper()) as controls:
        assert controls.names == (f"{PAD}:keys",)
        before = time.perf_counter()
        keys.send_message([0x99, 36, 100])
        tap = posted.get(timeout=10)
        after = time.perf_counter()
        keys.send_message([0xB0, 20, 127])
        follow = posted.get(timeout=10)
    assert (tap.name, tap.source) == ("tap", "midi")
    assert before < tap.host_time <= after
    assert follow == Control("follow", 1.0, "midi")


def test_a_port_of_our_own_can_be_connected_to(jack):
    posted = queue.Queue()
    with open_controls(jack, posted, virtual="controls"):
        keys = jack.MidiOut(jack.API_UNIX_JACK, f"{PAD} two")
        names = keys.get_ports()
        index = next(i for i, name in enumerate(names) if "rtbeat controls" in name)
        keys.open_port(index)
        keys.send_message([0x99, 36, 100])
        assert posted.get(timeout=10).name == "tap"
        keys.delete()


def test_a_port_that_is_not_there_is_named_with_those_that_are(jack, pad):
    pad()
    with pytest.raises(MidiInputError, match=rf"'launchpad' is not there .*{PAD}:keys"):
        open_controls(jack, queue.Queue(), "launchpad")


def test_a_port_that_vanishes_is_opened_again_when_it_is_back(jack, pad):
    keys, posted, changes = pad(), queue.Queue(), []

    def changed() -> bool:
        changes.extend((name, status) for name, status, _ in controls.check())
        return bool(changes)

    with open_controls(jack, posted, PAD) as controls:
        assert controls.check() == []
        keys.delete()
        wait_until(changed)
        assert changes.pop() == (f"{PAD}:keys", "lost")
        assert controls.names == ()
        keys = pad()
        wait_until(changed)
        assert changes.pop() == (f"{PAD}:keys", "back")
        keys.send_message([0x99, 36, 100])
        assert posted.get(timeout=10).name == "tap"
