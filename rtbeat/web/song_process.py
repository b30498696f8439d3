"""A process for each song to be tracked (:mod:`rtbeat.web.song_child`) or drawn
(:mod:`rtbeat.web.plot_child`): started, heard, killed in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtbeat.beat import Beats
from rtbeat.web.child import end_child, start_child
from rtbeat.web.limits import Limits
from rtbeat.web.song_result import as_result

BROKEN = {
    "song_child": "decoding it broke off; convert it to wav or flac",
    "plot_child": "drawing it broke off",
}


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
    :func:`rtbeat.web.song_result.as_result` gives. Raises ``SongError``. Cancelled, or after
    ``limits.work_seconds``, the process and those that it started are killed."""
    hello = {"source": str(source), "target": str(target), "name": name, "model": model}
    return await _do("song_child", hello, b"", limits, progress)


async def plot_in_process(
    source: Path, target: Path, name: str, beats: Beats, limits: Limits
) -> None:
    """Draw the wav file ``source`` and its beats as the png file ``target``, with the same limits
    and ends. Raises ``SongError``."""
    hello = {"source": str(source), "target": str(target), "name": name}
    given = json.dumps(as_result(beats)).encode("ascii")
    await _do("plot_child", hello, given, limits, lambda _: None)


async def _do(
    module: str,
    hello: dict[str, Any],
    given: bytes,
    limits: Limits,
    progress: Callable[[float], None],
) -> dict[str, Any]:
    """The result of a process of that module, which reads ``given``."""
    restraint = {
        "seconds": limits.seconds,
        "work_seconds": limits.work_seconds,
        "memory_bytes": limits.memory_bytes,
    }
    name = hello["name"]
    process = await start_child(module, {**hello, **restraint})
    assert process.stdin is not None
    try:
        process.stdin.write(given)
        process.stdin.write_eof()
        answer = await asyncio.wait_for(_listen(process, progress), limits.work_seconds)
    except asyncio.TimeoutError:
        words = f"{name}: it took longer than {limits.work_seconds:g} s; send a shorter song"
        raise SongError(words) from None
    except ValueError:  # its output is no longer what it should be
        answer = None
    finally:
        await end_child(process)
    if answer is None:
        raise SongError(f"{name}: {BROKEN[module]}")
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
