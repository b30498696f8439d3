"""Rendering MIDI pieces to excerpts: beats stay on the sound, a seed gives the same music."""

from __future__ import annotations

import numpy as np
import pytest

from tests.needs import require, require_soundfont

INSTALL = 'pip install ".[train]"'
require("mido", INSTALL)
require("pedalboard", INSTALL)
require("fluidsynth", f"{INSTALL} and apt install libfluidsynth3")
SOUNDFONT = require_soundfont()

from rtbeat.features import FeatureConfig  # noqa: E402
from tests.midi_pieces import entry, metronome  # noqa: E402
from training import render  # noqa: E402
from training.midi import Event, Piece  # noqa: E402
from training.shards import read_shard  # noqa: E402

CONFIG = FeatureConfig()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("pieces")
    metronome(path / "a.mid", beats=60, tempo=100.0)
    metronome(path / "short.mid", beats=12, tempo=120.0)
    return path


def rendered(root, seed, name="a.mid"):
    """An excerpt from a synthesizer of its own."""
    synth = render.Synth({SOUNDFONT: 1.0})
    rng = np.random.default_rng(seed)
    excerpt = render.render_excerpt(synth, root, entry(name), CONFIG, rng)
    synth.close()
    return excerpt


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_beats_lie_on_the_rises_of_the_sound(root, seed):
    excerpt = rendered(root, seed)
    assert 12 * 50 <= len(excerpt.mel) <= 40 * 50
    assert len(excerpt.beats) >= 40
    level = np.log1p(1e4 * np.exp(excerpt.mel.astype(float) / 2))
    rise = np.maximum(0.0, np.diff(level, axis=0, prepend=level[:1])).sum(1)
    for beat in excerpt.beats.astype(int):
        first = max(0, beat - 8)  # half of the shortest beat is 12 frames
        onset = first + np.argmax(rise[first : beat + 9])
        assert abs(onset - beat) <= 2
    bar = np.flatnonzero(excerpt.numbers == 1)
    assert (np.diff(bar) == 4).all()


def test_another_tempo_for_each_excerpt_never_too_far_from_the_piece(root):
    tempi = [60 * 50 / np.median(np.diff(rendered(root, seed).beats)) for seed in range(1, 6)]
    assert len({round(tempo, 3) for tempo in tempi}) == 5
    assert min(tempi) > 100 / 1.2
    assert max(tempi) < 100 / 0.83


def test_a_seed_gives_the_same_excerpt(root):
    first, again, other = (rendered(root, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.mel, again.mel)
    np.testing.assert_array_equal(first.beats, again.beats)
    assert first.mel.shape != other.mel.shape or (first.mel != other.mel).any()


def test_a_piece_too_short_to_learn_from_gives_nothing(root):
    assert all(rendered(root, seed, "short.mid") is None for seed in range(3))


def test_a_shard_does_not_hang_on_those_rendered_before(root, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "SOUNDFONTS", {SOUNDFONT: 1.0})
    monkeypatch.setattr(render, "PIECES_A_SHARD", 2)
    # a corpus of other groups than the usual ones is as good
    manifest = [entry("a.mid", group="folk"), entry("a.mid", group="my own")]
    for folder, numbers in (("one", [0, 1]), ("two", [1])):
        render._start(root, tmp_path / folder, manifest)
        for number in numbers:
            assert render._render_shard(number).startswith(f"midi-{number:04d}.npz ")
    one, two = (read_shard(tmp_path / folder / "midi-0001.npz") for folder in ("one", "two"))
    assert len(one) == len(two) == 2
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.mel, b.mel)
        np.testing.assert_array_equal(a.beats, b.beats)
    assert render._render_shard(1) == "midi-0001.npz kept"


def piece():
    """A held programme and pedal, then two notes on a drum and two on a flute."""
    events = [
        Event(0.0, "program", 0, 73),
        Event(1.0, "control", 0, 64, 127),
        *(Event(t, "note_on", c, 60, 100) for t in (2.0, 4.0) for c in (0, render.DRUMS)),
        *(Event(t, "note_off", c, 60) for t in (3.0, 5.0) for c in (0, render.DRUMS)),
    ]
    return Piece(sorted(events, key=lambda e: e.time), np.array([2.0, 4.0]), np.array([1, 2]))


@pytest.mark.parametrize("seed", range(5))
def test_an_excerpt_keeps_what_was_set_before_it_and_stretches_the_rest(seed):
    rng = np.random.default_rng(seed)
    events = render.excerpt_events(piece(), 3.5, 2.0, rng, quicken=False)
    assert [(e.time, e.kind) for e in events[:2]] == [(0.0, "program"), (0.0, "control")]
    notes = [e for e in events if e.kind.startswith("note")]
    assert {round(e.time, 1) for e in notes} <= {1.0, 3.0}  # (4 - 3.5) * 2, (5 - 3.5) * 2
    assert len({e.channel for e in notes}) >= 1
    assert events == sorted(events, key=lambda e: e.time)
    assert all(e.a == 60 for e in notes if e.channel == render.DRUMS)  # a drum has no pitch
    assert all(56 <= e.a <= 64 for e in notes if e.channel == 0)


def test_slow_instruments_give_way_where_nothing_else_marks_the_beat():
    programs = {
        e.a
        for seed in range(20)
        for e in render.excerpt_events(piece(), 0.0, 1.0, np.random.default_rng(seed), quicken=True)
        if e.kind == "program"
    }
    assert programs
    assert programs <= set(render.QUICK_PROGRAMS)


def test_mastering_keeps_length_and_stays_finite():
    audio = np.sin(np.arange(24_000) / 10).astype(np.float32)
    for seed in range(20):
        out = render.master(audio, np.random.default_rng(seed))
        assert out.shape == audio.shape
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert 0.01 < np.abs(out).max() < 4.0


def test_without_a_soundfont_it_is_said_which_to_install():
    with pytest.raises(SystemExit, match="install fluid-soundfont-gm or timgm6mb-soundfont"):
        render.Synth({"/nowhere/none.sf2": 1.0})
