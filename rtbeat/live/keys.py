"""What the keys do: the one table behind the keyboard, the help on the screen and the manual. Pure.

Contents: ``KEYS``; :func:`find`; :class:`Key` turns a press into controls, which may depend on how
things stand now (a volume one step up).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from rtbeat.live.controls import TIMED, Control
from rtbeat.live.snapshot import Snapshot

Change = tuple[str, "float | None"]
"""Name of a control and its value."""

NUDGE = 0.005  # seconds
STEP = 0.1  # of the knobs from 0 to 1
WHOLE_RANGE = (40.0, 240.0)
# BPM, an octave each: no tempo has its double in the same one
RANGES = tuple((slowest, 2 * slowest) for slowest in (40.0, 50.0, 60.0, 70.0, 80.0, 100.0, 120.0))
TEMPO_LIMITS = (20.0, 400.0)  # BPM


@dataclass(frozen=True)
class Key:
    """One row of the table.

    name : of the key as the keyboard tells it. label : as people write it. short : a word or two.
    does : a line. changes : what it does given how things stand; empty for a key of the screen.
    learnt : the control that a MIDI message takes over when this key was chosen, with its value, or
        without one where a knob sets it; None where it cannot be learnt.
    repeats : acts again and again while it is held down.
    """

    name: str
    label: str
    short: str
    does: str
    changes: Callable[[Snapshot], tuple[Change, ...]]
    learnt: Change | None = None
    repeats: bool = False

    def controls(self, now: Snapshot, host_time: float) -> tuple[Control, ...]:
        """The controls of a press at ``host_time`` (``time.perf_counter()``, seconds), which those
        of ``TIMED`` carry."""
        return tuple(
            Control(name, value, "key", host_time if name in TIMED else None)
            for name, value in self.changes(now)
        )


def _fixed(
    name: str, label: str, short: str, does: str, control: str, value: float | None = None
) -> Key:
    change = (control, value)
    return Key(name, label, short, does, lambda now: (change,), change, control == "nudge")


def _step(name: str, label: str, short: str, does: str, control: str, by: float) -> Key:
    """Moves a knob from 0 to 1, which the snapshot knows by the control's name, by a step."""

    def changes(now: Snapshot) -> tuple[Change, ...]:
        return ((control, min(1.0, max(0.0, round(getattr(now, control) + by, 3)))),)

    return Key(name, label, short, does, changes, (control, None), repeats=True)


def _limits(old: tuple[float, float], new: tuple[float, float]) -> tuple[Change, ...]:
    """The two controls in the order in which the range is never empty in between."""
    changes = (("slowest", new[0]), ("fastest", new[1]))
    return changes[::-1] if new[0] >= old[1] / 1.1 else changes


def _slower(now: Snapshot) -> tuple[Change, ...]:
    middle = _middle(now.tempo_range)
    below = [limits for limits in RANGES if _middle(limits) < middle - 0.5]
    return _limits(now.tempo_range, below[-1] if below else RANGES[0])


def _faster(now: Snapshot) -> tuple[Change, ...]:
    middle = _middle(now.tempo_range)
    above = [limits for limits in RANGES if _middle(limits) > middle + 0.5]
    return _limits(now.tempo_range, above[0] if above else RANGES[-1])


def _middle(limits: tuple[float, float]) -> float:
    return math.sqrt(limits[0] * limits[1])


def _around(now: Snapshot) -> tuple[Change, ...]:
    """An octave with the tempo of now in its middle."""
    if now.tempo is None:
        return ()
    least, most = TEMPO_LIMITS
    slowest = float(round(min(max(now.tempo / math.sqrt(2), least), most / 2)))
    return _limits(now.tempo_range, (slowest, 2 * slowest))


def _whole(now: Snapshot) -> tuple[Change, ...]:
    return _limits(now.tempo_range, WHOLE_RANGE)


def _nothing(now: Snapshot) -> tuple[Change, ...]:
    return ()


KEYS = (
    Key("?", "?", "help", "this list, and back", _nothing),
    Key("q", "q", "quit", "end (also Ctrl-C)", _nothing),
    _fixed("space", "space", "tap", "tap the beat: tempo and phase", "tap"),
    _fixed("1", "1", "one", "this is the first beat of a bar", "one"),
    _fixed("s", "s", "shift", "shift all beats by half a beat", "shift", 0.5),
    _fixed("left", "←", "earlier", "all beats 5 ms earlier", "nudge", -NUDGE),
    _fixed("right", "→", "later", "all beats 5 ms later", "nudge", NUDGE),
    _fixed("d", "d", "x2", "twice the tempo", "double"),
    _fixed("h", "h", "÷2", "half the tempo", "halve"),
    _fixed("3", "3", "x3/2", "the tempo times 3/2", "scale", 3 / 2),
    _fixed("2", "2", "x2/3", "the tempo times 2/3", "scale", 2 / 3),
    _fixed("l", "l", "lock", "keep this tempo, or free it", "lock"),
    _fixed("o", "o", "hold", "go on unheard, or follow again", "hold"),
    Key("<", "<", "slower", "range: an octave, lower down", _slower),
    Key(">", ">", "faster", "range: an octave, higher up", _faster),
    Key("[", "[", "around", "range: the octave around now", _around),
    Key("]", "]", "whole", "range: 40 to 240 BPM", _whole),
    _step("f", "f", "follow", "follow tempo changes more", "follow", STEP),
    _step("F", "F", "steady", "keep the tempo steadier", "follow", -STEP),
    _fixed("7", "7", "dj", "follow like a DJ: steady", "follow", 0.15),
    _fixed("8", "8", "band", "follow like a band", "follow", 0.5),
    _fixed("9", "9", "solo", "follow a solo player: freely", "follow", 0.85),
    _fixed("c", "c", "click", "clicks on or off", "click"),
    _step("+", "+", "louder", "clicks louder", "volume", STEP),
    _step("-", "-", "softer", "clicks softer", "volume", -STEP),
    _fixed("m", "m", "start", "MIDI Start at the next downbeat", "start"),
    _fixed("n", "n", "continue", "MIDI Continue at the next beat", "continue"),
    _fixed("x", "x", "stop", "MIDI Stop now", "stop"),
    _fixed("p", "p", "panic", "Stop, all notes off, no clicks", "panic"),
    _fixed("r", "r", "reset", "forget everything heard", "reset"),
    Key("k", "k", "learn", "learn: a key, then a MIDI message", _nothing),
)
"""Every key, in the order in which the help shows them."""

HELP, QUIT, LEARN, LEAVE = "?", "q", "k", "escape"
SAME = {"=": "+", "_": "-", ",": "<", ".": ">", "ctrl-c": QUIT}  # without shift, on most keyboards
_BY_NAME = {key.name: key for key in KEYS}


def find(name: str) -> Key | None:
    """The row of a key by the name that the keyboard gives, or None."""
    return _BY_NAME.get(SAME.get(name, name))


def markdown() -> str:
    """The table for the manual."""
    rows = [f"| `{key.label}` | {key.does} |" for key in KEYS]
    return "\n".join(["| key | does |", "|---|---|", *rows]) + "\n"
