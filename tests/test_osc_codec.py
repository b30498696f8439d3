"""OSC on the wire, against another implementation, and whatever bytes arrive."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtbeat.live.osc_codec import OscFormatError, decode, encode
from tests.needs import require

whole = st.integers(-(2**31), 2**31 - 1)
text = st.text().map(lambda text: text.replace("\0", ""))
values = st.lists(whole | st.floats(width=32, allow_nan=False) | text).map(tuple)


@given(values)
def test_what_is_written_is_read_again(values):
    assert decode(encode("/rtbeat/beat", values)) == [("/rtbeat/beat", values)]


@given(values)
def test_python_osc_reads_what_is_written(values):
    message = require("pythonosc.osc_message", "pip install python-osc")
    read = message.OscMessage(encode("/rtbeat/beat", values))
    assert (read.address, tuple(read.params)) == ("/rtbeat/beat", values)


def test_every_type_that_python_osc_writes_is_read():
    require("pythonosc", "pip install python-osc")
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder("/all")
    given = [("i", 7), ("f", 0.5), ("s", "drei"), ("b", b"12345"), ("T", True), ("F", False)]
    given += [("N", None), ("h", 2**40), ("d", 1e-300)]
    for kind, value in given:
        builder.add_arg(value, kind)
    assert decode(builder.build().dgram) == [("/all", tuple(value for _, value in given))]


def bundle(*parts: bytes) -> bytes:
    return b"#bundle\0" + bytes(8) + b"".join(struct.pack(">i", len(p)) + p for p in parts)


def test_bundles_are_taken_apart_in_their_order():
    inner = bundle(encode("/b", (2,)), encode("/c", ()))
    assert decode(bundle(encode("/a", (1,)), inner)) == [("/a", (1,)), ("/b", (2,)), ("/c", ())]


def test_bundles_in_bundles_have_an_end():
    data = encode("/a", ())
    for _ in range(2000):
        data = bundle(data)
    with pytest.raises(OscFormatError, match="too many"):
        decode(data)


@given(st.binary(max_size=64).map(lambda data: b"#bundle\0" + data) | st.binary(max_size=64))
@example(b"")
@example(b"/tap")
@example(b"#bundle\0" + bytes(8) + struct.pack(">i", -4))  # python-osc reads this for ever
@example(b"#bundle\0" + bytes(8) + struct.pack(">i", 0))
@example(b"/a\0\0,b\0\0" + struct.pack(">i", -1))
@example(b"/a\0\0,x\0\0")
@example(b"/\xff\0\0")
def test_any_bytes_are_messages_or_an_error(data):
    try:
        messages = decode(data)
    except OscFormatError:
        return
    assert all(address.startswith("/") for address, _ in messages)
