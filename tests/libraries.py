"""Small libraries of songs, and an ffmpeg that takes its process down, for tests of batches."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import soundfile

from rtbeat.batch.songs import Song, find_songs
from rtbeat.batch.work import Settings
from rtbeat.cli import demo
from rtbeat.model import model_digest
from tests.models import TINY, random_model


def library(root: Path, count: int, seconds: float = 6.0) -> Path:
    """A folder of the start of a bundled piece, copied ``count`` times into two subfolders."""
    piece = demo.load("groove")
    first = root / "a" / "song00.ogg"
    for folder in ("a", "b"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    soundfile.write(first, piece.samples[: int(seconds * piece.sample_rate)], piece.sample_rate)
    for index in range(1, count):
        shutil.copy2(first, root / "ab"[index % 2] / f"song{index:02d}.ogg")
    return root


def tiny_model(path: Path) -> Path:
    """A model file that runs fast, and hears beats anywhere."""
    random_model(TINY, gain=3.0).save(path)
    return path


def settings(out: Path, model: Path, **changes: object) -> Settings:
    """Settings of a batch with a model file."""
    values: dict[str, object] = {
        "out": str(out),
        "formats": ("beats",),
        "model": str(model),
        "model_hash": model_digest(model),
        "decoder": "filter",
        "tempo_range": (40.0, 240.0),
        "beats_per_bar": None,
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


def songs(*paths: Path) -> list[Song]:
    """Songs of folders and files."""
    return find_songs([str(path) for path in paths])


def deadly_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on decoding an m4a file kills the process that asks for it, as a system without
    memory would."""
    if os.name == "nt":
        pytest.skip("the stand-in for ffmpeg is a shell script")
    folder.mkdir()
    (folder / "ffmpeg").write_text("#!/bin/sh\nkill -9 $PPID\n")
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
