"""Audio decoded by an installed ``ffmpeg``, read from a pipe as it comes.

The pipe carries Sun audio (``au``), whose header is six numbers and leaves the length open, so that
a song of any length passes through some megabytes of memory.
"""

from __future__ import annotations

import os
import struct
import subprocess
import threading

import numpy as np
from numpy.typing import NDArray

from rtbeat.audio_error import AudioFileError

FFMPEG_TIMEOUT = 60.0  # seconds of waiting for the next part
# What ffmpeg may take a file for: containers that hold their own sound. There is none of playlists
# and the like, which name other files to be read. A name that an ffmpeg does not know is ignored.
CONTAINERS = (
    "3gp,aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,m4a,matroska,mov,mp3,"
    "mp4,mpc,mpc8,mpeg,mpegts,mxf,ogg,rm,shn,tak,truehd,tta,voc,w64,wav,webm,wv"
)
_PART = 1 << 20  # bytes
_HEADER = struct.Struct(">4s5I")  # magic, offset of the data, its size, encoding, rate, channels


class FfmpegSound:
    """The first sound track of a file at its own rate and channels, read front to back.

    samplerate : Hz. channels : 1 or more.

    Raises :class:`AudioFileError` where ffmpeg cannot read the file, cannot be run or hangs.
    Thread: one at a time. Realtime-safe: no.
    """

    frames = None  # not known before the end

    def __init__(self, program: str, path: str):
        self._path = path
        self._hung = False
        self._held = memoryview(b"")
        try:
            self._process = subprocess.Popen(
                _command(program, path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise AudioFileError(f"{path}: ffmpeg could not be run: {error}") from error
        try:
            self.samplerate, self.channels = self._begin()
        except BaseException:
            self.close()
            raise

    def block(self, frames: int) -> NDArray[np.float32]:
        """The next frames, float32 ``(n, channels)``; fewer than asked for only at the end.

        Raises :class:`AudioFileError` where ffmpeg hangs.
        """
        frame = 4 * self.channels
        if len(self._held) < frames * frame:
            self._held = memoryview(bytes(self._held) + self._next(max(_PART, frames * frame)))
        size = min(frames, len(self._held) // frame) * frame
        samples = np.frombuffer(self._held[:size], ">f4").astype(np.float32)
        self._held = self._held[size:]
        return samples.reshape(-1, self.channels)

    def close(self) -> None:
        """End ffmpeg; a second time does nothing."""
        self._process.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait()

    def _begin(self) -> tuple[int, int]:
        """Read the header -> sample rate, channels."""
        header = self._next(_HEADER.size)
        if len(header) == _HEADER.size:
            magic, offset, _, _, rate, channels = _HEADER.unpack(header)
            if magic == b".snd" and offset >= _HEADER.size and rate and channels:
                self._next(offset - _HEADER.size)
                return rate, channels
        raise AudioFileError(f"{self._path}: this is not audio that libsndfile or ffmpeg can read")

    def _next(self, count: int) -> bytes:
        """The next bytes; fewer than asked for only at the end."""
        assert self._process.stdout is not None
        watch = threading.Timer(FFMPEG_TIMEOUT, self._give_up)
        watch.daemon = True
        watch.start()
        try:
            data = self._process.stdout.read(count)
        finally:
            watch.cancel()
        if self._hung:
            raise AudioFileError(
                f"{self._path}: ffmpeg gave nothing for {FFMPEG_TIMEOUT:g} s; "
                "convert the file to wav"
            )
        return data

    def _give_up(self) -> None:
        self._hung = True
        self._process.kill()


def _command(program: str, path: str) -> list[str]:
    # an absolute path behind "file:" is taken neither for an option nor for a protocol; the white
    # lists (known since ffmpeg 3) keep a file from making ffmpeg read the network or other files
    allowed = ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS]
    source = [*allowed, "-i", f"file:{os.path.abspath(path)}"]
    target = ["-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-"]
    return [program, "-v", "error", "-nostdin", *source, *target]
