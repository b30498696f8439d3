"""``rtbeat demo``: bundled music through the live engine, beat by beat as it would be on stage."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from rtbeat.cli.outputs import UsageError, check_folder
from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rtbeat import BeatTracker
    from rtbeat.beat import Beat

PIECES = {
    "groove": "a band with drums at a steady 118 BPM",
    "drift": "guitar and electric piano without drums; the tempo goes 84 - 96 - 88 BPM",
    "waltz": "three in a bar at 144 BPM, without drums",
}
SHORT = ("groove",)  # played without --all
LEAD = 0.2  # seconds
BLOCK = 0.01  # seconds of audio at a time, as from a sound card
GAP = 0.5  # seconds of silence between pieces in the click file
CLICK_FILE = "rtbeat-demo.wav"

Show = Callable[["BeatTracker", "list[Beat]"], None]


@dataclass(frozen=True)
class Piece:
    """Bundled music: mono float32 ``(frames,)``; true beats in seconds, float64 ``(n,)``."""

    name: str
    samples: NDArray[np.float32]
    sample_rate: int
    truth: NDArray[np.float64]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "demo",
        help="track bundled music as if live",
        description="Track bundled music as if live: beats are shown as they are announced, then "
        "compared with the true ones, and the music is written with clicks on the beats.",
    )
    add = parser.add_argument
    add("--all", action="store_true", help="every bundled piece")
    add("--fast", action="store_true", help="as fast as it goes, not in real time")
    add("--click", metavar="OUT", help=f"write music with clicks there (default: {CLICK_FILE})")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Play the demo; 0, or 1 where the clicks could not be written."""
    from rtbeat.audio import check_writable

    if args.click is not None:
        try:
            check_writable(os.path.splitext(args.click)[1])
            check_folder(args.click, "--click")
        except (ValueError, UsageError) as error:
            args.parser.error(str(error))
    terminal = Terminal()
    tracks = []
    for name in PIECES if args.all else SHORT:
        piece = load(name)
        terminal.result(f"\n{name}: {PIECES[name]}\n")
        beats = _perform(piece, args.fast, terminal)
        terminal.result(summary(piece, beats))
        tracks.append(with_clicks(piece, beats))
    return _save(tracks, args.click, terminal)


def load(name: str) -> Piece:
    """One bundled piece."""
    from rtbeat.audio import read_audio
    from rtbeat.formats import beats_text

    music = files("rtbeat") / "music"
    with as_file(music / f"{name}.ogg") as path:
        samples, rate = read_audio(path)
    with as_file(music / f"{name}.beats") as path:
        truth, _ = beats_text.read(path)
    return Piece(name, samples[:, 0], rate, truth)


def _perform(piece: Piece, fast: bool, terminal: Terminal) -> list[Beat]:
    """Track one piece and show its beats."""
    from rtbeat import BeatTracker

    with terminal.compile_note():
        tracker = BeatTracker(piece.sample_rate, channels=1, lead=LEAD)
    with terminal.status() as status:

        def show(tracker: BeatTracker, beats: list[Beat]) -> None:
            for beat in beats:
                terminal.result(beat_line(beat))
            status(status_line(tracker))

        if fast:
            return play(tracker, piece, show)
        return play(tracker, piece, show, time.monotonic, time.sleep)


def play(
    tracker: BeatTracker,
    piece: Piece,
    show: Show,
    clock: Callable[[], float] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Beat]:
    """Feed a piece block by block; ``show`` is called after each with the beats announced.

    With a ``clock`` (seconds, monotonic) each block is handed over when its last sample would
    have come in from a microphone; deadlines are absolute, so that lateness does not add up.
    Beats at or past the end are dropped.
    """
    duration = len(piece.samples) / piece.sample_rate
    begin = clock() if clock else 0.0
    played: list[Beat] = []
    for block, end in _blocks(piece):
        if clock and (wait := begin + end - clock()) > 0.0:
            sleep(wait)
        beats = [beat for beat in tracker.process(block) if beat.time < duration]
        played += beats
        show(tracker, beats)
    return played


def _blocks(piece: Piece) -> Iterator[tuple[NDArray[np.float32], float]]:
    """Blocks of ``BLOCK`` seconds, and when each ends."""
    size = round(BLOCK * piece.sample_rate)
    for start in range(0, len(piece.samples), size):
        block = piece.samples[start : start + size]
        yield block, (start + len(block)) / piece.sample_rate


def beat_line(beat: Beat) -> str:
    """One beat, as it is announced."""
    number = f"beat {beat.number}" if beat.number else "beat  "
    mark = "*" if beat.number == 1 else " "
    return (
        f"{beat.time:8.3f} s  {mark} {number}  {beat.tempo:6.1f} BPM  "
        f"{1000 * beat.lead:4.0f} ms ahead  confidence {beat.confidence:.2f}\n"
    )


def status_line(tracker: BeatTracker) -> str:
    """Where the tracker is now."""
    tempo = f"{tracker.tempo:.1f} BPM" if tracker.tempo else "no tempo yet"
    return f"{tracker.time:6.1f} s  {tracker.state.value.lower()}  {tempo}"


def summary(piece: Piece, beats: list[Beat]) -> str:
    """How it went, in a few lines."""
    from rtbeat.cli.scores import score

    scores = score(beats, piece.truth)
    return (
        f"{piece.name}: {len(beats)} beats announced, {len(piece.truth)} are true\n"
        f"  F-measure (within 70 ms)  {scores.f_measure:.3f}\n"
        f"  median offset             {1000 * scores.offset:+.0f} ms (positive: late)\n"
        f"  median lead               {1000 * scores.lead:.0f} ms ahead of the beat\n"
        f"  first beat announced at   {scores.first:.1f} s\n"
    )


def with_clicks(piece: Piece, beats: list[Beat]) -> tuple[NDArray[np.float32], int]:
    """The music with a click where each beat could be heard: not before it was announced."""
    from rtbeat.click import mix_clicks, render_clicks

    times = [max(beat.time, beat.announced_at) for beat in beats]
    numbers = [beat.number for beat in beats]
    clicks = render_clicks(times, numbers, piece.sample_rate, len(piece.samples))
    return mix_clicks(piece.samples, clicks), piece.sample_rate


def _save(
    tracks: list[tuple[NDArray[np.float32], int]], out: str | None, terminal: Terminal
) -> int:
    """Write the clicks; without a wish in this folder, or where that cannot be, a temporary one."""
    import numpy as np

    from rtbeat.audio import write_audio

    rate = tracks[0][1]
    gap = np.zeros(round(GAP * rate), np.float32)
    sound = np.concatenate([part for samples, _ in tracks for part in (samples, gap)])
    try:
        path = CLICK_FILE if out is None else out
        try:
            write_audio(path, sound, rate)
        except OSError:
            if out is not None:
                raise
            path = os.path.join(tempfile.mkdtemp(prefix="rtbeat-"), CLICK_FILE)
            write_audio(path, sound, rate)
    except OSError as error:
        terminal.error(f"{path}: the clicks could not be written: {error.strerror}")
        with contextlib.suppress(OSError):
            if out is None:
                os.rmdir(os.path.dirname(path))
        return 1
    terminal.result(f"\nThe music with clicks on the beats is in {path}\n")
    return 0
