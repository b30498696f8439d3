"""Processes of the server: started with one JSON object, killed with all that they started."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Any

BOOT = """
import importlib, json, sys
hello = json.loads(sys.argv[1])
sys.path[:] = hello.pop("path")
importlib.import_module(hello.pop("module")).main(hello)
"""
LONGEST_LINE = 64_000_000  # bytes; the result of an hour of music takes less than one million
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


async def start_child(module: str, hello: dict[str, Any]) -> Process:
    """A process that runs ``main(hello)`` of ``rtbeat.web.<module>``, with pipes to standard input
    and from standard output."""
    given = {**hello, "path": sys.path, "module": f"rtbeat.web.{module}"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BOOT, json.dumps(given)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=LONGEST_LINE,
        env={**os.environ, **ONE_THREAD},
        start_new_session=True,  # Ctrl-C is for the server, and all of it can be killed at once
    )


async def end_child(process: Process, patience: float = 0.0) -> None:
    """Close its standard input, kill it after ``patience`` seconds, and wait until it is gone."""
    assert process.stdin is not None
    process.stdin.close()
    if patience:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):  # decoders that it started, too
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    assert process.stdout is not None
    await process.stdout.read()  # to the end, so that the pipe is closed
    await process.wait()
