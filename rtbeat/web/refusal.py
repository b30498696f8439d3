"""What the server answers when it cannot do what was asked: one sentence, as JSON."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WORDS = {
    404: "there is nothing under this address",
    405: "this address does not take {method}",
    413: "the request is too large",
}


class RefusedError(Exception):
    """The request is refused. status : of HTTP. The text is a sentence for a person."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


def refuse(status: int, text: str) -> web.Response:
    """The answer for a refusal."""
    return web.json_response({"error": text}, status=status)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error becomes JSON with the key ``error``; what is unforeseen is logged."""
    try:
        return await handler(request)
    except RefusedError as refusal:
        return refuse(refusal.status, str(refusal))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        words = WORDS.get(error.status, error.reason).format(method=request.method)
        return refuse(error.status, words)
    except (ConnectionError, web.RequestPayloadError):
        raise  # nobody is there to be told
    except Exception:
        logging.getLogger("rtbeat.web").exception("%s %s", request.method, request.path)
        return refuse(500, "the server failed at this; its terminal says why")
