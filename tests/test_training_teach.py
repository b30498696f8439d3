"""What a model hears in shards of songs, written for another one to learn from."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from rtbeat.features import FeatureConfig
from rtbeat.model import BeatModel
from tests.needs import require

torch = require("torch", 'pip install ".[train]"')

from training import teach  # noqa: E402
from training.augment import features  # noqa: E402
from training.shards import Excerpt, ShardWriter, to_log  # noqa: E402
from training.windows import read_taught_shard, taught_file  # noqa: E402

CONFIG = FeatureConfig()


def noise(seed, frames):
    power = np.random.default_rng(seed).exponential(0.01, (frames, CONFIG.bands))
    beats = np.arange(5.0, frames, 20.0)
    numbers = np.ones(len(beats), np.int64)
    return Excerpt(f"{seed}", to_log(power.astype(np.float32)), beats, numbers, (0, frames))


@pytest.fixture
def work(tmp_path):
    for name in ("songs-0", "songs-1", "midi-0000", "negatives-0"):
        writer = ShardWriter(tmp_path / "shards" / f"{name}.npz")
        for seed, frames in ((1, 60), (2, 90)):
            writer.add(noise(seed, frames))
        writer.close()
    return tmp_path


def run(work, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["training.teach", "--work", str(work)])
    teach.main()
    return capsys.readouterr().out.split()


def test_songs_are_taught_once_and_nothing_else(work, monkeypatch, capsys):
    assert run(work, monkeypatch, capsys) == ["songs-0.npz", "songs-1.npz"]
    assert sorted(path.name for path in (work / "taught").iterdir()) == [
        "songs-0.npy",
        "songs-1.npy",
    ]
    assert run(work, monkeypatch, capsys) == []
    taught_file(work / "shards" / "songs-1.npz").unlink()
    assert run(work, monkeypatch, capsys) == ["songs-1.npz"]


def test_each_excerpt_is_heard_whole_and_alone(work, monkeypatch, capsys):
    run(work, monkeypatch, capsys)
    model = BeatModel.load()
    for excerpt in read_taught_shard(work / "shards" / "songs-0.npz"):
        heard = features(torch.from_numpy(excerpt.mel).float().exp()[None], CONFIG)[0].numpy()
        expected = model.activations(np.ascontiguousarray(heard))
        np.testing.assert_allclose(excerpt.taught, expected, atol=1e-3)
