"""Numba kernels of the network: dense layer, bidirectional GRU layers, output heads.

A GRU unit is torch's (the bias of the recurrent product inside the reset gate)::

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
    z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
    n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
    h = (1 - z) * n + z * h

(K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.)

Conventions
-----------
* All numbers are float32. Weight matrices are transposed, ``(inputs, outputs)``: products run
  along the outputs, which are contiguous, so that they vectorise.
* All buffers share one count of rows; a frame keeps its row from layer to layer. The row before
  the first one run holds the forward states to start from.
* Every sum is taken in a fixed order that depends on nothing but the sizes: the same input gives
  bitwise the same output, whichever rows it lies in and whatever else is run with it.
* No kernel allocates. ``weights`` and ``work`` are :class:`rtbeat.packed.Weights` and
  :class:`rtbeat.packed.Buffers`.
"""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def tanh(x):  # type: ignore[no-untyped-def]
    """Hyperbolic tangent, float32, within 4e-7 of the true one.

    Rational minimax fit on -8..8 (iterated weighted least squares, Lawson's method). The library
    function would be called once a number; this runs in vector registers.
    """
    x = min(max(x, np.float32(-8.0)), np.float32(8.0))
    s = x * x
    p = np.float32(1.506172301e-08)
    p = p * s + np.float32(2.177318331e-05)
    p = p * s + np.float32(3.564152314e-03)
    p = p * s + np.float32(1.343818792e-01)
    p = p * s + np.float32(9.999999700e-01)
    q = np.float32(8.453626378e-07)
    q = q * s + np.float32(3.399173169e-04)
    q = q * s + np.float32(2.613600116e-02)
    q = q * s + np.float32(4.677150870e-01)
    q = q * s + np.float32(1.0)
    return x * p / q


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def sigmoid(x):  # type: ignore[no-untyped-def]
    """Logistic function, float32, within 2e-7 of the true one."""
    half = np.float32(0.5)
    return half + half * tanh(half * x)


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def _project_pair(inputs, a, weights, bias, out, c):  # type: ignore[no-untyped-def]
    """Rows a and a + 1 of inputs -> rows c and c + 1 of out, four inputs at a time: eight products
    for every two sums read and written."""
    size, width = weights.shape
    whole = size - size % 4
    b, d = a + 1, c + 1
    for j in range(width):
        out[c, j] = bias[j]
        out[d, j] = bias[j]
    for k in range(0, whole, 4):
        a0, a1, a2, a3 = inputs[a, k], inputs[a, k + 1], inputs[a, k + 2], inputs[a, k + 3]
        b0, b1, b2, b3 = inputs[b, k], inputs[b, k + 1], inputs[b, k + 2], inputs[b, k + 3]
        for j in range(width):
            w0, w1, w2, w3 = weights[k, j], weights[k + 1, j], weights[k + 2, j], weights[k + 3, j]
            x = out[c, j] + a0 * w0
            y = out[d, j] + b0 * w0
            x = x + a1 * w1
            y = y + b1 * w1
            x = x + a2 * w2
            y = y + b2 * w2
            out[c, j] = x + a3 * w3
            out[d, j] = y + b3 * w3
    for k in range(whole, size):
        for j in range(width):
            out[c, j] = out[c, j] + inputs[a, k] * weights[k, j]
            out[d, j] = out[d, j] + inputs[b, k] * weights[k, j]


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def _project_row(inputs, a, weights, bias, out, c):  # type: ignore[no-untyped-def]
    """Row a of inputs -> row c of out, in the same order of sums as :func:`_project_pair`."""
    size, width = weights.shape
    whole = size - size % 4
    for j in range(width):
        out[c, j] = bias[j]
    for k in range(0, whole, 4):
        a0, a1, a2, a3 = inputs[a, k], inputs[a, k + 1], inputs[a, k + 2], inputs[a, k + 3]
        for j in range(width):
            x = out[c, j] + a0 * weights[k, j]
            x = x + a1 * weights[k + 1, j]
            x = x + a2 * weights[k + 2, j]
            out[c, j] = x + a3 * weights[k + 3, j]
    for k in range(whole, size):
        for j in range(width):
            out[c, j] = out[c, j] + inputs[a, k] * weights[k, j]


@nb.njit(nogil=True, cache=True)
def project(inputs, first, weights, bias, out, out_first, count):  # type: ignore[no-untyped-def]
    """out[out_first + i] = inputs[first + i] @ weights + bias, for i < count."""
    for i in range(0, count - 1, 2):
        _project_pair(inputs, first + i, weights, bias, out, out_first + i)
    if count % 2:
        _project_row(inputs, first + count - 1, weights, bias, out, out_first + count - 1)


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def _recurrent_sums(state, weights, bias, sums):  # type: ignore[no-untyped-def]
    """sums = state @ weights, with the bias of the new gate (the last third) added."""
    size, width = weights.shape
    whole = size - size % 8
    for j in range(width - size):
        sums[j] = np.float32(0.0)
    for j in range(size):
        sums[width - size + j] = bias[j]
    for k in range(0, whole, 8):
        h0, h1, h2, h3 = state[k], state[k + 1], state[k + 2], state[k + 3]
        h4, h5, h6, h7 = state[k + 4], state[k + 5], state[k + 6], state[k + 7]
        for j in range(width):
            total = sums[j] + h0 * weights[k, j]
            total = total + h1 * weights[k + 1, j]
            total = total + h2 * weights[k + 2, j]
            total = total + h3 * weights[k + 3, j]
            total = total + h4 * weights[k + 4, j]
            total = total + h5 * weights[k + 5, j]
            total = total + h6 * weights[k + 6, j]
            sums[j] = total + h7 * weights[k + 7, j]
    for k in range(whole, size):
        for j in range(width):
            sums[j] = sums[j] + state[k] * weights[k, j]


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def run(gates, shift, column, weights, bias, first, stop, step, states, side, state, sums):  # type: ignore[no-untyped-def]
    """One direction of one layer over rows first, first + step, ... up to but without stop.

    gates : input products, row t at ``gates[t - shift]``, this direction's from ``column`` on.
    side : column of ``states`` where the outputs go.
    state : the state to start from; holds the last one afterwards.
    """
    units = len(state)
    for t in range(first, stop, step):
        _recurrent_sums(state, weights, bias, sums)
        g = t - shift
        for u in range(units):
            reset = sigmoid(gates[g, column + u] + sums[u])
            update = sigmoid(gates[g, column + units + u] + sums[units + u])
            new = tanh(gates[g, column + 2 * units + u] + reset * sums[2 * units + u])
            state[u] = new + update * (state[u] - new)
        for u in range(units):
            states[t, side + u] = state[u]


@nb.njit(nogil=True, cache=True)
def absorb(features, row, weights, work):  # type: ignore[no-untyped-def]
    """Features ``(n, F)`` -> input products of layer 0 in rows ``row`` to ``row + n``.

    They never change again. Values that are not finite count as the mean: one of them would stay
    in the states for good.
    """
    count, size = features.shape
    standard, hidden = work.standard, work.hidden
    for i in range(count):
        for f in range(size):
            value = (features[i, f] - weights.mean[f]) * weights.inv_std[f]
            standard[i, f] = value if np.isfinite(value) else np.float32(0.0)
    inputs = standard
    if hidden.shape[1] > 0:
        project(standard, 0, weights.dense, weights.dense_bias, hidden, 0, count)
        for i in range(count):
            for j in range(hidden.shape[1]):
                hidden[i, j] = max(hidden[i, j], np.float32(0.0))
        inputs = hidden
    project(inputs, 0, weights.first, weights.bias[0], work.first_gates, row, count)


@nb.njit(nogil=True, cache=True)
def _run_layer(layer, gates, shift, begin, first, stop, weights, work):  # type: ignore[no-untyped-def]
    """Both directions of a layer: forward over begin..stop, backward over stop..first."""
    states, state, sums = work.states[layer], work.state, work.sums
    units = len(state)
    recurrent, bias = weights.recurrent[layer], weights.recurrent_bias[layer]
    for u in range(units):
        state[u] = states[begin - 1, u]
    run(gates, shift, 0, recurrent[0], bias[0], begin, stop, 1, states, 0, state, sums)
    state[:] = np.float32(0.0)
    run(
        gates, shift, 3 * units, recurrent[1], bias[1],
        stop - 1, first - 1, -1, states, units, state, sums,
    )  # fmt: skip


@nb.njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})
def _heads(states, first, stop, weights, bias, out):  # type: ignore[no-untyped-def]
    """Outputs of the top layer -> log odds of rows first..stop."""
    for t in range(first, stop):
        for head in range(len(bias)):
            total = np.float32(0.0)
            for k in range(weights.shape[1]):
                total += states[t, k] * weights[head, k]
            out[t, head] = total + bias[head]


@nb.njit(nogil=True, cache=True)
def refine(begin, first, stop, weights, work):  # type: ignore[no-untyped-def]
    """Run all layers over rows first..stop, the backward direction from a zero state at the end.

    The forward direction goes on from row ``first - 1``. In layer 0, whose inputs never change,
    it is right already up to row ``begin`` and goes on from there.
    """
    _run_layer(0, work.first_gates, 0, begin, first, stop, weights, work)
    for layer in range(1, weights.bias.shape[0]):
        project(
            work.states[layer - 1], first, weights.later[layer - 1], weights.bias[layer],
            work.gates, 0, stop - first,
        )  # fmt: skip
        _run_layer(layer, work.gates, first, first, first, stop, weights, work)
    top = work.states[weights.bias.shape[0] - 1]
    _heads(top, first, stop, weights.heads, weights.heads_bias, work.odds)


@nb.njit(nogil=True, cache=True)
def collect(odds, first, stop, number, networks, out):  # type: ignore[no-untyped-def]
    """Log odds of network ``number`` into the sum of rows first..stop; with those of the last of
    the ``networks`` the sums become the probabilities of their mean."""
    share = np.float32(1.0) / np.float32(networks)
    for t in range(first, stop):
        for head in range(out.shape[1]):
            total = odds[t, head] if number == 0 else out[t, head] + odds[t, head]
            out[t, head] = sigmoid(total * share) if number == networks - 1 else total
