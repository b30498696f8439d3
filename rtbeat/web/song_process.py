"""One process for each song (:mod:`rtbeat.web.song_child`): started, heard, killed in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtbeat.web.child import end_child, start_child
from rtbeat.web.limits import Limits


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
        "source": str(source),
        "target": str(target),
        "name": name,
        "model": model,
        "seconds": limits.seconds,
        "work_seconds": limits.work_seconds,
        "memory_bytes": limits.memory_bytes,
    }
    process = await start_child("song_child", hello)
    try:
        answer = await asyncio.wait_for(_listen(process, progress), limits.work_seconds)
    except asyncio.TimeoutError:
        words = f"{name}: it took longer than {limits.work_seconds:g} s; send a shorter song"
        raise SongError(words) from None
    except ValueError:  # its output is no longer what it should be
        answer = None
    finally:
        await end_child(process)
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
