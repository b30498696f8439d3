"""What the process of an audio device does: list devices, or follow one for a page.

The audio library may hang or end its process when an audio server dies; here that hurts nobody
else. Started by :mod:`rtbeat.web.devices`. Answers are lines of JSON on standard output, those of a
session just as the page gets them; controls come as lines of JSON on standard input, whose end ends
the session.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.controls import Control
from rtbeat.live.devices import AudioDevice, DeviceError, audio_devices, choose, refresh_audio
from rtbeat.live.engine import EngineOptions
from rtbeat.live.session import Session
from rtbeat.live.session_options import LiveOptions
from rtbeat.web.live_messages import POLL, STATUS, beat_message, status_message

CHANNELS = 2  # at most; they are mixed to one


def main(hello: dict[str, Any]) -> None:
    """List inputs, or with the key ``tracker`` (its options) follow the device ``input``."""
    try:
        if "tracker" in hello:
            follow(hello["input"], hello["tracker"])
        else:
            _tell(inputs=inputs())
    except BrokenPipeError:  # the server has gone
        pass
    finally:
        os._exit(0)  # a stream that hangs would keep the process


def inputs() -> list[dict[str, Any]]:
    """Devices that hear; none where there is no audio library."""
    try:
        devices = audio_devices()
    except DeviceError:
        return []
    return [
        {"name": one.name, "host_api": one.host_api, "default": "input" in one.defaults}
        for one in devices
        if one.inputs
    ]


def follow(input: str | None, tracker: dict[str, Any]) -> None:
    """A session on a device, until standard input ends."""
    try:
        device = choose("input", input)
        options = EngineOptions(round(device.rate), tracker)
        session = Session(LiveOptions(open_audio=_opener(device), engine=options))
        session.start()
    except (DeviceError, AudioDeviceError, ValueError, TypeError, OSError) as error:
        _tell(type="error", error=str(error))
        return
    ended = threading.Event()
    threading.Thread(target=_obey, args=(session, ended), daemon=True).start()
    try:
        _tell(type="ready", lead=session.engine.tracker.lead)
        _report(session, ended)
    finally:
        session.close()


def _report(session: Session, ended: threading.Event) -> None:
    due = time.monotonic()
    while not ended.wait(POLL):
        try:
            going_on = session.running
        except Exception as error:
            _tell(type="error", error=f"the session broke off: {error}")
            return
        if not going_on:
            return
        for event in session.events():
            if event.kind == "beat":
                _tell(**beat_message(event))
        if time.monotonic() >= due:
            due = time.monotonic() + STATUS
            _tell(**status_message(session.engine, 0.0))


def _obey(session: Session, ended: threading.Event) -> None:
    """Thread: controls to the session."""
    for line in sys.stdin:
        session.post(Control(**json.loads(line)))
    ended.set()


def _opener(device: AudioDevice) -> Callable[[], AudioStream]:
    """Opens the device; again by name, because after it was away its index may be another."""
    first = True

    def open_audio() -> AudioStream:
        nonlocal first
        found = device if first else _again(device)
        first = False
        channels = min(CHANNELS, found.inputs)
        return AudioStream(found.index, None, round(device.rate), input_channels=channels)

    return open_audio


def _again(device: AudioDevice) -> AudioDevice:
    try:
        refresh_audio()
        return choose("input", device.name, device.host_api)
    except DeviceError as error:
        raise AudioDeviceError(str(error)) from error


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)
