"""Pages that are live on a server of ``rtbeat web``: plain WebSocket clients."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np

from tests.web_server import PATIENCE, Server

START = {"type": "start", "source": "browser", "sample_rate": 22_050}


class Page:
    """One connection. received : every message so far."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self.socket = socket
        self.received: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        """The next message; type "closed" with the code at the end."""
        message = await asyncio.wait_for(self.socket.receive(), PATIENCE)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return {"type": "closed", "code": self.socket.close_code}
        self.received.append(message.json())
        return self.received[-1]

    async def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of that type with those values."""
        while True:
            message = await self.next()
            if message["type"] == kind and wanted.items() <= message.items():
                return message
            assert message["type"] != "closed", self.received[-3:]

    async def control(self, name: str, **more: Any) -> None:
        """One control."""
        await self.socket.send_json({"type": "control", "name": name, **more})

    async def play(self, samples: np.ndarray, size: int = 2048) -> None:
        """Send float32 samples ``(n,)`` as fast as they are taken."""
        for start in range(0, len(samples), size):
            await self.socket.send_bytes(samples[start : start + size].astype("<f4").tobytes())


@contextlib.asynccontextmanager
async def page(server: Server, start: Any = None) -> AsyncIterator[Page]:
    """A page; ``start`` (JSON, text or bytes) is its first message, None = none."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.address}api/live", autoclose=False) as socket,
    ):
        if isinstance(start, dict):
            await socket.send_json(start)
        elif isinstance(start, bytes):
            await socket.send_bytes(start)
        elif start is not None:
            await socket.send_str(start)
        yield Page(socket)


def engines() -> int:
    """Live engines of this process."""
    return sum(thread.name == "rtbeat web engine" for thread in threading.enumerate())


def all_freed() -> bool:
    """Whether, soon, there is no engine any more."""
    end = time.monotonic() + PATIENCE
    while engines() and time.monotonic() < end:
        time.sleep(0.02)
    return engines() == 0
