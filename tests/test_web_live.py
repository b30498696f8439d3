"""Live sound over the WebSocket of ``rtbeat web``: beats, controls, limits, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json

import numpy as np
import pytest

from tests.music import drum_loop
from tests.needs import require
from tests.sessions import perform

require("aiohttp", 'pip install "rtbeat[web]"')

from rtbeat.live.engine import EngineOptions  # noqa: E402
from rtbeat.web.lateness import Lateness  # noqa: E402
from tests.live_pages import START, all_freed, engines, page  # noqa: E402
from tests.web_server import serving  # noqa: E402

RATE = 22_050
SECONDS = 7.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(autouse=True)
def freed():
    """Every test ends without an engine."""
    yield
    assert all_freed()


@pytest.fixture(scope="module")
def music():
    return drum_loop(120.0, SECONDS, RATE)[0].astype(np.float32)


def test_beats_are_announced_as_the_engine_does_and_status_is_told(server, music):
    events = perform(music, EngineOptions(RATE, {"tempo_range": (80.0, 160.0)}))
    expected = [dict(event.data) for event in events if event.kind == "beat"]
    assert len(expected) >= 4

    async def listen():
        async with page(server, {**START, "tempo_range": [80, 160], "beats_per_bar": None}) as live:
            assert await live.next() == {"type": "ready", "lead": 0.2}
            await live.play(music)
            while True:
                status = await live.until("status")
                if status["time"] == SECONDS:
                    return live.received, status

    received, status = asyncio.run(listen())
    beats = [message for message in received if message["type"] == "beat"]
    assert beats == [{"type": "beat", **beat} for beat in expected]
    assert status["state"] == "LOCKED"
    assert status["tempo"] == pytest.approx(120.0, abs=0.5)
    assert status["next_beat"] > SECONDS - 0.2
    assert 0.0 < status["confidence"] <= 1.0
    assert -40.0 < status["level_db"] < 0.0
    assert (status["held"], status["tempo_locked"], status["skipped"]) == (False, False, 0.0)
    times = [message["time"] for message in received if message["type"] == "status"]
    assert times == sorted(times)


def test_every_control_acts(server):
    silence = np.zeros(RATE // 2, np.float32)

    async def act():
        async with page(server, START) as live:

            async def control(*names, **more):
                for name in names:
                    await live.control(name, **more)
                await live.play(silence)  # a control acts at the next hop

            for _ in range(4):
                await live.play(silence)
            for at in (0.0, 0.5, 1.0, 1.5):
                await live.control("tap", at=at, value=None)
            await control("tap", at=2.0)
            beat = await live.until("beat")
            await control("hold")
            await live.until("status", held=True)
            await control("release")
            await live.until("status", held=False)
            await control("lock_tempo")
            await live.until("status", tempo_locked=True)
            await control("unlock_tempo", "double", "halve", "downbeat")
            await live.until("status", tempo_locked=False)
            await control("shift", value=0.5)
            await control("nudge", value=0.01)
            await control("reset")
            return beat, await live.until("status", state="LISTENING")

    beat, status = asyncio.run(act())
    assert beat["tempo"] == pytest.approx(120.0, abs=1.0)
    assert abs(beat["time"] - round(2 * beat["time"]) / 2) < 0.01
    assert status["time"] > 2.0  # stream time goes on
    assert status["tempo"] is None


WRONG_STARTS = {
    "no JSON": ("hello", "not JSON"),
    "nothing": ("", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "a list": ("[]", "object"),
    "no type": ("{}", "type"),
    "a control first": ('{"type": "control", "name": "tap"}', "first message"),
    "samples first": (b"\0\0\0\0", "text"),
    "no source": ('{"type": "start"}', "source"),
    "no rate": ('{"type": "start", "source": "browser"}', "sample_rate"),
    "a huge rate": ({**START, "sample_rate": 4e9}, "sample_rate is 4"),
    "rate of NaN": ('{"type":"start","source":"browser","sample_rate":NaN}', "sample_rate"),
    "rate of text": ({**START, "sample_rate": "44100"}, "sample_rate must be a number"),
    "a wrong range": ({**START, "tempo_range": [200, 100]}, "tempo_range"),
    "a wrong bar": ({**START, "beats_per_bar": 1000}, "beats_per_bar"),
    "a wrong device": ({"type": "start", "source": "device", "input": 3}, "input must be a string"),
}


@pytest.mark.parametrize("name", WRONG_STARTS)
def test_a_wrong_beginning_is_told_and_ends(server, name):
    start, told = WRONG_STARTS[name]

    async def begin():
        async with page(server, start) as live:
            error = await live.next()
            return error, await live.next()

    error, end = asyncio.run(begin())
    assert error["type"] == "error"
    assert told in error["error"]
    assert end == {"type": "closed", "code": 1008}


WRONG_MESSAGES = {
    "no JSON": ("hello", "not JSON"),
    "another start": (json.dumps(START), 'type "control"'),
    "an unknown control": ('{"type": "control", "name": "explode"}', "must be one of tap"),
    "a nameless control": ('{"type": "control", "name": ["tap"]}', "must be one of tap"),
    "a value of text": ('{"type": "control", "name": "nudge", "value": "1"}', "value must be"),
    "a value of NaN": ('{"type": "control", "name": "nudge", "value": NaN}', "value must be"),
    "a time without end": ('{"type": "control", "name": "tap", "at": Infinity}', "at must be"),
    "no samples": (b"", "1 to 65536 floats"),
    "half a sample": (b"abcde", "1 to 65536 floats"),
    "too many samples": (bytes(4 * 65_537), "1 to 65536 floats"),
    "NaN": (np.full(100, np.nan, "<f4").tobytes(), "finite"),
    "infinity": (np.full(100, np.inf, "<f4").tobytes(), "finite"),
}


@pytest.mark.parametrize("name", WRONG_MESSAGES)
def test_a_wrong_message_is_told_and_frees_the_engine(server, name):
    sent, told = WRONG_MESSAGES[name]

    async def live_then_wrong():
        async with page(server, START) as live:
            await live.until("ready")
            assert engines() == 1
            await (live.socket.send_str if isinstance(sent, str) else live.socket.send_bytes)(sent)
            error = await live.until("error")
            return error, await live.next()

    error, end = asyncio.run(live_then_wrong())
    assert told in error["error"]
    assert end == {"type": "closed", "code": 1008}


def test_a_frame_beyond_all_bounds_closes_the_connection(server):
    async def flood():
        async with page(server, START) as live:
            await live.until("ready")
            with contextlib.suppress(ConnectionError):
                await live.socket.send_bytes(bytes(3_000_000))
            while (message := await live.next())["type"] != "closed":
                pass
            return message

    assert asyncio.run(flood())["code"] == 1009


def test_loud_noise_of_any_size_is_just_sound(server):
    async def shout():
        async with page(server, START) as live:
            await live.until("ready")
            await live.play(np.full(3000, 3e38, np.float32), size=1)
            return await live.until("status", time=round(3000 / RATE, 4))

    assert asyncio.run(shout())["state"] == "LISTENING"


def test_a_vanished_tab_frees_its_engine(server):
    async def vanish():
        async with page(server, START) as live:
            await live.until("ready")
            live.socket._response.connection.transport.abort()  # no close, as when a tab is killed

    asyncio.run(vanish())


def test_twenty_tabs_get_eight_engines_and_the_server_answers(server):
    async def crowd():
        async with contextlib.AsyncExitStack() as stack:
            pages = [await stack.enter_async_context(page(server, START)) for _ in range(20)]
            first = await asyncio.gather(*(live.next() for live in pages))
            ready = [
                live for live, said in zip(pages, first, strict=True) if said["type"] == "ready"
            ]
            refused = [said["error"] for said in first if said["type"] == "error"]
            assert (len(ready), len(refused), engines()) == (8, 12, 8)
            assert set(refused) == {"8 pages are live already; stop one of them"}
            noise = np.random.default_rng(0).uniform(-0.1, 0.1, RATE).astype(np.float32)
            await asyncio.gather(*(live.play(noise) for live in ready))
            answers = await asyncio.to_thread(
                lambda: [server.ask("GET", path).status for path in ("/", "/api/info") * 10]
            )
            assert set(answers) == {200}
            await asyncio.gather(*(live.until("status", time=1.0) for live in ready))
            closed = [await live.next() for live in pages if live not in ready]
            assert {end["code"] for end in closed} == {1013}

    asyncio.run(crowd())
    assert all_freed()

    async def another():
        async with page(server, START) as live:
            return await live.next()

    assert asyncio.run(another())["type"] == "ready"


@pytest.mark.parametrize("start", [None, START])
def test_who_says_nothing_loses_the_place(tmp_path, start):
    async def wait(server):
        async with page(server, start) as live:
            return await live.until("error")

    with serving(tmp_path, start_seconds=0.3, quiet_seconds=0.3) as server:
        assert "too long" in asyncio.run(wait(server))["error"]


def test_the_end_of_the_server_ends_its_pages(tmp_path):
    async def outlive(stack, server):
        async with page(server, START) as live:
            await live.until("ready")
            await asyncio.to_thread(stack.close)
            while (message := await live.next())["type"] != "closed":
                pass
            return message

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(tmp_path))
        assert asyncio.run(outlive(stack, server))["code"] == 1001


def test_late_sound_is_left_out_until_it_is_in_time_again():
    late = Lateness(100)
    assert not late.leaves_out(heard=100, received=100, elapsed=1.0)  # in time
    assert not late.leaves_out(heard=200, received=600, elapsed=1.0)  # came before its time
    assert not late.leaves_out(heard=300, received=300, elapsed=9.0)  # nothing waits: a pause
    assert late.leaves_out(heard=400, received=900, elapsed=9.0)
    assert late.leaves_out(heard=850, received=900, elapsed=9.0)  # still
    assert not late.leaves_out(heard=895, received=900, elapsed=9.0)
