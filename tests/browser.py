"""A real browser on a real server of ``rtbeat web``, for the tests of the page."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.needs import require, require_program

FAKE_MICROPHONE = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


@contextlib.contextmanager
def serving(*options: str) -> Iterator[str]:
    """Address of a server that runs as long as the context, a random port of this machine."""
    require("aiohttp", 'pip install "rtbeat[web]"')
    command = [sys.executable, "-m", "rtbeat", "web", "--no-open", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            assert server.stdout is not None
            printed = ""
            for line in server.stdout:
                printed += line
                address = re.search(r"http://127\.0\.0\.1:\d+\S*", line)
                if address:
                    yield address.group().rstrip("/") + "/"
                    break
            else:
                raise AssertionError(f"rtbeat web printed no address:\n{printed}")
        finally:
            server.terminate()


@contextlib.contextmanager
def chromium(microphone: Path | None = None) -> Iterator[Any]:
    """A browser without a window. microphone : the wav file that its microphone hears, once."""
    playwright = require("playwright.sync_api", 'pip install "rtbeat[browser]"')
    program = require_program("chromium", "apt install chromium")
    # the old headless mode of --headless has no fake microphone
    arguments = ["--headless=new", "--no-sandbox", *FAKE_MICROPHONE]
    if microphone is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program, headless=False, args=arguments
        )
        yield browser
        browser.close()


@dataclass
class Watched:
    """A tab, and what went wrong in it: requests to elsewhere, errors of scripts."""

    page: Any
    wrong: list[str] = field(default_factory=list)


@contextlib.contextmanager
def tab(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """A tab with the page. Fails at the end where the page asked for anything from elsewhere than
    its server, or where a script of it failed."""
    origin = address.split("/", 3)[2]
    room = browser.new_context(accept_downloads=True, **context)
    watched = Watched(room.new_page())

    def ask(request: Any) -> None:
        scheme, _, rest = request.url.partition(":")
        if scheme not in ("blob", "data") and rest.split("/")[2] != origin:
            watched.wrong.append(f"request to {request.url}")

    room.on("request", ask)
    watched.page.on("websocket", lambda socket: ask(socket))
    watched.page.on("pageerror", lambda error: watched.wrong.append(f"error: {error}"))
    watched.page.on("console", lambda line: _note(line, watched.wrong))
    watched.page.goto(address)
    watched.page.wait_for_selector("body[data-ready]")
    yield watched.page
    room.close()
    assert watched.wrong == []


def _note(line: Any, wrong: list[str]) -> None:
    # the browser itself logs every answer of 4xx; the page shows those to the user
    if line.type == "error" and "Failed to load resource" not in line.text:
        wrong.append(f"console: {line.text}")
