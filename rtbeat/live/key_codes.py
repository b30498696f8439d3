"""What a terminal sends for a key: bytes to names of keys. Pure.

Sequences follow ECMA-48 (CSI) and what xterm and its kin send for the arrows. Contents:
:class:`KeyDecoder`, :func:`name_of`.
"""

from __future__ import annotations

_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_NAMES = {" ": "space", "\x03": "ctrl-c", "\r": "enter", "\n": "enter", "\x1b": "escape"}


def name_of(character: str) -> str:
    """Name of the key that gives a character; "" where it is none that is shown."""
    return _NAMES.get(character, character if character.isprintable() else "")


class KeyDecoder:
    """Bytes of a terminal to names of keys; a sequence may be cut anywhere between two calls.

    Sequences that are no key of ours (function keys, Alt, mouse) are left out as a whole, so that
    none of their letters acts.
    """

    def __init__(self) -> None:
        self._left = b""

    @property
    def waiting(self) -> bool:
        """Whether the bytes so far end within a sequence."""
        return bool(self._left)

    def feed(self, data: bytes) -> list[str]:
        """Names of the keys that are complete, in order."""
        self._left += data
        names: list[str] = []
        while self._left:
            size, name = _next_key(self._left)
            if size == 0:
                break
            self._left = self._left[size:]
            if name:
                names.append(name)
        return names

    def flush(self) -> list[str]:
        """Nothing more came in time: an Escape alone was the key of that name."""
        left, self._left = self._left, b""
        return ["escape"] if left == b"\x1b" else []


def _next_key(data: bytes) -> tuple[int, str]:
    """Length of the first key in ``data``, 0 if it is not complete; its name, "" for none."""
    if data[:1] != b"\x1b":
        return _character(data)
    if len(data) == 1:
        return 0, ""
    if data[1:2] == b"\x1b":
        return 1, "escape"
    if data[1:2] == b"O":  # SS3: one letter more
        return (3, _ARROWS.get(chr(data[2]), "")) if len(data) > 2 else (0, "")
    if data[1:2] == b"[":  # CSI: parameters, then a letter or ~
        for i, byte in enumerate(data[2:], 2):
            if 0x40 <= byte <= 0x7E:
                return i + 1, _ARROWS.get(chr(byte), "") if i == 2 else ""
        return 0, ""
    size, _ = _character(data[1:])
    return (1 + size if size else 0), ""  # Alt and a key


def _character(data: bytes) -> tuple[int, str]:
    """One character of UTF-8."""
    first = data[0]
    size = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if len(data) < size:
        return 0, ""
    character = data[:size].decode("utf-8", "ignore")
    return size, name_of(character)
