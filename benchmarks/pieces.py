"""Band pieces made from seeds, with any course of tempo and breaks: music of known beats.

Drums, bass and chords of ten styles, played by FluidSynth with a General MIDI soundfont. The
patterns are written here; seeds choose chords, instruments, variations and fills.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.midi import Event
from training.render import DRUMS, Synth

Float64 = NDArray[np.float64]
Audio = NDArray[np.float32]

# equal shares; the others that training uses ring on from piece to piece
SOUNDFONTS = {
    "/usr/share/sounds/sf2/FluidR3_GM.sf2": 1.0,
    "/usr/share/sounds/sf2/TimGM6mb.sf2": 1.0,
    "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3": 1.0,
}
KICK, SNARE, RIM, HAT, OPEN_HAT, RIDE, CRASH, TOM = 36, 38, 37, 42, 46, 51, 49, 45
BAR = 4  # beats
HUMAN = 0.004  # seconds, standard deviation of a player
TAIL = 1.0  # seconds of sound after the last bar
BASS, CHORDS, PAD = 0, 1, 2


@dataclass(frozen=True)
class Style:
    """Patterns of one bar, a character a sixteenth: ``x`` loud, ``o`` soft, ``.`` nothing.

    swing : where the second eighth of a beat falls, 0.5 straight. programs : General MIDI, of bass
    and chords.
    """

    kick: str
    snare: str
    hat: str
    bass: str
    chords: str
    programs: tuple[tuple[int, ...], tuple[int, ...]]
    swing: float = 0.5
    cymbal: int = HAT
    back: int = SNARE


STYLES = {
    "rock": Style(
        "x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x.",
        "x.x.x.x.x.x.x.x.", "x.......x.......", ((33, 34), (29, 30)),
    ),
    "pop": Style(
        "x.....x.x.......", "....x.......x...", "xoxoxoxoxoxoxoxo",
        "x..x..x.x..x..x.", "x.....x.....x...", ((33, 38), (0, 4)),
    ),
    "disco": Style(
        "x...x...x...x...", "....x.......x...", "..x...x...x...x.",
        "x.o.x.o.x.o.x.o.", "..x...x...x...x.", ((33, 38), (4, 27)), cymbal=OPEN_HAT,
    ),
    "funk": Style(
        "x.....x..x......", "....x..o.o..x..o", "x.xox.xox.xox.xo",
        "x..x....x.x..x..", "....x..x....x...", ((36, 33), (27, 16)),
    ),
    "shuffle": Style(
        "x.......x.......", "....x.......x...", "x.x.x.x.x.x.x.x.",
        "x.x.x.x.x.x.x.x.", "..x...x...x...x.", ((32, 33), (26, 16)), swing=0.66, cymbal=RIDE,
    ),
    "bossa": Style(
        "x..xx..xx..xx..x", "x..x..x...x..x..", "x.x.x.x.x.x.x.x.",
        "x..xx..xx..xx..x", "x..x..x...x..x..", ((32,), (24, 4)), back=RIM,
    ),
    "hiphop": Style(
        "x..x......x.....", "....x.......x...", "x.x.x.x.x.x.xox.",
        "x..x......x.....", "x...............", ((38, 33), (4, 11)), swing=0.56,
    ),
    "country": Style(
        "x.......x.......", "ooxoooxoooxoooxo", "x.x.x.x.x.x.x.x.",
        "x.......x.......", "....x.......x...", ((32, 33), (25, 24)),
    ),
    "reggae": Style(
        "........x.......", "........x.......", "x.x.x.x.x.x.x.x.",
        "..x.x...x..x....", "....x.......x...", ((33, 32), (16, 0)), back=RIM,
    ),
    "ballad": Style(
        "x.........x.....", "........x.......", "x.x.x.x.x.x.x.x.",
        "x.......x.......", "x.x.x.x.x.x.x.x.", ((33, 35), (0, 4)), cymbal=RIDE, back=RIM,
    ),
}  # fmt: skip

PROGRESSIONS = (
    (0, 7, 9, 5), (0, 5, 7, 5), (9, 5, 0, 7), (0, 9, 5, 7), (0, 0, 5, 7), (2, 7, 0, 9),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rendering:
    """Audio mono float32 ``(samples,)`` at ``training.render.SAMPLE_RATE``, peak about 0.5;
    ``beats`` float64 ``(n,)``: their times in seconds, downbeat first, bars of four."""

    audio: Audio
    beats: Float64


def steady(tempo: float, bars: int, start: float = 0.5) -> Float64:
    """Beat times of so many bars at a tempo (BPM), and of the downbeat that ends them."""
    return start + np.arange(bars * BAR + 1) * (60.0 / tempo)


def joined(*parts: Float64) -> Float64:
    """Beat times of parts one after another: each begins where the one before ends."""
    times = parts[0]
    for part in parts[1:]:
        times = np.concatenate((times[:-1], part - part[0] + times[-1]))
    return times


class Band:
    """Plays pieces. Raises ``SystemExit`` where no soundfont is found."""

    def __init__(self) -> None:
        self._synth = Synth(SOUNDFONTS)

    def play(
        self,
        style: str,
        beats: Float64,
        seed: int,
        bars_out: Sequence[int] = (),
        pad: bool = False,
    ) -> Rendering:
        """``style`` over the bars that ``beats`` tell; in ``bars_out`` the band is silent, or
        with ``pad`` only long chords go on."""
        rng = np.random.default_rng(seed)
        score = _Score(STYLES[style], beats, rng)
        for bar in range((len(beats) - 1) // BAR):
            if bar not in bars_out:
                score.bar(
                    bar, fill=(bar + 1) % 4 == 0, crash=bar in (0, *(b + 1 for b in bars_out))
                )
            elif pad:
                score.pad(bar)
        events = sorted(score.events, key=lambda event: event.time)
        audio = self._synth.play(events, float(beats[-1]) + TAIL, rng)
        return Rendering(audio * np.float32(0.5 / max(1e-6, np.abs(audio).max())), beats[:-1])


class _Score:
    """Collects the notes of one piece."""

    def __init__(self, style: Style, beats: Float64, rng: np.random.Generator):
        self.style, self.rng = style, rng
        self._beats = beats
        self._key = int(rng.integers(-5, 7))
        self._chords = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
        bass, chords = (int(rng.choice(programs)) for programs in style.programs)
        self.events = [
            Event(0.0, "program", channel, program)
            for channel, program in ((BASS, bass), (CHORDS, chords), (PAD, 89))
        ]

    def time(self, bar: int, step: float) -> float:
        """Seconds of a sixteenth of a bar, swung."""
        beat, part = divmod(step / 4.0, 1.0)
        swing = self.style.swing
        part = part * 2.0 * swing if part < 0.5 else swing + (part - 0.5) * 2.0 * (1.0 - swing)
        index = bar * BAR + int(beat)
        if index + 1 >= len(self._beats):
            return float(self._beats[-1])
        return float(self._beats[index] + part * (self._beats[index + 1] - self._beats[index]))

    def note(self, bar: int, step: float, length: float, channel: int, key: int, loud: int) -> None:
        start = max(0.0, self.time(bar, step) + self.rng.normal(0.0, HUMAN))
        stop = max(start + 0.05, self.time(bar + int(step + length) // 16, (step + length) % 16))
        loud = int(np.clip(loud + self.rng.integers(-8, 9), 1, 127))
        self.events.append(Event(start, "note_on", channel, key, loud))
        self.events.append(Event(stop, "note_off", channel, key))

    def bar(self, bar: int, fill: bool, crash: bool) -> None:
        style = self.style
        root = self._key + self._chords[bar % 4]
        third = 3 if self._chords[bar % 4] in (9, 2) else 4
        drums = ((style.kick, KICK), (style.snare, style.back), (style.hat, style.cymbal))
        for pattern, key in drums:
            for step, loud in _hits(pattern, self.rng):
                if not (fill and step >= 12 and key != KICK):
                    self.note(bar, step, 1, DRUMS, key, loud)
        for step in (12, 13, 14, 15) if fill else ():
            self.note(bar, step, 1, DRUMS, SNARE if step < 14 else TOM, 85 + 5 * (step - 12))
        if crash:
            self.note(bar, 0, 8, DRUMS, CRASH, 100)
        for step, loud in _hits(style.bass, self.rng):
            fifth = 7 if step and self.rng.random() < 0.25 else 0
            self.note(bar, step, 2, BASS, 36 + (root + fifth) % 12, loud)
        for step, loud in _hits(style.chords, self.rng):
            for interval in (0, third, 7):
                self.note(bar, step, 3, CHORDS, 60 + (root + interval) % 12, loud - 20)

    def pad(self, bar: int) -> None:
        root = self._key + self._chords[bar % 4]
        for interval in (0, 7, 12):
            self.note(bar, 0, 15.9, PAD, 48 + (root + interval) % 24, 60)


def _hits(pattern: str, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Sixteenth and loudness of every hit; soft ones are left out or added now and then."""
    hits = []
    for step, mark in enumerate(pattern):
        ghost = mark == "." and step % 2 == 1 and rng.random() < 0.02
        if mark == "x":
            hits.append((step, 100 if step % 4 == 0 else 88))
        elif (mark == "o" and rng.random() < 0.9) or ghost:
            hits.append((step, 55))
    return hits


def each_style(count: int) -> list[tuple[str, int]]:
    """``count`` pieces as (style, seed), all styles in turn."""
    names = list(STYLES)
    return [(names[i % len(names)], i) for i in range(count)]
