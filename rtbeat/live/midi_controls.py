"""MIDI input ports whose messages are a performer's controls.

python-rtmidi calls from a thread of its own; a message is stamped with host time on arrival there,
turned into a control by a :class:`rtbeat.live.midi_map.MidiMap` and handed on. A port that vanishes
is opened again when it is back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from rtbeat.live.controls import Control
from rtbeat.live.midi_map import MidiMap

Post = Callable[[Control], None]
Change = tuple[str, str, str]
"""Name of a port, its status (``open``, ``lost``, ``back``) and a sentence."""


class MidiInputError(Exception):
    """A MIDI input port cannot be opened: one sentence with the remedy."""


class MidiControls:
    """Open MIDI input ports. Used as a context manager, or closed with :meth:`close`.

    post : takes each control, such as ``Session.post``. mapping : message -> control.
    ports : names or parts of names of ports to open. virtual : name of a port of our own that
    others can connect to (not on Windows). api : of rtmidi, such as ``rtmidi.API_UNIX_JACK``,
    0 = the system's.

    Raises ``MidiInputError``. Thread: main. Realtime-safe: no; controls are posted from the MIDI
    input thread.
    """

    client = "rtbeat controls"  # name under which the ports appear

    def __init__(
        self,
        post: Post,
        mapping: MidiMap,
        ports: Sequence[str] = (),
        virtual: str | None = None,
        api: int = 0,
    ):
        self._post, self._mapping, self._api = post, mapping, api
        self._wanted = tuple(ports)
        self._open: dict[str, tuple[str, Any]] = {}  # by what was wanted: full name, port
        self._lister: Any = None  # sees which ports there are while others are open
        try:
            if ports:
                self._lister = self._new_client()
            for wanted in ports:
                self._open_port(wanted)
            if virtual is not None:
                self._open_virtual(virtual)
        except BaseException:
            self.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """Full names of the ports that are open now."""
        return tuple(name for name, _ in self._open.values())

    def check(self) -> list[Change]:
        """Find ports that have vanished and open again those that are back; what has changed.
        Meant to be called about once a second. Thread: main."""
        if self._lister is None:
            return []
        present = self._lister.get_ports()
        changes: list[Change] = []
        for wanted in self._wanted:
            if wanted in self._open:
                name, port = self._open[wanted]
                if name not in present:
                    _close(port)
                    del self._open[wanted]
                    changes.append((name, "lost", "it has gone; it is opened when it is back"))
            elif _find(wanted, present) is not None:
                with contextlib.suppress(MidiInputError):  # gone again: at the next check, then
                    self._open_port(wanted)
                    changes.append((self._open[wanted][0], "back", "it is open again"))
        return changes

    def close(self) -> None:
        """Close every port; after it nothing is posted. A second call does nothing."""
        while self._open:
            _, (_, port) = self._open.popitem()
            _close(port)
        if self._lister is not None:
            self._lister.delete()
            self._lister = None

    def __enter__(self) -> MidiControls:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _open_port(self, wanted: str) -> None:
        names = self._lister.get_ports()
        index = _find(wanted, names)
        if index is None:
            present = ", ".join(names) or "none"
            raise MidiInputError(
                f"MIDI input {wanted!r} is not there (there are: {present}); "
                "connect the device or choose one of these"
            )
        port = self._new_client()
        self._listen(port, wanted, names[index], lambda: port.open_port(index, "in"))

    def _open_virtual(self, name: str) -> None:
        port = self._new_client()
        self._listen(port, name, name, lambda: port.open_virtual_port(name))

    def _new_client(self) -> Any:
        import rtmidi

        try:
            return rtmidi.MidiIn(self._api, self.client)
        except rtmidi.RtMidiError as error:
            raise MidiInputError(f"MIDI input is not to be had on this machine: {error}") from error

    def _listen(self, port: Any, wanted: str, name: str, open_it: Callable[[], object]) -> None:
        import rtmidi

        port.set_callback(self._receive)
        try:
            open_it()
        except rtmidi.RtMidiError as error:
            port.delete()
            raise MidiInputError(f"MIDI input {name!r} cannot be opened: {error}") from error
        self._open[wanted] = (name, port)

    def _receive(self, event: tuple[Sequence[int], float], data: object = None) -> None:
        """Thread: MIDI input."""
        host_time = time.perf_counter()  # first of all: it is when a tap was
        control = self._mapping.control(event[0], host_time)
        if control is not None:
            self._post(control)


def _close(port: Any) -> None:
    port.cancel_callback()
    port.close_port()
    port.delete()


def _find(wanted: str, names: Sequence[str]) -> int | None:
    """Index of the name that is ``wanted``, or else of the first that holds it in any case."""
    if wanted in names:
        return names.index(wanted)
    lower = wanted.lower()
    return next((i for i, name in enumerate(names) if lower in name.lower()), None)
