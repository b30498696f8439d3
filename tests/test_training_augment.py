"""Augmentation on mel power, and features in torch as the package computes them."""

from __future__ import annotations

import numpy as np
import pytest

from rtbeat.features import FeatureConfig, FeatureStream, MelStream
from tests.music import drum_loop
from tests.needs import require

torch = require("torch", 'pip install ".[train]"')

from training.augment import (  # noqa: E402
    SILENCE,
    add_noise,
    add_room,
    augment,
    blank_left,
    change_dynamics,
    damp_bands,
    fade,
    features,
    shift_bands,
    tone_curve,
)
from training.shards import to_log  # noqa: E402

CONFIG = FeatureConfig()
RATE = 22_050
AUDIO = drum_loop(120.0, 2.0, RATE)[0]
MEL = MelStream(CONFIG, RATE).process(AUDIO)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(size):
    return torch.from_numpy(np.repeat(MEL[None], size, 0))


def full_targets(size):
    return torch.ones(size, len(MEL), 2)


def test_features_in_torch_equal_those_of_the_stream():
    streamed = FeatureStream(CONFIG, RATE).process(AUDIO)
    np.testing.assert_allclose(features(batch(2), CONFIG)[1].numpy(), streamed, atol=1e-4)


def test_features_of_stored_mel_power_are_nearly_the_same():
    stored = torch.from_numpy(to_log(MEL)[None]).float().exp()
    streamed = FeatureStream(CONFIG, RATE).process(AUDIO)
    assert np.abs(features(stored, CONFIG)[0].numpy() - streamed).max() < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_augmented_music_keeps_its_shape_and_makes_finite_features(seed):
    log_mel = torch.from_numpy(np.repeat(to_log(MEL)[None], 8, 0))
    log_mel[0] = float(np.log(SILENCE))  # a window of silence
    power, targets = augment(log_mel, full_targets(8), CONFIG, seeded(seed))
    assert power.shape == (8, len(MEL), CONFIG.bands)
    assert targets.shape == (8, len(MEL), 2)
    assert torch.isfinite(power).all()
    assert (power >= 0).all()
    x = features(power, CONFIG)
    assert x.shape == (8, len(MEL), CONFIG.size)
    assert torch.isfinite(x).all()
    assert len({float(item.sum()) for item in x}) == 8  # every item is varied in its own way


def test_a_seed_gives_the_same_variation():
    log_mel = torch.from_numpy(np.repeat(to_log(MEL)[None], 4, 0))
    first, again, other = (
        augment(log_mel, full_targets(4), CONFIG, seeded(s))[0] for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_blanking_silences_the_left_and_asks_for_no_beats_there():
    power, targets = blank_left(batch(400), full_targets(400), seeded())
    silent = (power == SILENCE).all(2)
    length = silent.sum(1)
    assert 0.12 < (length > 0).float().mean() < 0.28
    assert length.max() < len(MEL)  # some music is always left
    for item, frames in enumerate(length):
        assert silent[item, :frames].all()
        assert torch.equal(power[item, frames:], batch(1)[0, frames:])
    assert torch.equal(targets[..., 0] == 0, silent)


def test_no_shift_changes_nothing_and_a_shift_moves_a_peak_up():
    power = torch.zeros(2, 1, CONFIG.bands)
    power[:, 0, 30] = 1.0
    power[:, 0, 75] = 1.0
    moved = shift_bands(power, CONFIG, torch.tensor([0.0, 7 / 60]))  # one of the 60 bands
    assert torch.equal(moved[0], power[0])
    assert moved[1, 0, :60].argmax() == 31
    assert moved[1, 0, 60:].argmax() in (15, 16)  # half of one of the 30 bands
    assert torch.allclose(moved[1].sum(), torch.tensor(2.0))


def test_a_tone_curve_is_a_gain_for_every_band():
    gain = tone_curve(CONFIG, 50, seeded())
    assert gain.shape == (50, CONFIG.bands)
    assert (gain > 0).all()


def test_noise_only_adds_and_leaves_most_items_alone():
    noisy = add_noise(batch(60), CONFIG, seeded())
    added = noisy - batch(60)
    assert (added >= 0).all()
    assert 0.15 < (added.sum((1, 2)) > 0).float().mean() < 0.55


def changed(before, after):
    """Which items of a batch are no longer what they were."""
    return ~torch.isclose(before, after, rtol=1e-4, atol=0).all(2).all(1)


VARIATIONS = {
    "dynamics": lambda power, seed: change_dynamics(power, seeded(seed)),
    "fade": lambda power, seed: fade(power, seeded(seed)),
    "room": lambda power, seed: add_room(power, CONFIG, seeded(seed)),
    "bands": lambda power, seed: damp_bands(power, CONFIG, seeded(seed)),
}


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_variation_leaves_most_items_alone(name):
    music = batch(200) + SILENCE
    varied = VARIATIONS[name](music, 0)
    assert 0.1 < changed(music, varied).float().mean() < 0.45
    assert torch.isfinite(varied).all()
    assert (varied > 0).all()


def test_compression_brings_levels_together_and_keeps_silence_silent():
    music = torch.full((100, 10, CONFIG.bands), SILENCE)
    music[:, 5:] = 1e-4
    music[:, 7] = 1.0
    varied = change_dynamics(music, seeded())
    assert torch.equal(varied[:, :5], music[:, :5])
    ratio = (varied[:, 7] / varied[:, 6]).mean(1).log10() / 4
    assert ratio.min() < 0.75
    assert 1.1 < ratio.max() <= 1.31


def test_a_room_adds_echoes_after_a_sound_and_none_before():
    music = torch.full((50, 60, CONFIG.bands), SILENCE)
    music[:, 20] = 1.0
    echo = add_room(music, CONFIG, seeded()) - music
    assert (echo[:, :21] < 1e-9).all()
    rooms = echo[:, 21:, 0].sum(1) > 1e-3
    assert rooms.any()
    assert (echo[rooms, 21:-1] >= echo[rooms, 22:]).all()
    assert echo[:, 21:, 0].sum(1).max() < 10**-0.3


def test_a_fade_tilts_the_level_over_the_window():
    slope = fade(torch.ones(200, 30, 1), seeded())[:, :, 0].log10()
    np.testing.assert_allclose(slope.diff(dim=1).diff(dim=1), 0, atol=1e-5)
    assert 15 < 10 * (slope[:, -1] - slope[:, 0]).abs().max() <= 20.01
