"""From loudspeaker to microphone: noise bursts, and how long after playing they are heard. Pure.

Each burst is found by its matched filter (G. Turin, "An introduction to matched filters", IRE
Trans. Information Theory 6, 1960): correlating with the burst itself, which gathers all of its
energy in one peak, so that it is found in noise as loud as it is. The direct sound counts, which a
reflection may surpass: the first peak that is not much lower than the highest. Positions are
samples; amplitudes are of full scale 1.

Thread: any. Realtime-safe: no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BURSTS = 6
BURST_SECONDS = 0.1
BAND = (500.0, 8000.0)  # Hz: small loudspeakers and telephone microphones have it
HIGHEST = 0.42  # of the sample rate
FADE = 0.005  # seconds at both ends of a burst, so that nothing cracks

BEFORE = 0.1  # seconds of recording before the burst is played: the noise is measured there
LONGEST_DELAY = 0.6  # seconds that are searched
DIRECT = 0.4  # of the highest peak: from here on a peak may be the direct sound
DIRECT_WITHIN = 0.02  # seconds by which it may come before the highest
LEAST_SNR = 0.0  # dB: bursts as loud as the noise in their band
LEAST_BURSTS = 4  # that must be found
MOST_SPREAD = 0.001  # seconds between the least delay and the greatest
CLOSE = 0.01  # seconds before a burst is heard that do not count as noise
LEAST_NOISE = 1e-12  # power, -120 dB: converters have more
LOUD_NOISE = -30.0  # dB of full scale
CLIPPED = 0.99
FINER = 4  # times that the matched filter is interpolated


class LoopError(Exception):
    """The delay could not be measured; the message says why and what to do."""


@dataclass(frozen=True)
class Heard:
    """One burst: delay in samples; snr in dB, of the direct sound against the noise in its band;
    noise in dB of full scale."""

    delay: float
    snr: float
    noise: float


@dataclass(frozen=True)
class LoopDelay:
    """delay : from output to input, seconds, the median. spread : greatest less least, seconds.
    snr : the median, dB. heard : bursts found."""

    delay: float
    spread: float
    snr: float
    heard: int


def noise_bursts(sample_rate: int, count: int = BURSTS) -> list[Float32]:
    """Bursts of noise, float32 ``(n,)`` with peak 1, each different, the same ones every time.

    They are white within ``BAND``, as far as the sample rate allows it.
    """
    length = round(BURST_SECONDS * sample_rate)
    fade = np.minimum(1.0, np.arange(1, length + 1) / (FADE * sample_rate))
    low, high = _band(sample_rate)
    frequencies = np.fft.rfftfreq(length, 1.0 / sample_rate)
    bursts = []
    for seed in range(count):
        phases = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, len(frequencies))
        inside = (frequencies >= low) & (frequencies <= high)
        wave = np.fft.irfft(np.where(inside, np.exp(1j * phases), 0.0), length)
        wave *= fade * fade[::-1]
        bursts.append((wave / np.abs(wave).max()).astype(np.float32))
    return bursts


def _band(sample_rate: int) -> tuple[float, float]:
    return BAND[0], min(BAND[1], HIGHEST * sample_rate)


def find_burst(recorded: Float32, burst: Float32, before: int, sample_rate: int) -> Heard:
    """When a burst is heard in a recording, float32 ``(n,)`` and longer than the burst, that
    begins ``before`` samples before the burst was played."""
    height = np.abs(_correlate(recorded, burst))
    at, peak = _direct_sound(height, round(FINER * DIRECT_WITHIN * sample_rate))
    position = at / FINER
    energy = float(np.sum(burst.astype(np.float64) ** 2))
    signal = peak**2 / energy / len(burst)
    quiet = recorded[: max(before, int(position) - round(CLOSE * sample_rate))]
    noise = max(LEAST_NOISE, _power_in_band(quiet, sample_rate))
    return Heard(position - before, _decibel(signal / noise), _decibel(noise))


def _correlate(recorded: Float32, burst: Float32) -> Float64:
    """Envelope of the matched filter's output, ``FINER`` values a sample, where the whole burst is
    in the recording. The envelope has lower side lobes than the output itself, and no sign."""
    size = len(recorded) + len(burst)
    product = np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(burst, size))
    analytic = np.zeros(FINER * size, np.complex128)  # longer: interpolates within the band
    analytic[: len(product)] = 2.0 * product
    envelope = FINER * np.abs(np.fft.ifft(analytic))
    return envelope[: FINER * (len(recorded) - len(burst)) + 1]


def _direct_sound(height: Float64, within: int) -> tuple[float, float]:
    """Place, to a fraction, and height of the first peak worth the name."""
    highest = int(np.argmax(height))
    start = max(1, highest - within)
    part = height[start - 1 : highest + 2]
    top = (part[1:-1] >= part[:-2]) & (part[1:-1] > part[2:]) & (
        part[1:-1] >= DIRECT * height[highest]
    )  # fmt: skip
    at = start + int(np.argmax(top)) if top.any() else highest
    if not 0 < at < len(height) - 1:
        return float(at), float(height[at])
    left, middle, right = height[at - 1 : at + 2]
    bend = left - 2.0 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0.0 else 0.0  # top of a parabola through them
    return at + float(shift), float(middle - 0.25 * (left - right) * shift)


def _power_in_band(samples: Float32, sample_rate: int) -> float:
    """Mean square of what a recording has in the band of the bursts."""
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1.0 / sample_rate)
    low, high = _band(sample_rate)
    inside = (frequencies >= low) & (frequencies <= high)
    return float(2.0 * spectrum[inside].sum() / len(samples) ** 2)


def _decibel(power: float) -> float:
    return float(10.0 * np.log10(max(power, LEAST_NOISE)))


def judge(heard: Sequence[Heard], peak: float, sample_rate: int, xruns: int = 0) -> LoopDelay:
    """The delay from single bursts.

    peak : highest amplitude in the recording. xruns : times that sound was lost meanwhile.
    Raises :class:`LoopError`.
    """
    clear = [burst for burst in heard if burst.snr >= LEAST_SNR]
    if peak == 0.0:
        raise LoopError(
            "the input is dead silent: choose the right one with --input, see that it is not "
            "muted and that this program may use the microphone"
        )
    if len(clear) < LEAST_BURSTS:
        raise LoopError(_unheard(heard, len(clear)))
    delays = np.array([burst.delay for burst in clear]) / sample_rate
    spread = float(np.ptp(delays))
    if spread > MOST_SPREAD:
        raise LoopError(_unsteady(spread, peak, xruns))
    snr = float(np.median([burst.snr for burst in clear]))
    return LoopDelay(max(0.0, float(np.median(delays))), spread, snr, len(clear))


def _unheard(heard: Sequence[Heard], clear: int) -> str:
    noise = float(np.median([burst.noise for burst in heard]))
    found = f"only {clear} of {len(heard)} bursts could be heard"
    if noise > LOUD_NOISE:
        return (
            f"{found}: it is too loud around ({noise:.0f} dB); wait for silence, stop the music, "
            "or turn the microphone down and the loudspeaker up"
        )
    return (
        f"{found}: turn the loudspeaker up, move the microphone closer, and see that --output is "
        "the loudspeaker you hear"
    )


def _unsteady(spread: float, peak: float, xruns: int) -> str:
    found = f"the delay varies by {1000.0 * spread:.1f} ms"
    if xruns:
        return (
            f"{found}, and sound was lost {xruns} times: close other programs or choose a larger "
            "--block"
        )
    if peak >= CLIPPED:
        return f"{found}, and the input clips: turn the microphone down"
    return (
        f"{found}: the latency of this audio system is not constant, as PulseAudio's is not; use "
        "ALSA, JACK, ASIO, WASAPI or Core Audio itself, by --host-api"
    )
