"""The network in plain numpy: float64, step by step, straight from the equations."""

from __future__ import annotations

import numpy as np

from rtbeat.weights import ModelConfig


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def direction(x, weight_ih, weight_hh, bias_ih, bias_hh, h=None):
    """One direction over inputs ``(T, size)`` from state h, or zero -> ``(T, U)``."""
    units = weight_hh.shape[1]
    h, out = np.zeros(units) if h is None else h, []
    for frame in x:
        i_r, i_z, i_n = np.split(weight_ih @ frame + bias_ih, 3)
        h_r, h_z, h_n = np.split(weight_hh @ h + bias_hh, 3)
        r, z = sigmoid(i_r + h_r), sigmoid(i_z + h_z)
        n = np.tanh(i_n + r * h_n)
        h = (1.0 - z) * n + z * h
        out.append(h)
    return np.array(out).reshape(-1, units)


KINDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def inputs(config: ModelConfig, w, features):
    """Features ``(T, F)`` -> inputs of the first GRU layer."""
    x = (features.astype(np.float64) - w["mean"]) * w["inv_std"]
    if config.inputs:
        x = np.maximum(0.0, x @ w["input.weight"].T + w["input.bias"])
    return x


def layer_weights(w, layer, way):
    return [w[f"gru.{layer}.{way}.{kind}"] for kind in KINDS]


def activations(config: ModelConfig, arrays, features):
    """Features ``(T, F)`` -> probabilities ``(T, heads)``."""
    w = {name: array.astype(np.float64) for name, array in arrays.items()}
    x = inputs(config, w, features)
    for layer in range(config.layers):
        forward = direction(x, *layer_weights(w, layer, "forward"))
        backward = direction(x[::-1], *layer_weights(w, layer, "backward"))[::-1]
        x = np.hstack((forward, backward))
    return sigmoid(x @ w["output.weight"].T + w["output.bias"])


def stream(config: ModelConfig, arrays, features):
    """What a stream shows after each hop: a list of ``(n, heads)``, one of each frame pushed.

    Keeps everything since the start and looks nothing up but by frame index.
    """
    w = {name: array.astype(np.float64) for name, array in arrays.items()}
    levels = [inputs(config, w, features)]
    levels += [np.zeros((len(features), 2 * config.units)) for _ in range(config.layers)]
    out, shown = np.zeros((len(features), len(config.heads))), []
    for newest in range(len(features)):
        oldest = max(0, newest + 1 - config.frames)
        refresh = (newest + 1) % config.refresh == 0
        run = slice(oldest if refresh else max(oldest, newest + 1 - config.tail), newest + 1)
        for layer in range(config.layers):
            x, y = levels[layer][run], levels[layer + 1]
            before = y[run.start - 1, : config.units] if run.start else None
            forward = direction(x, *layer_weights(w, layer, "forward"), before)
            backward = direction(x[::-1], *layer_weights(w, layer, "backward"))[::-1]
            y[run] = np.hstack((forward, backward))
        out[run] = sigmoid(levels[-1][run] @ w["output.weight"].T + w["output.bias"])
        shown.append(out[oldest : newest + 1].copy())
    return shown
