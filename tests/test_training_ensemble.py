"""Several networks in one file give the mean of their log odds, whatever their widths."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from rtbeat.model import BeatModel
from rtbeat.weights import networks
from tests.models import TINY, random_features, random_model
from training import ensemble

HEADS = ("beat", "other", "downbeat")


def log_odds(p):
    return np.log(p / (1.0 - p))


def test_idle_units_change_nothing():
    small, features = random_model(inputs=5, units=6), random_features(TINY, 80)
    arrays = ensemble.padded(small.config, small.arrays, inputs=9, units=11)
    wide = BeatModel(random_model(inputs=9, units=11).config, arrays)
    np.testing.assert_allclose(wide.activations(features), small.activations(features), atol=1e-6)


def test_a_file_of_several_networks_gives_the_mean_of_their_log_odds(tmp_path, monkeypatch, capsys):
    models = [random_model(seed=1), random_model(seed=2, units=11, inputs=9)]
    models.append(random_model(seed=3, heads=HEADS))
    paths = [tmp_path / f"{n}.npz" for n in range(3)]
    for model, path in zip(models, paths, strict=True):
        model.save(path)
    out = tmp_path / "all.npz"
    monkeypatch.setattr(sys, "argv", ["ensemble", *map(str, paths), "--out", str(out)])
    ensemble.main()
    assert "3 networks" in capsys.readouterr().out
    together, features = BeatModel.load(out), random_features(TINY, 80)
    columns = [[0, 1], [0, 1], [0, 2]]
    odds = [log_odds(m.activations(features)[:, c]) for m, c in zip(models, columns, strict=True)]
    expected = np.mean(odds, axis=0)
    np.testing.assert_allclose(
        log_odds(together.activations(features)), expected, atol=0.02
    )  # stored as float16
    assert together.config.networks == len(together.provenance["networks"]) == 3


def test_each_network_can_be_taken_out_again():
    models, features = [random_model(seed=seed) for seed in (1, 2)], random_features(TINY, 80)
    for several in (models, models[1:]):
        together = ensemble.ensemble(several)
        alone = networks(together.config, together.arrays)
        assert len(alone) == len(several)
        for own, model in zip(alone, several, strict=True):
            given = BeatModel(*own).activations(features)
            np.testing.assert_array_equal(given, model.activations(features))


@pytest.mark.parametrize(
    "other",
    [random_model(layers=3), random_model(refresh=7), random_model(networks=2)],
    ids=["layers", "refresh", "networks"],
)
def test_models_that_do_not_go_together_are_refused(other):
    with pytest.raises(ValueError, match="alike but for width"):
        ensemble.ensemble([random_model(), other])


def test_a_network_that_is_too_wide_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        ensemble.padded(TINY, random_model().arrays, inputs=6, units=7)
