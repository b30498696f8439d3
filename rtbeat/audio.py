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
import subprocess
import sys
import warnings
from collections.abc import Iterator
from os import PathLike
from types import TracebackType

import numpy as np
import soundfile
from numpy.typing import NDArray

from rtbeat.features import SAMPLE_RATE_RANGE
from rtbeat.formats.atomic import write_bytes

Float32 = NDArray[np.float32]

FFMPEG_TIMEOUT = 300.0  # seconds; an hour of m4a takes about 10
# frames a read: what comes after the last whole read before a damaged place is lost
_READ = 4096
# what ffmpeg may take a file for: containers that hold their own sound. Of playlists and the like,
# which name other files to be read, there is none.
CONTAINERS = (
    "3gp,aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,m4a,matroska,mka,mov,mp3,mp4,"
    "mpc,mpc8,mpeg,mpegts,ogg,rm,shn,tak,tta,voc,w64,wav,webm,wv"
)
_WRITABLE = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3", ".aiff": "AIFF"}


class AudioFileError(Exception):
    """An audio file cannot be used; the message names the file and the reason."""


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is never sought in.

    soundfile seeks to where it is after every read, if it can; in an mp3 this drops the decoder's
    bit reservoir and garbles the sound at each block.
    """

    def seekable(self) -> bool:
        return False


class AudioFile:
    """An open audio file, read front to back.

    sample_rate : Hz, 8000..192000. channels : 1 or more.

    Raises :class:`AudioFileError` where the file is missing, not readable, a folder, empty, not
    audio, or has a sample rate out of range. Thread: one at a time. Realtime-safe: no.
    """

    def __init__(self, path: str | PathLike[str]):
        self.path = os.fspath(path)
        _check_readable(self.path)
        self._sound = _open(self.path)
        self.damaged = False  # whether reading broke off before the end
        self.sample_rate = int(self._sound.samplerate)
        self.channels = int(self._sound.channels)
        low, high = SAMPLE_RATE_RANGE
        if not low <= self.sample_rate <= high:
            self.close()
            raise AudioFileError(
                f"{self.path}: the sample rate is {self.sample_rate} Hz, allowed are "
                f"{low} to {high} Hz; convert the file"
            )

    def blocks(self, frames: int = _READ) -> Iterator[Float32]:
        """The rest of the file in blocks, float32 ``(frames, channels)``; the last may be shorter.

        Ends where the file ends or can be read no further.
        """
        try:
            yield from _blocks(self._sound, frames)
        except soundfile.LibsndfileError:
            self.damaged = True

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


def _blocks(sound: soundfile.SoundFile, frames: int) -> Iterator[Float32]:
    """What is left to read, in blocks; raises ``LibsndfileError`` at a damaged place."""
    while len(block := sound.read(frames, dtype="float32", always_2d=True)):
        yield block


def read_audio(path: str | PathLike[str]) -> tuple[Float32, int]:
    """A whole file -> samples float32 ``(frames, channels)``, nominally -1..1, and its rate in Hz.

    Where libsndfile breaks off (it does so in some sound opus files), ffmpeg is tried, and what
    gives more is used; a warning tells where even that ends early. Raises
    :class:`AudioFileError` as :class:`AudioFile` does, and where no frame can be read.
    """
    with AudioFile(path) as audio:
        empty = np.zeros((0, audio.channels), np.float32)
        samples = np.concatenate([empty, *audio.blocks()])
        rate = audio.sample_rate
        if audio.damaged:
            samples, rate = _rescued(audio.path, samples, rate)
    if not len(samples):
        raise AudioFileError(f"{audio.path}: there is no sound in this file that can be read")
    return samples, rate


def _rescued(path: str, samples: Float32, rate: int) -> tuple[Float32, int]:
    """What ffmpeg, where it is installed, can read of a file that broke off, if it is more."""
    program = shutil.which("ffmpeg")
    if program is not None:
        blocks = [samples[:0]]
        with (
            contextlib.suppress(AudioFileError, soundfile.LibsndfileError),
            _open_with_ffmpeg(program, path) as sound,
        ):
            other_rate = int(sound.samplerate)
            blocks = [np.zeros((0, sound.channels), np.float32)]
            blocks.extend(_blocks(sound, _READ))
        other = np.concatenate(blocks)
        if len(other) and len(other) / other_rate > len(samples) / rate:
            return other, other_rate
    warnings.warn(
        f"{path}: damaged, or not read by this libsndfile, after {len(samples) / rate:.1f} s; "
        "the rest is left out" + ("" if program else "; with ffmpeg installed more may be read"),
        RuntimeWarning,
        stacklevel=3,
    )
    return samples, rate


def audio_bytes(samples: Float32, sample_rate: int, suffix: str = ".wav") -> bytes:
    """Encode samples ``(frames,)`` or ``(frames, channels)`` as a file of the kind of ``suffix``.

    Raises ``ValueError`` for a suffix that is not known or a rate that the kind cannot hold.
    """
    kind = check_writable(suffix)
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, samples, sample_rate, format=kind)
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


def _open(path: str) -> soundfile.SoundFile:
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
    return _open_with_ffmpeg(program, path)


def _open_with_ffmpeg(program: str, path: str) -> soundfile.SoundFile:
    """Decode to a float32 wav in memory, at the file's own rate and channels."""
    # an absolute path behind "file:" is taken neither for an option nor for a protocol; the white
    # lists keep files that name others (playlists) from reaching into the network and the disk
    allowed = ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS]
    source = [*allowed, "-i", f"file:{os.path.abspath(path)}"]
    target = ["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-"]
    command = [program, "-v", "error", "-nostdin", *source, *target]
    try:
        done = subprocess.run(command, capture_output=True, timeout=FFMPEG_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise AudioFileError(
            f"{path}: ffmpeg did not finish in {FFMPEG_TIMEOUT:.0f} s; convert the file to wav"
        ) from None
    except OSError as error:
        raise AudioFileError(f"{path}: ffmpeg could not be run: {error}") from error
    try:  # a damaged file ends in an error code but still gives what came before
        return _Sequential(io.BytesIO(done.stdout))
    except soundfile.LibsndfileError:
        raise AudioFileError(
            f"{path}: this is not audio that libsndfile or ffmpeg can read"
        ) from None
