"""A recorded session once more, as fast as the machine goes: the same events, bit for bit.

The engine is made anew from the recording's options; audio, controls and losses reach it at the
same stream indices, and what it tells is compared with what it told then. Only events of the
engine are compared: those of devices and ports (``xrun``, ``stream``, ``port`` ...) have no cause
in a recording.

Contents: :class:`Replay`, :func:`changes_since`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from rtbeat import __version__
from rtbeat.audio import AudioFile
from rtbeat.live.engine import Engine
from rtbeat.live.events import Event
from rtbeat.live.recording import Header, Recording, event_line, model_hash, this_machine

Float32 = NDArray[np.float32]
Progress = Callable[[float], None]

COMPARED = ("beat", "state", "control", "signal")
BLOCK_SECONDS = 0.5  # audio fed at a time; the events do not depend on it


class Replay:
    """A recording through a new engine.

    progress : called now and then with the share done, 0..1.

    Raises ``rtbeat.AudioFileError`` for audio that cannot be read and, where the recording's
    options do not suit this rtbeat, what the tracker raises. Thread: one at a time.
    Realtime-safe: no.
    """

    def __init__(self, recording: Recording, progress: Progress = lambda share: None):
        self.recording = recording
        self.engine = Engine(recording.header.options)
        self._progress = progress

    def events(self) -> Iterator[Event]:
        """What the engine tells, in order. To be run through once."""
        with AudioFile(self.recording.audio) as file:
            source = _Source(file)
            for step in self.recording.steps:
                yield from self._feed(source, step.sample - self.engine.position)
                if self.engine.position < step.sample:  # the run was killed: the end is missing
                    return
                if step.control is not None:
                    yield from self.engine.control(step.control)
                else:
                    source.read(step.skip)  # silence, in place of what was lost
                    yield from self.engine.skip(step.skip)
            yield from self._feed(source, None)

    def _feed(self, source: _Source, frames: int | None) -> Iterator[Event]:
        """So many frames of audio, or all that is left."""
        most = max(1, int(BLOCK_SECONDS * self.engine.sample_rate))
        while frames is None or frames > 0:
            block = source.read(most if frames is None else min(most, frames))
            if not len(block):
                return
            yield from self.engine.process(block)
            self.engine.take_clicks()
            if frames is not None:
                frames -= len(block)
            if self.recording.end:
                self._progress(min(1.0, self.engine.position / self.recording.end))

    def difference(self, replayed: Sequence[Event]) -> str:
        """The first difference between what was told then and ``replayed`` (all of
        :meth:`events`), in a sentence, or "" where they are equal bit for bit."""
        before, after = _of_engine(self.recording.events), _of_engine(replayed)
        if self.recording.end is None:  # killed: either may lack what came last
            before = [event for event in before if event.time <= self.engine.time]
            last = before[-1].time if before else 0.0
            while len(after) > len(before) and after[-1].time >= last:
                after.pop()
        for number, (old, new) in enumerate(zip_longest(before, after), 1):
            if old is None or new is None or event_line(old) != event_line(new):
                return f"event {number} was {_told(old)} and is now {_told(new)}"
        return ""


class _Source:
    """Audio of a file, mono, any number of frames at a time."""

    def __init__(self, file: AudioFile):
        self._blocks = file.blocks()
        self._left = np.empty(0, np.float32)

    def read(self, frames: int) -> Float32:
        """The next ``frames`` samples, fewer only at the end."""
        parts, count = [self._left], len(self._left)
        while count < frames and (block := next(self._blocks, None)) is not None:
            parts.append(block[:, 0])
            count += len(block)
        joined = np.concatenate(parts)
        self._left = joined[frames:]
        return joined[:frames]


def _of_engine(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.kind in COMPARED]


def _told(event: Event | None) -> str:
    return "missing" if event is None else event_line(event).rstrip()


def changes_since(header: Header) -> list[str]:
    """What is not as it was when the recording was made and may change the events."""
    changes = []
    if model_hash(header.options.tracker.get("model", "default")) != header.model:
        changes.append("the model is another one")
    if header.version != __version__:
        changes.append(f"it was made by rtbeat {header.version}, this is {__version__}")
    for name, here in this_machine().items():
        if (then := header.machine.get(name, here)) != here:
            changes.append(f"{name} was {then}, here it is {here}")
    return changes
