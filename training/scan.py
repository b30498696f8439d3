"""One direction of a GRU layer over time, forward and backward, for training on a CPU.

At this project's sizes torch spends most of its time between the operations of a step. Here a step
is one product of matrices and one loop over the units; products that do not hang on the step
before are left to torch, which does them for all frames at once. Unit and order of gates are those
of :mod:`rtbeat.gru`; time comes first, ``(frames, batch, ...)``. Derivatives of weights are summed
from the same copies as :func:`half_linear` makes.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from torch import Tensor

from rtbeat.gru import sigmoid, tanh


def _has_half_products() -> bool:
    """Whether the processor multiplies bfloat16. Where it does not, torch does it in software, ten
    to fifty times as slow as float32."""
    known = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # since torch 2.6
    return known is not None and bool(known())


# of the numbers in products over all frames
HALF = torch.bfloat16 if _has_half_products() else torch.float32


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def _cell(gates, product, bias, previous, kept, out):  # type: ignore[no-untyped-def]
    """One frame: gates of the input, recurrent product ``(batch, 3 H)`` -> states ``(batch, H)``;
    ``kept`` ``(batch, 4 H)`` gets reset, update, new and the recurrent part of new."""
    batch, units = previous.shape
    for b in range(batch):
        # views of one row each: plain loops over them vectorise
        g, p, old, k, new = gates[b], product[b], previous[b], kept[b], out[b]
        for j in range(2 * units):
            k[j] = sigmoid(g[j] + p[j] + bias[j])
        for j in range(units):
            k[3 * units + j] = p[2 * units + j] + bias[2 * units + j]
        for j in range(units):
            k[2 * units + j] = tanh(g[2 * units + j] + k[j] * k[3 * units + j])
        for j in range(units):
            new[j] = k[2 * units + j] + k[units + j] * (old[j] - k[2 * units + j])


@nb.njit(nogil=True, cache=True)
def _forward(gates, weight, bias, reverse, kept, out):  # type: ignore[no-untyped-def]
    """All frames from a zero state. weight ``(H, 3 H)``, out ``(frames, batch, H)``."""
    frames, batch, units = out.shape
    product = np.empty((batch, 3 * units), np.float32)
    state = np.zeros((batch, units), np.float32)
    for i in range(frames):
        t = frames - 1 - i if reverse else i
        np.dot(state, weight, product)
        _cell(gates[t], product, bias, state, kept[t], out[t])
        state = out[t]


@nb.njit(nogil=True, cache=True, fastmath={"contract"})
def _cell_back(slope, carried, kept, previous, inner, outer):  # type: ignore[no-untyped-def]
    """Slopes of one frame's states -> slopes of the input's gates (``inner``) and of the recurrent
    product (``outer``), ``(batch, 3 H)``; ``carried`` becomes what goes to the frame before."""
    batch, units = slope.shape
    one = np.float32(1.0)
    for b in range(batch):
        for j in range(units):
            reset, update = kept[b, j], kept[b, units + j]
            new, part = kept[b, 2 * units + j], kept[b, 3 * units + j]
            state = slope[b, j] + carried[b, j]
            d_new = state * (one - update) * (one - new * new)
            d_update = state * (previous[b, j] - new) * update * (one - update)
            d_reset = d_new * part * reset * (one - reset)
            inner[b, j] = d_reset
            inner[b, units + j] = d_update
            inner[b, 2 * units + j] = d_new
            outer[b, j] = d_reset
            outer[b, units + j] = d_update
            outer[b, 2 * units + j] = d_new * reset
            carried[b, j] = state * update


@nb.njit(nogil=True, cache=True)
def _backward(slopes, weight, reverse, kept, out, inner, outer):  # type: ignore[no-untyped-def]
    """Slopes of all states ``(frames, batch, H)``; weight ``(3 H, H)``."""
    frames, batch, units = out.shape
    carried = np.zeros((batch, units), np.float32)
    through = np.empty((batch, units), np.float32)
    zero = np.zeros((batch, units), np.float32)
    for i in range(frames - 1, -1, -1):
        t = frames - 1 - i if reverse else i
        before = t + 1 if reverse else t - 1
        previous = out[before] if i > 0 else zero
        _cell_back(slopes[t], carried, kept[t], previous, inner[t], outer[t])
        np.dot(outer[t], weight, through)
        carried += through


class _Scan(torch.autograd.Function):
    """The recurrence with its derivatives."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor, reverse: bool) -> Tensor:
        frames, batch, width = gates.shape
        kept = torch.empty(frames, batch, width // 3 * 4)
        out = torch.empty(frames, batch, width // 3)
        turned = np.ascontiguousarray(weight.detach().numpy().T)
        numbers = gates.detach().contiguous().numpy()
        _forward(numbers, turned, bias.detach().numpy(), reverse, kept.numpy(), out.numpy())
        ctx.save_for_backward(weight, kept, out)
        ctx.reverse = reverse
        return out

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        weight, kept, out = ctx.saved_tensors
        frames, batch, units = out.shape
        inner, outer = torch.empty(2, frames, batch, 3 * units)
        _backward(
            slopes.contiguous().numpy(), weight.detach().contiguous().numpy(), ctx.reverse,
            kept.numpy(), out.numpy(), inner.numpy(), outer.numpy(),
        )  # fmt: skip
        # the state that each frame began with; the first one began with zero
        later, earlier = (outer[:-1], out[1:]) if ctx.reverse else (outer[1:], out[:-1])
        later, earlier = (x.flatten(0, 1).to(HALF) for x in (later, earlier))
        return inner, (later.T @ earlier).float(), outer.sum((0, 1)), None


def scan(gates: Tensor, weight: Tensor, bias: Tensor, reverse: bool = False) -> Tensor:
    """States float32 ``(frames, batch, H)`` of a GRU direction that starts from zero.

    gates : products of the input and their bias, ``(frames, batch, 3 H)`` float32.
    weight, bias : of the recurrent product, ``(3 H, H)`` and ``(3 H,)``, as torch has them.
    """
    return _Scan.apply(gates, weight, bias, reverse)


def half_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Dense layer on bfloat16 copies, float32 out: several times as fast on processors that have
    such products, and near enough for gradients. On others on float32."""
    half = (value.to(HALF) for value in (x, weight, bias))
    return torch.nn.functional.linear(*half).float()
