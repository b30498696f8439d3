"""Render the MIDI corpus to feature shards with FluidSynth and several soundfonts.

    python -m training.render --data MIDI_FOLDER --work FOLDER --hours 40 --jobs 2

Every shard is seeded by its own number, so a run can be stopped and started again, and any
number of jobs gives the same data.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import fluidsynth
import numpy as np
from numpy.typing import NDArray
from pedalboard import (
    Compressor,
    Convolution,
    Distortion,
    Gain,
    HighpassFilter,
    Limiter,
    LowpassFilter,
    MP3Compressor,
    Pedalboard,
    Reverb,
)

from rtbeat.features import FeatureConfig, MelStream
from training.midi import Event, Piece, read_manifest, read_piece, unpack
from training.shards import Excerpt, ShardWriter, to_log

FloatArray = NDArray[np.float64]

SAMPLE_RATE = 24_000
PIECES_A_SHARD = 40
SECONDS = 40.0
# each with its share; the last one sounds like an old game
SOUNDFONTS = {
    "/usr/share/sounds/sf2/FluidR3_GM.sf2": 0.32,
    "/usr/share/sounds/sf2/TimGM6mb.sf2": 0.2,
    "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3": 0.25,
    "/usr/share/sounds/sf3/FluidR3Mono_GM.sf3": 0.15,
    "/usr/share/sounds/sf2/OPL-3_FM_128M.sf2": 0.08,
}
# share of each group in the rendered hours, 1 for others; bands first, then what has no drums
WEIGHTS = {
    "rock": 14, "pop": 14, "country": 8, "rnb": 6, "hiphop": 5, "mma": 8, "webmidi": 9,
    "classic_web": 7, "game": 4, "groove": 4, "riddim": 2, "pianode": 5, "asap": 6,
    "pop909p": 3, "pop909q": 1, "score": 4, "folk": 2, "nottingham": 1, "vienna": 1,
}  # fmt: skip
# performances are measured on the works of a composer that no piece to train on is by
KEPT_OUT = re.compile(r"(^|[/_])schub", re.IGNORECASE)
DRUMS = 9
DRUM_KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40)
# programs that speak too late to mark a beat: organ pipes, strings, ensembles, pads
SLOW_PROGRAMS = frozenset([*range(40, 45), *range(48, 55), *range(72, 80), *range(88, 96), 19, 20])
QUICK_PROGRAMS = (0, 1, 4, 5, 6, 11, 12, 24, 25, 26, 27, 45, 46)
SHORTEST = 0.01  # seconds of a note, however its beginning is varied
LAYERS = (0, 1, 4, 16, 24, 25, 27, 29, 30, 48, 52, 61, 62, 65, 80, 81)


class Synth:
    """FluidSynth with every soundfont loaded once."""

    def __init__(self, soundfonts: dict[str, float]):
        self._synth = fluidsynth.Synth(gain=0.4, samplerate=SAMPLE_RATE)
        self._synth.setting("synth.polyphony", 160)
        found = [font for font in soundfonts if Path(font).exists()]
        self._fonts = [self._synth.sfload(font) for font in found]
        if not self._fonts:
            raise SystemExit("no soundfont found: install fluid-soundfont-gm or timgm6mb-soundfont")
        shares = np.array([soundfonts[font] for font in found])
        self._shares = shares / shares.sum()
        self._chosen = [self._fonts[0]] * 16  # of each channel

    def close(self) -> None:
        """Free its memory; nothing can be played after."""
        self._synth.delete()

    def play(
        self, events: list[Event], seconds: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Mono float32 audio of ``events``, which start at 0 and are sorted by time."""
        synth = self._synth
        synth.system_reset()
        synth.set_reverb(rng.uniform(0.1, 0.9), rng.uniform(0, 1), 0.5, rng.uniform(0, 0.9))
        synth.set_chorus(3, rng.uniform(0, 2), 0.3, 8.0, 0)
        main = self._font(rng)
        for channel in range(16):
            mixed = self._font(rng)
            self._chosen[channel] = mixed if rng.random() < 0.3 else main
            self._program(channel, int(rng.choice(DRUM_KITS)) if channel == DRUMS else 0)
        parts, position = [], 0
        for event in events:
            due = int(event.time * SAMPLE_RATE) // 64 * 64
            if due > position:
                parts.append(synth.get_samples(due - position))
                position = due
            self._send(event)
        parts.append(synth.get_samples(max(64, int(seconds * SAMPLE_RATE) - position)))
        stereo = np.concatenate(parts).reshape(-1, 2).astype(np.float32) / 32768.0
        return stereo.mean(axis=1)[: int(seconds * SAMPLE_RATE)]

    def _font(self, rng: np.random.Generator) -> int:
        return int(self._fonts[rng.choice(len(self._fonts), p=self._shares)])

    def _program(self, channel: int, program: int) -> None:
        """An instrument, or a drum kit, of the channel's soundfont; the first one where it lacks
        this one. A plain program change would take it from the soundfont loaded last."""
        font, bank = self._chosen[channel], 128 if channel == DRUMS else 0
        known = self._synth.sfpreset_name(font, bank, program) is not None
        self._synth.program_select(channel, font, bank, program if known else 0)

    def _send(self, event: Event) -> None:
        synth = self._synth
        if event.kind == "note_on":
            synth.noteon(event.channel, event.a, event.b)
        elif event.kind == "note_off":
            synth.noteoff(event.channel, event.a)
        elif event.kind == "program":
            self._program(event.channel, event.a)
        elif event.kind == "control":
            synth.cc(event.channel, event.a, event.b)
        else:
            synth.pitch_bend(event.channel, event.a)


def excerpt_events(
    piece: Piece, start: float, stretch: float, rng: np.random.Generator, quicken: bool
) -> list[Event]:
    """Events of the piece from ``start`` on, at 0, stretched in time and varied as players vary.

    Programs and controllers before ``start`` are kept (at 0), notes before it are dropped.
    """
    transpose = int(rng.integers(-4, 5))
    drumless = rng.random() < 0.12 and any(
        e.kind == "note_on" and e.channel != DRUMS for e in piece.events
    )
    loose = rng.choice([0.0, 0.003, 0.008])
    loudness = rng.uniform(0.75, 1.25, 16)
    loudness[rng.random(16) < 0.06] = 0.0
    out: list[Event] = []
    # by channel and key: when it was last struck, and which event ended it
    struck: dict[tuple[int, int], float] = {}
    ended: dict[tuple[int, int], int] = {}
    for event in piece.events:
        early = event.time < start
        if event.channel == DRUMS and drumless:
            continue
        if event.kind in ("note_on", "note_off"):
            if early:
                continue
            key = event.a if event.channel == DRUMS else min(127, max(0, event.a + transpose))
            time, note = (event.time - start) * stretch, (event.channel, key)
            if event.kind == "note_on":
                velocity = int(min(127, event.b * loudness[event.channel]))
                if velocity < 1:
                    continue
                time = max(0.0, time + rng.normal(0.0, loose))
                # the end of the note before would silence this one if it came after its beginning
                if note in ended and out[ended[note]].time > time:
                    out[ended[note]] = replace(out[ended[note]], time=time)
                struck[note] = time
                out.append(Event(time, "note_on", event.channel, key, velocity))
            else:
                time = max(time, struck.get(note, 0.0) + SHORTEST)
                ended[note] = len(out)
                out.append(Event(time, "note_off", event.channel, key))
            continue
        time = 0.0 if early else (event.time - start) * stretch
        if event.kind == "program" and event.channel != DRUMS:
            out.append(Event(time, "program", event.channel, _program(event.a, rng, quicken)))
        elif event.kind in ("control", "bend"):
            out.append(Event(time, event.kind, event.channel, event.a, event.b))
    return sorted(out, key=lambda e: e.time)


def time_warp(seconds: float, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A tempo that is not steady: a map of time as two rising arrays (before, after), equal at 0.

    It sways (players), ramps (accelerando, ritardando) or steps; most excerpts stay as they are.
    """
    before = np.linspace(0.0, seconds, max(2, int(seconds * 10)))
    log_rate = np.zeros(len(before))
    kind = rng.random()
    if kind < 0.25:
        for _ in range(2):
            length = np.exp(rng.uniform(np.log(3.0), np.log(20.0)))
            wave = np.sin(2 * np.pi * (before / length + rng.random()))
            log_rate += rng.uniform(0.0, 0.06) * wave
    elif kind < 0.32:
        log_rate = np.interp(before, [0.0, seconds], rng.uniform(-0.2, 0.2, 2))
    elif kind < 0.35:
        log_rate[before > rng.uniform(0.3, 0.7) * seconds] = rng.uniform(-0.3, 0.3)
    slow = np.exp(0.5 * (log_rate[1:] + log_rate[:-1])) * np.diff(before)
    return before, np.concatenate(([0.0], np.cumsum(slow)))


def layered(events: list[Event], rng: np.random.Generator) -> list[Event]:
    """One instrument doubled by another on a free channel, a little late and out of tune, as bands
    and arrangers do; in a quarter of the excerpts."""
    channels = {e.channel for e in events if e.kind == "note_on"}
    sources = sorted(channels - {DRUMS})
    free = sorted(set(range(16)) - channels - {DRUMS})
    if not sources or not free or rng.random() > 0.25:
        return events
    source, target = int(rng.choice(sources)), free[0]
    late, octave = rng.uniform(0.0, 0.012), int(rng.choice([-12, 0, 0, 0, 12]))
    setting = [
        Event(0.0, "program", target, int(rng.choice(LAYERS))),
        Event(0.0, "bend", target, int(rng.uniform(-800, 800))),
    ]
    double = [
        Event(e.time + late, e.kind, target, min(127, max(0, e.a + octave)), e.b)
        for e in events
        if e.channel == source and e.kind in ("note_on", "note_off")
    ]
    # a channel that plays nothing may still be set, to another instrument
    others = [e for e in events if e.channel != target]
    return setting + sorted(others + double, key=lambda e: e.time)


def _program(program: int, rng: np.random.Generator, quicken: bool) -> int:
    """Another instrument of the same family at times; a quick one instead of a slow one."""
    if quicken and program in SLOW_PROGRAMS:
        return int(rng.choice(QUICK_PROGRAMS))
    if rng.random() < 0.5:
        return program
    other = program // 8 * 8 + int(rng.integers(8))
    return program if other in SLOW_PROGRAMS else other


def room_response(rng: np.random.Generator) -> NDArray[np.float32]:
    """Impulse response of a small or large room: the direct sound, then noise that dies away."""
    decay = np.exp(rng.uniform(np.log(0.04), np.log(0.25)))  # seconds to 1/e
    time = np.arange(int(4 * decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.normal(size=len(time)) * np.exp(-time / decay)
    tail *= (time > rng.uniform(0.002, 0.02)) * rng.uniform(0.1, 1.0) / np.linalg.norm(tail)
    tail[0] = 1.0
    return tail.astype(np.float32)


def heard_through(rng: np.random.Generator) -> list[Any]:
    """A room and a microphone, a small loudspeaker, a codec; each at times."""
    chain: list[Any] = []
    if rng.random() < 0.2:
        # it scales every response to the same energy, 18 dB under the direct sound's
        chain += [Convolution(room_response(rng), 1.0, SAMPLE_RATE), Gain(18)]
    if rng.random() < 0.08:
        chain += [HighpassFilter(rng.uniform(150, 500)), LowpassFilter(rng.uniform(3000, 8000))]
    if rng.random() < 0.08:
        chain.append(MP3Compressor(rng.uniform(4.0, 9.5)))
    return chain


def master(audio: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """What a mix goes through: room, saturation, compression, level; then what it is heard
    through."""
    chain: list[Any] = []
    if rng.random() < 0.25:
        chain.append(
            Reverb(
                room_size=rng.uniform(0.1, 0.8), wet_level=rng.uniform(0.05, 0.35), dry_level=0.8
            )
        )
    if rng.random() < 0.15:
        chain += [Distortion(drive_db=rng.uniform(3, 18)), Gain(-6)]
    if rng.random() < 0.4:
        chain.append(
            Compressor(
                threshold_db=rng.uniform(-35, -15),
                ratio=rng.uniform(2, 8),
                attack_ms=rng.uniform(1, 20),
                release_ms=rng.uniform(50, 300),
            )
        )
    peak = float(np.abs(audio).max()) or 1.0
    audio = audio * (10 ** (rng.uniform(-12, -1) / 20) / peak)
    if rng.random() < 0.3:
        chain.append(Limiter(threshold_db=rng.uniform(-12, -2)))
    chain += heard_through(rng)
    return np.asarray(Pedalboard(chain)(audio, SAMPLE_RATE), np.float32) if chain else audio


def render_excerpt(
    synth: Synth, root: Path, entry: dict[str, Any], config: FeatureConfig, rng: np.random.Generator
) -> Excerpt | None:
    """One excerpt of the piece, or None where it has too few beats to learn from."""
    piece = read_piece(root, entry)
    first, last = piece.span
    stretch = float(np.exp(rng.uniform(np.log(0.84), np.log(1.19))))
    length = SECONDS / stretch
    start = max(0.0, rng.uniform(first - 0.3, max(first, last - length)))
    seconds = min(SECONDS, (last - start) * stretch)
    quicken = not entry["has_drums"] and rng.random() < 0.7
    warp = time_warp(seconds, rng)
    events = [
        replace(e, time=float(np.interp(e.time, *warp)))
        for e in layered(excerpt_events(piece, start, stretch, rng, quicken), rng)
        if e.time < seconds
    ]
    seconds = float(warp[1][-1])
    if seconds < 12.0 or sum(e.kind == "note_on" for e in events) < 20:
        return None
    audio = master(synth.play(events, seconds, rng), rng)
    mel = MelStream(config, SAMPLE_RATE).process(audio)
    beats = (piece.beats - start) * stretch
    inside = (beats >= 0.0) & (beats <= warp[0][-1])
    beats, numbers = np.interp(beats[inside], *warp) * config.frame_rate, piece.numbers[inside]
    begin = np.interp((first - start) * stretch, *warp) * config.frame_rate
    inside = (beats >= begin - 2) & (beats < len(mel))
    if inside.sum() < 8:
        return None
    return Excerpt(
        entry["id"],
        to_log(mel),
        beats[inside],
        numbers[inside],
        (0, len(mel)),
        entry["group"],
    )


_worker: dict[str, Any] = {}


def is_kept_out(entry: dict[str, Any]) -> bool:
    """Whether the piece is kept for `benchmarks`, never rendered to train on."""
    return bool(KEPT_OUT.search(entry.get("source_path", "")))


def _start(root: Path, out: Path, manifest: list[dict[str, Any]]) -> None:
    # this one plays nothing: while it lives the soundfonts stay loaded, others are made at once
    _worker.update(keeper=Synth(SOUNDFONTS), root=root, out=out, groups={})
    for entry in manifest:
        if is_kept_out(entry):
            continue
        _worker["groups"].setdefault(entry["group"], []).append(entry)


def _render_shard(number: int) -> str:
    path = _worker["out"] / f"midi-{number:04d}.npz"
    if path.exists():
        return f"{path.name} kept"
    rng = np.random.default_rng([21, number])
    groups = _worker["groups"]
    names = [*(g for g in WEIGHTS if g in groups), *(g for g in groups if g not in WEIGHTS)]
    shares = np.array([WEIGHTS.get(name, 1.0) for name in names])
    writer = ShardWriter(path)
    config = FeatureConfig()
    # no reset brings a synthesizer back to where it began: each shard has its own
    synth = Synth(SOUNDFONTS)
    while len(writer.excerpts) < PIECES_A_SHARD:
        group = names[rng.choice(len(names), p=shares / shares.sum())]
        entry = groups[group][rng.integers(len(groups[group]))]
        excerpt = render_excerpt(synth, _worker["root"], entry, config, rng)
        if excerpt is not None:
            writer.add(excerpt)
    synth.close()
    writer.close()
    frames = sum(len(e.mel) for e in writer.excerpts)
    return f"{path.name} {frames / config.frame_rate / 60:.1f} min"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the MIDI corpus")
    parser.add_argument("--work", type=Path, required=True, help="where shards are written")
    parser.add_argument("--hours", type=float, default=40.0)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    unpack(args.data, args.work / "midi")
    shards = int(np.ceil(args.hours * 3600 / (PIECES_A_SHARD * SECONDS)))
    start = (args.work / "midi", args.work / "shards", read_manifest(args.data))
    with multiprocessing.Pool(args.jobs, _start, start) as pool:
        for line in pool.imap(_render_shard, range(shards)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
