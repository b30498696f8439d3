"""Takes the clicks that rtbeat itself plays out of what the microphone hears.

A click arrives as its known wave, played at a known time, through an unknown but steady response of
loudspeaker, room and microphone. The response is estimated from whole clicks and its prediction is
subtracted, so the input is not delayed. Music always sounds at the same time as the clicks, hence:

* Each click is one observation ``Y = X H + music`` for every frequency, weighted by how loud the
  music is there at that moment: recursive weighted least squares (S. Haykin, "Adaptive Filter
  Theory", chapter on RLS; noise weights after G. Enzner, P. Vary, "Frequency-domain adaptive
  Kalman filter for acoustic echo control in hands-free telephones", Signal Processing 86(6), 2006).
  When the music stops the weight soars and one or two clicks are enough.
* What an average over few clicks takes for a response is mostly music. So the estimate is whitened
  to equal noise at every lag, lags that do not rise above that noise are taken out (empirical
  Wiener shrinkage, D. Donoho, I. Johnstone, "Ideal spatial adaptation by wavelet shrinkage",
  Biometrika 81(3), 1994), and frequencies in which clicks say little are held back.

Lags reach from ``EARLIEST`` before the scheduled time to ``LATEST`` after it: a loop that is not
calibrated, the way through the room and its reverberation. Pure: no thread, device or clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtbeat.features import fft_length

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Complex128 = NDArray[np.complex128]

EARLIEST = 0.1  # seconds before the scheduled time at which a click may return
LATEST = 0.35  # seconds after it until which its reverberation is followed
LONGEST = 0.25  # seconds of the longest wave
AHEAD = 1.5  # seconds that a click may be played ahead
FORGET = 0.98  # share of the past kept at a click: a memory of 50 clicks
SMOOTHING = 40.0  # Hz to each side over which the music's power is averaged
LAG_SPREADS = (0.0005, 0.005)  # seconds to each side: direct sound and echoes; reverberation
LEAST = 1.5  # a lag counts as far as its power is above so many times the noise
PRIOR = 0.1  # inverse power, in units of the mean response's, that the response is expected to have
MUSIC_SHARE = 0.1  # least share of the error that is taken for music
EXACTNESS = 1e-6  # power at which prediction and echo are expected to differ even in silence
CHANGED = 0.5  # regression of echo on prediction under which the response is a new one
CHANGE_EVIDENCE = 100.0  # inverse variance of that regression needed to say so
CLICK_EVIDENCE = 50.0  # most of it that one click gives, so that none speaks alone
CHANGE_MEMORY = 0.7  # share of it kept at a click
FADE = 0.005  # seconds at each end of an observation
TINY = 1e-20


@dataclass(eq=False)
class _Sound:
    """A wave that is played: its spectrum and how it is expected to return.

    length : samples of its echo.
    """

    length: int
    spectrum: Complex128
    echo: Float32


@dataclass(eq=False)
class _Click:
    """A sound in the stream. ``start`` : sample at which its earliest echo can be."""

    start: int
    sound: _Sound
    learnt: bool = False

    @property
    def end(self) -> int:
        """Sample just past its echo."""
        return self.start + self.sound.length


def _running_mean(values: Float64, half: int) -> Float64:
    """Circular mean over ``2 * half + 1`` neighbours."""
    total = np.cumsum(np.concatenate((values[-half - 1 :], values, values[:half])))
    return (total[2 * half + 1 :] - total[: -2 * half - 1]) / (2 * half + 1)


class OwnClicks:
    """Removes clicks of known wave and time from a microphone signal.

    sample_rate : of the microphone and of the waves, Hz.

    Feed every block of input to :meth:`process`; announce each click by :meth:`play` at least
    ``EARLIEST`` seconds before it is heard. A click announced later is still removed from then on.

    Thread: one at a time, not the audio callback (allocates, and works for some milliseconds at the
    end of a click). Realtime-safe: no.
    """

    def __init__(self, sample_rate: int):
        self.sample_rate = sample_rate
        self._early = round(EARLIEST * sample_rate)
        self._longest = round(LONGEST * sample_rate)
        self._late = round(LATEST * sample_rate)
        self._size = fft_length(self._early + self._late + self._longest)
        self._smoothing = max(1, round(SMOOTHING * self._size / sample_rate))
        self._spreads = [max(1, round(spread * sample_rate)) for spread in LAG_SPREADS]
        fade = round(FADE * sample_rate)
        self._fade = np.arange(1, fade + 1) / (fade + 1)
        self.reset()

    def reset(self) -> None:
        """Forget input, clicks and response; the next sample is sample 0.

        Thread: as :meth:`process`. Realtime-safe: no.
        """
        self._now = 0
        self._heard = np.zeros(2 * self._size, np.float32)  # ring, index = sample % length
        self._clicks: list[_Click] = []
        self._sounds: dict[bytes, _Sound] = {}
        self._changed = (0.0, 0.0)
        self._forget_response()

    def _forget_response(self) -> None:
        bins = self._size // 2 + 1
        self._cross = np.zeros(bins, np.complex128)  # sum of conj(X) Y / music
        self._weight = np.zeros(bins)  # sum of |X|^2 / music
        self._response = np.zeros(bins, np.complex128)
        self._error = np.zeros(bins)  # expected square of the response's error, as far as noise
        self._suppression = 0.0

    @property
    def suppression(self) -> float:
        """By how many dB clicks are thought to be weakened, 0 or more; 0 before any is known.

        Thread: any. Realtime-safe: yes.
        """
        return self._suppression

    def play(self, time: float, wave: Float32) -> None:
        """A click will be heard.

        time : stream time of its first sample, seconds, at most ``AHEAD`` ahead.
        wave : float32 ``(n,)``, as played, not longer than ``LONGEST``; the same each time for
            each kind of click, or nearly: the response is learnt from all kinds together.

        Raises ``ValueError`` for a wave that is too long, empty, not one channel or not finite, or
        a time that is not finite or too far ahead.

        Thread: as :meth:`process`. Realtime-safe: no.
        """
        wave = np.ascontiguousarray(wave, np.float32)
        if wave.ndim != 1 or not 0 < len(wave) <= self._longest or not np.isfinite(wave).all():
            raise ValueError(
                f"wave has shape {wave.shape}; it must be one channel of finite samples, "
                f"at most {self._longest} of them ({LONGEST} s)"
            )
        if not time < self._now / self.sample_rate + AHEAD:
            raise ValueError(f"time is {time}; it must be finite and at most {AHEAD} s ahead")
        start = round(max(time, -1.0) * self.sample_rate) - self._early
        click = _Click(start, self._sound(wave))
        if click.end > self._now:
            self._clicks.append(click)

    def _sound(self, wave: Float32) -> _Sound:
        key = wave.tobytes()
        if key not in self._sounds:
            used = {id(click.sound) for click in self._clicks}
            if len(self._sounds) >= 8:  # waves of a volume that is being turned, say
                self._sounds = {k: s for k, s in self._sounds.items() if id(s) in used}
            spectrum = np.fft.rfft(wave.astype(np.float64), self._size)
            length = self._early + self._late + len(wave)
            self._sounds[key] = _Sound(length, spectrum, self._echo(spectrum, length))
        return self._sounds[key]

    def _echo(self, spectrum: Complex128, length: int) -> Float32:
        echo = np.fft.irfft(spectrum * self._response, self._size)[:length]
        return echo.astype(np.float32)

    def process(self, block: Float32) -> Float32:
        """The block without the clicks, float32 ``(n,)``, not delayed.

        block : float32 ``(n,)``, any number of samples; those that are not finite become silence.

        The result does not depend on how the signal is cut into blocks, where :meth:`play` was
        called early enough. Raises ``ValueError`` for a block of more than one channel.

        Thread: one at a time. Realtime-safe: no.
        """
        block = np.asarray(block, np.float32)
        if block.ndim != 1:
            raise ValueError(f"block has shape {block.shape}; it must be one channel (n,)")
        if not np.isfinite(block).all():
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        out = np.empty_like(block)
        done = 0
        while done < len(block):
            part = block[done : done + self._until_next()]
            at = np.arange(self._now, self._now + len(part)) % len(self._heard)
            self._heard[at] = part
            out[done : done + len(part)] = part - self._predicted(self._now, len(part))
            self._now += len(part)
            done += len(part)
            self._learn_what_is_complete()
        return out

    def skip(self, samples: int) -> None:
        """So much input was lost: nothing is learnt from clicks that it would have held.

        Thread: as :meth:`process`. Realtime-safe: no.
        """
        for click in self._clicks:
            if click.start < self._now + samples and click.end > self._now:
                click.learnt = True
        zeros = np.zeros(min(samples, len(self._heard)), np.float32)
        at = np.arange(self._now + samples - len(zeros), self._now + samples) % len(self._heard)
        self._heard[at] = zeros
        self._now += samples

    def _until_next(self) -> int:
        """Samples until the next click has been heard to its end, bounded by the ring."""
        ends = [click.end for click in self._clicks if not click.learnt]
        return max(1, min([end - self._now for end in ends] + [self._size]))

    def _predicted(self, start: int, length: int, without: _Click | None = None) -> Float32:
        """Sum of the expected echoes in ``length`` samples from ``start``."""
        total = np.zeros(length, np.float32)
        for click in self._clicks:
            low = max(start, click.start)
            high = min(start + length, click.end)
            if low < high and click is not without:
                echo = click.sound.echo
                total[low - start : high - start] += echo[low - click.start : high - click.start]
        return total

    def _learn_what_is_complete(self) -> None:
        for click in self._clicks:
            if not click.learnt and click.end <= self._now:
                self._learn(click)
                click.learnt = True
        # clicks stay as long as they overlap one that is still to be learnt
        oldest = self._now - self._size
        self._clicks = [click for click in self._clicks if click.end > oldest]

    def _learn(self, click: _Click) -> None:
        """One observation of the response, then new echoes."""
        length = click.sound.length
        at = np.arange(click.start, click.end) % len(self._heard)
        heard = self._heard[at] - self._predicted(click.start, length, without=click)
        heard[: len(self._fade)] *= self._fade
        heard[-len(self._fade) :] *= self._fade[::-1]
        observed = np.fft.rfft(heard, self._size)
        played = click.sound.spectrum
        power = np.abs(played) ** 2
        expected = played * self._response
        error = _running_mean(np.abs(observed - expected) ** 2, self._smoothing)
        if self._has_changed(observed, expected, error):
            self._forget_response()
            self._changed = (0.0, 0.0)
        echo = _running_mean(np.abs(expected) ** 2, self._smoothing)
        doubt = _running_mean(power * self._error, self._smoothing)
        music = np.maximum(error - doubt, MUSIC_SHARE * error) + EXACTNESS * echo + TINY
        self._cross = FORGET * self._cross + np.conj(played) * observed / music
        self._weight = FORGET * self._weight + power / music
        self._estimate(1.0 / length)
        self._rate_suppression(power)
        for sound in self._sounds.values():
            sound.echo = self._echo(sound.spectrum, sound.length)

    def _has_changed(self, observed: Complex128, expected: Complex128, error: Float64) -> bool:
        """Whether what is heard no longer goes with what is expected: another loudspeaker, a
        microphone that was moved. Music alone cannot say so, its share in the regression is known.
        """
        product = float(((np.conj(expected) * observed).real / (error + TINY)).sum())
        power = float((np.abs(expected) ** 2 / (error + TINY)).sum())
        scale = min(1.0, CLICK_EVIDENCE / (power + TINY))
        found = CHANGE_MEMORY * self._changed[0] + scale * product
        evidence = CHANGE_MEMORY * self._changed[1] + scale * power
        self._changed = (found, evidence)
        return evidence > CHANGE_EVIDENCE and found < CHANGED * evidence

    def _estimate(self, noise: float) -> None:
        """The response from the sums: whiten, shrink lags, shrink frequencies.

        noise : power that music alone has at a lag of the whitened response.
        """
        root = np.sqrt(self._weight) + TINY
        lags = np.fft.irfft(self._cross / root, self._size)  # equal noise at every lag
        power = lags**2
        share = np.zeros(self._size)
        for spread in self._spreads:
            near = _running_mean(power, spread)
            share = np.maximum(share, 1.0 - LEAST * noise / (near + TINY))
        kept = np.fft.rfft(lags * share)
        mean_power = float((np.abs(kept) ** 2).sum() / (self._weight.sum() + TINY))
        certainty = self._weight + PRIOR / (mean_power + TINY)
        response = np.fft.irfft(kept * root / certainty, self._size)
        response[self._early + self._late :] = 0.0
        self._response = np.fft.rfft(response)
        self._error = share.mean() / certainty

    def _rate_suppression(self, power: Float64) -> None:
        echo = float((power * np.abs(self._response) ** 2).sum())
        left = float((power * self._error).sum())
        self._suppression = max(0.0, 10.0 * float(np.log10((echo + TINY) / (left + TINY))))
