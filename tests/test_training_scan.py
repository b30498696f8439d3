"""The recurrence written for the CPU against torch's own GRU: values and derivatives."""

from __future__ import annotations

import pytest

from rtbeat.weights import ModelConfig
from tests.needs import require

torch = require("torch", 'pip install ".[train]"')

from training.net import BeatNet  # noqa: E402
from training.scan import scan  # noqa: E402


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("frames", "batch", "units"), [(1, 1, 1), (7, 3, 5), (20, 2, 16)])
def test_states_and_slopes_are_those_of_torch(frames, batch, units, reverse):
    torch.manual_seed(frames)
    reference = torch.nn.GRU(4, units)
    x = torch.randn(frames, batch, 4, requires_grad=True)
    expected, _ = reference(x.flip(0) if reverse else x)
    expected = expected.flip(0) if reverse else expected
    weights = torch.randn(frames, batch, units)
    wanted = torch.autograd.grad((expected * weights).sum(), [x, *reference.parameters()])

    gates = torch.nn.functional.linear(x, reference.weight_ih_l0, reference.bias_ih_l0)
    states = scan(gates, reference.weight_hh_l0, reference.bias_hh_l0, reverse)
    found = torch.autograd.grad((states * weights).sum(), [x, *reference.parameters()])
    torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)
    for one, other in zip(found, wanted, strict=True):
        # half precision where weights are summed up over frames
        torch.testing.assert_close(one, other, atol=0.02 * float(other.abs().max()), rtol=0)


def test_the_layers_of_a_network_are_those_of_torch():
    torch.manual_seed(0)
    net = BeatNet(ModelConfig(inputs=8, layers=3, units=6), dropout=0.3).eval()
    x = torch.randn(2, 40, 8)
    torch.testing.assert_close(net._layers(x), net.gru(x)[0], atol=1e-5, rtol=1e-4)


def test_training_differs_from_running_by_half_precision_alone(monkeypatch):
    torch.manual_seed(0)
    net = BeatNet(ModelConfig(inputs=8, layers=2, units=6))
    x = torch.randn(2, 40, net.config.features.size)
    running = net.eval()(x)
    monkeypatch.setattr("training.scan.HALF", torch.bfloat16)
    half = net.train()(x)
    assert not torch.equal(half, running)
    torch.testing.assert_close(half, running, atol=0.02, rtol=0)
    # and not at all where the processor has no such products
    monkeypatch.setattr("training.scan.HALF", torch.float32)
    torch.testing.assert_close(net(x), running, atol=1e-5, rtol=1e-4)


def test_values_are_dropped_between_layers_while_training():
    torch.manual_seed(0)
    net = BeatNet(ModelConfig(inputs=8, layers=2, units=6), dropout=0.5)
    x = torch.randn(1, 30, 8)
    assert not torch.equal(net._layers(x), net._layers(x))
    assert torch.equal(net.eval()._layers(x), net._layers(x))
