"""The network in torch is the one that the tracker runs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.needs import require

torch = require("torch", 'pip install "rtbeat[train]"')

from rtbeat.features import FeatureStream  # noqa: E402
from rtbeat.model import BeatModel, ModelConfig  # noqa: E402
from rtbeat.weights import networks  # noqa: E402
from tests.models import ANCESTOR, TINY, random_arrays, random_features  # noqa: E402
from tests.music import drum_loop  # noqa: E402
from training.net import BeatNet, arrays, load_arrays  # noqa: E402

ODD = ModelConfig(TINY.features, inputs=0, layers=3, units=11, heads=("beat",), window=1.0)


@pytest.mark.parametrize("config", [TINY, ANCESTOR, ODD], ids=["tiny", "ancestor", "odd"])
@pytest.mark.parametrize("frames", [1, 2, 7, 300])
def test_torch_and_kernels_agree(config, frames):
    torch.manual_seed(0)
    net = BeatNet(config).eval()
    features = random_features(config, frames)
    with torch.no_grad():
        expected = torch.sigmoid(net(torch.from_numpy(features)[None]))[0].numpy()
    found = BeatModel(config, arrays(net)).activations(features)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("config", [TINY, ODD], ids=["tiny", "odd"])
def test_arrays_have_the_names_and_shapes_of_the_weights_file(config):
    net = BeatNet(config)
    assert {name: array.shape for name, array in arrays(net).items()} == config.shapes()
    values = random_arrays(config)
    load_arrays(net, values)
    for name, array in arrays(net).items():
        np.testing.assert_array_equal(array, values[name])


def test_load_arrays_names_what_is_wrong():
    values = random_arrays(TINY)
    missing = {name: array for name, array in values.items() if name != "gru.1.backward.bias_hh"}
    with pytest.raises(ValueError, match=r"gru\.1\.backward\.bias_hh"):
        load_arrays(BeatNet(TINY), missing)
    with pytest.raises(ValueError, match=r"output\.bias has shape \(3,\), expected \(2,\)"):
        load_arrays(BeatNet(TINY), values | {"output.bias": np.zeros(3, np.float32)})


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    net = BeatNet(TINY, dropout=0.5)
    features = torch.from_numpy(random_features(TINY, 20))[None]
    assert not torch.equal(net(features), net(features))
    net.eval()
    assert torch.equal(net(features), net(features))


def test_shifting_the_mean_shifts_the_features_and_is_not_trained():
    net = BeatNet(TINY).eval()
    features = torch.from_numpy(random_features(TINY, 5))[None]
    plain = net(features)
    net.mean += 1.5
    torch.testing.assert_close(net(features + 1.5), plain)
    assert "mean" not in dict(net.named_parameters())


def test_the_shipped_weights_give_the_same_in_torch_and_in_the_kernels():
    model = BeatModel.load()
    audio, _ = drum_loop(112.0, 12.0)
    features = FeatureStream(model.config.features, 44_100).process(audio)
    logits = []
    for config, values in networks(model.config, model.arrays):
        net = BeatNet(config)
        load_arrays(net, values)
        net.eval()
        with torch.no_grad():
            logits.append(net(torch.from_numpy(features)[None])[0])
    expected = torch.sigmoid(torch.stack(logits).mean(0)).numpy()
    np.testing.assert_allclose(model.activations(features), expected, atol=1e-4)
