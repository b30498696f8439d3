"""A song becomes what a DAW needs to follow it: a MIDI file with a tempo map, and a click track.

    python examples/daw_import.py song.mp3 [FOLDER]

Put the song at the very start of the project and import ``song.mid`` there with its tempo map (most
programs ask); ``song.click.wav`` beside it tells your ears whether it fits. docs/files.md has more.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rtbeat
from rtbeat.audio import read_audio, write_audio
from rtbeat.click import render_clicks


def convert(song: Path, folder: Path) -> tuple[Path, Path]:
    """Track a song and write both files; their paths."""
    samples, rate = read_audio(song)
    beats = rtbeat.track(samples, rate)
    midi, clicks = folder / f"{song.stem}.mid", folder / f"{song.stem}.click.wav"
    beats.save(midi)
    write_audio(clicks, render_clicks(beats.times, beats.numbers, rate, len(samples)), rate)
    print(f"{song.name}: {len(beats.times)} beats, {beats.tempo:.1f} BPM")
    return midi, clicks


def main() -> None:
    if len(sys.argv) not in (2, 3):
        raise SystemExit("usage: daw_import.py SONG [FOLDER]")
    song = Path(sys.argv[1])
    folder = Path(sys.argv[2]) if len(sys.argv) == 3 else song.parent
    try:
        for path in convert(song, folder):
            print(path)
    except rtbeat.AudioFileError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
