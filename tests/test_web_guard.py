"""Who may talk to the server of ``rtbeat web``: hosts, origins, tokens, headers."""

from __future__ import annotations

import socket

import pytest

from tests.needs import require

require("aiohttp", 'pip install "rtbeat[web]"')

from rtbeat.web.guard import Guard, is_loopback  # noqa: E402
from tests.web_server import serving  # noqa: E402

TOKEN = "correct horse battery"
EVERY_PATH = ("/", "/page/style.css", "/api/info", "/api/songs/x", "/api/live", "/nothing")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("locked"), host="0.0.0.0", token=TOKEN) as server:
        yield server


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1:{port}.evil.example"},
        {"Host": "127.0.0.1:{port}", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:{port}", "Origin": "https://127.0.0.1:{port}"},
        {"Host": "127.0.0.1:{port}", "Origin": "http://localhost:{port}"},
        {"Host": "127.0.0.1:{port}", "Origin": "null"},
        {"Host": "192.168.1.2:{port}"},
    ],
    ids=str,
)
def test_foreign_hosts_and_origins_are_refused(server, headers, path):
    given = {name: value.format(port=server.port) for name, value in headers.items()}
    answer = server.ask("GET", path, headers=given)
    assert answer.status == 403
    assert answer.error


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_foreign_page_changes_nothing(server, method):
    answer = server.ask(method, "/api/songs", b"x", {"Origin": "http://evil.example"})
    assert answer.status == 403
    assert server.files() == []


def test_a_foreign_page_cannot_embed_but_may_link(server):
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server.ask("GET", "/api/info", headers=embedded).status == 403
    assert server.ask("GET", "/api/info", headers=linked).status == 403
    assert server.ask("GET", "/", headers=linked).status == 200


def test_a_request_without_or_with_two_hosts_is_refused(server):
    for hosts in (b"", f"Host: {server.host}\r\nHost: evil.example\r\n".encode()):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /api/info HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
            status = connection.makefile("rb").readline()
        assert status.split()[1] in (b"400", b"403")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_servers_own_names_are_taken(server, name):
    host = f"{name}:{server.port}"
    answer = server.ask("GET", "/api/info", headers={"Host": host, "Origin": f"http://{host}"})
    assert answer.status == 200


def test_in_a_network_any_address_is_taken_but_no_foreign_name():
    guard = Guard("0.0.0.0", 80, TOKEN, frozenset({"studio", "studio.local"}))
    for known in ("192.168.1.2", "192.168.1.2:80", "[fe80::1]:80", "studio", "Studio.local:80"):
        assert guard.knows_host(known), known
    for strange in ("evil.example", "studio.evil.example", "192.168.1.2:81", "[", "a:b", "", "::1"):
        assert not guard.knows_host(strange), strange


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1), ("localhost", 1), ("0.0.0.0", 0), ("me", 0)],
)
def test_which_hosts_are_this_machine_alone(host, local):
    assert is_loopback(host) == bool(local)


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("shown", ["", "?token=", "?token=wrong", "?token=correct%20horse"])
def test_without_the_token_there_is_nothing(locked, path, shown):
    answer = locked.ask("GET", path + shown)
    assert answer.status == 401
    assert "token" in answer.error
    assert "Set-Cookie" not in answer.headers


def test_the_first_visit_leaves_a_cookie_that_opens_everything(locked):
    visit = locked.ask("GET", "/?token=correct%20horse%20battery")
    assert visit.status == 200
    cookie = visit.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    kept = {"Cookie": cookie.split(";")[0]}
    assert locked.ask("GET", "/api/info", headers=kept).status == 200
    assert locked.ask("GET", "/page/style.css", headers=kept).status == 200
    wrong = {"Cookie": f"rtbeat-{locked.port}=wr\xf6ng"}
    assert locked.ask("GET", "/api/info", headers=wrong).status == 401


def test_the_token_in_the_address_opens_the_page_alone(locked):
    assert locked.ask("GET", "/api/info?token=correct%20horse%20battery").status == 401


@pytest.mark.parametrize("path", EVERY_PATH)
def test_every_answer_has_the_headers_of_safety(server, path):
    headers = server.ask("GET", path).headers
    policy = dict(part.split(None, 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    ["/page/../server.py", "/page/%2e%2e/server.py", "/page/..%2fserver.py", "/page//etc/passwd"],
)
def test_only_the_pages_files_are_served(server, path):
    assert server.ask("GET", path).status in (403, 404)


def test_what_is_not_there_is_told_in_words(server):
    assert server.ask("GET", "/nothing").error == "there is nothing under this address"
    assert server.ask("PATCH", "/api/info").error == "this address does not take PATCH"
