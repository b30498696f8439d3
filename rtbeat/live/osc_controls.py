"""OSC messages that are a performer's controls.

A thread of its own reads datagrams; a message is stamped with host time on arrival and handed on as
a control. Whatever else arrives is counted, and told once.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable, Sequence

from rtbeat.live.controls import Control
from rtbeat.live.osc_codec import OscFormatError, Value, decode
from rtbeat.live.osc_target import OscError

Post = Callable[[Control], None]
Tell = Callable[[str], None]

PUSHES: dict[str, tuple[str, float | None]] = {
    "/rtbeat/tap": ("tap", None),
    "/rtbeat/double": ("double", None),
    "/rtbeat/halve": ("halve", None),
    "/rtbeat/downbeat": ("one", None),
    "/rtbeat/hold": ("hold", 1.0),
    "/rtbeat/release": ("hold", 0.0),
    "/rtbeat/lock_tempo": ("lock", 1.0),
    "/rtbeat/unlock_tempo": ("lock", 0.0),
    "/rtbeat/reset": ("reset", None),
}
"""Address -> control and its value. An argument of 0 is a button let go: nothing happens."""
FADERS = {"/rtbeat/shift": "shift", "/rtbeat/nudge": "nudge"}
"""Address -> control that takes the argument."""
LARGEST = 1 << 16  # bytes, a datagram
LOOK = 0.2  # s between two looks at whether to end


class WrongMessageError(ValueError):
    """A message that is no control: what is wrong with it."""


def control_of(address: str, values: Sequence[Value], host_time: float) -> Control | None:
    """The control that a message asks for, None for a button let go.

    host_time : of its arrival, seconds. Raises ``WrongMessageError``. Thread: any.
    """
    if address in PUSHES:
        name, value = PUSHES[address]
        if values and _number(address, values) == 0.0:
            return None
        return Control(name, value, "osc", host_time)
    if address in FADERS:
        given = None if address == "/rtbeat/shift" and not values else _number(address, values)
        return Control(FADERS[address], given, "osc")
    raise WrongMessageError(f"{address} is no control")


def _number(address: str, values: Sequence[Value]) -> float:
    value = values[0] if len(values) == 1 else None
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise WrongMessageError(f"{address} takes one number")
    return float(value)


class OscControls:
    """Listen for controls. Used as a context manager, or closed with :meth:`close`.

    post : takes each control, such as ``Session.post``. tell : takes a sentence about the first
    message that is not understood, such as ``Session.note``. host, port : to listen at; port 0 is
    any free one. ``wrong`` counts what was not understood.

    Raises ``OscError``. Thread: main. Realtime-safe: no; controls are posted from its own thread.
    """

    def __init__(self, post: Post, tell: Tell, host: str, port: int) -> None:
        self._post, self._tell = post, tell
        self.wrong = 0
        self._ending = threading.Event()
        self._socket = _bound(host, port)
        self._socket.settimeout(LOOK)
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="osc controls", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more; after it nothing is posted. A second call does nothing."""
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> OscControls:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            # an error of a datagram sent elsewhere (Windows) or a timeout: on to the next one
            with contextlib.suppress(OSError):
                data, sender = self._socket.recvfrom(LARGEST)
                self._take(data, str(sender[0]), time.perf_counter())

    def _take(self, data: bytes, sender: str, host_time: float) -> None:
        try:
            messages = decode(data)
        except OscFormatError as error:
            self._complain(f"a datagram is no OSC: {error}", sender)
            return
        for address, values in messages:  # one that is wrong does not spoil its bundle
            try:
                control = control_of(address, values, host_time)
            except WrongMessageError as error:
                self._complain(str(error), sender)
            else:
                if control is not None:
                    self._post(control)

    def _complain(self, what: str, sender: str) -> None:
        self.wrong += 1
        if self.wrong == 1:
            self._tell(f"OSC from {sender}: {what}; docs/controls.md has the addresses")


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        listening = socket.socket(family, kind)
    except OSError as error:
        raise OscError(f"OSC cannot listen at {host!r}: {error.strerror or error}") from error
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        remedy = "give another with --osc-in"
        reason = error.strerror or error
        raise OscError(f"OSC cannot listen at {host} port {port} ({reason}); {remedy}") from error
    return listening
