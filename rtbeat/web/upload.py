"""Receiving a file: piece by piece to the disk, never more than allowed, never for long."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from rtbeat.web.limits import MEGABYTE, Limits
from rtbeat.web.refusal import RefusedError


async def receive(request: web.Request, path: Path, limits: Limits) -> None:
    """Write the body to ``path``. Raises ``RefusedError``; what was written by then stays."""
    _check_head(request, limits)
    size = 0
    until = asyncio.get_running_loop().time() + limits.upload_seconds
    try:
        with path.open("xb") as file:
            while piece := await _next(request, until, limits.stall_seconds):
                size += len(piece)
                if size > limits.upload_bytes:
                    raise _too_large(limits)
                file.write(piece)
    except asyncio.TimeoutError:
        raise RefusedError(
            408, "the file came too slowly and was given up; send it again"
        ) from None
    except ConnectionError:
        raise
    except OSError as error:
        raise RefusedError(507, f"the file cannot be kept here: {error.strerror}") from error
    if size == 0:
        raise RefusedError(400, "the file is empty; choose another")


def _check_head(request: web.Request, limits: Limits) -> None:
    if request.content_length is not None and request.content_length > limits.upload_bytes:
        raise _too_large(limits)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError(415, "send the file as it is, without a Content-Encoding")


def _too_large(limits: Limits) -> RefusedError:
    most = limits.upload_bytes / MEGABYTE
    return RefusedError(
        413, f"the file is larger than {most:g} MB; send a shorter or compressed one"
    )


async def _next(request: web.Request, until: float, stall: float) -> bytes:
    """The next piece, empty at the end. Raises ``asyncio.TimeoutError``."""
    left = until - asyncio.get_running_loop().time()
    return await asyncio.wait_for(request.content.readany(), max(0.0, min(stall, left)))
