"""Hostile uploads: each is refused in words, the server goes on, nothing is left on the disk."""

from __future__ import annotations

import gzip
import socket
import time
from pathlib import Path

import pytest

from tests.hostile import hostile_files, sound
from tests.needs import require

require("aiohttp", 'pip install "rtbeat[web]"')

from tests.web_server import PATIENCE, serving  # noqa: E402

MOST = 1_000_000  # bytes of a file


@pytest.fixture(scope="module")
def canary():
    """A listening socket of this machine that nothing may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A song of this machine that is nobody's business."""
    path = tmp_path_factory.mktemp("private") / "secret.mp3"
    path.write_bytes(sound(3.0, "MP3"))
    return path


@pytest.fixture(scope="module")
def files(secret, canary):
    return hostile_files(secret, f"http://127.0.0.1:{canary.getsockname()[1]}")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    limits = {"upload_bytes": MOST, "seconds": 60.0, "stall_seconds": 0.5, "songs": 64}
    with serving(folder, **limits) as server:
        yield server


NAMES = tuple(hostile_files(Path("/x.mp3"), "http://x"))


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_refused_and_leaves_nothing(server, files, name):
    data, told = files[name]
    answer = server.ask("POST", f"/api/songs?name={name.replace(' ', '%20')}.mp3", data)
    if answer.status == 201:
        song = server.finished(answer.json["id"])
        assert song["state"] == "failed"
        error = song["error"]
        assert error.startswith(f"{name}.mp3: ")
    else:
        assert answer.status == 400
        error = answer.error
    assert told in error
    assert str(server.folder) not in error  # where files are kept is nobody's business
    assert "\n" not in error
    assert server.ask("GET", "/api/info").status == 200
    assert server.files() == []


def test_no_file_made_the_server_ask_the_network(canary):
    with pytest.raises(BlockingIOError):
        canary.accept()


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "%00%FF%FE%E2%80%AE", "a" * 4000])
def test_a_name_is_never_a_path(server, name):
    song = server.finished(server.ask("POST", f"/api/songs?name={name}", b"no song").json["id"])
    assert song["error"].startswith(song["name"] + ": ")
    assert song["name"].isprintable()
    assert server.files() == []


def send(server, head, body=b"", hang_up=False):
    """Raw bytes as a request for a new song; the first line of the answer, empty without one."""
    start = f"POST /api/songs?name=a HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(f"{start}{head}\r\n\r\n".encode() + body)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").readline().decode()


def nothing_is_left(server):
    """Whether the server is well and, soon, has no file."""
    end = time.monotonic() + PATIENCE
    while server.files() and time.monotonic() < end:
        time.sleep(0.02)
    return server.files() == [] and server.ask("GET", "/api/info").status == 200


def test_ten_gigabytes_that_are_only_claimed_are_refused_at_once(server):
    assert " 413 " in send(server, "Content-Length: 10000000000")
    assert nothing_is_left(server)


@pytest.mark.parametrize(
    "length", ["-1", "1e3", "99999999999999999999999999", "1\r\nContent-Length: 2"]
)
def test_a_length_that_makes_no_sense_is_refused(server, length):
    assert send(server, f"Content-Length: {length}", b"xx").split()[1] in ("400", "413")
    assert nothing_is_left(server)


def test_pieces_without_end_are_refused_where_they_exceed_the_limit(server):
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    assert " 413 " in send(server, "Transfer-Encoding: chunked", piece * (MOST // 0x10000 + 2))
    assert nothing_is_left(server)


def test_broken_pieces_are_refused(server):
    assert " 400 " in send(server, "Transfer-Encoding: chunked", b"zz\r\nxx\r\n")
    assert nothing_is_left(server)


def test_a_body_shorter_than_its_length_leaves_nothing(server):
    send(server, "Content-Length: 1000", b"RIFF", hang_up=True)
    assert nothing_is_left(server)


def test_a_sender_that_stalls_is_given_up(server):
    assert " 408 " in send(server, "Content-Length: 1000")
    assert nothing_is_left(server)


def test_a_sender_that_trickles_is_given_up(tmp_path):
    with serving(tmp_path, upload_seconds=0.4) as server:
        head = f"POST /api/songs HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 1000\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=0.05) as connection:
            connection.sendall(head.encode())
            answer = b""
            end = time.monotonic() + PATIENCE
            while not answer and time.monotonic() < end:
                connection.sendall(b"x")
                try:
                    answer = connection.recv(1000)
                except TimeoutError:
                    continue
        assert b" 408 " in answer.splitlines()[0]
        assert nothing_is_left(server)


def test_a_body_that_would_grow_is_refused(server):
    bomb = gzip.compress(bytes(10 * MOST))
    answer = server.ask("POST", "/api/songs", bomb, {"Content-Encoding": "gzip"})
    assert answer.status == 415
    assert nothing_is_left(server)


def test_garbage_in_place_of_a_request_is_survived(server):
    for garbage in (b"\x16\x03\x01" + bytes(200), b"GET " + b"/" * 20_000, b"\r\n" * 5000):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(garbage)
    assert nothing_is_left(server)
