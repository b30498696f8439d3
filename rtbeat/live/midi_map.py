"""Which MIDI message does what: bindings as values, as text, and learnt from the next message.

A binding in the settings file is a line such as ::

    note 36 ch 10 -> tap
    note 40 ch 10 -> follow 0.85
    cc 20 ch 1 -> follow 0..1
    cc 64 ch 1 -> hold
    program 3 ch 1 -> reset

A controller (``cc``) with a range is a knob, its 0 to 127 spread over the range (which may fall);
one without is a switch, which acts when its value comes from below 64 to 64 or more. Channels are
1 to 16 as musicians count, notes, controllers and programs 0 to 127 as in the messages (MIDI 1.0
specification, table 1). Pure; contents: :class:`Binding`, :func:`parse`, :class:`MidiMap`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtbeat.live.controls import NAMES, TIMED, Control

NOTE_ON, CONTROL_CHANGE, PROGRAM_CHANGE = 0x90, 0xB0, 0xC0  # status bytes of channel 1
KINDS = {"note": NOTE_ON, "cc": CONTROL_CHANGE, "program": PROGRAM_CHANGE}
SWITCH = 64  # value from which a controller is on
KNOBS = {
    "follow": (0.0, 1.0),
    "volume": (0.0, 1.0),
    "slowest": (40.0, 120.0),
    "fastest": (80.0, 240.0),
}
"""Controls that a learnt controller sets as a knob, and its range."""

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_LINE = re.compile(
    r"(?P<kind>\w+) +(?P<number>\d+) +ch +(?P<channel>\d+) *-> *(?P<control>\w+)"
    rf"(?: +(?P<low>{_NUMBER})(?:\.\.(?P<high>{_NUMBER}))?)?"
)
_FORM = '"note 36 ch 10 -> tap" or "cc 20 ch 1 -> follow 0..1"'


@dataclass(frozen=True)
class Binding:
    """A MIDI message and what it does.

    kind : ``note``, ``cc`` or ``program``. channel : 1 to 16. number : 0 to 127. control : one of
    ``rtbeat.live.controls.NAMES``. value : of the control; for a knob the values at 0 and at 127.

    Raises ``ValueError`` naming what is wrong.
    """

    kind: str
    channel: int
    number: int
    control: str
    value: float | tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _check(self.kind in KINDS, f"message is {self.kind!r}", f"one of {', '.join(KINDS)}")
        _check(1 <= self.channel <= 16, f"channel is {self.channel}", "from 1 to 16")
        _check(0 <= self.number <= 127, f"{self.kind} is {self.number}", "from 0 to 127")
        _check(self.control in NAMES, f"control is {self.control!r}", f"one of {', '.join(NAMES)}")
        ends = self.value if isinstance(self.value, tuple) else (self.value or 0.0,)
        _check(all(map(math.isfinite, ends)), f"value is {self.value}", "finite")
        knob = isinstance(self.value, tuple)
        _check(not knob or self.kind == "cc", f"a {self.kind} has a range", "a cc to have one")

    @property
    def message(self) -> tuple[str, int, int]:
        """Kind, channel and number: what a message is recognised by."""
        return self.kind, self.channel, self.number

    def __str__(self) -> str:
        """The line that :func:`parse` reads, exact to the last digit."""
        ends = self.value if isinstance(self.value, tuple) else (self.value,)
        value = "..".join(_digits(end) for end in ends if end is not None)
        line = f"{self.kind} {self.number} ch {self.channel} -> {self.control} {value}"
        return line.rstrip()


def _check(right: bool, what: str, allowed: str) -> None:
    if not right:
        raise ValueError(f"{what}; it must be {allowed}")


def _digits(value: float) -> str:
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def parse(line: str) -> Binding:
    """A binding from its line. Raises ``ValueError`` that quotes it and says what is wrong."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"MIDI binding {line!r} is not understood; write it like {_FORM}")
    low, high = found["low"], found["high"]
    value: float | tuple[float, float] | None = None if low is None else float(low)
    if high is not None:
        value = (float(low), float(high))
    try:
        return Binding(
            found["kind"], int(found["channel"]), int(found["number"]), found["control"], value
        )
    except ValueError as error:
        raise ValueError(f"MIDI binding {line!r}: {error}") from None


def _read(message: Sequence[int]) -> tuple[str, int, int, int] | None:
    """Kind, channel, number, value (velocity) of a message that a binding can have, or None."""
    if len(message) < 2:
        return None
    status, channel = message[0] & 0xF0, (message[0] & 0x0F) + 1
    if status == PROGRAM_CHANGE:
        return "program", channel, message[1], 127
    if len(message) < 3 or (status == NOTE_ON and message[2] == 0):  # that is a note off
        return None
    kind = {NOTE_ON: "note", CONTROL_CHANGE: "cc"}.get(status)
    return None if kind is None else (kind, channel, message[1], message[2])


class MidiMap:
    """Turns messages into controls by its bindings, and learns new ones. One message does one
    thing: the last of two bindings of the same message holds.

    Thread: one calls :meth:`control` (the MIDI input thread), another may call the rest; each call
    replaces whole values and needs no lock. Realtime-safe: no.
    """

    def __init__(self, bindings: Iterable[Binding] = ()):
        self._bindings = {binding.message: binding for binding in bindings}
        self._wanted: tuple[str, float | None] | None = None
        self._learnt: Binding | None = None
        self._on: dict[tuple[str, int, int], bool] = {}  # switches that are on

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """All bindings."""
        return tuple(self._bindings.values())

    def learn(self, control: str | None, value: float | None = None) -> None:
        """Bind the next message to ``control``; None does not want one any more. A controller
        becomes a knob where no value is given and the control has one (``KNOBS``)."""
        self._learnt = None
        self._wanted = None if control is None else (control, value)

    def take_learnt(self) -> Binding | None:
        """The binding learnt since the last call, once; None while there is none."""
        learnt, self._learnt = self._learnt, None
        return learnt

    def control(self, message: Sequence[int], host_time: float) -> Control | None:
        """The control of a message (its bytes) that came at ``host_time``, None if there is none.
        The message that is learnt does nothing else."""
        read = _read(message)
        if read is None:
            return None
        *_, velocity = read
        key = read[:3]
        was_on, self._on[key] = self._on.get(key, False), velocity >= SWITCH
        wanted = self._wanted
        if wanted is not None:
            self._bind(key, *wanted)
            return None
        binding = self._bindings.get(key)
        if binding is None or (was_on and _is_switch(binding)):
            return None
        if isinstance(binding.value, tuple):
            low, high = binding.value
            return Control(binding.control, low + (high - low) * velocity / 127, "midi")
        if binding.kind == "cc" and velocity < SWITCH:
            return None
        when = host_time if binding.control in TIMED else None
        return Control(binding.control, binding.value, "midi", when)

    def _bind(self, message: tuple[str, int, int], control: str, value: float | None) -> None:
        knob = KNOBS.get(control) if value is None else None
        if knob is not None and message[0] != "cc":
            return  # a note cannot say how much: wait for a knob or fader
        binding = Binding(*message, control, value if knob is None else knob)
        self._bindings = {**self._bindings, message: binding}
        self._wanted, self._learnt = None, binding


def _is_switch(binding: Binding) -> bool:
    return binding.kind == "cc" and not isinstance(binding.value, tuple)
