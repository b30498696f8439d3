"""Weights and working memory, laid out as the kernels of :mod:`rtbeat.gru` read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtbeat.weights import DIRECTIONS, ModelConfig

Float32 = NDArray[np.float32]


class Weights(NamedTuple):
    """Weights as the kernels read them (N networks, F features, I dense units, U units, L layers,
    H heads)."""

    mean: Float32  # (N, F)
    inv_std: Float32  # (N, F)
    dense: Float32  # (N, F, I), I = 0 without dense layer
    dense_bias: Float32  # (N, I)
    first: Float32  # (N, I or F, 6 U): layer 0, forward gates r z n, then backward gates r z n
    later: Float32  # (N, L - 1, 2 U, 6 U): the layers above
    bias: Float32  # (N, L, 6 U): input bias, for r and z with the recurrent bias added
    recurrent: Float32  # (N, L, 2, U, 3 U)
    recurrent_bias: Float32  # (N, L, 2, U): of the new gate
    heads: Float32  # (N, H, 2 U)
    heads_bias: Float32  # (N, H)


def pack(config: ModelConfig, arrays: Mapping[str, Float32]) -> Weights:
    """Arrays named as in the weights file (checked before) -> the kernels' layout."""
    if config.networks == 1:
        networks = [_pack_one(config, arrays)]
    else:
        each = [{name: arrays[name][n] for name in arrays} for n in range(config.networks)]
        networks = [_pack_one(config, own) for own in each]
    kinds = zip(*networks, strict=True)
    return Weights(*(np.array(np.stack(kind), np.float32, order="C") for kind in kinds))


def _pack_one(config: ModelConfig, arrays: Mapping[str, Float32]) -> Weights:
    """Those of one network; every array without the first axis."""
    units, layers = config.units, range(config.layers)
    both = {
        (layer, kind): [arrays[f"gru.{layer}.{direction}.{kind}"] for direction in DIRECTIONS]
        for layer in layers
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    inputs = [np.concatenate(both[layer, "weight_ih"]).T for layer in layers]
    bias = np.stack([np.stack(both[layer, "bias_ih"]) for layer in layers])  # (L, 2, 3 U)
    recurrent_bias = np.stack([np.stack(both[layer, "bias_hh"]) for layer in layers])
    # those of the reset and update gates only ever occur in this sum
    bias[:, :, : 2 * units] += recurrent_bias[:, :, : 2 * units]
    recurrent = np.stack([np.stack([w.T for w in both[layer, "weight_hh"]]) for layer in layers])
    later = np.stack(inputs[1:]) if inputs[1:] else np.zeros((0, 2 * units, 6 * units), np.float32)
    return Weights(
        mean=arrays["mean"],
        inv_std=arrays["inv_std"],
        dense=arrays.get("input.weight", np.zeros((0, config.features.size), np.float32)).T,
        dense_bias=arrays.get("input.bias", np.zeros(0, np.float32)),
        first=inputs[0],
        later=later,
        bias=bias.reshape(config.layers, 6 * units),
        recurrent=recurrent,
        recurrent_bias=recurrent_bias[:, :, 2 * units :],
        heads=arrays["output.weight"],
        heads_bias=arrays["output.bias"],
    )


class Buffers(NamedTuple):
    """What the kernels read and write; R rows, B rows at most absorbed, T rows at most run."""

    standard: Float32  # (B, F) scratch: standardised features
    hidden: Float32  # (B, I) scratch: output of the dense layer
    first_gates: Float32  # (N, R, 6 U): input products of layer 0
    gates: Float32  # (T, 6 U) scratch: input products of the layer that is being run
    states: Float32  # (N, L, R, 2 U): outputs of every layer, forward then backward
    state: Float32  # (U,) scratch
    sums: Float32  # (3 U,) scratch: recurrent product of one step
    activations: Float32  # (R, H): probabilities


def buffers(weights: Weights, rows: int, absorbed: int, run: int) -> Buffers:
    """Zeroed; a call may absorb at most ``absorbed`` rows and run at most ``run``."""
    networks, layers, gates = weights.bias.shape
    units = gates // 6
    _, features, hidden = weights.dense.shape
    heads = weights.heads_bias.shape[1]
    return Buffers(
        standard=np.zeros((absorbed, features), np.float32),
        hidden=np.zeros((absorbed, hidden), np.float32),
        first_gates=np.zeros((networks, rows, gates), np.float32),
        gates=np.zeros((run, gates), np.float32),
        states=np.zeros((networks, layers, rows, 2 * units), np.float32),
        state=np.zeros(units, np.float32),
        sums=np.zeros(3 * units, np.float32),
        activations=np.zeros((rows, heads), np.float32),
    )
