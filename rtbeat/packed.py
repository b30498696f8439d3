"""Weights and memory of a network, laid out as the kernels of :mod:`rtbeat.gru` read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtbeat.weights import DIRECTIONS, ModelConfig, networks

Float32 = NDArray[np.float32]


class Weights(NamedTuple):
    """Weights as the kernels read them (F features, I dense units, U units, L layers, H heads)."""

    mean: Float32  # (F,)
    inv_std: Float32  # (F,)
    dense: Float32  # (F, I), I = 0 without dense layer
    dense_bias: Float32  # (I,)
    first: Float32  # (I or F, 6 U): layer 0, forward gates r z n, then backward gates r z n
    later: Float32  # (L - 1, 2 U, 6 U): the layers above
    bias: Float32  # (L, 6 U): input bias, for r and z with the recurrent bias added
    recurrent: Float32  # (L, 2, U, 3 U)
    recurrent_bias: Float32  # (L, 2, U): of the new gate
    heads: Float32  # (H, 2 U)
    heads_bias: Float32  # (H,)


def pack(config: ModelConfig, arrays: Mapping[str, Float32]) -> tuple[Weights, ...]:
    """Arrays named as in the weights file (checked before) -> each network's, without its idle
    units."""
    return tuple(_pack_one(alone, own) for alone, own in networks(config, arrays))


def _first(array: Float32, axis: int, groups: int, count: int) -> Float32:
    """The first ``count`` of each of ``groups`` equal parts of an axis."""
    parts = np.split(array, groups, axis)
    return np.concatenate([np.take(part, np.arange(count), axis) for part in parts], axis)


def _busy(rows: list[Float32]) -> int:
    """How many units there are up to the last that has a row with anything in it; ``rows``
    ``(units, ...)``."""
    busy = np.flatnonzero(np.concatenate(rows, axis=1).any(axis=1))
    return int(busy[-1]) + 1 if busy.size else 1


def _without_idle(config: ModelConfig, arrays: Mapping[str, Float32]) -> dict[str, Float32]:
    """A network without the last of its units that are at zero for ever, whatever is heard: a
    narrow one beside wider ones has some."""
    out = dict(arrays)
    names = [f"gru.{layer}.{d}." for layer in range(config.layers) for d in DIRECTIONS]
    new = slice(2 * config.units, None)  # without anything in the new gate there is no state
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    units = _busy(
        [arrays[n + kind][new].reshape(config.units, -1) for n in names for kind in kinds]
    )
    for name in names:
        for kind in kinds:
            out[name + kind] = _first(out[name + kind], 0, 3, units)
        out[name + "weight_hh"] = out[name + "weight_hh"][:, :units]
        if not name.startswith("gru.0."):
            out[name + "weight_ih"] = _first(out[name + "weight_ih"], 1, 2, units)
    out["output.weight"] = _first(out["output.weight"], 1, 2, units)
    if config.inputs:
        inputs = _busy([arrays["input.weight"], arrays["input.bias"][:, None]])
        for name in ("input.weight", "input.bias"):
            out[name] = out[name][:inputs]
        for direction in DIRECTIONS:
            name = f"gru.0.{direction}.weight_ih"
            out[name] = out[name][:, :inputs]
    return out


def _pack_one(config: ModelConfig, arrays: Mapping[str, Float32]) -> Weights:
    arrays = _without_idle(config, arrays)
    layers = range(config.layers)
    both = {
        (layer, kind): [arrays[f"gru.{layer}.{direction}.{kind}"] for direction in DIRECTIONS]
        for layer in layers
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    units = both[0, "weight_hh"][0].shape[1]
    inputs = [np.concatenate(both[layer, "weight_ih"]).T for layer in layers]
    bias = np.stack([np.stack(both[layer, "bias_ih"]) for layer in layers])  # (L, 2, 3 U)
    recurrent_bias = np.stack([np.stack(both[layer, "bias_hh"]) for layer in layers])
    # those of the reset and update gates only ever occur in this sum
    bias[:, :, : 2 * units] += recurrent_bias[:, :, : 2 * units]
    recurrent = np.stack([np.stack([w.T for w in both[layer, "weight_hh"]]) for layer in layers])
    later = np.stack(inputs[1:]) if inputs[1:] else np.zeros((0, 2 * units, 6 * units), np.float32)
    packed = Weights(
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
    return Weights(*(np.array(array, np.float32, order="C") for array in packed))


class Buffers(NamedTuple):
    """What the kernels read and write; R rows, B rows at most absorbed, T rows at most run."""

    standard: Float32  # (B, F) scratch: standardised features
    hidden: Float32  # (B, I) scratch: output of the dense layer
    first_gates: Float32  # (R, 6 U): input products of layer 0
    gates: Float32  # (T, 6 U) scratch: input products of the layer that is being run
    states: Float32  # (L, R, 2 U): outputs of every layer, forward then backward
    state: Float32  # (U,) scratch
    sums: Float32  # (3 U,) scratch: recurrent product of one step
    odds: Float32  # (R, H): log odds


def buffers(weights: Weights, rows: int, absorbed: int, run: int) -> Buffers:
    """Zeroed; a call may absorb at most ``absorbed`` rows and run at most ``run``."""
    layers, gates = weights.bias.shape
    units = gates // 6
    features, hidden = weights.dense.shape
    return Buffers(
        standard=np.zeros((absorbed, features), np.float32),
        hidden=np.zeros((absorbed, hidden), np.float32),
        first_gates=np.zeros((rows, gates), np.float32),
        gates=np.zeros((run, gates), np.float32),
        states=np.zeros((layers, rows, 2 * units), np.float32),
        state=np.zeros(units, np.float32),
        sums=np.zeros(3 * units, np.float32),
        odds=np.zeros((rows, len(weights.heads_bias)), np.float32),
    )
