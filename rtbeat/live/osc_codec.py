"""Open Sound Control 1.0 on the wire: messages to bytes, and back from whatever bytes arrive.

https://opensoundcontrol.stanford.edu/spec-1_0.html. Of the argument types those that controllers
send are read: numbers (``i f h d``), texts (``s S``), ``T F N I`` and blobs. Bundles are taken
apart; their time tags are left aside.

It is of our own because what arrives from a network may be anything: python-osc 1.10.2 reads some
malformed bundles for ever.

Contents: :func:`encode`, :func:`decode`, :class:`OscFormatError`.
"""

from __future__ import annotations

import struct

Value = int | float | str | bool | bytes | None
Message = tuple[str, tuple[Value, ...]]
"""Address and arguments."""

BUNDLE = b"#bundle\0"
TIME_TAG = 8  # bytes after it
DEEPEST = 8  # bundles in bundles
NUMBERS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d"}
CONSTANTS: dict[str, Value] = {"T": True, "F": False, "N": None, "I": True}


class OscFormatError(ValueError):
    """Bytes that are no OSC."""


def encode(address: str, values: tuple[int | float | str, ...]) -> bytes:
    """One message; whole numbers and floats in 32 bits.

    Raises ``struct.error`` for a number beyond them. Thread: any. Realtime-safe: no (Python).
    """
    tags, content = ",", b""
    for value in values:
        if isinstance(value, str):
            tags, content = tags + "s", content + _padded(value)
        elif isinstance(value, int):
            tags, content = tags + "i", content + struct.pack(">i", value)
        else:
            tags, content = tags + "f", content + struct.pack(">f", value)
    return _padded(address) + _padded(tags) + content


def _padded(text: str) -> bytes:
    data = text.encode()
    return data + bytes(4 - len(data) % 4)


def decode(data: bytes, depth: int = 0) -> list[Message]:
    """The messages of a datagram, those of a bundle in its order.

    Raises ``OscFormatError`` where a part of it is no OSC. Thread: any. Realtime-safe: no (Python).
    """
    if not data.startswith(BUNDLE):
        return [_Reader(data).message()]
    if depth == DEEPEST:
        raise OscFormatError("too many bundles in one another")
    messages, reader = [], _Reader(data)
    reader.take(len(BUNDLE) + TIME_TAG)
    while reader.left:
        messages += decode(reader.take(int(reader.number(">i"))), depth + 1)
    return messages


class _Reader:
    """Takes bytes from the front; every step takes some or raises ``OscFormatError``."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if not 0 <= count <= self.left:
            raise OscFormatError("it ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, layout: str) -> int | float:
        value: int | float = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        return value

    def text(self) -> str:
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise OscFormatError("a text has no end")
        padded = self.take((end - self._at) // 4 * 4 + 4)
        try:
            return padded.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise OscFormatError("a text is no UTF-8") from None

    def message(self) -> Message:
        address = self.text()
        if not address.startswith("/"):
            raise OscFormatError("an address begins with /")
        tags = self.text() if self.left else ","  # old senders leave the types out
        if not tags.startswith(","):
            raise OscFormatError("the types of the arguments are missing")
        return address, tuple(self._value(tag) for tag in tags[1:])

    def _value(self, tag: str) -> Value:
        if tag in NUMBERS:
            return self.number(NUMBERS[tag])
        if tag in "sS":
            return self.text()
        if tag == "b":
            size = int(self.number(">i"))
            return self.take(size + -size % 4)[:size]
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        raise OscFormatError(f"type {tag!r} is not known")
