"""A real server of ``rtbeat web`` on a port of this machine, and a plain client."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtbeat.web.limits import Limits
from rtbeat.web.server import ServerOptions, serve

PATIENCE = 120.0  # seconds; a busy machine that compiles kernels for the first time
READY = 30.0


class Server:
    """A running server. folder : where it keeps its files."""

    def __init__(self, address: str, folder: Path):
        self.address = address
        self.host = address.split("/")[2]
        self.port = int(self.host.rpartition(":")[2])
        self.folder = folder

    def connect(self) -> http.client.HTTPConnection:
        """A new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())

    def send_song(self, data: bytes, name: str = "song.wav") -> str:
        """Id of a song that was taken."""
        from urllib.parse import quote

        answer = self.ask("POST", f"/api/songs?name={quote(name)}", data)
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    def finished(self, id: str) -> dict[str, Any]:
        """What the server tells of a song once it is done or has failed."""
        end = time.monotonic() + PATIENCE
        while True:
            song: dict[str, Any] = self.ask("GET", f"/api/songs/{id}").json
            if song["state"] in ("done", "failed"):
                return song
            assert time.monotonic() < end, song
            time.sleep(0.05)

    def files(self) -> list[Path]:
        """Everything that is kept on the disk."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


class Answer:
    """An answer, read to its end."""

    def __init__(self, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The sentence of a refusal."""
        return str(self.json["error"])


@contextlib.contextmanager
def serving(
    folder: Path, host: str = "127.0.0.1", token: str | None = None, **limits: float
) -> Iterator[Server]:
    """A server as long as the context lasts; ``folder`` takes its temporary files."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    options = ServerOptions(host, 0, token, limits=Limits(**limits))  # type: ignore[arg-type]
    addresses: list[str] = []
    ready = threading.Event()
    ending: list[Any] = []

    async def run() -> None:
        stop = asyncio.Event()
        ending.extend((asyncio.get_running_loop(), stop))

        def tell(address: str) -> None:
            addresses.append(address)
            ready.set()

        await serve(options, tell, stop)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        assert ready.wait(READY)
        yield Server(addresses[0], folder)
    finally:
        tempfile.tempdir = before
        loop, stop = ending
        loop.call_soon_threadsafe(stop.set)
        thread.join(READY)
    assert not thread.is_alive()
    assert list(folder.iterdir()) == []  # nothing outlives the server
