"""Changes of level, tone, pitch and noise, made on stored mel power; then the features.

Everything acts on batches ``(batch, frames, bands)`` of mel power, so one pass of the renderer
gives as many variants as training asks for.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rtbeat.features import FeatureConfig

SHIFTED_SHARE = 0.6  # of the windows that are moved in pitch
SILENCE = 1e-12


def shift_bands(power: Tensor, config: FeatureConfig, octaves: Tensor) -> Tensor:
    """Move each item's spectrum up by ``octaves`` (batch,), nearly: in bands of 1/9 octave of the
    middle range, interpolated. Stands in for a pitch shift."""
    parts, first = [], 0
    for _, bands in config.windows:
        part = power[..., first : first + bands]
        shift = octaves * (bands / 7.0)  # about seven octaves of range
        position = torch.arange(bands, device=power.device)[None, :] - shift[:, None]
        low = position.floor().clamp(0, bands - 1)
        high = (low + 1).clamp(max=bands - 1)
        mix = (position - low).clamp(0, 1)[:, None, :]
        index = low.long()[:, None, :].expand_as(part)
        other = high.long()[:, None, :].expand_as(part)
        parts.append(part.gather(2, index) * (1 - mix) + part.gather(2, other) * mix)
        first += bands
    return torch.cat(parts, 2)


def tone_curve(config: FeatureConfig, batch: int, generator: torch.Generator) -> Tensor:
    """Random smooth gain of each band as power ``(batch, bands)``; at times a narrow band."""
    weights = torch.randn(batch, 4, generator=generator) * torch.tensor([4.0, 3.0, 2.0, 1.5])
    band_limited = torch.rand(batch, generator=generator) < 0.12
    low = torch.rand(batch, generator=generator) * 0.3
    high = 0.6 + torch.rand(batch, generator=generator) * 0.4
    curves = []
    for _, bands in config.windows:
        x = torch.linspace(0, 1, bands)
        basis = torch.stack([torch.cos(math.pi * (k + 1) * x) for k in range(4)])
        gain = weights @ basis
        outside = (x[None] < low[:, None]) | (x[None] > high[:, None])
        gain = gain - 40.0 * (outside & band_limited[:, None])
        curves.append(gain)
    return 10.0 ** (torch.cat(curves, 1) / 10.0)


def add_noise(power: Tensor, config: FeatureConfig, generator: torch.Generator) -> Tensor:
    """Steady noise of a random tone, 0 to 40 dB under the music, in a third of the items; windows
    of silence get faint noise."""
    batch, frames, bands = power.shape
    level = power.mean((1, 2), keepdim=True).clamp_min(1e-7)
    ratio = 10.0 ** (-(40.0 * torch.rand(batch, 1, 1, generator=generator)) / 10.0)
    ratio = ratio * (torch.rand(batch, 1, 1, generator=generator) < 0.33)
    tone = tone_curve(config, batch, generator)[:, None, :]
    # the power of noise in a band fluctuates: a mean of a few exponential variables
    uniform = torch.rand(2, batch, frames, bands, generator=generator).clamp_min(1e-6)
    return power + level * ratio * tone * (-uniform.log()).mean(0)


def chosen(batch: int, share: float, generator: torch.Generator) -> Tensor:
    """Which items of a batch a variation is for, bool ``(batch, 1, 1)``."""
    return torch.rand(batch, 1, 1, generator=generator) < share


def change_dynamics(power: Tensor, generator: torch.Generator) -> Tensor:
    """A compressor or expander in a third of the items: distances from the mean level, in decibels,
    shrink to 0.6 or grow to 1.3 of what they were. Digital silence stays silent."""
    batch = len(power)
    exponent = 0.6 + 0.7 * torch.rand(batch, 1, 1, generator=generator)
    exponent = torch.where(chosen(batch, 0.33, generator), exponent, 1.0)
    mean = power.mean((1, 2), keepdim=True).clamp_min(SILENCE)
    return torch.where(power > 2 * SILENCE, mean * (power / mean) ** exponent, power)


def fade(power: Tensor, generator: torch.Generator) -> Tensor:
    """A change of level by up to 20 dB over the window in a quarter of the items."""
    batch, frames, _ = power.shape
    slope = 40.0 * (torch.rand(batch, 1, 1, generator=generator) - 0.5)
    slope = slope * chosen(batch, 0.25, generator)
    return power * 10.0 ** (slope * torch.linspace(-0.5, 0.5, frames)[None, :, None] / 10.0)


def add_room(power: Tensor, config: FeatureConfig, generator: torch.Generator) -> Tensor:
    """The dying sound of a room in a quarter of the items: each frame leaves an echo that falls by
    60 dB in 0.3 to 1.5 s, 3 to 20 dB under it in sum."""
    batch, frames, bands = power.shape
    rooms = torch.nonzero(chosen(batch, 0.25, generator).flatten())[:, 0]
    seconds = 0.3 + 1.2 * torch.rand(len(rooms), 1, 1, generator=generator)
    decibels = -3.0 - 17.0 * torch.rand(len(rooms), 1, 1, generator=generator)
    kept = 10.0 ** (-6.0 / (seconds * config.frame_rate))  # power from frame to frame
    gain = 10.0 ** (decibels / 10.0) * (1.0 - kept)
    dry = power[rooms]
    echo = torch.zeros(len(rooms), bands)
    wet = torch.empty_like(dry)
    for frame in range(frames):
        wet[:, frame] = dry[:, frame] + echo
        echo = kept[:, 0] * (echo + gain[:, 0] * dry[:, frame])
    out = power.clone()
    out[rooms] = wet
    return out


def damp_bands(power: Tensor, config: FeatureConfig, generator: torch.Generator) -> Tensor:
    """A stretch of up to a third of the bands taken down by 10 to 40 dB in a quarter of the items
    (T. Park et al., "SpecAugment", Interspeech 2019): no instrument may be relied on."""
    batch = len(power)
    low = torch.rand(batch, generator=generator)
    high = low + torch.rand(batch, generator=generator) / 3.0
    loss = 10.0 + 30.0 * torch.rand(batch, generator=generator)
    loss = loss * chosen(batch, 0.25, generator).flatten()
    x = torch.cat([torch.linspace(0, 1, bands) for _, bands in config.windows])
    inside = (x[None] > low[:, None]) & (x[None] < high[:, None])
    return power * (10.0 ** (-loss[:, None] * inside / 10.0))[:, None, :]


def blank_left(power: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Silence before a random point in a fifth of the items, and no beats in it: music that begins
    after silence. Mel power ``(batch, frames, bands)``, targets ``(batch, frames, 2)``."""
    batch, frames, _ = power.shape
    start = (torch.rand(batch, generator=generator) * 0.9 * frames).long()
    start = start * (torch.rand(batch, generator=generator) < 0.2)
    blank = torch.arange(frames)[None, :] < start[:, None]
    blank = blank[:, :, None]
    return power.masked_fill(blank, SILENCE), targets.masked_fill(blank, 0.0)


def augment(
    log_mel: Tensor, targets: Tensor, config: FeatureConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Stored log mel power ``(batch, frames, bands)`` -> varied mel power, with the targets
    ``(batch, frames, 2)`` that hold for it."""
    batch = len(log_mel)
    power = log_mel.float().exp()
    # interpolation blurs the bands: some windows have to stay as sharp as music is in use
    octaves = (torch.rand(batch, generator=generator) - 0.5) * 0.6
    octaves = octaves * chosen(batch, SHIFTED_SHARE, generator).flatten()
    power = shift_bands(power, config, octaves)
    power = change_dynamics(power, generator)
    power = add_room(power, config, generator)
    power = damp_bands(power, config, generator)
    power = fade(power, generator)
    power = power * tone_curve(config, batch, generator)[:, None, :]
    power = add_noise(power, config, generator)
    power, targets = blank_left(power, targets, generator)
    decibels = -42.0 + 50.0 * torch.rand(batch, 1, 1, generator=generator)
    return power * 10.0 ** (decibels / 10.0), targets


def features(power: Tensor, config: FeatureConfig) -> Tensor:
    """Mel power -> log-mel and rectified difference, as :class:`rtbeat.features.FeatureStream`."""
    level = torch.log1p(config.scale * power.clamp_min(0.0).sqrt())
    rise = (level[:, 1:] - level[:, :-1]).clamp_min(0.0)
    rise = torch.cat((torch.zeros_like(rise[:, :1]), rise), 1)
    return torch.cat((level, rise), 2)
