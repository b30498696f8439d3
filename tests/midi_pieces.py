"""Plain MIDI pieces for tests."""

from __future__ import annotations

from pathlib import Path

import mido

TICKS = 480  # a quarter note


def metronome(path: Path, beats: int = 40, tempo: float = 100.0, meter: int = 4) -> None:
    """Side stick on every quarter note, louder on the first of a bar; a bass note with it."""
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("time_signature", numerator=meter, denominator=4))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    for beat in range(beats):
        velocity = 120 if beat % meter == 0 else 90
        for channel, note in ((9, 37), (0, 40)):
            track.append(mido.Message("note_on", channel=channel, note=note, velocity=velocity))
        for channel, note, wait in ((9, 37, TICKS // 4), (0, 40, 0)):
            track.append(mido.Message("note_off", channel=channel, note=note, time=wait))
        track.append(mido.Message("note_on", channel=0, note=0, velocity=0, time=TICKS * 3 // 4))
    save(path, track)


def save(path: Path, *tracks: mido.MidiTrack) -> None:
    """Write a file of such tracks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(ticks_per_beat=TICKS, tracks=list(tracks)).save(path)


def entry(path: str, **changes: object) -> dict[str, object]:
    """What the corpus's manifest tells of a piece."""
    plain = {"id": Path(path).stem, "group": "folk", "path": path, "has_drums": True}
    return {**plain, "beats_file": False, "downbeats_ok": True, **changes}
