"""The benchmark of varying tempo: what it plays, and that it measures what `rtbeat.track` gives."""

from __future__ import annotations

import json

import numpy as np
import pytest

import rtbeat
from rtbeat.model import BeatModel
from tests.needs import require

require("fluidsynth", 'pip install "rtbeat[train]" and FluidSynth')

from benchmarks import varying  # noqa: E402
from training.midi import Event, Piece  # noqa: E402
from training.render import SAMPLE_RATE, is_kept_out  # noqa: E402


def test_a_ramp_goes_evenly_from_one_tempo_to_the_other():
    beats = varying.ramp(80.0, 140.0, 6)
    tempi = 60.0 / np.diff(beats)
    assert len(beats) == 25
    np.testing.assert_allclose(tempi[[0, -1]], [80.0, 140.0])
    np.testing.assert_allclose(np.diff(tempi), 60.0 / 23)


def test_there_and_back_is_steady_around_a_quick_ramp():
    tempi = 60.0 / np.diff(varying.there_and_back(150.0, 90.0, 12))
    np.testing.assert_allclose(tempi[:16], 150.0)
    np.testing.assert_allclose(tempi[-16:], 90.0)
    assert (np.diff(tempi[16:32]) < 0).all()


def test_a_performance_is_played_as_written_with_its_settings():
    events = [
        Event(0.5, "program", 0, 4),
        Event(1.0, "note_on", 0, 60, 80),
        Event(2.0, "note_on", 0, 62, 80),
        Event(9.0, "note_on", 0, 64, 80),
    ]
    piece = Piece(events, np.arange(3.0), np.zeros(3, np.int64))
    played = varying.as_written(piece, 1.5, 5.0)
    assert [(e.time, e.kind, e.a) for e in played] == [(0.0, "program", 4), (0.5, "note_on", 62)]


@pytest.mark.parametrize(
    ("path", "kept"),
    [("Schubert/Impromptu/1.mid", True), ("schub_d960_2.mid", True), ("Schumann/a.mid", False)],
)
def test_one_composer_is_kept_out_of_training(path, kept):
    assert is_kept_out({"source_path": path}) == kept


def test_every_decoder_is_measured_and_the_filter_is_that_of_track(tmp_path):
    assert varying.main(["--pieces", "1", "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "varying.json").read_text())
    assert list(results["sets"]) == list(varying.RAMPS)
    systems = results["sets"]["accelerando 80 to 140"]
    assert list(systems) == [*(f"offline {name}" for name in varying.OFFLINE), "online filter"]
    assert systems["offline filter"]["mean"]["F"] > 0.9
    assert systems["offline filter"]["mean"]["F"] > systems["offline constant tempo"]["mean"]["F"]
    music = next(varying.ramps(1))
    runs = dict(varying.decode(music, BeatModel.load()))
    beats = rtbeat.track(music.audio, SAMPLE_RATE)
    np.testing.assert_array_equal(runs["filter"].times, beats.times)
