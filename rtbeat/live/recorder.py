"""Keeping a live session on disk: input as FLAC, controls, losses and events as JSON lines.

The engine thread hands things over and never waits; a thread of its own does the disk. Where the
disk cannot keep up, or is full, the recording ends there, says so, and the session goes on. What
the files hold is told in :mod:`rtbeat.live.recording`.

A killed run leaves a FLAC file without its length, which is read to its end all the same; the last
0.2 s or so may be missing. JSON lines go to the system one by one.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from os import PathLike
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from rtbeat.live import recording
from rtbeat.live.controls import Control
from rtbeat.live.engine import BITS, EngineOptions
from rtbeat.live.events import Event
from rtbeat.live.recording import RecordingError

__all__ = ["Recorder", "RecordingError"]

Float32 = NDArray[np.float32]

MOST_WAITING = 8_000_000  # bytes handed over and not written yet: 40 s of input at 48 kHz
LINE = 200  # bytes that a line counts as
SILENCE = 1 << 16  # frames of silence written at a time
CLOSE_WAIT = 0.5  # seconds that the end of a session waits for the disk


class Recorder:
    """Records what the engine sees and says. The files are made when the first of it comes.

    folder : made if needed. options : those of the engine. now : date and time of the header.

    Raises :class:`rtbeat.live.recording.RecordingError` where the folder holds a recording already
    or cannot be written to, and what loading the model raises.

    Thread: main makes it; the engine thread calls :meth:`samples`, :meth:`skip`, :meth:`control`
    and :meth:`event`, in the order in which the engine sees them; :meth:`close` once the engine
    has stopped. Realtime-safe: no (allocates; never waits for the disk).
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        options: EngineOptions,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ):
        self.folder = Path(folder)
        self.problem = ""  # why the recording ended before the session did
        _prepare(self.folder)
        self._sample_rate = options.sample_rate
        self._header = recording.header_line(recording.make_header(options, now()))
        self._position = 0  # stream index of the next sample
        self._ended = False  # nothing more is taken
        self._taken = 0  # bytes, counted by the engine thread
        self._written = 0  # bytes, counted by the writer thread
        self._work: SimpleQueue[Float32 | int | str | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._run, name="rtbeat recorder", daemon=True)
        self._writer.start()

    # ---- the engine thread ----

    def samples(self, samples: Float32) -> None:
        """Input float32 ``(n,)``, full scale 1, before the engine takes it."""
        if self._has_room():
            self._position += len(samples)
            self._put(np.array(samples, np.float32), samples.nbytes)

    def skip(self, frames: int) -> None:
        """So many frames were lost, before the engine is told."""
        if self._has_room():
            self._put(recording.skip_line(frames, self._position))
            self._position += frames
            self._put(frames)

    def control(self, control: Control) -> None:
        """A control, its value settled, before it acts."""
        if not self._ended:
            self._put(recording.control_line(control, self._position))

    def event(self, event: Event) -> None:
        """An event, of the engine or of the session."""
        if not self._ended:
            self._put(recording.event_line(event))

    def _has_room(self) -> bool:
        """Whether more is taken. Input alone asks, so that all it gives rise to is kept too."""
        if not self._ended and self._taken - self._written > MOST_WAITING:
            self._end("the disk is too slow")
        return not self._ended

    def _put(self, item: Float32 | int | str, size: int = LINE) -> None:
        self._taken += size
        self._work.put(item)

    def _end(self, reason: str) -> None:
        self._ended = True
        if reason:
            self._tell(reason)
        self._work.put(recording.end_line(self._position, reason))
        self._work.put(None)

    def _tell(self, reason: str) -> None:
        self.problem = f"the recording in {self.folder} ends here: {reason}"

    def close(self, wait: float = CLOSE_WAIT) -> bool:
        """End the recording; False where the disk has not taken all of it within ``wait`` seconds.
        A second time does nothing."""
        if not self._ended and self._taken:
            self._end("")
        elif not self._ended:  # nothing happened: no files are made
            self._ended = True
            self._work.put(None)
        self._writer.join(wait)
        if self._writer.is_alive():
            self._tell("the disk is too slow")
        return not self._writer.is_alive()

    # ---- the writer thread ----

    def _run(self) -> None:
        item = self._work.get()
        if item is None:
            return
        try:
            with (
                _new_lines(self.folder) as lines,
                _new_sound(self.folder, self._sample_rate) as sound,
            ):
                lines.write(self._header)
                while item is not None:
                    self._write(item, lines, sound)
                    item = self._work.get()
        except (OSError, soundfile.LibsndfileError) as error:
            self._ended = True
            # libsndfile does not tell why the system refused
            self._tell(getattr(error, "strerror", None) or "the disk is full or takes no more")

    def _write(self, item: Float32 | int | str, lines: TextIO, sound: soundfile.SoundFile) -> None:
        if isinstance(item, str):
            lines.write(item)
            self._written += LINE
        elif isinstance(item, int):
            for start in range(0, item, SILENCE):
                sound.write(np.zeros(min(SILENCE, item - start), np.int32))
            self._written += LINE
        else:
            sound.write(_as_24_bits(item))
            self._written += item.nbytes


def _as_24_bits(samples: Float32) -> NDArray[np.int32]:
    """As the engine rounds them, in the upper 24 of 32 bits; what is no number counts as silence,
    as it does for the tracker."""
    exact = np.round(np.clip(samples, -1.0, 1.0 - 1.0 / BITS) * BITS)
    return np.nan_to_num(exact).astype(np.int32) << 8


def _prepare(folder: Path) -> None:
    """A folder that can take a recording."""
    if any((folder / name).exists() for name in (recording.SESSION, recording.AUDIO)):
        raise RecordingError(f"{folder} holds a recording already; give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise RecordingError(f"{folder}: no folder for a recording: {reason}") from error
    if not os.access(folder, os.W_OK):
        raise RecordingError(f"{folder}: no permission to write there; give another folder")


def _new_lines(folder: Path) -> TextIO:
    return open(folder / recording.SESSION, "x", encoding="utf-8", buffering=1)


def _new_sound(folder: Path, sample_rate: int) -> soundfile.SoundFile:
    audio = folder / recording.AUDIO
    # bytes keep a name that is not valid UTF-8 usable; Windows names are always text
    name = str(audio) if sys.platform == "win32" else os.fsencode(audio)
    return soundfile.SoundFile(name, "x", sample_rate, 1, "PCM_24", format="FLAC")
