"""Instruments for the bundled demo music, synthesised from nothing but numpy.

Every instrument is a function ``(pitch, seconds, rng) -> float64 (samples,)`` at ``SAMPLE_RATE``
with peak about 1 and its onset on the first sample; pitch is a MIDI note number, which drums pass
over. Plucked strings: K. Karplus, A. Strong, "Digital synthesis of plucked-string and drum
timbres", Computer Music Journal 7(2), 1983. Electric piano: frequency modulation after
J. Chowning, Journal of the AES 21(7), 1973.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 44_100

Wave = NDArray[np.float64]
Instrument = Callable[[float, float, np.random.Generator], Wave]


def hertz(pitch: float) -> float:
    """Frequency of a MIDI note number."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def _time(seconds: float) -> Wave:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _release(wave: Wave, held: float, fade: float) -> Wave:
    """Hold for ``held`` seconds, then fade out over ``fade``."""
    time = _time(len(wave) / SAMPLE_RATE + 1.0)[: len(wave)]
    return wave * np.clip(1.0 - (time - held) / fade, 0.0, 1.0) ** 2


def _band(wave: Wave, low: float, high: float) -> Wave:
    """Keep roughly ``low`` to ``high`` Hz (first order slopes)."""
    spectrum = np.fft.rfft(wave)
    frequency = np.fft.rfftfreq(len(wave), 1.0 / SAMPLE_RATE) + 1e-9
    gain = 1.0 / np.sqrt((1.0 + (low / frequency) ** 4) * (1.0 + (frequency / high) ** 4))
    return np.fft.irfft(spectrum * gain, len(wave))


def _unit(wave: Wave) -> Wave:
    return wave / np.abs(wave).max()


def kick(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Bass drum: a sine that falls to 48 Hz, and the beater."""
    time = _time(0.35)
    phase = 2 * np.pi * (48.0 * time + 110.0 * 0.028 * (1.0 - np.exp(-time / 0.028)))
    beater = rng.standard_normal(len(time)) * np.exp(-time / 0.003)
    return _unit(np.sin(phase) * np.exp(-time / 0.11) + 0.25 * beater)


def snare(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Snare drum: two modes of the head and the wires."""
    time = _time(0.3)
    head = np.sin(2 * np.pi * 187.0 * time) + 0.6 * np.sin(2 * np.pi * 331.0 * time)
    wires = _band(rng.standard_normal(len(time)), 1500.0, 9000.0)
    return _unit(0.6 * head * np.exp(-time / 0.045) + wires * np.exp(-time / 0.075))


def hat(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Hi-hat; it rings for as long as the note."""
    time = _time(min(0.4, 4.0 * seconds))
    metal = sum(np.sign(np.sin(2 * np.pi * f * time)) for f in (3140.0, 4620.0, 5530.0, 8010.0))
    noise = _band(0.5 * metal + 2.0 * rng.standard_normal(len(time)), 7500.0, 14_000.0)
    return _unit(noise * np.exp(-time / seconds))


def pluck(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Steel string, plucked near the bridge and softly damped."""
    wanted = hertz(pitch)
    period = max(2, round(SAMPLE_RATE / wanted - 0.5))
    ratio = wanted / (SAMPLE_RATE / (period + 0.5))  # read out at this speed to be in tune
    total = int((seconds + 0.4) * SAMPLE_RATE * ratio) + 3 * period
    string = np.zeros(total + period)
    burst = rng.uniform(-1.0, 1.0, period)
    string[1 : period + 1] = np.convolve(burst, [0.25, 0.5, 0.25], "same")
    loss = 0.5 * 10.0 ** (-3.0 * period / (SAMPLE_RATE * 5.0))  # -60 dB in 5 s
    for start in range(period + 1, total, period):
        before = string[start - period - 1 : start]
        string[start : start + period] = loss * (before[:-1] + before[1:])
    out = np.interp(
        np.arange(int(total / ratio)) * ratio, np.arange(total) + 1.0, string[1:][:total]
    )
    return _unit(_release(_band(out, 60.0, 9000.0), seconds, 0.4))


def electric_piano(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Tine piano: a carrier with one slow and one bell-like modulator."""
    time = _time(seconds + 0.25)
    frequency = hertz(pitch)
    bell = 0.35 * np.exp(-time / 0.09) * np.sin(2 * np.pi * 14.0 * frequency * time)
    body = 1.1 * np.exp(-time / 0.6) * np.sin(2 * np.pi * frequency * time)
    tone = np.sin(2 * np.pi * frequency * time + body)
    tine = np.sin(2 * np.pi * frequency * time + bell)
    tremolo = 1.0 + 0.12 * np.sin(2 * np.pi * 4.7 * time)
    decay = np.exp(-time / (1.6 * 2.0 ** ((60.0 - pitch) / 24.0)))
    return _unit(_release((tone + 0.6 * tine) * tremolo * decay, seconds, 0.25))


def bass(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Fingered electric bass: harmonics that die away faster the higher they are."""
    time = _time(seconds + 0.06)
    wave = np.zeros(len(time))
    for k in range(1, 11):
        decay = np.exp(-time * k / 1.4)
        wave += (
            np.sin(np.pi * k * 0.22) / k**1.3 * decay * np.sin(2 * np.pi * k * hertz(pitch) * time)
        )
    return _unit(_release(wave * np.minimum(1.0, time / 0.004 + 0.1), seconds, 0.06))


def reed(pitch: float, seconds: float, rng: np.random.Generator) -> Wave:
    """Singing lead: a soft attack and a vibrato that comes in late."""
    time = _time(seconds + 0.12)
    vibrato = 0.006 * np.clip((time - 0.2) / 0.3, 0.0, 1.0) * np.sin(2 * np.pi * 5.4 * time)
    phase = 2 * np.pi * hertz(pitch) * np.cumsum(1.0 + vibrato) / SAMPLE_RATE
    wave = sum(np.sin(k * phase) / k**1.5 for k in (1, 2, 3, 4, 5, 7))
    breath = 0.06 * _band(rng.standard_normal(len(time)), 2000.0, 6000.0)
    return _unit(_release((wave + breath) * (1.0 - np.exp(-time / 0.018)), seconds, 0.12))


def reverb(dry: Wave, seconds: float, amount: float, rng: np.random.Generator) -> Wave:
    """A small room: convolution with noise that dies away, 12 ms after the direct sound."""
    time = _time(seconds)
    tail = _band(rng.standard_normal(len(time)) * np.exp(-4.0 * time / seconds), 150.0, 5000.0)
    room = np.concatenate((np.zeros(int(0.012 * SAMPLE_RATE)), tail / np.sqrt(np.sum(tail**2))))
    size = len(dry) + len(room) - 1
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(room, size), size)[: len(dry)]
    return dry + amount * wet
