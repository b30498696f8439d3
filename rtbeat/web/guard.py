"""Who may talk to the server: hosts, origins and the token; and the headers of every answer.

A page of another site can make a browser send requests here, by its own name (``Origin``) or by a
name of its own that resolves to this machine (DNS rebinding, seen in ``Host``). Both are refused.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

from rtbeat.web.refusal import Handler, refuse

# the one style element that wavesurfer makes; it holds the height of the waveform (lanes.js)
WAVEFORM_STYLE = "'sha256-auwliEJRJHLfZXAONxKAM0QUcqwCV9QKKt7ylBiNy3E='"

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self' {WAVEFORM_STYLE}; "
        "connect-src 'self'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "Server": "rtbeat",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HTTP_PORT = 80  # left out of Host by browsers


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address or name ``host``."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local"})


@dataclass(frozen=True)
class Guard:
    """host, port : that the server is bound to. token : that every request must show, or None."""

    host: str
    port: int
    token: str | None = None
    own_names: frozenset[str] = field(default_factory=_own_names)

    @property
    def cookie(self) -> str:
        """Name of the cookie; cookies know no ports, names keep servers apart."""
        return f"rtbeat-{self.port}"

    def knows_host(self, header: str) -> bool:
        """Whether a ``Host`` header names this server. An address cannot be rebound by a foreign
        name server, so in a network every one is taken, but of names only this machine's own."""
        found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?", header, re.ASCII)
        if found is None or int(found[2] or HTTP_PORT) != self.port:
            return False
        name = found[1].strip("[]").lower()
        if is_loopback(name):
            return True
        if is_loopback(self.host):
            return False
        return _address(name) is not None or name in self.own_names | {self.host.lower()}

    def refuses(self, request: web.Request) -> web.Response | None:
        """The answer for a request that may not pass, else None."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self.knows_host(hosts[0]):
            return refuse(403, "this server is not known by that name; use the address it printed")
        origins = request.headers.getall("Origin", [])
        site = request.headers.get("Sec-Fetch-Site", "none")
        foreign = any(origin.lower() != f"http://{hosts[0]}".lower() for origin in origins)
        visit = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.path == "/"
        if foreign or (site in ("cross-site", "same-site") and not visit):
            return refuse(403, "pages of other sites may not use this server")
        if not self._shows_token(request):
            return refuse(401, "open the address that rtbeat web printed, with its token")
        return None

    def _shows_token(self, request: web.Request) -> bool:
        cookie = request.cookies.get(self.cookie)
        return self.token is None or self._is_token(cookie) or self._is_first_visit(request)

    def _is_first_visit(self, request: web.Request) -> bool:
        return request.path == "/" and self._is_token(request.query.get("token"))

    def _is_token(self, shown: str | None) -> bool:
        given = (shown or "").encode("utf-8", "surrogateescape")
        return self.token is not None and hmac.compare_digest(given, self.token.encode())

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Headers of every answer."""
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")

    def welcome(self, request: web.Request, response: web.StreamResponse) -> None:
        """After a first visit the token is in a cookie that scripts cannot read."""
        if self.token is not None and self._is_first_visit(request):
            response.set_cookie(self.cookie, self.token, path="/", httponly=True, samesite="Strict")


def guarding(guard: Guard) -> Middleware:
    """Lets through what ``guard`` does."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = guard.refuses(request)
        if refusal is not None:
            return refusal
        response = await handler(request)
        guard.welcome(request, response)
        return response

    return check
