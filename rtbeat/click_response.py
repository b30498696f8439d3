"""How a click that is played returns to the microphone: loudspeaker, room and microphone together.

The response ``H`` is estimated from whole clicks. Music sounds with all of them, hence:

* Each click is one observation ``Y = X H + music`` for every frequency, weighted by how loud the
  music is there at that moment: weighted recursive least squares (S. Haykin, "Adaptive Filter
  Theory", 5th ed., chapter 10; weights of this kind in G. Enzner, P. Vary, "Frequency-domain
  adaptive Kalman filter for acoustic echo control in hands-free telephones", Signal Processing
  86(6), 2006). When the music stops the weight soars, and a few clicks are enough.
* What an average of few clicks takes for a response is mostly music. So the estimate is whitened to
  equal noise at every lag, lags that do not rise above that noise are taken out (empirical Wiener
  shrinkage, as D. Donoho, I. Johnstone, "Ideal spatial adaptation by wavelet shrinkage",
  Biometrika 81(3), 1994), and frequencies about which clicks say little are held back.

Conventions: lag 0 of a response is the earliest one that is possible; spectra are one-sided, of
``size`` samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Complex128 = NDArray[np.complex128]

FORGET = 0.98  # share of the past kept at a click: a memory of 50 clicks
SMOOTHING = 40.0  # Hz to each side over which the music's power is averaged
SPREADS = (0.0005, 0.005)  # seconds to each side of a lag: direct sound; reverberation
LEAST = 1.5  # a lag counts as far as its power is above so many times the noise
PRIOR = 0.3  # inverse power expected of a response, in units of the mean one's
MUSIC_SHARE = 0.1  # least share of the error that is taken for music
EXACTNESS = 1e-6  # power by which prediction and echo differ even in silence
CHANGED = 0.5  # regression of echo on prediction under which the response is a new one
CHANGE_EVIDENCE = 100.0  # inverse variance of that regression needed to say so
CLICK_EVIDENCE = 50.0  # most of it that one click gives, so that none decides alone
CHANGE_MEMORY = 0.7  # share of it kept at a click
SHORTEST = 0.05  # seconds that a response has at least
LEAD_IN = 0.01  # seconds before its loudest lag, where clicks are close together
TINY = 1e-20


def _running_mean(values: Float64, half: int) -> Float64:
    """Circular mean over ``2 * half + 1`` neighbours."""
    total = np.cumsum(np.concatenate((values[-half - 1 :], values, values[:half])))
    return (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)


def _power(spectrum: Complex128) -> Float64:
    return spectrum.real**2 + spectrum.imag**2


class ClickResponse:
    """Estimate of the response, one click after the other.

    size : samples of a transform; even, long enough for a click and the lags.
    lags : samples that a response can be long.

    ``spectrum`` is the estimate, complex128 ``(size // 2 + 1,)``; zero before anything is known.

    Thread: one at a time. Realtime-safe: no (milliseconds of work a click).
    """

    def __init__(self, sample_rate: int, size: int, lags: int):
        self._size = size
        self._lags = lags
        self._smoothing = max(1, round(SMOOTHING * size / sample_rate))
        self._spreads = [max(1, round(spread * sample_rate)) for spread in SPREADS]
        self._shortest = round(SHORTEST * sample_rate)
        self._lead_in = round(LEAD_IN * sample_rate)
        self.reset()

    def reset(self) -> None:
        """Forget everything. Thread: one at a time. Realtime-safe: no."""
        bins = self._size // 2 + 1
        self.spectrum: Complex128 = np.zeros(bins, np.complex128)
        self.suppression = 0.0  # dB by which the last click was expected to be weakened
        self._cross = np.zeros(bins, np.complex128)  # sum of conj(X) Y / music
        self._weight = np.zeros(bins)  # sum of |X|^2 / music
        self._error = np.zeros(bins)  # expected square of the estimate's error
        self._found = self._evidence = 0.0  # regression of echoes on predictions

    def observe(self, observed: Complex128, played: Complex128, length: int, spacing: int) -> None:
        """Take in one click.

        observed, played : spectra of what was heard and of the wave. length : samples that were
        observed. spacing : samples to the nearest other click.

        Thread: one at a time. Realtime-safe: no.
        """
        expected = played * self.spectrum
        error = _running_mean(_power(observed - expected), self._smoothing) + TINY
        if self._has_changed(observed, expected, error):
            self.reset()
        power = _power(played)
        doubt = _running_mean(power * self._error, self._smoothing)
        exactness = EXACTNESS * _running_mean(_power(expected), self._smoothing)
        music = np.maximum(error - doubt, MUSIC_SHARE * error) + exactness
        self._cross = FORGET * self._cross + np.conj(played) * observed / music
        self._weight = FORGET * self._weight + power / music
        self._estimate(1.0 / length, spacing)
        self._rate(power)

    def _has_changed(self, observed: Complex128, expected: Complex128, error: Float64) -> bool:
        """Whether echoes no longer follow what is expected: a microphone was moved, say. Music
        only blurs the regression, and the evidence knows by how much."""
        found = float(((expected.conj() * observed).real / error).sum())
        evidence = float((_power(expected) / error).sum())
        scale = min(1.0, CLICK_EVIDENCE / (evidence + TINY))
        self._found = CHANGE_MEMORY * self._found + scale * found
        self._evidence = CHANGE_MEMORY * self._evidence + scale * evidence
        return self._evidence > CHANGE_EVIDENCE and self._found < CHANGED * self._evidence

    def _estimate(self, noise: float, spacing: int) -> None:
        """The response from the sums. ``noise`` : power of music alone at a lag once whitened."""
        root = np.sqrt(self._weight) + TINY
        lags = np.fft.irfft(self._cross / root, self._size)
        power = lags**2
        share = np.zeros(self._size)
        for spread in self._spreads:
            near = _running_mean(power, spread) + TINY
            share = np.maximum(share, 1.0 - LEAST * noise / near)
        kept = np.fft.rfft(lags * share)
        mean_power = float(_power(kept).sum() / (self._weight.sum() + TINY))
        certainty = self._weight + PRIOR / (mean_power + TINY)
        self._error = share.mean() / certainty
        self.spectrum = self._within_lags(kept * root / certainty, spacing)

    def _within_lags(self, spectrum: Complex128, spacing: int) -> Complex128:
        """Without the lags that cannot be.

        A steady train of clicks cannot tell a lag from that of the next click. So where clicks are
        close together the response is no longer than their spacing.
        """
        response = np.fft.irfft(spectrum, self._size)
        first, last = 0, self._lags
        if spacing < last:
            near = _running_mean(response**2, self._spreads[0])
            first = max(0, int(near[:last].argmax()) - self._lead_in)
            last = min(last, first + max(spacing, self._shortest))
        response[:first] = 0.0
        response[last:] = 0.0
        return np.fft.rfft(response)

    def _rate(self, power: Float64) -> None:
        echo = float((power * _power(self.spectrum)).sum()) + TINY
        left = float((power * self._error).sum()) + TINY
        self.suppression = max(0.0, 10.0 * float(np.log10(echo / left)))
