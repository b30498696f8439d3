"""Keys of the terminal: what its bytes mean, what the keys do, and a real terminal around it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import termios
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbeat.live.controls import NAMES, Control
from rtbeat.live.fake import FakeSession
from rtbeat.live.key_codes import KeyDecoder
from rtbeat.live.keyboard import Keyboard, KeyPress, PosixKeyboard, open_keyboard
from rtbeat.live.keys import KEYS, RANGES, WHOLE_RANGE, find, markdown
from rtbeat.live.midi_map import MidiMap
from rtbeat.live.screen_loop import Desk
from tests import needs

ROOT = Path(__file__).parents[1]


# ---- bytes to names ----

MEANINGS = [
    (b" ", "space"),
    (b"d", "d"),
    (b"\x1b[D", "left"),
    (b"\x1b[C", "right"),
    (b"\x1bOD", "left"),
    ("é".encode(), "é"),
    (b"\r", "enter"),
    (b"\x03", "ctrl-c"),
]
MEANINGLESS = [b"\x1b[3~", b"\x1b[15;2~", b"\x1bx", b"\x1bOP", b"\x1b[1;5D", b"\x01", b"\x1b[M"]


@pytest.mark.parametrize(("data", "name"), MEANINGS)
def test_a_key_has_its_name(data, name):
    assert KeyDecoder().feed(data) == [name]


@pytest.mark.parametrize("data", MEANINGLESS)
def test_a_sequence_of_no_key_of_ours_does_nothing_and_none_of_its_letters_either(data):
    decoder = KeyDecoder()
    assert decoder.feed(data) + decoder.feed(b"d") == ["d"]


def test_escape_alone_is_known_once_nothing_follows():
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.waiting
    assert decoder.flush() == ["escape"]
    assert not decoder.waiting


@given(st.lists(st.sampled_from(MEANINGS)), st.data())
def test_keys_do_not_depend_on_how_their_bytes_are_cut(keys, data):
    stream = b"".join(code for code, _ in keys)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    decoder, names = KeyDecoder(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        names += decoder.feed(stream[start:stop])
    assert names == [name for _, name in keys]


@given(st.binary())
def test_no_bytes_break_the_decoder_or_stay_in_it(data):
    decoder = KeyDecoder()
    decoder.feed(data)
    decoder.flush()
    assert not decoder.waiting
    assert decoder.feed(b"q") == ["q"]


# ---- what the keys do ----


def controls(key: str, **state) -> list[tuple[str, float | None]]:
    now = replace(FakeSession(tempo=118.0).snapshot(), **state)
    return [(c.name, c.value) for c in find(key).controls(now, 0.0)]


def test_every_name_and_label_is_used_once():
    for field in ("name", "label", "short", "does"):
        values = [getattr(key, field) for key in KEYS]
        assert len(set(values)) == len(values), field


def test_every_control_of_a_performer_has_a_key():
    made = {name for key in KEYS for name, _ in controls(key.name)}
    assert made == set(NAMES)


def test_a_tap_tells_when_its_key_was_pressed_and_where_it_comes_from():
    [control] = find("space").controls(FakeSession().snapshot(), 12.5)
    assert control == Control("tap", None, "key", 12.5)
    [toggle] = find("l").controls(FakeSession().snapshot(), 12.5)
    assert toggle == Control("lock", None, "key")  # no time in the place of on or off


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("left", ("nudge", -0.005)),
        ("right", ("nudge", 0.005)),
        ("s", ("shift", 0.5)),
        ("3", ("scale", 1.5)),
        ("l", ("lock", None)),
        ("9", ("follow", 0.85)),
        ("=", ("volume", 0.9)),
        ("-", ("volume", 0.7)),
        ("f", ("follow", 0.6)),
        ("F", ("follow", 0.4)),
    ],
)
def test_keys_make_these_controls(key, expected):
    assert controls(key, volume=0.8, follow=0.5) == [expected]


def test_a_knob_stops_at_its_ends():
    assert controls("+", volume=0.97) == [("volume", 1.0)]
    assert controls("-", volume=0.03) == [("volume", 0.0)]


def test_the_range_goes_up_and_down_by_octaves_and_stays_at_the_last():
    assert controls(">", tempo_range=WHOLE_RANGE) == [("slowest", 70.0), ("fastest", 140.0)]
    assert controls("<", tempo_range=WHOLE_RANGE) == [("slowest", 60.0), ("fastest", 120.0)]
    assert dict(controls(">", tempo_range=RANGES[-1])) == {"slowest": 120.0, "fastest": 240.0}
    assert dict(controls("<", tempo_range=RANGES[0])) == {"slowest": 40.0, "fastest": 80.0}


def test_the_range_around_now_has_the_tempo_in_its_middle():
    limits = dict(controls("[", tempo=100.0))
    assert limits == {"slowest": 71.0, "fastest": 142.0}
    assert controls("[", tempo=None) == []


@given(
    st.sampled_from("<>[]"),
    st.floats(20, 363).flatmap(lambda a: st.tuples(st.just(a), st.floats(1.1 * a, 400))),
    st.floats(20, 400),
)
def test_no_key_leaves_a_range_that_the_tracker_refuses_on_the_way(key, limits, tempo):
    slowest, fastest = limits
    for name, value in controls(key, tempo_range=limits, tempo=tempo):
        slowest, fastest = (value, fastest) if name == "slowest" else (slowest, value)
        assert 20 <= slowest < fastest <= 400
    assert fastest >= 1.1 * slowest


def test_the_manual_has_the_table_of_keys():
    assert markdown() in (ROOT / "docs/controls.md").read_text()


# ---- the desk ----


def press(desk: Desk, *names: str, repeated: bool = False) -> None:
    for name in names:
        desk.press(KeyPress(name, 1.0, repeated))


def test_the_desk_posts_what_keys_do_and_ends_on_q():
    session = FakeSession()
    desk = Desk(session)
    press(desk, "space", "d", "up", "unknown")
    assert [control.name for control in session.posted] == ["tap", "double"]
    assert not desk.ended
    press(desk, "q")
    assert desk.ended


def test_a_key_held_down_nudges_on_but_does_not_tap_or_double_again():
    session = FakeSession()
    press(Desk(session), "space", "d", "right", repeated=True)
    assert [control.name for control in session.posted] == ["nudge"]


def test_help_comes_and_goes():
    desk = Desk(FakeSession())
    press(desk, "?")
    assert desk.screen().help
    press(desk, "escape")
    assert not desk.screen().help


def test_learning_takes_a_key_and_then_a_message():
    session, mapping = FakeSession(), MidiMap()
    desk = Desk(session, mapping)
    press(desk, "k", "space")
    assert "learn tap" in desk.screen().prompt
    assert mapping.control([0x99, 36, 100], 1.0) is None
    assert str(desk.take_learnt()) == "note 36 ch 10 -> tap"
    assert desk.take_learnt() is None
    assert desk.screen().prompt == "learnt: note 36 ch 10 -> tap"
    assert mapping.control([0x99, 36, 100], 2.0) == Control("tap", None, "midi", 2.0)
    assert session.posted == []


def test_learning_can_be_left_and_says_what_it_cannot_do():
    mapping = MidiMap()
    desk = Desk(FakeSession(), mapping)
    press(desk, "k", "space", "escape")
    assert desk.screen().prompt == ""
    mapping.control([0x99, 36, 100], 1.0)
    assert mapping.bindings == ()
    press(desk, "k", "<")
    assert "cannot be learnt" in desk.screen().prompt
    without = Desk(FakeSession())
    press(without, "k")
    assert "MIDI input" in without.screen().prompt


# ---- a terminal ----


def test_without_a_terminal_there_are_no_keys_and_time_passes():
    slept = []
    keyboard = Keyboard(sleep=slept.append)
    with keyboard:
        assert keyboard.read(0.1) == []
        assert keyboard.read(-1.0) == []
    assert slept == [0.1, 0.0]
    assert not open_keyboard(io.StringIO("d")).interactive


@pytest.fixture
def terminal():
    """A pseudo-terminal of which the keyboard has one end and the test the other."""
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def keyboard(terminal, monkeypatch):
    """A keyboard at the terminal, as if it were the one that this process is controlled from."""
    monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp())
    return PosixKeyboard(terminal[1])


def test_keys_come_at_once_in_order_and_with_their_time(terminal, keyboard):
    before = time.perf_counter()
    with keyboard:
        os.write(terminal[0], b" d\x1b[C")
        presses = keyboard.read(5.0)
    assert [p.name for p in presses] == ["space", "d", "right"]
    assert before < presses[0].host_time <= time.perf_counter()


def test_escape_alone_comes_after_a_moment(terminal, keyboard):
    with keyboard:
        os.write(terminal[0], b"\x1b")
        assert [p.name for p in keyboard.read(5.0)] == ["escape"]


def test_the_terminal_is_as_before_whatever_happened(terminal, keyboard):
    before = termios.tcgetattr(terminal[1])
    during = []

    def use_and_fail():
        with keyboard:
            during.append(termios.tcgetattr(terminal[1]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        use_and_fail()
    assert during != [before]
    assert termios.tcgetattr(terminal[1]) == before
    assert not keyboard.interactive


def test_a_background_job_leaves_the_terminal_alone(terminal, monkeypatch):
    monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp() + 1)
    before = termios.tcgetattr(terminal[1])
    with PosixKeyboard(terminal[1], sleep=lambda seconds: None) as keyboard:
        assert not keyboard.interactive
        assert termios.tcgetattr(terminal[1]) == before
        os.write(terminal[0], b"d")
        assert keyboard.read(0.0) == []


def test_a_terminal_that_is_closed_gives_no_keys_any_more(monkeypatch):
    monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp())
    ours, theirs = os.openpty()
    slept = []
    with PosixKeyboard(theirs, sleep=slept.append) as keyboard:
        os.close(ours)
        assert keyboard.read(5.0) == []
        assert keyboard.read(0.1) == []
    assert slept == [0.1]
    os.close(theirs)


def test_a_key_is_repeated_when_it_comes_again_faster_than_fingers(terminal, monkeypatch):
    monkeypatch.setattr(os, "tcgetpgrp", lambda descriptor: os.getpgrp())
    times = iter([0.0, 0.5, 0.53, 0.56, 0.8])
    with PosixKeyboard(terminal[1], now=lambda: next(times)) as keyboard:
        presses = []
        for _ in range(5):
            os.write(terminal[0], b" ")
            presses += keyboard.read(5.0)
    assert [p.repeated for p in presses] == [False, False, True, True, False]


# ---- the whole program in tmux ----


class Tmux:
    """A terminal of 80 x 24 with a shell in it."""

    def __init__(self, folder: Path):
        self._base = ["tmux", "-S", str(folder / "socket"), "-f", "/dev/null"]
        self("new-session", "-d", "-x", "80", "-y", "24", "-c", str(ROOT), "sh")

    def __call__(self, *arguments: str) -> str:
        # readline, which pytest loads, exports a size, and that would go before the terminal's own
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        command = [*self._base, *arguments]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=20, env=environment
        )
        return done.stdout

    def type(self, line: str) -> None:
        self("send-keys", "-l", line)
        self("send-keys", "Enter")

    def wait_for(self, text: str) -> str:
        """What is on the terminal once ``text`` is there."""
        for _ in range(300):
            shown = self("capture-pane", "-p")
            if text in shown:
                return shown
            time.sleep(0.1)
        raise AssertionError(f"{text!r} has not come; there is:\n{shown}")


@pytest.fixture
def tmux(tmp_path):
    needs.require_program("tmux", "apt install tmux")
    tmux = Tmux(tmp_path)
    tmux.type(f"stty -g > {tmp_path}/before; PS1='rea''dy> '; clear")
    tmux.wait_for("ready>")
    yield tmux
    tmux("kill-server")


def run_program(tmux: Tmux, folder: Path, *arguments: str) -> None:
    rest = " ".join(arguments)
    tmux.type(f"{sys.executable} -m tests.screen_program {folder} {rest} 2> {folder}/errors")
    tmux.wait_for("LOCKED")


def after(tmux: Tmux, folder: Path) -> str:
    """What the shell shows when the program has ended, and the state of the terminal kept."""
    shown = tmux.wait_for("ready>")
    tmux.type(f"stty -g > {folder}/after; echo $((60 + 6)) ended")
    tmux.wait_for("66 ended")
    return shown


def is_restored(folder: Path) -> bool:
    return (folder / "before").read_text() == (folder / "after").read_text()


def test_in_a_terminal_keys_arrive_and_ctrl_c_leaves_it_as_it_was(tmux, tmp_path):
    run_program(tmux, tmp_path)
    tmux("send-keys", "Space", "d", "Right", "c")
    shown = tmux.wait_for("Click       off")
    assert "following the music" in shown
    tmux("send-keys", "C-z", "C-s", "?")  # neither stops nor suspends the program
    tmux.wait_for("tap the beat: tempo and phase")
    tmux("send-keys", "C-c")
    assert "LOCKED" not in after(tmux, tmp_path)  # the shell's own screen is back
    assert json.loads((tmp_path / "posted.json").read_text()) == [
        ["tap", None],
        ["double", None],
        ["nudge", 0.005],
        ["click", None],
    ]
    assert "KeyboardInterrupt" in (tmp_path / "errors").read_text()
    assert is_restored(tmp_path)


def test_in_a_terminal_a_failure_leaves_it_as_it_was(tmux, tmp_path):
    run_program(tmux, tmp_path, "fail")
    tmux("send-keys", "r")
    after(tmux, tmp_path)
    assert "the session broke" in (tmp_path / "errors").read_text()
    assert is_restored(tmp_path)


def test_in_a_terminal_q_ends_it_and_another_size_is_drawn_anew(tmux, tmp_path):
    run_program(tmux, tmp_path)
    tmux("resize-window", "-x", "40", "-y", "12")
    shown = tmux.wait_for("Sure")
    assert all(len(line) <= 40 for line in shown.splitlines())
    tmux("send-keys", "q")
    after(tmux, tmp_path)
    assert is_restored(tmp_path)
