"""The command ``rtbeat web``: address, token, usage, end; and a device of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from rtbeat.cli import main
from rtbeat.cli.web import NO_AIOHTTP
from tests.jack_rig import Rig
from tests.jack_server import RATE, jack_server
from tests.music import drum_loop
from tests.needs import require

__all__ = ["jack_server"]  # a fixture

require("aiohttp", 'pip install "rtbeat[web]"')
require("sounddevice", "apt install libportaudio2")

from tests.live_pages import page  # noqa: E402
from tests.web_server import Server  # noqa: E402

ADDRESS = r"http://[\w.]+:\d+/\S*"


@contextlib.contextmanager
def command(folder, *options):
    """The program, running; gives the process and its first line."""
    line = [sys.executable, "-m", "rtbeat", "web", "--no-open", *options]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_address_is_printed_and_a_signal_ends_all(tmp_path, ending):
    with command(tmp_path) as (process, address):
        assert re.fullmatch(ADDRESS, address)
        server = Server(address, tmp_path)
        id = server.send_song(b"no song")
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(ending)
        assert process.wait(30) == 130
        assert process.stdout.read() == ""
        assert list(tmp_path.iterdir()) == [], id


def test_another_host_needs_a_token_that_is_in_the_address(tmp_path):
    with command(tmp_path, "--host", "0.0.0.0") as (_, address):
        token = re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=([\w-]{32})", address)[1]
        server = Server(address, tmp_path)
        assert server.ask("GET", "/").status == 401
        assert server.ask("GET", f"/?token={token}").status == 200


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--port", "70000"], "--port is 70000"),
        (["--max-mb", "0"], "--max-mb is 0"),
        (["--max-minutes", "nan"], "--max-minutes is nan"),
        (["--max-songs", "0"], "--max-songs is 0"),
        (["--max-live", "-1"], "--max-live is -1"),
        (["--token", "short"], "--token is too short"),
        (["--model", "none"], "none"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_the_option(capsys, options, told):
    with pytest.raises(SystemExit) as end:
        main(["web", "--no-open", *options])
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_a_port_in_use_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert main(["web", "--no-open", "--port", port]) == 1
    error = capsys.readouterr().err
    assert f"127.0.0.1:{port} cannot be served" in error
    assert "--port" in error


def test_a_user_without_aiohttp_is_told_the_extra(capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("rtbeat.web.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    assert main(["web", "--no-open"]) == 1
    assert capsys.readouterr().err == f"rtbeat: {NO_AIOHTTP}\n"


def test_a_device_of_the_server_is_followed_by_one_page_at_a_time(tmp_path, jack_server):
    music, _ = drum_loop(120.0, 20.0, RATE)

    async def listen(server, rig):
        start = {"type": "start", "source": "device", "input": rig.name}
        async with page(server, start) as live:
            assert await live.next() == {"type": "ready", "lead": 0.2}
            async with page(server, start) as second:
                assert "in use by another page" in (await second.next())["error"]
            rig.start(music)
            beats = [await live.until("beat") for _ in range(3)]
            await live.control("tap")
            await live.control("lock_tempo")
            return beats, await live.until("status", tempo_locked=True)

    with Rig(jack_server.client("rig")) as rig, command(tmp_path) as (_, address):
        server = Server(address, tmp_path)
        assert server.ask("GET", "/api/info").json["devices"]
        inputs = server.ask("GET", "/api/devices").json["inputs"]
        assert rig.name in [device["name"] for device in inputs]
        beats, status = asyncio.run(listen(server, rig))
        times = [beat["time"] for beat in beats]
        assert times == sorted(times)
        assert status["time"] > times[0] - 0.5
        again = asyncio.run(listen(server, rig))  # the device is free once the page is closed
        assert len(again[0]) == 3
