"""Keys of the terminal, one at a time, without waiting for a line.

On POSIX systems the terminal is put into a mode of its own (termios) while :class:`Keyboard` is
entered, and back into the old one when it is left, whatever the reason. Where there is no terminal
to read from (a pipe, a background job) there are no keys, and reading only passes the time.
Contents: :class:`KeyPress`, :class:`Keyboard`, :func:`open_keyboard`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from rtbeat.live.key_codes import KeyDecoder, name_of

ESCAPE_WAIT = 0.05  # seconds in which the rest of a key's sequence comes, even over a network
REPEAT = 0.1  # seconds; the same key sooner than this is a keyboard repeating a key held down


@dataclass(frozen=True)
class KeyPress:
    """A key went down.

    name : the character, or ``space``, ``left``, ``right``, ``up``, ``down``, ``enter``,
    ``escape``, ``ctrl-c``. host_time : ``time.perf_counter()`` when it arrived, seconds.
    repeated : the key is held down, and the keyboard repeats it.
    """

    name: str
    host_time: float
    repeated: bool = False


class Keyboard:
    """No keys: what there is without a terminal, and the base of those with one.

    Used as a context manager. Thread: main. Realtime-safe: no.
    """

    interactive = False  # whether keys can come

    def __init__(
        self,
        now: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._now, self._sleep = now, sleep
        self._last = KeyPress("", float("-inf"))

    def __enter__(self) -> Keyboard:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def read(self, timeout: float) -> list[KeyPress]:
        """The keys pressed since the last call; waits for the first of them up to ``timeout``
        seconds. Keys that come in one call have one host time."""
        names = self._names(max(0.0, timeout))
        return [self._press(name, self._now()) for name in names]

    def _names(self, timeout: float) -> list[str]:
        self._sleep(timeout)
        return []

    def _press(self, name: str, now: float) -> KeyPress:
        repeated = name == self._last.name and now - self._last.host_time < REPEAT
        self._last = KeyPress(name, now, repeated)
        return self._last


def open_keyboard(stream: TextIO | None = None) -> Keyboard:
    """The keyboard behind ``stream`` (default: standard input), not yet entered.

    Thread: main. Realtime-safe: no.
    """
    stream = sys.stdin if stream is None else stream
    if stream is None or stream.closed or not stream.isatty():
        return Keyboard()
    if sys.platform == "win32":
        return WindowsKeyboard()
    return PosixKeyboard(stream.fileno())


if sys.platform == "win32":
    import msvcrt

    _WINDOWS_ARROWS = {"H": "up", "P": "down", "M": "right", "K": "left"}
    _POLL = 0.005  # seconds; there is no waiting for a key with a time limit

    class WindowsKeyboard(Keyboard):
        """Keys of the console window."""

        interactive = True

        def _names(self, timeout: float) -> list[str]:
            end = self._now() + timeout
            while not msvcrt.kbhit():
                left = end - self._now()
                if left <= 0:
                    return []
                self._sleep(min(_POLL, left))
            names = []
            while msvcrt.kbhit():
                names.append(self._read_key())
            return [name for name in names if name]

        def _read_key(self) -> str:
            character = msvcrt.getwch()
            if character in "\x00\xe0" and msvcrt.kbhit():
                return _WINDOWS_ARROWS.get(msvcrt.getwch(), "")
            return name_of(character)

else:
    import select
    import termios

    class PosixKeyboard(Keyboard):
        """Keys of the terminal at a file descriptor. Ctrl-C still raises ``KeyboardInterrupt``."""

        def __init__(
            self,
            descriptor: int,
            now: Callable[[], float] = time.perf_counter,
            sleep: Callable[[float], None] = time.sleep,
        ):
            super().__init__(now, sleep)
            self._descriptor = descriptor
            self._decoder = KeyDecoder()
            self._before: list[Any] | None = None

        def __enter__(self) -> Keyboard:
            # to set up a terminal from the background would stop the whole program
            if self._is_in_front():
                self._before = termios.tcgetattr(self._descriptor)
                termios.tcsetattr(self._descriptor, termios.TCSANOW, _raw(self._descriptor))
            self.interactive = self._before is not None
            return self

        def _is_in_front(self) -> bool:
            """Whether the terminal is this job's to change; one that controls no jobs is."""
            try:
                return os.tcgetpgrp(self._descriptor) == os.getpgrp()
            except OSError:
                return True

        def __exit__(self, *error: object) -> None:
            before, self._before = self._before, None
            self.interactive = False
            if before is None:
                return
            try:  # without waiting for output: a terminal that has stopped must not hold us up
                termios.tcsetattr(self._descriptor, termios.TCSANOW, before)
                termios.tcflush(self._descriptor, termios.TCIFLUSH)
            except termios.error:
                pass  # the terminal is gone

        def _names(self, timeout: float) -> list[str]:
            if not self.interactive:
                return super()._names(timeout)
            names = self._take(timeout)
            while self._decoder.waiting:
                more = self._take(ESCAPE_WAIT)
                names += more or self._decoder.flush()
            return names

        def _take(self, timeout: float) -> list[str]:
            ready, _, _ = select.select([self._descriptor], [], [], timeout)
            if not ready:
                return []
            try:
                data = os.read(self._descriptor, 1024)
            except OSError:
                data = b""
            if not data:  # the terminal was closed: no keys any more
                self.interactive = False
            return self._decoder.feed(data)

    def _raw(descriptor: int) -> list[Any]:
        """Attributes of a terminal that gives each key at once and unseen."""
        attributes = termios.tcgetattr(descriptor)
        attributes[0] &= ~termios.IXON  # Ctrl-S would stop the screen, and us with it
        attributes[3] &= ~(termios.ICANON | termios.ECHO)
        off = os.fpathconf(descriptor, "PC_VDISABLE")
        for name in ("VSUSP", "VDSUSP", "VQUIT"):  # suspended, the audio would stand still
            if hasattr(termios, name):
                attributes[6][getattr(termios, name)] = bytes([off])
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
        return attributes
