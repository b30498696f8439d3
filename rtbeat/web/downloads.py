"""What can be downloaded of a song: every file format of beats, sound with clicks, a plot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from rtbeat.beat import Beats
from rtbeat.formats import FORMATS, plot
from rtbeat.web.click_wav import ClickWav
from rtbeat.web.limits import Limits
from rtbeat.web.names import download_name
from rtbeat.web.refusal import RefusedError
from rtbeat.web.song_process import SongError, plot_in_process
from rtbeat.web.songs import Song

MIX = "mix"
PLOT = "plot"


@dataclass(frozen=True)
class Download:
    """name : in addresses. suffix : of the file. title : for a person."""

    name: str
    suffix: str
    title: str


SOUNDS = (
    Download("click-track", ".click-track.wav", "clicks alone"),
    Download(MIX, ".mix.wav", "song with clicks"),
)
PICTURE = Download(PLOT, ".png", "plot")


def offered() -> dict[str, Download]:
    """Everything, by name; the plot only where it can be drawn."""
    files = [Download(known.name, known.suffixes[0], known.title) for known in FORMATS]
    return {download.name: download for download in [*files, *SOUNDS, *_pictures()]}


def _pictures() -> list[Download]:
    try:
        plot.check(PICTURE.suffix)
    except ModuleNotFoundError:
        return []
    return [PICTURE]


def format_list() -> list[dict[str, str]]:
    """What can be downloaded: name, suffix and label of each."""
    return [
        {
            "name": download.name,
            "suffix": download.suffix,
            "label": f"{download.title} (.{download.suffix.rpartition('.')[2]})",
        }
        for download in offered().values()
    ]


class Downloads:
    """Makes the files. Used in one event loop; raises ``RefusedError``."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._drawing = asyncio.Semaphore(1)  # a picture at a time

    async def answer(
        self, request: web.Request, song: Song, beats: Beats, name: str
    ) -> web.StreamResponse:
        """The answer with the file called ``name``."""
        known = offered()
        if name not in known:
            raise RefusedError(404, f"there is no such format; known are {', '.join(known)}")
        headers = _attachment(download_name(song.name, known[name].suffix))
        if known[name] in SOUNDS:
            return await _send_wav(request, ClickWav(song.wav, beats, name == MIX), headers)
        if name == PLOT:
            return web.Response(body=await self._plot(song, beats), headers=headers)
        encode = next(format.encode for format in FORMATS if format.name == name)
        return web.Response(body=await asyncio.to_thread(encode, beats), headers=headers)

    async def _plot(self, song: Song, beats: Beats) -> bytes:
        picture = song.folder / "plot.png"
        async with self._drawing:
            try:
                await plot_in_process(song.wav, picture, song.name, beats, self._limits)
                return picture.read_bytes()
            except SongError as error:
                raise RefusedError(500, str(error)) from error
            finally:
                picture.unlink(missing_ok=True)


def _attachment(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Type": "application/octet-stream",
    }


async def _send_wav(
    request: web.Request, wav: ClickWav, headers: dict[str, str]
) -> web.StreamResponse:
    """Piece by piece; computing is for another thread than the event loop's."""
    response = web.StreamResponse(headers=headers)
    response.content_length = wav.size
    await response.prepare(request)
    pieces = wav.pieces()
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        await response.write(piece)
    await response.write_eof()
    return response
