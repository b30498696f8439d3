"""Audio files: reading any of them as float32, writing one whole or not at all.

libsndfile reads wav, flac, ogg, opus, mp3 and more; what it cannot open (m4a, wma, the sound of a
video) goes through an installed ``ffmpeg``. Nothing is resampled: samples come at the file's rate.
A damaged file is used as far as it can be read.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import sys
import warnings
from collections.abc import Iterator
from os import PathLike
from types import TracebackType

import numpy as np
import soundfile
from numpy.typing import NDArray

from rtbeat.audio_error import AudioFileError
from rtbeat.features import SAMPLE_RATE_RANGE
from rtbeat.ffmpeg import FfmpegSound
from rtbeat.formats.atomic import write_bytes

__all__ = [
    "AudioFile",
    "AudioFileError",
    "audio_bytes",
    "check_writable",
    "read_audio",
    "require_sound",
    "write_audio",
]

Float32 = NDArray[np.float32]

# frames a read: what comes after the last whole read before a damaged place is lost
_READ = 4096
_WRITE = 1 << 15  # frames
_WRITABLE = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3", ".aiff": "AIFF"}


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is never sought in.

    soundfile seeks to where it is after every read, if it can; in an mp3 this drops the decoder's
    bit reservoir and garbles the sound at each block.
    """

    def seekable(self) -> bool:
        return False

    def block(self, frames: int) -> Float32:
        """The next frames, float32 ``(n, channels)``; none at the end."""
        return np.asarray(self.read(frames, dtype="float32", always_2d=True), np.float32)


class AudioFile:
    """An open audio file, read front to back.

    sample_rate : Hz, 8000..192000. channels : 1 or more. frames : in the whole file as far as its
    head tells, else None.

    Raises :class:`AudioFileError` where the file is missing, not readable, a folder, empty, not
    audio, or has a sample rate out of range. Thread: one at a time. Realtime-safe: no.
    """

    def __init__(self, path: str | PathLike[str]):
        self.path = os.fspath(path)
        _check_readable(self.path)
        self._take(_open(self.path))

    def _take(self, sound: _Sequential | FfmpegSound) -> None:
        self._sound = sound
        self._read = 0  # frames
        self.damaged = False  # whether reading broke off before the end
        self.sample_rate = int(sound.samplerate)
        self.channels = int(sound.channels)
        self.frames: int | None = sound.frames
        low, high = SAMPLE_RATE_RANGE
        if not low <= self.sample_rate <= high:
            self.close()
            raise AudioFileError(
                f"{self.path}: the sample rate is {self.sample_rate} Hz, allowed are "
                f"{low} to {high} Hz; convert the file"
            )

    @property
    def duration(self) -> float:
        """Seconds that have been read."""
        return self._read / self.sample_rate

    def blocks(self, frames: int = _READ) -> Iterator[Float32]:
        """The rest of the file in blocks, float32 ``(frames, channels)``; the last may be shorter.

        Ends where the file ends or can be read no further.
        """
        try:
            while len(block := self._sound.block(frames)):
                self._read += len(block)
                yield block
        except soundfile.LibsndfileError:
            self.damaged = True

    def rescue(self) -> bool:
        """After reading broke off: begin anew with ffmpeg, where that gives more.

        libsndfile breaks off in some sound opus files. True: :meth:`blocks` starts at the front
        again, rate and channels may be others. False: a warning tells how much is left out.
        """
        program = shutil.which("ffmpeg")
        if program is not None:
            with contextlib.suppress(AudioFileError):
                if _seconds(FfmpegSound(program, self.path)) > self.duration:
                    self._sound.close()
                    self._take(FfmpegSound(program, self.path))
                    return True
        warnings.warn(
            f"{self.path}: damaged, or not read by this libsndfile, after {self.duration:.1f} s; "
            "the rest is left out"
            + ("" if program else "; with ffmpeg installed more may be read"),
            RuntimeWarning,
            stacklevel=3,
        )
        return False

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._sound.close()

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _seconds(sound: FfmpegSound) -> float:
    """How much sound there is; reads and closes it."""
    frames = 0
    with contextlib.closing(sound):
        while count := len(sound.block(_READ)):
            frames += count
    return frames / sound.samplerate


def read_audio(path: str | PathLike[str]) -> tuple[Float32, int]:
    """A whole file -> samples float32 ``(frames, channels)``, nominally -1..1, and its rate in Hz.

    Where libsndfile breaks off, ffmpeg is tried, see :meth:`AudioFile.rescue`. Raises
    :class:`AudioFileError` as :class:`AudioFile` does, and where no frame can be read.
    """
    with AudioFile(path) as audio:
        blocks = list(audio.blocks())
        if audio.damaged and audio.rescue():
            blocks = list(audio.blocks())
        require_sound(audio)
        return np.concatenate(blocks), audio.sample_rate


def require_sound(audio: AudioFile) -> None:
    """Raise :class:`AudioFileError` where all of a file was read and there was no frame."""
    if not audio.duration:
        raise AudioFileError(f"{audio.path}: there is no sound in this file that can be read")


def audio_bytes(samples: Float32, sample_rate: int, suffix: str = ".wav") -> bytes:
    """Encode samples ``(frames,)`` or ``(frames, channels)`` as a file of the kind of ``suffix``.

    Raises ``ValueError`` for a suffix that is not known or a rate that the kind cannot hold.
    """
    kind = check_writable(suffix)
    buffer = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    try:
        with soundfile.SoundFile(buffer, "w", sample_rate, channels, format=kind) as file:
            # libsndfile crashes where it has to write a minute of ogg at once
            for start in range(0, len(samples), _WRITE):
                file.write(samples[start : start + _WRITE])
    except soundfile.LibsndfileError as error:
        raise ValueError(
            f"{suffix} cannot hold this audio ({sample_rate} Hz): {error.error_string} Use .wav"
        ) from error
    return buffer.getvalue()


def write_audio(path: str | PathLike[str], samples: Float32, sample_rate: int) -> None:
    """Write samples ``(frames,)`` or ``(frames, channels)``; the kind is told by the suffix.

    Raises ``ValueError`` for a suffix that is not known, ``OSError`` where the file cannot be
    written; a file that was there before is replaced whole or not at all.
    """
    suffix = os.path.splitext(os.fspath(path))[1]
    write_bytes(path, audio_bytes(samples, sample_rate, suffix))


def check_writable(suffix: str) -> str:
    """The kind of audio file that ``suffix`` stands for; ``ValueError`` where there is none."""
    try:
        return _WRITABLE[suffix.lower()]
    except KeyError:
        known = ", ".join(_WRITABLE)
        raise ValueError(f"audio cannot be written as {suffix!r}; known are {known}") from None


def _check_readable(path: str) -> None:
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise AudioFileError(f"{path}: this is a folder, not an audio file")
        if not stat.S_ISREG(status.st_mode):
            raise AudioFileError(f"{path}: this is a pipe or device; save it to a file first")
        with open(path, "rb"):
            pass
    except FileNotFoundError:
        raise AudioFileError(f"{path}: there is no such file") from None
    except PermissionError:
        raise AudioFileError(f"{path}: no permission to read this file") from None
    except (OSError, ValueError) as error:
        raise AudioFileError(f"{path!r}: cannot be opened: {error}") from error
    if status.st_size == 0:
        raise AudioFileError(f"{path}: this file is empty")


def _open(path: str) -> _Sequential | FfmpegSound:
    # bytes keep a file name that is not valid UTF-8 usable; Windows names are always text
    name = path if sys.platform == "win32" else os.fsencode(path)
    try:
        return _Sequential(name)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless .raw
        pass
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioFileError(
            f"{path}: this is not audio that libsndfile can read "
            "(wav, flac, ogg, opus, mp3); if it is m4a, wma or video, install ffmpeg"
        )
    return FfmpegSound(program, path)
