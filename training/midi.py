"""The MIDI corpus: pieces, their notes and their beats.

A corpus folder holds ``manifest.jsonl.xz`` (one line a piece) and ``corpus-<group>.tar.xz``.
Times are seconds of the file's own tempo map.
"""

from __future__ import annotations

import json
import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Event:
    """A MIDI message at a time: ``kind`` is note_on, note_off, program, control or bend."""

    time: float
    kind: str
    channel: int
    a: int
    b: int = 0


@dataclass(frozen=True)
class Piece:
    """Notes and beats of one file. ``numbers`` is 0 where the position in the bar is unknown."""

    events: list[Event]
    beats: NDArray[np.float64]
    numbers: NDArray[np.int64]

    @property
    def span(self) -> tuple[float, float]:
        """Time of the first note-on and of the last note event."""
        notes = [e.time for e in self.events if e.kind in ("note_on", "note_off")]
        return (min(notes), max(notes)) if notes else (0.0, 0.0)


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Every line of the corpus's manifest."""
    with lzma.open(folder / "manifest.jsonl.xz", "rt") as lines:
        return [json.loads(line) for line in lines]


def unpack(folder: Path, target: Path) -> None:
    """Unpack every group of the corpus below ``target``; groups already there are kept."""
    target.mkdir(parents=True, exist_ok=True)
    for archive in sorted(folder.glob("corpus-*.tar.xz")):
        done = target / f".{archive.name}.done"
        if done.exists():
            continue
        with tarfile.open(archive) as tar:
            for member in tar:  # plain files inside the target only
                inside = (target / member.name).resolve().is_relative_to(target.resolve())
                content = tar.extractfile(member) if member.isfile() and inside else None
                if content is not None:
                    path = target / member.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content.read())
        done.touch()


def read_piece(root: Path, entry: dict[str, Any]) -> Piece:
    """Notes and beats of the manifest's ``entry``, unpacked below ``root``."""
    path = root / entry["path"]
    midi = mido.MidiFile(path, clip=True)
    events, tempi, meter = _flatten(midi)
    if entry["beats_file"]:
        table = np.loadtxt(path.with_suffix(".beats"), ndmin=2)
        beats, numbers = table[:, 0], table[:, 1].astype(np.int64)
    else:
        last = max((e.time for e in events), default=0.0)
        beats = _quarters(tempi, midi.ticks_per_beat, last)
        numbers = np.arange(len(beats)) % meter + 1
    if not entry["downbeats_ok"]:
        numbers = np.zeros(len(beats), np.int64)
    return Piece(events, beats, numbers)


def _flatten(midi: mido.MidiFile) -> tuple[list[Event], list[tuple[int, float, int]], int]:
    """Events in seconds, tempo map as (tick, seconds, microseconds a quarter), beats a bar."""
    tick, seconds, tempo, meter = 0, 0.0, 500_000, 4
    tempi = [(0, 0.0, tempo)]
    events: list[Event] = []
    for message in mido.merge_tracks(midi.tracks):
        tick += message.time
        seconds += mido.tick2second(message.time, midi.ticks_per_beat, tempo)
        if message.type == "set_tempo":
            tempo = message.tempo
            tempi.append((tick, seconds, tempo))
        elif message.type == "time_signature":
            meter = message.numerator
        elif message.type == "note_on" and message.velocity:
            events.append(
                Event(seconds, "note_on", message.channel, message.note, message.velocity)
            )
        elif message.type in ("note_on", "note_off"):
            events.append(Event(seconds, "note_off", message.channel, message.note))
        elif message.type == "program_change":
            events.append(Event(seconds, "program", message.channel, message.program))
        elif message.type == "control_change":
            events.append(
                Event(seconds, "control", message.channel, message.control, message.value)
            )
        elif message.type == "pitchwheel":
            events.append(Event(seconds, "bend", message.channel, message.pitch))
    return events, tempi, meter


def _quarters(
    tempi: list[tuple[int, float, int]], ticks_per_beat: int, last: float
) -> NDArray[np.float64]:
    """Times of all quarter notes from tick 0 to ``last`` seconds."""
    beats: list[float] = []
    segment = 0
    while not beats or beats[-1] < last:
        tick = len(beats) * ticks_per_beat
        while segment + 1 < len(tempi) and tempi[segment + 1][0] <= tick:
            segment += 1
        at, seconds, tempo = tempi[segment]
        beats.append(seconds + (tick - at) * tempo / ticks_per_beat / 1e6)
    return np.array(beats)
