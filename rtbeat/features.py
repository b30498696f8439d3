"""Audio to features: framing at any sample rate, log-mel spectrum, rectified difference.

Conventions
-----------
* Frame ``k`` ends at sample ``round((k + 1) * sample_rate / frame_rate)``; every analysis window
  ends there too, so a frame is complete as soon as its newest sample has arrived and nothing is
  ever resampled (a streaming resampler would hold audio back in lumps).
* The nominal time of frame ``k`` is the centre of its hop, ``(k + 0.5) / frame_rate`` seconds.
* Samples before the start of the stream count as silence.
* Spectra are scaled so that the sum over all bins is the mean square of the windowed signal,
  whatever the sample rate or transform length. The same sound gives the same features at any rate.

The spectrum is the usual one of the field (log-mel and its half-wave rectified difference:
S. Boeck, M. Schedl, "Enhanced beat tracking with context-aware neural networks", DAFx 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

SAMPLE_RATE_RANGE = (8_000, 192_000)


@dataclass(frozen=True)
class FeatureConfig:
    """What a model hears. Travels in the weights file.

    frame_rate : frames per second.
    windows : ``(seconds, bands)`` of each analysis window; short ones react early, long ones
        resolve pitch.
    fmin, fmax : range of the mel bands in Hz; bands above half the sample rate stay at zero.
    scale : the log-mel value is ``log(1 + scale * sqrt(mel power))``; 1/scale is the amplitude
        under which sound fades into the floor.
    """

    frame_rate: float = 50.0
    windows: tuple[tuple[float, int], ...] = ((0.064, 60), (0.023, 30))
    fmin: float = 30.0
    fmax: float = 10_000.0
    scale: float = 10_000.0

    @property
    def bands(self) -> int:
        """Mel bands of all windows together."""
        return sum(bands for _, bands in self.windows)

    @property
    def size(self) -> int:
        """Numbers in one frame of features: log-mel and its difference."""
        return 2 * self.bands


def frame_end(index: int, sample_rate: int, frame_rate: float) -> int:
    """Sample index just past the newest sample of frame ``index``."""
    return int(np.floor((index + 1) * sample_rate / frame_rate + 0.5))


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    linear = hz * 3.0 / 200.0
    with np.errstate(divide="ignore"):
        logarithmic = 15.0 + 27.0 * np.log(np.maximum(hz, 1e-9) / 1000.0) / np.log(6.4)
    return np.where(hz < 1000.0, linear, logarithmic)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of :func:`hz_to_mel`."""
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * 6.4 ** ((mel - 15.0) / 27.0))


def mel_bank(sample_rate: int, fft_size: int, bands: int, fmin: float, fmax: float) -> Float32:
    """Triangular mel filters of unit height, float32 ``(bands, fft_size // 2 + 1)``."""
    edges = mel_to_hz(
        np.linspace(*hz_to_mel(np.array([fmin, fmax])), bands + 2)  # type: ignore[call-overload]
    )
    bins = np.arange(fft_size // 2 + 1) * (sample_rate / fft_size)
    rising = (bins[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def fft_length(minimum: int) -> int:
    """Smallest even 2-3-5-smooth number not below ``minimum``: sizes that transform fast."""
    size = minimum + minimum % 2
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 2


@nb.njit(nogil=True, cache=True, fastmath=False)
def _mel_power(spectra, first, count, weights, out):  # type: ignore[no-untyped-def]
    """Band powers: spectra complex64 (n, bins), sparse filters -> out float32 (n, bands)."""
    for n in range(spectra.shape[0]):
        offset = 0
        for band in range(first.shape[0]):
            total = np.float32(0.0)
            for i in range(count[band]):
                value = spectra[n, first[band] + i]
                total += weights[offset + i] * (value.real * value.real + value.imag * value.imag)
            offset += count[band]
            out[n, band] = total


class _Window:
    """One analysis window at one sample rate: taper, transform, sparse mel filters."""

    def __init__(self, sample_rate: int, seconds: float, bands: int, fmin: float, fmax: float):
        self.length = max(2, int(np.floor(seconds * sample_rate + 0.5)))
        self.fft_size = fft_length(self.length)
        phase = 2.0 * np.pi * np.arange(self.length) / self.length
        hann = 0.5 - 0.5 * np.cos(phase)
        # one-sided power: every bin but the first and last counts twice, folded into the scale
        scale = 2.0 / (self.fft_size * np.sum(hann**2))
        self.taper: Float32 = (hann * np.sqrt(scale)).astype(np.float32)
        bank = mel_bank(sample_rate, self.fft_size, bands, fmin, fmax)
        first, count, weights = [], [], []
        for row in bank:
            used = np.flatnonzero(row)
            low = int(used[0]) if used.size else 0
            high = int(used[-1]) + 1 if used.size else 0
            first.append(low)
            count.append(high - low)
            weights.append(row[low:high])
        self.first = np.array(first, np.int64)
        self.count = np.array(count, np.int64)
        self.weights: Float32 = np.concatenate(weights).astype(np.float32)

    def mel(self, frames: Float32, out: Float32) -> None:
        """frames ``(n, length)`` -> out ``(n, bands)``, mel power."""
        spectra = np.fft.rfft(frames * self.taper, self.fft_size).astype(np.complex64, copy=False)
        _mel_power(spectra, self.first, self.count, self.weights, out)


@nb.njit(nogil=True, cache=True)
def _log_and_difference(mel, scale, previous, has_previous, out):  # type: ignore[no-untyped-def]
    bands = mel.shape[1]
    for n in range(mel.shape[0]):
        for b in range(bands):
            value = np.float32(np.log1p(scale * np.sqrt(mel[n, b])))
            out[n, b] = value
            rise = value - previous[b]
            out[n, bands + b] = rise if has_previous and rise > 0 else np.float32(0.0)
            previous[b] = value
        has_previous = True


def mixdown(block: NDArray[np.floating], channels: int) -> Float32:
    """Mono float32 ``(frames,)`` of a checked block; samples that are not finite become silence."""
    samples = np.asarray(block, np.float32)
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    if samples.ndim == 1:
        return samples
    if channels == 2:  # the same mean, several times as fast
        return np.asarray((samples[:, 0] + samples[:, 1]) * np.float32(0.5), np.float32)
    return samples[:, 0] if channels == 1 else samples.mean(axis=1, dtype=np.float32)


class MelStream:
    """Streaming audio to mel power, any block size.

    Thread: one at a time, not the audio callback (allocates). Realtime-safe: no.
    """

    # frames transformed at once: bounds memory on long blocks, large enough for full speed
    _BATCH = 256

    def __init__(self, config: FeatureConfig, sample_rate: int):
        self.config = config
        self.sample_rate = sample_rate
        self._windows = [
            _Window(sample_rate, seconds, bands, config.fmin, config.fmax)
            for seconds, bands in config.windows
        ]
        self._reach = max(window.length for window in self._windows)
        self.reset()

    def reset(self) -> None:
        """Forget all audio; the next sample is sample 0."""
        self._held: Float32 = np.zeros(self._reach, np.float32)
        self._end = 0  # sample index just past self._held
        self.frames = 0  # frames given out since reset

    def process(self, mono: Float32) -> Float32:
        """Mono float32 ``(samples,)`` -> mel power of every frame completed, ``(n, bands)``."""
        held = np.concatenate((self._held, mono))
        origin = self._end - len(self._held)  # sample index of held[0]
        self._end += len(mono)
        ends = self._completed(self._end)
        out = np.empty((len(ends), self.config.bands), np.float32)
        for start in range(0, len(ends), self._BATCH):
            self._transform(held, ends[start : start + self._BATCH] - origin, out[start:])
        self.frames += len(ends)
        self._held = held[len(held) - self._reach - self._pending() :].copy()
        return out

    def skip(self, samples: int) -> int:
        """So many samples are lost: time goes on, and what comes is joined to what was before.
        Returns the number of frames that would have been completed; they are not given out."""
        self._end += samples
        before = self.frames
        # a little less than the count of frames that end by now, then up to it
        self.frames = max(before, int(self._end * self.config.frame_rate / self.sample_rate) - 1)
        while frame_end(self.frames, self.sample_rate, self.config.frame_rate) <= self._end:
            self.frames += 1
        missing = max(0, self._reach + self._pending() - len(self._held))
        held = np.concatenate((np.zeros(missing, np.float32), self._held))
        self._held = held[len(held) - self._reach - self._pending() :].copy()
        return self.frames - before

    def _pending(self) -> int:
        """Samples received since the newest completed frame's end."""
        if self.frames == 0:
            return self._end
        return self._end - frame_end(self.frames - 1, self.sample_rate, self.config.frame_rate)

    def _completed(self, end: int) -> NDArray[np.int64]:
        ends = []
        index = self.frames
        while (stop := frame_end(index, self.sample_rate, self.config.frame_rate)) <= end:
            ends.append(stop)
            index += 1
        return np.array(ends, np.int64)

    def _transform(self, held: Float32, ends: NDArray[np.int64], out: Float32) -> None:
        column = 0
        for window in self._windows:
            views = np.lib.stride_tricks.sliding_window_view(held, window.length)
            bands = len(window.first)
            mel = np.empty((len(ends), bands), np.float32)
            window.mel(views[ends - window.length], mel)
            out[: len(ends), column : column + bands] = mel
            column += bands


class FeatureStream:
    """Streaming audio to network input: log-mel and its rectified difference.

    Thread: one at a time, not the audio callback (allocates). Realtime-safe: no.
    """

    def __init__(self, config: FeatureConfig, sample_rate: int):
        self.config = config
        self._mel = MelStream(config, sample_rate)
        self._previous: Float32 = np.zeros(config.bands, np.float32)

    def reset(self) -> None:
        """Forget all audio; the next sample is sample 0."""
        self._mel.reset()
        self._previous[:] = 0.0

    @property
    def frames(self) -> int:
        """Frames given out since the start or the last reset."""
        return self._mel.frames

    def skip(self, samples: int) -> int:
        """So many samples are lost, see :meth:`MelStream.skip`."""
        return self._mel.skip(samples)

    def process(self, mono: Float32) -> Float32:
        """Mono float32 ``(samples,)`` -> features of every frame completed, ``(n, size)``.

        Columns: log-mel of each window, then the rectified rise of each since the frame before
        (zero in the very first frame, which has nothing to rise from).
        """
        has_previous = self.frames > 0
        mel = self._mel.process(mono)
        out = np.empty((len(mel), self.config.size), np.float32)
        scale = np.float32(self.config.scale)
        _log_and_difference(mel, scale, self._previous, has_previous, out)
        return out
