"""The terminal of a performer: keys to the session, the session to the screen.

Contents: :class:`Performed` (what a session offers), :class:`Desk` (pure: a key press to what is to
be done and to be shown), :class:`Painter`, :func:`perform` (the loop).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console, RenderableType
from rich.control import Control as Command
from rich.segment import ControlType
from rich.text import Text

from rtbeat.live.controls import Control
from rtbeat.live.keyboard import Keyboard, KeyPress
from rtbeat.live.keys import HELP, LEARN, LEAVE, QUIT, Key, find
from rtbeat.live.layout import plain_ascii
from rtbeat.live.midi_map import KNOBS, Binding, MidiMap
from rtbeat.live.screen import Screen, lines
from rtbeat.live.snapshot import Snapshot

RATE = 10  # pictures a second
_ERASE = Command((ControlType.ERASE_IN_LINE, 2))  # before the text: a full line ends on its edge


class Performed(Protocol):
    """The part of a session that a performer sees."""

    def post(self, control: Control) -> None:
        """Let a control act at the next hop."""

    def snapshot(self) -> Snapshot:
        """How things stand."""


class Desk:
    """What the keys do, and what is asked meanwhile. mapping : learns MIDI messages; None without
    MIDI input. Thread: one at a time. Realtime-safe: no."""

    def __init__(self, session: Performed, mapping: MidiMap | None = None):
        self._session, self._mapping = session, mapping
        self._choosing = False  # the next key chooses what is learnt
        self._prompt = ""
        self._help = False
        self.ended = False

    def press(self, press: KeyPress) -> None:
        """Do what a key asks for; keys without a meaning do nothing."""
        if press.name == LEAVE:
            self._leave()
            return
        key = find(press.name)
        if key is None or (press.repeated and not key.repeats):
            return
        if key.name == QUIT:
            self.ended = True
        elif key.name == HELP:
            self._help = not self._help
        elif key.name == LEARN:
            self._start_learning()
        elif self._choosing:
            self._choose(key)
        else:
            self._prompt = ""
            for control in key.controls(self._session.snapshot(), press.host_time):
                self._session.post(control)

    def take_learnt(self) -> Binding | None:
        """A MIDI binding made since the last call, for the settings file."""
        learnt = self._mapping.take_learnt() if self._mapping else None
        if learnt is not None:
            self._prompt = f"learnt: {learnt}"
        return learnt

    def screen(self) -> Screen:
        """The picture of now."""
        return Screen(self._session.snapshot(), self._help, self._prompt)

    def _leave(self) -> None:
        self._help = self._choosing = False
        self._prompt = ""
        if self._mapping:
            self._mapping.learn(None)

    def _start_learning(self) -> None:
        if self._mapping is None:
            self._prompt = "nothing to learn from: start with a MIDI input for controls"
            return
        self._mapping.learn(None)
        self._choosing = True
        self._prompt = "learn: press the key of the control (Escape leaves)"

    def _choose(self, key: Key) -> None:
        assert self._mapping is not None
        self._choosing = False
        if key.learnt is None:
            self._prompt = f"{key.label} ({key.short}) cannot be learnt"
            return
        self._mapping.learn(*key.learnt)
        wanted = "turn a knob" if key.learnt[1] is None and key.learnt[0] in KNOBS else "press"
        self._prompt = f"learn {key.learnt[0]}: {wanted} on the MIDI device (Escape leaves)"


class Painter:
    """Puts screens on a terminal: the lines that have changed, and once a second all, because a
    library may have written over them. Thread: one at a time. Realtime-safe: no."""

    def __init__(self, console: Console):
        self._console = console
        self._shown: list[Text] = []
        self._size = (0, 0)
        self._pictures = 0

    def paint(self, screen: Screen) -> None:
        """Show ``screen`` at the size that the terminal has now."""
        width, height = self._console.size
        picture = lines(screen, width, height)
        if self._console.options.ascii_only:
            picture = [plain_ascii(line) for line in picture]
        changes: list[RenderableType] = []
        if (width, height) != self._size or self._pictures % RATE == 0:
            self._shown = []
        for y in range(height):
            line = picture[y] if y < len(picture) else Text()
            if y >= len(self._shown) or line != self._shown[y]:
                changes += [Command.move_to(0, y), _ERASE, line]
        self._shown = picture + [Text()] * (height - len(picture))
        self._size, self._pictures = (width, height), self._pictures + 1
        self._console.print(*changes, sep="", end="", crop=False, no_wrap=True)


def perform(
    session: Performed,
    keyboard: Keyboard,
    console: Console,
    mapping: MidiMap | None = None,
    *,
    learnt: Callable[[Binding], None] = lambda binding: None,
    running: Callable[[], bool] = lambda: True,
    now: Callable[[], float] = time.perf_counter,
) -> None:
    """Show the session and pass keys on until the performer quits or ``running()`` is false.

    learnt : is told of every MIDI binding that was learnt. The terminal is as before when this
    returns or raises (``KeyboardInterrupt`` on Ctrl-C).

    Thread: main. Realtime-safe: no.
    """
    desk = Desk(session, mapping)
    painter = Painter(console)
    with keyboard, console.screen():
        due = now()
        while running() and not desk.ended:
            for press in keyboard.read(due - now()):
                desk.press(press)
            binding = desk.take_learnt()
            if binding is not None:
                learnt(binding)
            if now() >= due:
                painter.paint(desk.screen())
                due = now() + 1.0 / RATE  # from the end: a slow terminal gets fewer pictures
