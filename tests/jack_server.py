"""A JACK server of one's own, without a sound card: for tests that run on real audio.

``jackd``'s dummy driver keeps real time by the system's timer. Its frame clock stands still during
an xrun, so a run with xruns measures nothing and is repeated: :func:`without_xruns`.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

import pytest

from tests.needs import require, require_program

RATE = 48_000
PERIOD = 1024  # samples; shorter ones get xruns on a busy machine
SETTLING = 1.0  # seconds: xruns cluster just after a server starts
PATIENCE = 10.0  # seconds until a server must answer
TRIES = 4

T = TypeVar("T")
_count = itertools.count()
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """In the child: a test run that is killed leaves no server behind (Linux)."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(1, signal.SIGTERM)


class JackServer:
    """``jackd`` under a name of its own; within ``with``, all JACK programs use this one.

    Client names must differ across servers of a machine: :meth:`client` makes one. JACK has room
    for eight servers a machine, and one that has ended by a crash keeps its place until a
    server of that name has ended in peace, so that is done at the end.
    """

    def __init__(self) -> None:
        self.name = f"rtb{os.getpid()}x{next(_count)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._previous: str | None = None
        self._untidy = False

    def client(self, role: str) -> str:
        """A client name that no other server of this machine has."""
        return f"{self.name}-{role}"

    def start(self) -> None:
        """Start it, or start it again after :meth:`kill`; back when it answers."""
        self._launch()
        time.sleep(SETTLING)

    def kill(self, how: int = signal.SIGTERM) -> None:
        """End it, as by a crash with ``SIGKILL``."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(3.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._untidy = self._process.wait() != 0
        self._process = None

    def _launch(self) -> None:
        program = require_program("jackd", "apt install jackd2")
        command = [program, "-n", self.name, "-S", "-d", "dummy"]
        command += ["-r", str(RATE), "-p", str(PERIOD)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, preexec_fn=_die_with_parent
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        jack = require("jack", "pip install JACK-Client")
        jack.set_error_function(lambda message: None)
        jack.set_info_function(lambda message: None)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                probe = jack.Client(
                    self.client("probe"), servername=self.name, no_start_server=True
                )
            except jack.JackOpenError:
                if time.monotonic() > until:
                    self.kill()
                    raise
                time.sleep(0.1)
            else:
                probe.close()
                return

    def __enter__(self) -> JackServer:
        self._previous = os.environ.get("JACK_DEFAULT_SERVER")
        os.environ["JACK_DEFAULT_SERVER"] = self.name
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if self._untidy:
            self._launch()
            self.kill()
        if self._previous is None:
            os.environ.pop("JACK_DEFAULT_SERVER", None)
        else:
            os.environ["JACK_DEFAULT_SERVER"] = self._previous


@pytest.fixture
def jack_server() -> Iterator[JackServer]:
    """A running server for one test; import this name into the test's module."""
    require("jack", "pip install JACK-Client")
    with JackServer() as server:
        yield server


def without_xruns(run: Callable[[], tuple[T, int]], tries: int = TRIES) -> T:
    """The result of ``run()``, which also returns its number of xruns, from a try that had none.

    A machine that never gets through one cannot measure this: the test is skipped, saying so.
    """
    for _ in range(tries):
        result, xruns = run()
        if not xruns:
            return result
    pytest.skip(f"this machine is too busy for real-time audio: xruns in {tries} tries of {tries}")
