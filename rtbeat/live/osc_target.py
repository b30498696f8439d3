"""Where OSC goes to and where it comes from, as values and as people write them."""

from __future__ import annotations

import math
from dataclasses import dataclass

MOST_OFFSET = 1.0  # seconds
LOOPBACK = "127.0.0.1"


class OscError(OSError):
    """OSC cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class OscTarget:
    """A receiver. host : name, IPv4 or IPv6 address, a broadcast address too. port : UDP, 1 to
    65535. offset : seconds, -1 to 1; everything is sent that much later, earlier where negative.

    Raises ``ValueError`` where a field is out of its range.
    """

    host: str
    port: int
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("an OSC receiver needs a host, as in 127.0.0.1:9000")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"OSC port is {self.port}; it must be 1 to 65535")
        if not math.isfinite(self.offset) or abs(self.offset) > MOST_OFFSET:
            raise ValueError(f"OSC offset is {self.offset!r}; it must be -1 to 1 seconds")

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"OSC {self.host}:{self.port}"


def parse_target(text: str) -> OscTarget:
    """``HOST:PORT`` or ``HOST:PORT@MS`` as a receiver; raises ``ValueError``."""
    place, at, number = text.partition("@")
    try:
        offset = float(number) / 1000.0 if at else 0.0
    except ValueError:
        raise ValueError(f"{text!r}: {number!r} is no number of milliseconds") from None
    host, port = _host_and_port(place, text)
    return OscTarget(host, port, offset)


def parse_listening(text: str) -> tuple[str, int]:
    """``PORT`` or ``HOST:PORT`` as the address to listen at, this machine only where no host is
    given; raises ``ValueError``."""
    host, port = _host_and_port(text if ":" in text else f"{LOOPBACK}:{text}", text)
    target = OscTarget(host, port)
    return target.host, target.port


def _host_and_port(place: str, text: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    try:
        return host.removeprefix("[").removesuffix("]"), int(port)
    except ValueError:
        raise ValueError(f"{text!r} is no OSC address; write one as 127.0.0.1:9000") from None
