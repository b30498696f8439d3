"""Takes the clicks that rtbeat itself plays out of what the microphone hears.

A click arrives as its known wave, played at a known time, through an unknown but steady response
(:mod:`rtbeat.click_response`). Its prediction is subtracted, so the input is not delayed. What the
loudspeaker adds that no response explains is left over; where nothing else sounds, that is turned
down as well, to what was heard between the clicks.

Lags reach from ``EARLIEST`` before the scheduled time to ``LATEST`` after it: a loop that is not
calibrated, the way through the room, its reverberation. Pure: no thread, device or clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rtbeat.click_response import ClickResponse
from rtbeat.features import fft_length

Float32 = NDArray[np.float32]
Complex128 = NDArray[np.complex128]

EARLIEST = 0.1  # seconds before the scheduled time at which a click may return
LATEST = 0.35  # seconds after it until which its reverberation is followed
LONGEST = 0.25  # seconds of the longest wave
AHEAD = 5.0  # seconds that a click may be played ahead: lead, offset, parts of a slow beat
SOUNDS = 8  # waves whose echoes are kept ready
FADE = 0.005  # seconds at each end of what is observed of a click
RESIDUE = 0.05  # power that may be left of an echo, as a share of it
FAST = 0.005  # seconds over which power is averaged for that
SLOW = 0.1  # seconds over which the level between clicks is averaged


@dataclass(eq=False)
class _Sound:
    """A wave that is played. ``length`` : samples of its echo, the first as early as can be."""

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
        """Sample just past its latest echo."""
        return self.start + self.sound.length


@nb.njit(nogil=True, cache=True)
def _turn_down_residue(cleaned, echo, fast, slow, levels):  # type: ignore[no-untyped-def]
    """Wiener gain, in place, for what a subtracted echo may have left over.

    cleaned, echo : float32 (n,). fast, slow : shares by which averages follow. levels : float64
    (3,), carried on: power of cleaned, of echo, and of cleaned between echoes, under which nothing
    is turned down.
    """
    power, echo_power, between = levels
    for i in range(len(cleaned)):
        power += fast * (cleaned[i] * cleaned[i] - power)
        echo_power += fast * (echo[i] * echo[i] - echo_power)
        residue = RESIDUE * echo_power
        if power < between:
            between += slow * (power - between)
        elif power > 0.0:
            between += slow * power / (power + residue) * (power - between)
        if residue > 1e-6 * power and power > 0.0:
            target = max(power * power / (power + residue), min(power, between))
            cleaned[i] *= np.sqrt(target / power)
    levels[0], levels[1], levels[2] = power, echo_power, between


class OwnClicks:
    """Removes clicks of known wave and time from a microphone signal.

    sample_rate : of the microphone and of the waves, Hz.

    Feed every block of input to :meth:`process`; announce each click by :meth:`play`, at least
    ``EARLIEST`` seconds before its time. One that is announced later is removed from then on.

    Thread: one at a time, not the audio callback (allocates, and works for some milliseconds after
    each click). Realtime-safe: no.
    """

    def __init__(self, sample_rate: int):
        self.sample_rate = sample_rate
        self._early = round(EARLIEST * sample_rate)
        self._lags = self._early + round(LATEST * sample_rate)
        self._longest = round(LONGEST * sample_rate)
        self._size = fft_length(self._lags + self._longest)
        self._response = ClickResponse(sample_rate, self._size, self._lags)
        fade = round(FADE * sample_rate)
        self._fade = (np.arange(1, fade + 1) / (fade + 1)).astype(np.float32)
        self._shares = (1.0 / (FAST * sample_rate), 1.0 / (SLOW * sample_rate))
        self.reset()
        nothing = np.zeros(0, np.float32)
        _turn_down_residue(nothing, nothing, *self._shares, self._levels)  # compiled now

    def reset(self) -> None:
        """Forget input, clicks and response; the next sample is sample 0.

        Thread: that of :meth:`process`. Realtime-safe: no.
        """
        self._now = 0
        self._heard = np.zeros(2 * self._size, np.float32)  # ring, index = sample % length
        self._clicks: list[_Click] = []
        self._sounds: dict[bytes, _Sound] = {}
        self._levels = np.zeros(3)
        self._response.reset()

    @property
    def suppression(self) -> float:
        """By how many dB clicks are thought to be weakened, 0 or more; 0 before any is known.

        Thread: any. Realtime-safe: yes.
        """
        return self._response.suppression

    def play(self, time: float, wave: Float32) -> None:
        """A click will be heard.

        time : stream time of its first sample, seconds, at most ``AHEAD`` ahead.
        wave : float32 ``(n,)``, as played, not longer than ``LONGEST``. Any number of kinds: the
            response is learnt from all of them together.

        Raises ``ValueError`` for a wave that is empty, too long, not one channel or not finite, and
        for a time that is not finite or too far ahead.

        Thread: that of :meth:`process`. Realtime-safe: no.
        """
        wave = np.ascontiguousarray(wave, np.float32)
        if wave.ndim != 1 or not 0 < len(wave) <= self._longest or not np.isfinite(wave).all():
            raise ValueError(
                f"wave has shape {wave.shape}; it must be one channel of 1 to {self._longest} "
                f"finite samples ({LONGEST} s)"
            )
        latest = self._now / self.sample_rate + AHEAD
        if not -AHEAD <= time <= latest:
            raise ValueError(f"time is {time}; it must be from {-AHEAD} to {latest:.3f} s by now")
        click = _Click(round(time * self.sample_rate) - self._early, self._sound(wave))
        if click.end > self._now:
            self._clicks.append(click)

    def _sound(self, wave: Float32) -> _Sound:
        key = wave.tobytes()
        if key not in self._sounds:
            if len(self._sounds) >= SOUNDS:  # a volume that is being turned, say
                used = {id(click.sound) for click in self._clicks}
                self._sounds = {k: s for k, s in self._sounds.items() if id(s) in used}
            spectrum = np.fft.rfft(wave.astype(np.float64), self._size)
            sound = _Sound(self._lags + len(wave), spectrum, wave)
            self._expect(sound)
            self._sounds[key] = sound
        return self._sounds[key]

    def _expect(self, sound: _Sound) -> None:
        """The echo of a sound by the response as it is known now."""
        echo = np.fft.irfft(sound.spectrum * self._response.spectrum, self._size)
        sound.echo = echo[: sound.length].astype(np.float32)

    def process(self, block: Float32) -> Float32:
        """The block without the clicks, float32 ``(n,)``, not delayed.

        block : float32 ``(n,)``, any number of samples; those that are not finite become silence.

        The result does not depend on how the signal is cut into blocks, as long as :meth:`play` is
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
            echo = self._echo(self._now, len(part))
            cleaned = out[done : done + len(part)]
            np.subtract(part, echo, out=cleaned)
            _turn_down_residue(cleaned, echo, *self._shares, self._levels)
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

    def _echo(self, start: int, length: int, without: _Click | None = None) -> Float32:
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
        """The response from clicks heard to the end, then the echoes to come."""
        complete = [click for click in self._clicks if not click.learnt and click.end <= self._now]
        for click in complete:
            gaps = [abs(click.start - other.start) for other in self._clicks if other is not click]
            spacing = min(gaps, default=self._size)
            played, length = click.sound.spectrum, click.sound.length
            self._response.observe(self._observed(click), played, length, spacing)
            click.learnt = True
            for sound in self._sounds.values():
                self._expect(sound)
        # a click stays as long as it may overlap one that is still to be learnt
        oldest = self._now - self._size
        self._clicks = [click for click in self._clicks if click.end > oldest]

    def _observed(self, click: _Click) -> Complex128:
        """Spectrum of what was heard around a click, without the others."""
        at = np.arange(click.start, click.end) % len(self._heard)
        heard = self._heard[at] - self._echo(click.start, len(at), without=click)
        heard[: len(self._fade)] *= self._fade
        heard[-len(self._fade) :] *= self._fade[::-1]
        spectrum: Complex128 = np.fft.rfft(heard.astype(np.float64), self._size)
        return spectrum
