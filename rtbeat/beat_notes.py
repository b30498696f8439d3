"""MIDI notes on the beats: what a drum machine or a light desk without a clock input can follow."""

from __future__ import annotations

DRUMS = 9  # MIDI channel 10
DOWNBEAT_NOTE, BEAT_NOTE = (76, 127), (77, 100)  # General MIDI high and low wood block, velocity


class BeatNotes:
    """One note at a time on the drum channel; each is ended before the next begins.

    Thread: any one. Realtime-safe: no (Python).
    """

    def __init__(self) -> None:
        self._sounding: int | None = None

    def strike(self, number: int) -> list[bytes]:
        """The note of a beat; ``number`` is its place in the bar, 1 = downbeat."""
        note, velocity = DOWNBEAT_NOTE if number == 1 else BEAT_NOTE
        messages = [*self.release(), bytes((0x90 | DRUMS, note, velocity))]
        self._sounding = note
        return messages

    def release(self) -> list[bytes]:
        """End the note that sounds, if one does."""
        if self._sounding is None:
            return []
        off = bytes((0x80 | DRUMS, self._sounding, 0))
        self._sounding = None
        return [off]
