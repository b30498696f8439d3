"""Two published collections in the layout of :mod:`training.songs`.

    python -m training.collections gtzan --audio DIR --annotations DIR --out DIR
    python -m training.collections ballroom --audio DIR --annotations DIR --out DIR

Both folders are searched with everything below them, so the archives may lie as they unpack:

* GTZAN (G. Tzanetakis, P. Cook, "Musical genre classification of audio signals", IEEE TSAP 10(5),
  2002): ``genres/blues/blues.00000.au``, or ``Data/genres_original/blues/blues.00000.wav`` as
  Kaggle has it.
  Beats: GTZAN-Rhythm (U. Marchand, Q. Fresnel, G. Peeters, ISMIR late-breaking 2015),
  ``jams/blues.00000.wav.jams``; or ``gtzan_blues_00000.beats`` of github.com/superbock/ISMIR2019.
* Ballroom (F. Gouyon et al., "An experimental comparison of audio tempo induction algorithms", IEEE
  TASLP 14(5), 2006): ``BallroomData/ChaChaCha/Albums-Cafe_Paradiso-05.wav``. Beats (F. Krebs,
  S. Boeck, G. Widmer, ISMIR 2013): ``BallroomAnnotations/Albums-Cafe_Paradiso-05.beats``; or the
  same with ``ballroom_`` in front, from superbock/ISMIR2019, where 13 repeated songs are left out.

The folder written holds links to the audio, or copies where links are not possible.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from training.annotations import Beat, read_beats_text, read_jams
from training.songs import AUDIO_SUFFIXES

READERS = {".jams": read_jams, ".beats": read_beats_text}
BROKEN = {"jazz.00054": "its audio is damaged in the published collection"}


@dataclass(frozen=True)
class Layout:
    """How a collection names its files; ``identify`` gives a song's id, or None for another file.

    ``describe`` gives what the index tells of a song besides its id.
    """

    identify: Callable[[Path], str | None]
    describe: Callable[[str, Path], dict[str, str]]


def _gtzan_id(path: Path) -> str | None:
    match = re.fullmatch(r"(?:gtzan_)?([a-z]+)[._](\d{5})(?:\.wav|\.au)?", path.stem)
    return f"{match[1]}.{match[2]}" if match else None


def _gtzan_entry(song: str, audio: Path) -> dict[str, str]:
    return {"genre": song.split(".")[0]}


def _ballroom_id(path: Path) -> str | None:
    match = re.fullmatch(r"(?:ballroom_)?((?:Albums|Media)-.+)", path.stem)
    return match[1] if match else None


def _ballroom_entry(song: str, audio: Path) -> dict[str, str]:
    # songs of an album belong to one side of the validation split: some are there twice
    album = re.sub(r"-\d+$", "", song) if song.startswith("Albums-") else song
    return {"genre": audio.parent.name, "group": f"ballroom:{album}"}


LAYOUTS = {
    "gtzan": Layout(_gtzan_id, _gtzan_entry),
    "ballroom": Layout(_ballroom_id, _ballroom_entry),
}


def find(folder: Path, suffixes: Iterable[str], layout: Layout) -> dict[str, Path]:
    """Files below ``folder`` by song id, sorted by id; of two for a song the first by path."""
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not a folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in suffixes and path.is_file():
            song = layout.identify(path)
            if song is not None:
                found.setdefault(song, path)
    return dict(sorted(found.items()))


def place(source: Path, target: Path) -> None:
    """Link ``target`` to ``source``, or copy it where the system has no links; atomic."""
    partial = target.with_name(f".{target.name}.part")
    partial.unlink(missing_ok=True)
    try:
        partial.symlink_to(source.resolve())
    except OSError:
        shutil.copyfile(source, partial)
    os.replace(partial, target)


def write_text(path: Path, text: str) -> None:
    """Write a small file, atomically."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def beats_text(beats: list[Beat]) -> str:
    """Beats as lines of ``seconds TAB position in the bar``; the position is left out where 0."""
    return "".join(f"{time:.3f}\t{n}\n" if n else f"{time:.3f}\n" for time, n in sorted(beats))


def prepare(layout: Layout, audio: Path, annotations: Path, out: Path) -> dict[str, list[str]]:
    """Write every song that has both audio and beats to ``out``.

    Returns song ids by what became of them: ``written``, ``broken``, ``no beats``, ``no audio``.
    """
    sounds = find(audio, AUDIO_SUFFIXES, layout)
    labels = find(annotations, READERS, layout)
    result: dict[str, list[str]] = {"written": [], "broken": [], "no beats": [], "no audio": []}
    result["no audio"] = [song for song in labels if song not in sounds and song not in BROKEN]
    index = []
    out.mkdir(parents=True, exist_ok=True)
    for song, sound in sounds.items():
        if song in BROKEN:
            result["broken"].append(song)
            continue
        beats = READERS[labels[song].suffix.lower()](labels[song]) if song in labels else []
        if not beats:
            result["no beats"].append(song)
            continue
        place(sound, out / f"{song}{sound.suffix.lower()}")
        write_text(out / f"{song}.beats", beats_text(beats))
        index.append({"id": song, **layout.describe(song, sound)})
        result["written"].append(song)
    if not index:
        raise SystemExit(
            f"no song has both audio in {audio} ({len(sounds)} found) and beats in {annotations} "
            f"({len(labels)} found); python -m training.collections --help shows the names expected"
        )
    write_text(out / "index.json", json.dumps(index, indent=1))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("collection", choices=sorted(LAYOUTS))
    parser.add_argument("--audio", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--annotations", type=Path, required=True, help="folder of the beats")
    parser.add_argument("--out", type=Path, required=True, help="folder of songs to write")
    args = parser.parse_args()
    try:
        result = prepare(LAYOUTS[args.collection], args.audio, args.annotations, args.out)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    for song in result["broken"]:
        print(f"skipped {song}: {BROKEN[song]}")
    for missing in ("no beats", "no audio"):
        if songs := result[missing]:
            print(f"skipped {len(songs)} with {missing}: {', '.join(songs)}")
    print(f"{args.out}: {len(result['written'])} songs")


if __name__ == "__main__":
    main()
