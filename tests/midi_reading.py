"""Standard MIDI files read back: seconds of every message, and where a DAW draws bar lines.

Twice, so that a slip in one reader is not taken for a slip in the file: by mido, and by midicsv.
"""

from __future__ import annotations

import csv
import io
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from tests.needs import require

mido = require("mido", "pip install mido")


@dataclass(frozen=True)
class Piece:
    """Seconds of bar lines up to the end, of markers with their text, of notes with their key;
    meters as (seconds, beats, note value); end of the longest track."""

    bars: list[float]
    markers: list[tuple[float, str]]
    notes: list[tuple[float, int]]
    meters: list[tuple[float, int, int]]
    end: float


Event = tuple[int, str, tuple]  # tick, kind, values


def with_mido(data: bytes) -> Piece:
    file = mido.MidiFile(file=io.BytesIO(data))
    events: list[Event] = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                events.append((tick, "tempo", (message.tempo,)))
            elif message.type == "time_signature":
                events.append((tick, "meter", (message.numerator, message.denominator)))
            elif message.type == "marker":
                events.append((tick, "marker", (message.text,)))
            elif message.type == "note_on":
                events.append((tick, "note", (message.note,)))
            elif message.type == "end_of_track":
                events.append((tick, "end", ()))
    return _piece(events, file.ticks_per_beat)


def with_midicsv(program: str, data: bytes) -> Piece:
    text = subprocess.run([program, "-", "-"], input=data, capture_output=True, check=True).stdout
    events: list[Event] = []
    ticks_per_beat = 0
    for _, tick, kind, *values in csv.reader(io.StringIO(text.decode()), skipinitialspace=True):
        if kind == "Header":
            ticks_per_beat = int(values[2])
        elif kind == "Tempo":
            events.append((int(tick), "tempo", (int(values[0]),)))
        elif kind == "Time_signature":
            events.append((int(tick), "meter", (int(values[0]), 2 ** int(values[1]))))
        elif kind == "Marker_t":
            events.append((int(tick), "marker", (values[0],)))
        elif kind == "Note_on_c":
            events.append((int(tick), "note", (int(values[1]),)))
        elif kind == "End_track":
            events.append((int(tick), "end", ()))
    return _piece(events, ticks_per_beat)


def _piece(events: Iterable[Event], ticks_per_beat: int) -> Piece:
    events = sorted(events, key=lambda event: event[0])
    tempi = [(tick, values[0]) for tick, kind, values in events if kind == "tempo"]

    def seconds(tick: int) -> float:
        time, before, tempo = 0.0, 0, 500_000
        for start, following in [*tempi, (tick, 0)]:
            if start >= tick:
                break
            time += (start - before) * tempo / ticks_per_beat / 1e6
            before, tempo = start, following
        return time + (tick - before) * tempo / ticks_per_beat / 1e6

    def found(kind: str) -> list[tuple]:
        return [(seconds(tick), *values) for tick, what, values in events if what == kind]

    end = max(tick for tick, kind, _ in events if kind == "end")
    meters = [(tick, *values) for tick, kind, values in events if kind == "meter"]
    lines: list[int] = []
    for (start, count, note), stop in zip(
        meters, [*(meter[0] for meter in meters[1:]), end], strict=True
    ):
        bar = count * 4 * ticks_per_beat // note
        lines += range(start, max(stop, start + 1), bar)
        # a change of meter elsewhere than on a bar line is drawn in different ways by DAWs
        assert stop == end or (stop - start) % bar == 0
    return Piece(
        [seconds(tick) for tick in lines],
        found("marker"),
        found("note"),
        found("meter"),
        seconds(end),
    )
