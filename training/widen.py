"""A trained network with more units that computes the same: the start of training a wider one.

T. Chen, I. Goodfellow, J. Shlens, "Net2Net: Accelerating learning via knowledge transfer", ICLR
2016: units are doubled, and what reads a unit and its copy shares its weight out between them.
Copies would learn the same things for ever; unlike shares and a little noise part them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rtbeat.weights import DIRECTIONS, ModelConfig

Float32 = NDArray[np.float32]

NOISE = 0.02  # of the deviation of the weights, on the copies' rows


def _choose(units: int, wanted: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Float32]:
    """For each wanted unit the unit that it copies, and its share of what that one gives."""
    source = np.concatenate([np.arange(units), rng.integers(units, size=wanted - units)])
    parts = rng.uniform(0.5, 1.5, wanted)
    total = np.bincount(source, parts, units)
    return source, (parts / total[source]).astype(np.float32)


def _rows(
    array: Float32, source: NDArray[np.int64], noise: float, rng: np.random.Generator
) -> Float32:
    """Rows of three stacked gates ``(3 U, ...)`` for the wanted units ``(3 W, ...)``."""
    units = len(array) // 3
    out = array.reshape(3, units, *array.shape[1:])[:, source].copy()
    scale = noise * array.std()
    out[:, units:] += rng.normal(0.0, 1.0, out[:, units:].shape) * scale
    return out.reshape(-1, *array.shape[1:]).astype(np.float32)


def widen(
    config: ModelConfig,
    arrays: Mapping[str, Float32],
    inputs: int,
    units: int,
    rng: np.random.Generator,
    noise: float = NOISE,
) -> tuple[ModelConfig, dict[str, Float32]]:
    """Configuration and weights with ``inputs`` units in the dense layer and ``units`` units a
    direction; the same function but for noise.

    arrays : named as in the weights file (:mod:`rtbeat.weights`). Raises ``ValueError`` for fewer
    units than there are, or a dense layer where there is none.
    """
    if units < config.units or inputs < config.inputs or bool(inputs) != bool(config.inputs):
        raise ValueError(
            f"a network of {config.inputs} inputs and {config.units} units cannot be widened to "
            f"{inputs} and {units}"
        )
    out = dict(arrays)
    read, shares = None, None  # of the layer below; without a dense layer the features stay
    if inputs:
        read, shares = _choose(config.inputs, inputs, rng)
        dense = arrays["input.weight"][read]
        grain = rng.normal(0.0, noise * dense.std(), dense[config.inputs :].shape)
        dense[config.inputs :] += grain.astype(np.float32)
        out["input.weight"], out["input.bias"] = dense, arrays["input.bias"][read]
    for layer in range(config.layers):
        chosen = []
        for direction in DIRECTIONS:
            source, share = _choose(config.units, units, rng)
            chosen.append((source, share))
            name = f"gru.{layer}.{direction}"
            below = arrays[f"{name}.weight_ih"]
            if read is not None:
                below = below[:, read] * shares
            out[f"{name}.weight_ih"] = _rows(below, source, noise, rng)
            recurrent = arrays[f"{name}.weight_hh"][:, source] * share
            out[f"{name}.weight_hh"] = _rows(recurrent, source, noise, rng)
            for bias in ("bias_ih", "bias_hh"):
                out[f"{name}.{bias}"] = _rows(arrays[f"{name}.{bias}"], source, 0.0, rng)
        read = np.concatenate([chosen[0][0], config.units + chosen[1][0]])
        shares = np.concatenate([chosen[0][1], chosen[1][1]])
    out["output.weight"] = arrays["output.weight"][:, read] * shares
    return replace(config, inputs=inputs, units=units), out
