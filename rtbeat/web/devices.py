"""Audio devices of this machine, each use in a process of its own (:mod:`rtbeat.web.device_child`).

Thread: the event loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from rtbeat.live.controls import Control
from rtbeat.web.child import end_child, start_child

KNOWN_SECONDS = 10.0  # that a list of devices is taken for true
LIST_SECONDS = 30.0  # for making one
CLOSE_SECONDS = 2.0  # for a session to close its device
BUSY = "the audio device is in use by another page; stop it there"


class DeviceLine:
    """The two ways to a session: lines for the page from it, controls to it."""

    def __init__(self, process: Process):
        self._process = process

    async def next(self) -> str | None:
        """The next message for the page, JSON; None when the session has ended."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line.startswith(b"{"):  # libraries of audio systems may talk, too
                return line.decode()
        return None

    def post(self, control: Control) -> None:
        """Let a control act soon."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(control)).encode() + b"\n")


class Devices:
    """The devices, one of them in use at a time."""

    def __init__(self) -> None:
        self._inputs: list[dict[str, Any]] = []
        self._known_until = 0.0
        self._listing = asyncio.Lock()
        self._user: object | None = None
        self._device = asyncio.Lock()  # held until a device is closed, which takes a moment

    async def inputs(self) -> list[dict[str, Any]]:
        """Those that hear, as the page gets them; none where there is no audio library."""
        async with self._listing:
            if time.monotonic() >= self._known_until:
                self._inputs = await _listed()
                self._known_until = time.monotonic() + KNOWN_SECONDS
            return self._inputs

    @contextlib.asynccontextmanager
    async def session(
        self, input: str | None, tracker: dict[str, Any]
    ) -> AsyncIterator[DeviceLine]:
        """A session on a device, as long as the context lasts; its first message is ``ready`` or
        ``error``. Raises ``ValueError`` while there is another."""
        if self._user is not None:
            raise ValueError(BUSY)
        self._user = me = object()
        try:
            async with self._device:
                process = await start_child("device_child", {"input": input, "tracker": tracker})
                try:
                    yield DeviceLine(process)
                finally:
                    self._leave(me)  # the next may come already, and wait
                    await end_child(process, CLOSE_SECONDS)
        finally:
            self._leave(me)

    def _leave(self, user: object) -> None:
        if self._user is user:
            self._user = None


async def _listed() -> list[dict[str, Any]]:
    process = await start_child("device_child", {})
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), LIST_SECONDS)
        found: list[dict[str, Any]] = json.loads(line)["inputs"]
        return found
    except (asyncio.TimeoutError, ValueError):  # the audio library hangs or has ended the process
        return []
    finally:
        await end_child(process)
