"""``rtbeat web``: songs and live sound on a page in the browser."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import threading
import webbrowser
from typing import TYPE_CHECKING

from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from rtbeat.web.limits import Limits
    from rtbeat.web.server import ServerOptions

NO_AIOHTTP = 'this needs pip install "rtbeat[web]"'
LEAST_TOKEN = 16  # characters

EPILOG = """\
The page's address is printed on standard output and opened in the browser. It is for this machine
only unless --host says otherwise; then a token is needed, which is part of the address. What goes
over a network is not encrypted, and browsers give their microphone only to pages of their own
machine or with https.

Exit codes: 1 the address cannot be used, or a library is missing; 2 wrong usage; 130 ended by
Ctrl-C or SIGTERM.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "web",
        help="songs and live sound on a page in the browser",
        description="Serve a page for the browser: beats of songs and of live sound.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", metavar="NAME", help="address to serve (default: 127.0.0.1)")
    add("--port", type=int, default=0, metavar="N", help="port (default: a free one)")
    add("--token", nargs="?", const="", metavar="TOKEN",
        help="ask for this token or a random one, as other hosts than this always do")  # fmt: skip
    add("--no-open", action="store_true", help="do not open the browser")
    add("--max-mb", type=float, default=200.0, metavar="MB",
        help="largest file that is taken (default: 200)")  # fmt: skip
    add("--max-minutes", type=float, default=20.0, metavar="M",
        help="longest song that is taken (default: 20)")  # fmt: skip
    add("--max-songs", type=int, default=16, metavar="N", help="songs kept (default: 16)")
    add("--max-live", type=int, default=8, metavar="N", help="pages live at a time (default: 8)")
    add("--model", default="default", metavar="NAME", help="name of a model or path of its file")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted. Wrong usage ends in ``SystemExit(2)``."""
    terminal = Terminal()
    try:
        from rtbeat.web.server import ServerOptions
    except ImportError as error:
        if (error.name or "").split(".")[0] != "aiohttp":
            raise
        terminal.error(NO_AIOHTTP)
        return 1
    limits = _limits(args)
    options = ServerOptions(args.host, args.port, _token(args), args.model, limits)
    try:
        return asyncio.run(_serve(options, terminal, args.no_open))
    except OSError as error:
        place = f"{args.host}:{args.port}"
        why = error.strerror or error
        terminal.error(f"{place} cannot be served: {why}; choose another --host or --port")
        return 1


def _limits(args: argparse.Namespace) -> Limits:
    from rtbeat import options as check
    from rtbeat.model import BeatModel
    from rtbeat.web.limits import MEGABYTE, Limits

    try:
        check.whole("--port", args.port, 0, 65_535)
        BeatModel.load(args.model)
        return Limits(
            upload_bytes=int(check.number("--max-mb", args.max_mb, 0.001, 1e6) * MEGABYTE),
            seconds=60.0 * check.number("--max-minutes", args.max_minutes, 0.1, 600.0),
            songs=check.whole("--max-songs", args.max_songs, 1, 1000),
            live=check.whole("--max-live", args.max_live, 0, 1000),
        )
    except (ValueError, OSError) as error:
        parser: argparse.ArgumentParser = args.parser
        parser.error(str(error))


def _token(args: argparse.Namespace) -> str | None:
    from rtbeat.web.guard import is_loopback

    if args.token is None and is_loopback(args.host):
        return None
    if args.token and len(args.token) < LEAST_TOKEN:
        args.parser.error(f"--token is too short; it needs {LEAST_TOKEN} characters")
    return args.token or secrets.token_urlsafe(24)


async def _serve(options: ServerOptions, terminal: Terminal, no_open: bool) -> int:
    from rtbeat.web.guard import is_loopback
    from rtbeat.web.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))

    def ready(address: str) -> None:
        terminal.result(f"{address}\n")
        terminal.note("Ctrl-C ends the server")
        if not is_loopback(options.host):
            terminal.note("what goes over the network is not encrypted; use it among friends")
        if not no_open:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    await serve(options, ready, stop)
    return 130
