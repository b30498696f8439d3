"""The server: wires page, songs, live sound and guard together, and runs until it is stopped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

from rtbeat import __version__
from rtbeat.web.devices import Devices
from rtbeat.web.downloads import format_list
from rtbeat.web.guard import Guard, guarding
from rtbeat.web.limits import Limits
from rtbeat.web.live_route import LiveRoute
from rtbeat.web.refusal import errors_as_json
from rtbeat.web.song_routes import SongRoutes
from rtbeat.web.songs import Songs

PAGE = Path(__file__).parent / "page"
LARGEST_BODY = 4_000_000  # bytes of JSON; files are counted while they come
IDLE_SECONDS = 30.0  # until a connection without a request is closed
END_SECONDS = 2.0  # for requests under way when the server is stopped


@dataclass(frozen=True)
class ServerOptions:
    """host : address or name to bind to. port : 0 takes a free one. token : that every request must
    show, or None. model : name of a model or path of its file."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    model: str = "default"
    limits: Limits = field(default_factory=Limits)


async def serve(options: ServerOptions, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run until ``stop`` is set; then every engine, process and file is gone.

    ready : called with the page's address when it can be opened. Raises ``OSError`` where the
    server cannot be bound.
    """
    listening = bind(options.host, options.port)
    port = listening.getsockname()[1]
    guard = Guard(options.host, port, options.token)
    runner = web.AppRunner(
        make_app(options, guard),
        access_log=None,
        shutdown_timeout=END_SECONDS,
        keepalive_timeout=IDLE_SECONDS,
        auto_decompress=False,  # a few bytes could become many
    )
    try:
        await runner.setup()
        await web.SockSite(runner, listening).start()
        ready(page_address(options, port))
        await stop.wait()
    finally:
        await runner.cleanup()
        listening.close()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ``OSError``."""
    family, *_, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(address[:2], family=family)


def page_address(options: ServerOptions, port: int) -> str:
    """Where the page is, as seen from this machine."""
    everywhere = options.host in ("0.0.0.0", "::", "")
    host = "127.0.0.1" if everywhere else options.host
    token = f"?{urlencode({'token': options.token})}" if options.token else ""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{token}"


def make_app(options: ServerOptions, guard: Guard) -> web.Application:
    """The application, for the event loop that runs."""
    app = web.Application(
        middlewares=[errors_as_json, guarding(guard)], client_max_size=LARGEST_BODY
    )
    devices = Devices()
    songs = Songs(options.limits, options.model)
    live = LiveRoute(devices, options.limits, options.model)
    information = Information(devices, options)
    app.router.add_get("/", _index)
    app.router.add_static("/page", PAGE)
    app.router.add_get("/api/info", information.about)
    app.router.add_get("/api/devices", information.inputs)
    app.router.add_get("/api/live", live.handle)
    app.router.add_routes(SongRoutes(songs, options.limits).routes())

    async def lifetime(app: web.Application) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(songs.keep_sweeping())
        yield
        sweeping.cancel()
        await songs.close()

    async def end_live(app: web.Application) -> None:
        await live.close()

    app.on_response_prepare.append(guard.prepare)
    app.on_shutdown.append(end_live)
    app.cleanup_ctx.append(lifetime)
    return app


async def _index(request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


class Information:
    """What the page asks first."""

    def __init__(self, devices: Devices, options: ServerOptions):
        self._devices = devices
        self._options = options

    async def about(self, request: web.Request) -> web.Response:
        """Version, limits, formats, and whether there is an audio device."""
        limits = self._options.limits
        return web.json_response(
            {
                "version": __version__,
                "model": self._options.model,
                "limits": {
                    "upload_bytes": limits.upload_bytes,
                    "seconds": limits.seconds,
                    "songs": limits.songs,
                    "live": limits.live,
                },
                "formats": format_list(),
                "devices": bool(await self._devices.inputs()),
            }
        )

    async def inputs(self, request: web.Request) -> web.Response:
        """Audio devices that hear."""
        return web.json_response({"inputs": await self._devices.inputs()})
