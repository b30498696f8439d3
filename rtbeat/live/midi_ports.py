"""MIDI output ports behind a thin base, and their twin in memory.

Device libraries are imported where a port is opened. A port on a JACK server that has died is not
closed, as RtMidi's close never comes back there: the process that holds it ends instead
(:mod:`rtbeat.live.clock_child`).
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rtbeat.live.jack_watch import JackWatch
from rtbeat.midi_clock import Message

RTMIDI_APIS = {
    "auto": "API_UNSPECIFIED",
    "jack": "API_UNIX_JACK",
    "alsa": "API_LINUX_ALSA",
    "core": "API_MACOSX_CORE",
    "windows": "API_WINDOWS_MM",
}
APIS = (*RTMIDI_APIS, "jack-client", "memory")
MOST_OFFSET = 1.0  # seconds
REMEMBERED = 100_000  # messages, by the twin

Take = Callable[[float, float], list[Message]]


class PortError(OSError):
    """A MIDI port cannot be opened; the message is a sentence for the user."""


@dataclass(frozen=True)
class PortSpec:
    """Which port, and what is sent there.

    api : ``"auto"``, ``"jack"``, ``"alsa"``, ``"core"`` and ``"windows"`` are RtMidi's;
        ``"jack-client"`` is a JACK port that is exact to the sample; ``"memory"`` keeps messages
        for tests; ``"module:name"`` is a :class:`Sink` of your own, called with this spec.
    name : of the virtual port to make, or part of the name of an existing one.
    offset : seconds, -1 to 1; everything is sent that much later, really earlier where negative.
    clock : ticks and transport are sent. notes : notes on the beats are sent.

    Raises ``ValueError`` where a field is out of its range.
    """

    api: str
    name: str
    virtual: bool
    offset: float = 0.0
    clock: bool = True
    notes: bool = False

    def __post_init__(self) -> None:
        if self.api not in APIS and ":" not in self.api:
            raise ValueError(f"MIDI api is {self.api!r}; it must be one of {', '.join(APIS)}")
        if not self.name:
            raise ValueError("a MIDI port needs a name")
        if not math.isfinite(self.offset) or abs(self.offset) > MOST_OFFSET:
            raise ValueError(f"offset is {self.offset!r}; it must be -1 to 1 seconds")


class Sink(ABC):
    """An open port. Thread: that which opened it. Realtime-safe: no (Python)."""

    title: str  # the port's full name

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send one message now. Raises ``PortError`` where the port has gone."""

    def there(self) -> bool:
        """Whether the port still exists, at the cost of some 0.1 ms."""
        return True

    def drive(self, take: Take) -> bool:
        """True where the port asks for its messages itself, from now on, by calling
        ``take(start, end)`` with stretches of host time; else it is sent them one by one."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Give the port back; the last message has gone out."""


class MemorySink(Sink):
    """Keeps ``(time.perf_counter(), message)`` of the first messages sent to it."""

    def __init__(self, spec: PortSpec) -> None:
        self.title = spec.name
        self.sent: list[tuple[float, bytes]] = []

    def send(self, data: bytes) -> None:
        now = time.perf_counter()
        if len(self.sent) < REMEMBERED:
            self.sent.append((now, data))

    def close(self) -> None:
        """What was sent stays."""


class RtMidiSink(Sink):
    """A port of RtMidi: virtual, or connected to an existing one."""

    def __init__(self, spec: PortSpec, client: str) -> None:
        rtmidi = importlib.import_module("rtmidi")
        try:
            api = getattr(rtmidi, RTMIDI_APIS[spec.api])
            self._out: Any = rtmidi.MidiOut(api, name=client)
            self._virtual = spec.virtual
            if spec.virtual:
                self._make(rtmidi, spec.name)
            else:
                ports = self._out.get_ports()
                self.title = find(spec.name, ports)
                self._out.open_port(ports.index(self.title), name="out")
            jack = self._out.get_current_api() == rtmidi.API_UNIX_JACK
            self._watch = JackWatch(f"{client}-watch") if jack else None
        except (rtmidi.RtMidiError, NotImplementedError) as error:
            raise PortError(f"MIDI output {spec.name!r} cannot be opened: {error}") from error

    def _make(self, rtmidi: Any, name: str) -> None:
        if self._out.get_current_api() == rtmidi.API_WINDOWS_MM:
            raise PortError(
                "Windows has no virtual MIDI ports; make one with loopMIDI and give its name"
            )
        self._out.open_virtual_port(name)
        self.title = name

    def send(self, data: bytes) -> None:
        self._out.send_message(data)

    def there(self) -> bool:
        if self._watch is not None and self._watch.gone:
            return False
        return self._virtual or self.title in self._out.get_ports()

    def close(self) -> None:
        if self._watch is not None:
            if self._watch.gone:
                return
            self._watch.close()
        self._out.close_port()
        self._out.delete()


def find(part: str, names: list[str]) -> str:
    """The one name that is or contains ``part``, whatever its case; raises ``PortError``."""
    if part in names:
        return part
    found = [name for name in names if part.casefold() in name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise PortError(f"{part!r} is part of several MIDI outputs: {', '.join(found)}")
    there = ", ".join(names) if names else "none"
    raise PortError(f"no MIDI output has {part!r} in its name; there are: {there}")


def check_library(spec: PortSpec) -> None:
    """Raises ``PortError``, naming the remedy, where the library for the port is not installed.

    Thread: any. Realtime-safe: no.
    """
    if spec.api in RTMIDI_APIS and importlib.util.find_spec("rtmidi") is None:
        raise PortError("MIDI needs python-rtmidi: pip install rtbeat[midi]")
    if spec.api == "jack-client" and importlib.util.find_spec("jack") is None:
        raise PortError("sample-accurate JACK MIDI needs JACK-Client: pip install rtbeat[jack]")


def rtmidi_api(api: str) -> int:
    """RtMidi's number of an ``api`` of :class:`PortSpec`; of JACK for ``"jack-client"``.

    Raises ``PortError`` where python-rtmidi is not installed, ``ValueError`` for another word.
    """
    name = "jack" if api == "jack-client" else api
    if name not in RTMIDI_APIS:
        raise ValueError(f"MIDI api is {api!r}; it must be one of {', '.join(RTMIDI_APIS)}")
    check_library(PortSpec(name, "controls", virtual=False))
    return int(getattr(importlib.import_module("rtmidi"), RTMIDI_APIS[name]))


def open_sink(spec: PortSpec, client: str) -> Sink:
    """Open the port. ``client``: the name under which it is seen. Raises ``PortError``."""
    if spec.api == "memory":
        return MemorySink(spec)
    if spec.api == "jack-client":
        from rtbeat.live.jack_port import JackSink

        return JackSink(spec, client)
    if ":" in spec.api:
        module, name = spec.api.split(":", 1)
        sink: Sink = getattr(importlib.import_module(module), name)(spec)
        return sink
    return RtMidiSink(spec, client)
