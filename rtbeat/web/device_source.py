"""Sound of an audio device of this machine, followed by a live session.

Thread: PortAudio wants to be asked by one thread only; :class:`Devices` owns it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.controls import Control
from rtbeat.live.devices import AudioDevice, DeviceError, audio_devices, choose, refresh_audio
from rtbeat.live.engine import Engine, EngineOptions
from rtbeat.live.events import Event
from rtbeat.live.session import Session
from rtbeat.live.session_options import LiveOptions

T = TypeVar("T")

CHANNELS = 2  # at most; they are mixed to one
BUSY = "the audio device is in use by another page; stop it there"


class DeviceSource:
    """A running session. Raises ``DeviceError``, ``AudioDeviceError`` and what the tracker does."""

    skipped = 0.0

    def __init__(self, input: str | None, tracker: dict[str, Any]):
        device = choose("input", input)
        options = EngineOptions(round(device.rate), tracker)
        self._session = Session(LiveOptions(open_audio=_opener(device), engine=options))
        self._session.start()

    @property
    def engine(self) -> Engine:
        """The session's."""
        return self._session.engine

    @property
    def failure(self) -> BaseException | None:
        """What made the session end, or None."""
        try:
            return None if self._session.running else AudioDeviceError("the session has ended")
        except Exception as error:
            return error

    def post(self, control: Control) -> None:
        """Let a control act soon."""
        self._session.post(control)

    def events(self) -> list[Event]:
        """What happened since this was asked last."""
        return self._session.events()

    def close(self) -> None:
        """Close the device."""
        self._session.close()


class Devices:
    """The devices of this machine, one of them in use at a time. Thread: the event loop's."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rtbeat web devices")
        self._in_use = False

    async def inputs(self) -> list[AudioDevice]:
        """Those that hear; none where there is no audio library."""
        return await self._call(partial(_inputs, look=not self._in_use))

    async def open(self, input: str | None, tracker: dict[str, Any]) -> DeviceSource:
        """Begin a session; :meth:`close` must follow. Raises what ``DeviceSource`` does, and
        ``DeviceError`` while another one goes on."""
        if self._in_use:
            raise DeviceError(BUSY)
        self._in_use = True
        try:
            return await self._call(partial(DeviceSource, input, tracker))
        except BaseException:
            self._in_use = False
            raise

    async def close(self, source: DeviceSource) -> None:
        """End a session."""
        try:
            await self._call(source.close)
        finally:
            self._in_use = False

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)


def _inputs(look: bool) -> list[AudioDevice]:
    try:
        if look:  # devices may have come or gone
            refresh_audio()
        return [device for device in audio_devices() if device.inputs]
    except DeviceError:
        return []


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
