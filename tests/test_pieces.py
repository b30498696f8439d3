"""Pieces made by the benchmark: their beats are where it says, their breaks are silent."""

from __future__ import annotations

import numpy as np
import pytest

from tests.needs import require, require_soundfont

require("fluidsynth", "apt install libfluidsynth3 && pip install pyfluidsynth")
require("pedalboard", "pip install pedalboard")
require("mido", "pip install mido")
require_soundfont()

from benchmarks import changes, scenes  # noqa: E402
from benchmarks.pieces import STYLES, Band, each_style, joined, steady  # noqa: E402
from training.render import SAMPLE_RATE  # noqa: E402


@pytest.fixture(scope="module")
def band():
    return Band()


def loudness(audio, start, stop):
    return float(
        np.sqrt((audio[round(start * SAMPLE_RATE) : round(stop * SAMPLE_RATE)] ** 2).mean())
    )


def test_joined_parts_share_a_beat():
    beats = joined(steady(100.0, 2), steady(130.0, 1))
    assert np.diff(beats) == pytest.approx([0.6] * 8 + [60 / 130] * 4)


def test_every_style_sounds_on_its_first_beat(band):
    for style in STYLES:
        piece = band.play(style, steady(120.0, 2), seed=1)
        assert loudness(piece.audio, 0.0, 0.4) < 0.01 * loudness(piece.audio, 0.5, 1.0)
        assert len(piece.beats) == 8


def test_pieces_come_in_all_styles():
    assert [style for style, _ in each_style(12)][:10] == list(STYLES)
    assert len(set(each_style(12))) == 12


def test_the_break_is_as_asked(band):
    silent, pad, room = (scenes.with_break(band, "rock", 3, kind) for kind in scenes.BREAKS)
    inside = silent.start + 1.0, silent.stop - 0.1
    assert loudness(silent.audio, *inside) == 0.0
    assert loudness(room.audio, *inside) == pytest.approx(scenes.ROOM, rel=0.05)
    assert loudness(pad.audio, *inside) > 2 * scenes.ROOM
    for scene in (silent, pad, room):
        assert np.diff(scene.beats) == pytest.approx(np.diff(scene.beats)[0])
        assert loudness(scene.audio, scene.stop, scene.stop + 0.3) > 0.02


def test_another_song_has_another_tempo(band):
    scene = scenes.other_song(band, "pop", "funk", 5)
    before, after = np.diff(scene.beats)[0], np.diff(scene.beats)[-1]
    assert abs(np.log(before / after)) >= 0.08
    assert (scene.beats > scene.start).sum() == 40


def test_the_benchmark_judges_a_step(band):
    scene = scenes.step(band, "rock", 0, 100.0, 130.0)
    row = changes.measure("step 100 to 130", scene, {})
    assert row["beats"] <= 6
    made = {"python": "", "numpy": "", "numba": "", "cpu": "", "cores": ""}
    results = {"pieces": [row], "false beats": {}, "version": "", "date": "", "machine": made}
    assert f"| step 100 to 130 | {row['beats']} |" in changes.page(results)
