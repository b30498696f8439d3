"""A performer's controls over OSC, on the loopback."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from rtbeat.live.controls import Control
from rtbeat.live.osc_codec import encode
from rtbeat.live.osc_controls import FADERS, PUSHES, OscControls, WrongMessageError, control_of
from rtbeat.live.osc_target import OscError, OscTarget, parse_listening, parse_target
from tests.needs import require


@pytest.mark.parametrize(
    ("address", "name", "value"),
    [
        ("tap", "tap", None),
        ("double", "double", None),
        ("halve", "halve", None),
        ("downbeat", "one", None),
        ("hold", "hold", 1.0),
        ("release", "hold", 0.0),
        ("lock_tempo", "lock", 1.0),
        ("unlock_tempo", "lock", 0.0),
        ("reset", "reset", None),
    ],
)
def test_a_push_acts_when_it_goes_down(address, name, value):
    wanted = Control(name, value, "osc", 12.5)
    assert control_of(f"/rtbeat/{address}", (), 12.5) == wanted
    assert control_of(f"/rtbeat/{address}", (1.0,), 12.5) == wanted
    assert control_of(f"/rtbeat/{address}", (True,), 12.5) == wanted
    assert control_of(f"/rtbeat/{address}", (0.0,), 12.5) is None
    assert control_of(f"/rtbeat/{address}", (False,), 12.5) is None


def test_shift_and_nudge_take_a_number():
    assert control_of("/rtbeat/shift", (0.25,), 1.0) == Control("shift", 0.25, "osc")
    assert control_of("/rtbeat/shift", (), 1.0) == Control("shift", None, "osc")
    assert control_of("/rtbeat/nudge", (-0.005,), 1.0) == Control("nudge", -0.005, "osc")


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("/rtbeat/nudge", ()),
        ("/rtbeat/nudge", ("far",)),
        ("/rtbeat/nudge", (float("nan"),)),
        ("/rtbeat/shift", (0.5, 0.5)),
        ("/rtbeat/tap", ("now",)),
        ("/1/fader1", (0.5,)),
    ],
)
def test_anything_else_is_named(address, values):
    with pytest.raises(WrongMessageError, match=address):
        control_of(address, values, 1.0)


class Sender:
    def __init__(self, port: int):
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, address, *values):
        self.raw(encode(address, values))

    def raw(self, data: bytes):
        self._socket.sendto(data, self._to)

    def close(self):
        self._socket.close()


def wait(fulfilled, seconds=20.0):
    until = time.monotonic() + seconds
    while not fulfilled():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_datagrams_become_controls_and_what_is_none_is_counted_and_told_once():
    posted, told = [], []
    before = time.perf_counter()
    with OscControls(posted.append, told.append, "127.0.0.1", 0) as controls:
        sender = Sender(controls.port)
        for address in (*PUSHES, *FADERS):
            sender.send(address, 1.0)
        for wrong in (b"", b"#bundle\0\xff", b"\xff" * 3000, encode("/1/push3", (1.0,))):
            sender.raw(wrong)
        sender.send("/rtbeat/tap")
        wait(lambda: len(posted) == len(PUSHES) + len(FADERS) + 1)
        sender.close()
    assert [control.source for control in posted] == ["osc"] * len(posted)
    assert [control.name for control in posted] == [
        *(name for name, _ in PUSHES.values()), *FADERS.values(), "tap",
    ]  # fmt: skip
    assert before < posted[-1].host_time < time.perf_counter()
    assert controls.wrong == 4
    assert len(told) == 1
    assert "127.0.0.1" in told[0]
    assert "docs/controls.md" in told[0]


def test_a_wrong_message_does_not_spoil_its_bundle():
    parts = [encode("/1/page", (1.0,)), encode("/rtbeat/hold", ()), encode("/rtbeat/nudge", ())]
    bundle = b"#bundle\0" + bytes(8)
    bundle += b"".join(struct.pack(">i", len(part)) + part for part in (*parts, parts[1]))
    posted = []
    with OscControls(posted.append, print, "127.0.0.1", 0) as controls:
        sender = Sender(controls.port)
        sender.raw(bundle)
        wait(lambda: len(posted) == 2)
        sender.close()
    assert [control.name for control in posted] == ["hold", "hold"]
    assert controls.wrong == 2


def test_python_osc_can_be_the_controller():
    udp_client = require("pythonosc.udp_client", "pip install python-osc")
    posted = []
    with (
        OscControls(posted.append, print, "127.0.0.1", 0) as controls,
        udp_client.SimpleUDPClient("127.0.0.1", controls.port) as client,
    ):
        client.send_message("/rtbeat/nudge", -0.25)
        wait(lambda: posted)
    assert posted == [Control("nudge", -0.25, "osc")]


def test_a_port_in_use_is_named():
    with (
        OscControls(print, print, "127.0.0.1", 0) as controls,
        pytest.raises(OscError, match=f"port {controls.port} .*--osc-in"),
    ):
        OscControls(print, print, "127.0.0.1", controls.port)


def test_receivers_as_people_write_them():
    assert parse_target("127.0.0.1:9000") == OscTarget("127.0.0.1", 9000)
    assert parse_target("lights.local:7700@-20") == OscTarget("lights.local", 7700, -0.02)
    assert parse_target("[::1]:9000@15.5") == OscTarget("::1", 9000, 0.0155)
    assert parse_listening("9001") == ("127.0.0.1", 9001)
    assert parse_listening("0.0.0.0:9001") == ("0.0.0.0", 9001)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("9000", "host"),
        ("lights", "127.0.0.1:9000"),
        ("lights:", "127.0.0.1:9000"),
        ("lights:0", "1 to 65535"),
        ("lights:9000@soon", "milliseconds"),
        ("lights:9000@2000", "-1 to 1"),
        ("lights:9000@nan", "-1 to 1"),
    ],
)
def test_a_wrong_receiver_is_named(text, told):
    with pytest.raises(ValueError, match=told):
        parse_target(text)
