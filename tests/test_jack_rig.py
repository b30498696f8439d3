"""The rig by itself: what it plays it records, sample for sample, on a real JACK server."""

from __future__ import annotations

import numpy as np
import pytest

from tests.jack_rig import Rig
from tests.jack_server import PERIOD, JackServer, jack_server, without_xruns
from tests.needs import require

require("jack", "pip install JACK-Client")

__all__ = ["jack_server"]


def clicks(seconds: float, rate: int) -> np.ndarray:
    """One sample every tenth of a second, each of another height."""
    sound = np.zeros(round(seconds * rate), np.float32)
    where = np.arange(0, len(sound), rate // 10)
    sound[where] = np.linspace(0.1, 0.9, len(where), dtype=np.float32)
    return sound


def test_what_is_played_into_a_cable_comes_back_in_place(jack_server: JackServer) -> None:
    with Rig(jack_server.client("rig"), seconds=5) as rig:
        rig.connect(f"{rig.name}:out_1", f"{rig.name}:in_1")
        sound = clicks(1.0, rig.rate)

        def run() -> tuple[np.ndarray, int]:
            rig.start(sound)
            rig.wait()
            rig.stop()
            # a client that listens to itself hears what it played one cycle ago
            at = rig.played_at - rig.origin + PERIOD
            return rig.recorded[at : at + len(sound)], rig.xruns + len(rig.gaps)

        np.testing.assert_array_equal(without_xruns(run), sound)


def test_feedback_is_a_delayed_softer_copy(jack_server: JackServer) -> None:
    delay, gain = 0.03, 0.5
    with (
        Rig(jack_server.client("room"), feedback=gain, delay=delay) as room,
        Rig(jack_server.client("rig"), seconds=5) as rig,
    ):
        rig.connect(f"{rig.name}:out_1", f"{room.name}:in_1")
        rig.connect(f"{room.name}:out_1", f"{rig.name}:in_1")
        sound = clicks(1.0, rig.rate)

        def run() -> tuple[np.ndarray, int]:
            rig.start(sound)
            rig.wait()
            rig.stop()
            at = rig.played_at - rig.origin + round(delay * rig.rate) + PERIOD
            return rig.recorded[at : at + len(sound)], rig.xruns + len(rig.gaps)

        np.testing.assert_allclose(without_xruns(run), gain * sound, atol=1e-7)


def test_a_machine_that_only_has_xruns_is_named() -> None:
    with pytest.raises(pytest.skip.Exception, match="too busy"):
        without_xruns(lambda: (None, 1))
