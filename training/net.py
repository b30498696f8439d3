"""The network in torch, for training. :mod:`rtbeat.model` runs the same one without torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, linear

from rtbeat.weights import DIRECTIONS, ModelConfig
from training.scan import half_linear, scan

_KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class BeatNet(nn.Module):
    """Features -> standardise -> dense + ReLU -> bidirectional GRU layers -> dense.

    ``dropout`` is the share of values dropped between layers while training.
    """

    def __init__(self, config: ModelConfig, dropout: float = 0.0):
        super().__init__()
        self.config = config
        size = config.features.size
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("inv_std", torch.ones(size))
        self.input = nn.Linear(size, config.inputs) if config.inputs else None
        self.gru = nn.GRU(
            config.inputs or size,
            config.units,
            num_layers=config.layers,
            batch_first=True,
            bidirectional=True,
            # torch warns about dropout between the layers where there is only one
            dropout=dropout if config.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * config.units, len(config.heads))

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(batch, frames, F)`` -> logits ``(batch, frames, heads)``."""
        x = (features - self.mean) * self.inv_std
        if self.input is not None:
            x = self.dropout(torch.relu(self.input(x)))
        x = self._layers(x) if x.device.type == "cpu" else self.gru(x)[0]
        return self.output(self.dropout(x))

    def _layers(self, x: Tensor) -> Tensor:
        """The GRU layers as ``self.gru`` runs them, several times as fast on a CPU."""
        x = x.transpose(0, 1)
        for layer in range(self.config.layers):
            if layer > 0 and self.training:
                x = dropout(x, self.gru.dropout)
            dense = half_linear if self.training else linear
            directions = []
            for reverse, suffix in enumerate(("", "_reverse")):
                w_ih, w_hh, b_ih, b_hh = (
                    getattr(self.gru, f"{kind}_l{layer}{suffix}") for kind in _KINDS
                )
                directions.append(scan(dense(x, w_ih, b_ih), w_hh, b_hh, bool(reverse)))
            x = torch.cat(directions, 2)
        return x.transpose(0, 1)


def _named_tensors(net: BeatNet) -> dict[str, Tensor]:
    """Every tensor of the network under its name in the weights file."""
    named = {"mean": net.mean, "inv_std": net.inv_std}
    if net.input is not None:
        named |= {"input.weight": net.input.weight, "input.bias": net.input.bias}
    for layer in range(net.config.layers):
        for direction, suffix in zip(DIRECTIONS, ("", "_reverse"), strict=True):
            for kind in _KINDS:
                tensor = getattr(net.gru, f"{kind}_l{layer}{suffix}")
                named[f"gru.{layer}.{direction}.{kind}"] = tensor
    return named | {"output.weight": net.output.weight, "output.bias": net.output.bias}


def arrays(net: BeatNet) -> dict[str, NDArray[np.float32]]:
    """Copies of all weights as float32, named as in the weights file (:mod:`rtbeat.weights`)."""
    return {
        name: tensor.detach().cpu().numpy().astype(np.float32)
        for name, tensor in _named_tensors(net).items()
    }


def load_arrays(net: BeatNet, values: Mapping[str, NDArray[np.floating]]) -> None:
    """Set all weights from arrays named as in the weights file.

    Raises ``ValueError`` for an array that is missing or of another shape.
    """
    with torch.no_grad():
        for name, tensor in _named_tensors(net).items():
            if name not in values:
                raise ValueError(f"weights lack the array {name!r}")
            value = np.asarray(values[name], np.float32)
            if value.shape != tuple(tensor.shape):
                raise ValueError(f"{name} has shape {value.shape}, expected {tuple(tensor.shape)}")
            tensor.copy_(torch.from_numpy(value))
