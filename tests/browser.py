"""A real browser on a real server of ``rtbeat web``, for the tests of the page."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.needs import require, require_program

FAKE_MICROPHONE = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


PATIENCE = 120.0  # seconds; a busy machine that compiles kernels for the first time


@contextlib.contextmanager
def serving(*options: str) -> Iterator[str]:
    """Address of a server that runs as long as the context, a random port of this machine."""
    require("aiohttp", 'pip install "rtbeat[web]"')
    command = [sys.executable, "-m", "rtbeat", "web", "--no-open", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield _address(server)
        finally:
            server.terminate()


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+/\S*", line)
        if found:
            return found.group()
    raise AssertionError("rtbeat web printed no address")


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
        browser = driver.chromium.launch(executable_path=program, headless=False, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def tab(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """A tab with the page. Fails at the end where the page asked for anything from elsewhere than
    its server, or where a script of it failed."""
    origin = address.split("/")[2]
    wrong: list[str] = []
    room = browser.new_context(accept_downloads=True, **context)
    try:
        page = room.new_page()
        room.on("request", lambda request: _check(request.url, origin, wrong))
        page.on("websocket", lambda socket: _check(socket.url, origin, wrong))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda line: _note(line, wrong))
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        yield page
    finally:
        room.close()
    assert not wrong, "\n".join(wrong)


def wait(page: Any, script: str, argument: Any = None) -> Any:
    """What ``script``, a function, gives in the page when that is at last not false."""
    end = time.monotonic() + PATIENCE
    while True:  # Playwright's own wait_for_function needs what the page's security policy forbids
        found = page.evaluate(script, argument)
        if found or time.monotonic() > end:
            assert found, f"never came true: {script}"
            return found
        page.wait_for_timeout(50)


def _check(url: str, origin: str, wrong: list[str]) -> None:
    scheme, _, rest = url.partition(":")
    if scheme not in ("blob", "data", "about") and rest.split("/")[2] != origin:
        wrong.append(f"request to {url}")


def _note(line: Any, wrong: list[str]) -> None:
    # the browser itself logs every answer of 4xx; the page shows those to the user
    if line.type == "error" and "Failed to load resource" not in line.text:
        wrong.append(f"console: {line.text}")
