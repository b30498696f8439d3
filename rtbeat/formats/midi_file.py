"""Standard MIDI file for a DAW: tempo map, time signatures, markers, and a note on each beat.

Import it together with the audio, both at the start: bar lines then lie on the downbeats. A marker
``bar N`` stands at each downbeat. The notes are wood blocks on the drum channel. Written after the
MIDI Association's "Standard MIDI Files 1.0": format 1, the first track holds the tempo map.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from rtbeat.beat import Beats
from rtbeat.beat_notes import BeatNotes
from rtbeat.formats.tempo_map import TICKS, TempoMap, tempo_map

NAME, MARKER, END, TEMPO, METER = 0x03, 0x06, 0x2F, 0x51, 0x58  # meta events
NOTE_TICKS = TICKS // 4
CLOCKS, THIRTY_SECONDS = 24, 8  # a metronome click, a quarter note

Event = tuple[int, bytes]  # tick, message


def encode(beats: Beats) -> bytes:
    """The file's bytes."""
    music = tempo_map(beats)
    tracks = (_track(_conductor(music), music.end), _track(_notes(music), music.end))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS) + b"".join(tracks)


def _conductor(music: TempoMap) -> list[Event]:
    events = [(0, _meta(NAME, b"tempo map"))]
    for tick, count, note in music.meters:
        values = bytes((count, note.bit_length() - 1, CLOCKS, THIRTY_SECONDS))
        events.append((tick, _meta(METER, values)))
    events += [(tick, _meta(TEMPO, tempo.to_bytes(3, "big"))) for tick, tempo in music.tempi]
    downbeats = (tick for tick, number in music.beats if number == 1)
    return events + [
        (tick, _meta(MARKER, f"bar {bar}".encode())) for bar, tick in enumerate(downbeats, 1)
    ]


def _notes(music: TempoMap) -> list[Event]:
    events = [(0, _meta(NAME, b"beats"))]
    player = BeatNotes()
    for tick, number in music.beats:
        events += [(tick, message) for message in player.strike(number)]
        events += [(tick + NOTE_TICKS, message) for message in player.release()]
    return events


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + _variable(len(data)) + data


def _track(events: Iterable[Event], end: int) -> bytes:
    """A track of events in any order; it ends at ``end``, or with the last event."""
    data, now = bytearray(), 0
    ordered = sorted(events, key=lambda event: event[0])  # stable: the order at one tick is kept
    last = (max(end, ordered[-1][0]), _meta(END, b""))
    for tick, message in [*ordered, last]:
        data += _variable(tick - now) + message
        now = tick
    return b"MTrk" + struct.pack(">I", len(data)) + bytes(data)


def _variable(value: int) -> bytes:
    """A variable-length quantity: seven bits a byte, the highest first."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(0x80 | value & 0x7F)
    return bytes(reversed(parts))
