"""Models with random weights, for tests that need a network but not a trained one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rtbeat.features import FeatureConfig
from rtbeat.model import BeatModel, ModelConfig

TINY = ModelConfig(
    features=FeatureConfig(windows=((0.064, 8), (0.023, 4))),
    inputs=6,
    layers=2,
    units=8,
    window=1.0,
    tail=10,
    refresh=25,
)

# shape of the offline program that this line of networks comes from
ANCESTOR = ModelConfig(
    features=FeatureConfig(frame_rate=43.0, windows=((2048 / 22016, 128),)),
    inputs=0,
    layers=10,
    units=20,
)


def random_arrays(config: ModelConfig, seed: int = 0, gain: float = 1.0) -> dict[str, np.ndarray]:
    """Weights as torch initialises them (uniform, 1 / sqrt(units)), times ``gain``."""
    rng = np.random.default_rng(seed)
    reach = gain / np.sqrt(config.units)
    arrays = {
        name: rng.uniform(-reach, reach, shape).astype(np.float32)
        for name, shape in config.shapes().items()
    }
    for name in ("mean", "inv_std"):
        arrays[name] = rng.uniform(0.5, 1.5, arrays[name].shape).astype(np.float32)
    return arrays


def random_model(
    config: ModelConfig = TINY, seed: int = 0, gain: float = 1.0, **changes: int | float
) -> BeatModel:
    """A model with seeded random weights; ``changes`` are fields of the config."""
    config = replace(config, **changes)  # type: ignore[arg-type]
    return BeatModel(config, random_arrays(config, seed, gain), {"data": "none: random weights"})


def random_features(config: ModelConfig, frames: int, seed: int = 1) -> np.ndarray:
    """Features ``(frames, F)`` about the mean of the standardisation."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 2.0, (frames, config.features.size)).astype(np.float32)
