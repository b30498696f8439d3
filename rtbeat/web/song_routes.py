"""Songs over HTTP: send, ask, hear, correct, download, forget."""

from __future__ import annotations

import json
import math
from typing import Any

from aiohttp import web

from rtbeat.beat import Beats
from rtbeat.web.corrections import corrected
from rtbeat.web.downloads import Downloads
from rtbeat.web.limits import Limits
from rtbeat.web.names import shown_name
from rtbeat.web.refusal import RefusedError
from rtbeat.web.songs import Songs
from rtbeat.web.upload import receive


class SongRoutes:
    """The handlers."""

    def __init__(self, songs: Songs, limits: Limits):
        self._songs = songs
        self._limits = limits
        self._downloads = Downloads(limits)

    def routes(self) -> list[web.RouteDef]:
        """All of them."""
        return [
            web.post("/api/songs", self.send),
            web.get("/api/songs/{id}", self.ask),
            web.delete("/api/songs/{id}", self.forget),
            web.get("/api/songs/{id}/audio", self.audio),
            web.put("/api/songs/{id}/beats", self.correct),
            web.get("/api/songs/{id}/download/{format}", self.download),
        ]

    async def send(self, request: web.Request) -> web.Response:
        """The body is the file."""
        id, song = self._songs.add(shown_name(request.query.get("name", "")))
        try:
            await receive(request, song.upload, self._limits)
        except BaseException:
            self._songs.drop(id)
            raise
        self._songs.start(song)
        return web.json_response({"id": id}, status=201)

    async def ask(self, request: web.Request) -> web.Response:
        """How far it is, and the result."""
        id = request.match_info["id"]
        song = self._songs.get(id)
        answer = {
            "id": id,
            "name": song.name,
            "state": song.state,
            "progress": round(song.progress, 3),
            "error": song.error,
            "result": None if song.beats is None else _as_result(song.beats),
        }
        return web.json_response(answer)

    async def forget(self, request: web.Request) -> web.Response:
        """Its files are removed."""
        self._songs.get(request.match_info["id"])
        self._songs.drop(request.match_info["id"])
        return web.Response(status=204)

    async def audio(self, request: web.Request) -> web.StreamResponse:
        """The decoded song, whole or a range of it."""
        song, _ = self._songs.done(request.match_info["id"])
        return web.FileResponse(song.wav, headers={"Content-Type": "audio/wav"})

    async def correct(self, request: web.Request) -> web.Response:
        """The body is JSON with all beats."""
        song, beats = self._songs.done(request.match_info["id"])
        try:
            song.beats = corrected(beats, json.loads(await request.text()))
        except (ValueError, RecursionError) as error:
            words = f"this is no JSON that can be read: {error}"
            known = type(error) is ValueError
            raise RefusedError(400, str(error) if known else words) from error
        return web.Response(status=204)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """One file."""
        song, beats = self._songs.done(request.match_info["id"])
        return await self._downloads.answer(request, song, beats, request.match_info["format"])


def _as_result(beats: Beats) -> dict[str, Any]:
    sure: list[float | None] = [round(value, 4) for value in beats.confidences.tolist()]
    triples = zip(
        beats.times.tolist(), beats.numbers.tolist(), sure or [None] * len(beats), strict=True
    )
    return {
        "duration": beats.duration,
        "tempo": round(beats.tempo, 3) if math.isfinite(beats.tempo) else None,
        "frame_rate": beats.frame_rate,
        "activation": [round(value, 3) for value in beats.activation.tolist()],
        "beats": [
            {"time": round(time, 6), "number": number, "confidence": confidence}
            for time, number, confidence in triples
        ],
    }
