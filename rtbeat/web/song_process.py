"""One process for each song (:mod:`rtbeat.web.song_child`): started, heard, killed in time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtbeat.web.limits import MEGABYTE, Limits

BOOT = """
import json, sys
hello = json.loads(sys.argv[1])
sys.path[:] = hello["path"]
from rtbeat.web.song_child import main
main(hello)
"""
LONGEST_LINE = 64 * MEGABYTE  # bytes; the result of an hour takes less than one
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class SongError(Exception):
    """A song failed; the text is for its sender."""


async def track_in_process(
    source: Path,
    target: Path,
    name: str,
    model: str,
    limits: Limits,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    """Decode ``source`` to the wav file ``target`` and track it; what
    :func:`rtbeat.web.song_child.as_result` gives. Raises ``SongError``. Cancelled, or after
    ``limits.work_seconds``, the process and those that it started are killed."""
    hello = {
        "path": sys.path,
        "source": str(source),
        "target": str(target),
        "name": name,
        "model": model,
        "seconds": limits.seconds,
        "work_seconds": limits.work_seconds,
        "memory_bytes": limits.memory_bytes,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BOOT, json.dumps(hello)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
        env={**os.environ, **ONE_THREAD},
        start_new_session=True,  # Ctrl-C is for the server, and all of it can be killed at once
    )
    try:
        answer = await asyncio.wait_for(_listen(process, progress), limits.work_seconds)
    except asyncio.TimeoutError:
        words = f"{name}: it took longer than {limits.work_seconds:g} s; send a shorter song"
        raise SongError(words) from None
    except ValueError:  # its output is no longer what it should be
        answer = None
    finally:
        _kill(process)
        await process.communicate()  # reads to the end, so that its pipe is closed, and waits
    if answer is None:
        raise SongError(f"{name}: decoding it broke off; convert it to wav or flac")
    if "error" in answer:
        raise SongError(str(answer["error"]))
    result: dict[str, Any] = answer["result"]
    return result


async def _listen(
    process: asyncio.subprocess.Process, progress: Callable[[float], None]
) -> dict[str, Any] | None:
    """The last message; None where the process ended without one."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        message: dict[str, Any] = json.loads(line)
        if "progress" not in message:
            return message
        progress(float(message["progress"]))
    return None


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):  # decoders that it started, too
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
