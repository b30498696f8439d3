"""Live sound over a WebSocket: samples and controls in, beats and status out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from rtbeat.live.engine import EngineOptions
from rtbeat.web.browser_source import BrowserSource
from rtbeat.web.devices import DeviceLine, Devices
from rtbeat.web.limits import Limits
from rtbeat.web.live_messages import (
    MOST_SAMPLES,
    POLL,
    STATUS,
    Start,
    beat_message,
    parse,
    parse_control,
    parse_samples,
    parse_start,
    status_message,
)

LARGEST = 8 * MOST_SAMPLES  # bytes of a message; from 4 on it is refused in words
HEARTBEAT = 15.0  # seconds; a browser that has vanished is noticed by the third
AHEAD = 4.0  # seconds of sound that may come before its time; more waits
WRONG, FAILED, BUSY = 1008, 1011, 1013  # codes that a connection is closed with


class LiveRoute:
    """The handler, and how many engines there are."""

    def __init__(self, devices: Devices, limits: Limits, model: str):
        self._devices = devices
        self._limits = limits
        self._model = model
        self._sockets: set[web.WebSocketResponse] = set()
        self.engines = 0  # and connections that will have one

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, from beginning to end."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LARGEST)
        await socket.prepare(request)
        if self.engines >= self._limits.live:
            await _end(socket, BUSY, f"{self.engines} pages are live already; stop one of them")
            return socket
        self.engines += 1
        self._sockets.add(socket)
        try:
            await self._serve(socket)
        except ConnectionError:
            pass  # the page has gone in the middle of an answer
        finally:
            self.engines -= 1
            self._sockets.discard(socket)
        return socket

    async def close(self) -> None:
        """End every connection."""
        for socket in list(self._sockets):
            await socket.close(code=1001, message=b"the server ends")

    async def _serve(self, socket: web.WebSocketResponse) -> None:
        try:
            start = parse_start(_text(await _receive(socket, self._limits.start_seconds)))
            start.tracker["model"] = self._model
            if start.sample_rate is None:
                await self._follow_device(socket, start)
            else:
                await self._follow_browser(socket, start, start.sample_rate)
        except _EndedError:
            pass
        except (ValueError, TypeError) as error:
            await _end(socket, WRONG, str(error))
        except asyncio.TimeoutError:
            await _end(socket, WRONG, "nothing was heard from the page for too long; start again")

    async def _follow_browser(
        self, socket: web.WebSocketResponse, start: Start, sample_rate: int
    ) -> None:
        options = EngineOptions(sample_rate, start.tracker)
        source = await asyncio.to_thread(BrowserSource, options)
        try:
            async with _beside(_tell(socket, source)):
                while True:
                    message = await _receive(socket, self._limits.quiet_seconds)
                    if message.type is WSMsgType.BINARY:
                        source.feed(parse_samples(message.data))
                        while source.ahead > AHEAD:
                            await asyncio.sleep(STATUS)
                    else:
                        source.post(parse_control(parse(_text(message))))
        finally:
            await asyncio.to_thread(source.close)

    async def _follow_device(self, socket: web.WebSocketResponse, start: Start) -> None:
        async with (
            self._devices.session(start.input, start.tracker) as line,
            _beside(_pass_on(socket, line)),
        ):
            while True:
                line.post(parse_control(parse(_text(await _receive(socket, None)))))


class _EndedError(Exception):
    """The connection is closed."""


async def _receive(socket: web.WebSocketResponse, seconds: float | None) -> WSMessage:
    """The next message with data. Raises ``_EndedError``, ``asyncio.TimeoutError``."""
    message = await asyncio.wait_for(socket.receive(), seconds)
    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise _EndedError
    return message


def _text(message: WSMessage) -> str:
    if message.type is not WSMsgType.TEXT:
        raise ValueError("samples cannot come here; a message of text must")
    return str(message.data)


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Does ``work`` as long as the context lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await task


async def _tell(socket: web.WebSocketResponse, source: BrowserSource) -> None:
    """Tell what ``source`` hears."""
    await socket.send_json({"type": "ready", "lead": source.engine.tracker.lead})
    due = time.monotonic()
    while source.failure is None:
        for event in source.events():
            if event.kind == "beat":
                await socket.send_json(beat_message(event))
        if time.monotonic() >= due:
            due = time.monotonic() + STATUS
            await socket.send_json(status_message(source.engine, source.skipped))
        await asyncio.sleep(POLL)
    await _end(socket, FAILED, f"the session broke off: {source.failure}")


async def _pass_on(socket: web.WebSocketResponse, line: DeviceLine) -> None:
    """Pass on what a device's session tells."""
    while (message := await line.next()) is not None:
        await socket.send_str(message)
        if '"error"' in message:
            await socket.close(code=FAILED)
            return
    await _end(socket, FAILED, "the audio device's session broke off; start again")


async def _end(socket: web.WebSocketResponse, code: int, text: str) -> None:
    """Say why, and close."""
    await socket.send_json({"type": "error", "error": text})
    await socket.close(code=code)
