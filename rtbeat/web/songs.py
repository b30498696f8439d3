"""The songs that the server keeps: in a folder of their own, for a while, a limited number."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from rtbeat.beat import Beats
from rtbeat.web.limits import Limits
from rtbeat.web.refusal import RefusedError
from rtbeat.web.song_process import SongError, track_in_process
from rtbeat.web.song_result import beats_of

SWEEP = 10.0  # seconds between two looks for old songs


class Song:
    """One song. folder : its own. name : as shown. state : queued, working, done or failed."""

    def __init__(self, folder: Path, name: str):
        self.folder = folder
        self.name = name
        self.state = "queued"
        self.progress = 0.0
        self.error: str | None = None
        self.beats: Beats | None = None  # as they are downloaded, corrected or not
        self.used = time.monotonic()
        self.task: asyncio.Task[None] | None = None

    @property
    def upload(self) -> Path:
        """The file as it came; gone once it is decoded."""
        return self.folder / "upload"

    @property
    def wav(self) -> Path:
        """The decoded song."""
        return self.folder / "song.wav"

    def finish(self, result: dict[str, Any]) -> None:
        """Take what the song's process found."""
        self.beats = beats_of(result)
        self.state, self.progress = "done", 1.0

    def fail(self, error: str) -> None:
        """It cannot be used."""
        self.state, self.error = "failed", error
        shutil.rmtree(self.folder, ignore_errors=True)


class Songs:
    """All songs. Made, used and closed in one event loop; raises ``RefusedError``.

    One song at a time is worked on, so that the machine stays free for what must be on time.
    """

    def __init__(self, limits: Limits, model: str):
        self.folder = Path(tempfile.mkdtemp(prefix="rtbeat-web-"))
        self._limits = limits
        self._model = model
        self._songs: dict[str, Song] = {}
        self._turn = asyncio.Semaphore(1)

    def add(self, name: str) -> tuple[str, Song]:
        """A place for one more song, and its id."""
        self.sweep()
        if len(self._songs) >= self._limits.songs:
            minutes = self._limits.keep_seconds / 60.0
            raise RefusedError(
                503,
                f"the server keeps {len(self._songs)} songs and takes no more; close other pages "
                f"or wait up to {minutes:g} minutes",
            )
        id = secrets.token_urlsafe(16)
        song = Song(Path(tempfile.mkdtemp(dir=self.folder)), name)
        self._songs[id] = song
        return id, song

    def start(self, song: Song) -> None:
        """Work on a song whose file has come, as soon as it is its turn."""
        song.task = asyncio.create_task(self._work(song))

    async def _work(self, song: Song) -> None:
        async with self._turn:
            song.state = "working"

            def progress(share: float) -> None:
                song.progress = share

            try:
                given = (song.upload, song.wav, song.name, self._model, self._limits)
                song.finish(await track_in_process(*given, progress))
                song.upload.unlink()
            except SongError as error:
                song.fail(str(error))
            except OSError as error:
                song.fail(f"{song.name}: the server could not work on it: {error.strerror}")

    def get(self, id: str) -> Song:
        """The song of that id, which is now in use."""
        if id not in self._songs:
            raise RefusedError(404, "the server does not keep this song any more; send it again")
        song = self._songs[id]
        song.used = time.monotonic()
        return song

    def done(self, id: str) -> tuple[Song, Beats]:
        """The same for a song that must be done already."""
        song = self.get(id)
        if song.beats is None:
            raise RefusedError(409, song.error or f"{song.name}: its beats are not known yet; wait")
        return song, song.beats

    def drop(self, id: str) -> None:
        """Forget a song and all its files; what is being done for it ends."""
        song = self._songs.pop(id, None)
        if song is None:
            return
        if song.task is not None:
            song.task.cancel()
        shutil.rmtree(song.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Drop songs that nobody has asked for in a long time."""
        oldest = time.monotonic() - self._limits.keep_seconds
        for id in [id for id, song in self._songs.items() if song.used < oldest]:
            self.drop(id)

    async def keep_sweeping(self) -> None:
        """Without end."""
        while True:
            await asyncio.sleep(min(SWEEP, self._limits.keep_seconds / 2.0))
            self.sweep()

    async def close(self) -> None:
        """End all work and remove every file."""
        tasks = [song.task for song in self._songs.values() if song.task is not None]
        for id in list(self._songs):
            self.drop(id)
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        shutil.rmtree(self.folder, ignore_errors=True)
