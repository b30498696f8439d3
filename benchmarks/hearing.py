"""What a microphone hears of music: rooms, noise, a small loudspeaker, a low level.

Rooms are boxes of bare walls that all absorb alike. Their impulse responses are made by the image
source method (J. Allen, D. Berkley, "Image method for efficiently simulating small-room acoustics",
JASA 65(4), 1979) in pyroomacoustics (R. Scheibler et al., ICASSP 2018). The direct sound is put at
0, so beats stay where they are, and the sound keeps its level: what changes is the room alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from benchmarks.collections import DataError
from benchmarks.negatives import pink_noise, white_noise

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

NOISES: dict[str, Callable[[float, int, int], Float32]] = {"pink": pink_noise, "white": white_noise}
PHONE_BAND = (400.0, 4000.0)  # Hz
PHONE_ORDER = 4  # of each edge: 24 dB an octave
DIRECT = 0.002  # seconds after its peak that count as direct sound


@dataclass(frozen=True)
class Room:
    """A box. size : metres. decay : seconds to -60 dB by Sabine's formula, from which the walls'
    absorption follows. source, microphone : metres from a corner."""

    size: tuple[float, float, float]
    decay: float
    source: tuple[float, float, float]
    microphone: tuple[float, float, float]

    @property
    def distance(self) -> float:
        """From source to microphone, metres."""
        return math.dist(self.source, self.microphone)


ROOMS = {
    "living room": Room((5.1, 4.0, 2.6), 0.35, (1.2, 1.0, 1.1), (3.6, 2.9, 1.2)),
    "rehearsal room": Room((8.3, 6.2, 3.1), 0.6, (1.4, 2.1, 1.2), (5.7, 4.6, 1.5)),
    "hall": Room((22.0, 15.3, 7.9), 1.2, (3.1, 7.0, 1.6), (13.0, 8.4, 1.7)),
}


@dataclass(frozen=True)
class Condition:
    """How the music is heard, in this order: through a phone's loudspeaker, in a room, with noise
    of a kind ``snr`` dB below it, all of it by ``gain`` dB louder."""

    name: str
    phone: bool = False
    room: str | None = None
    noise: str | None = None
    snr: float = math.inf
    gain: float = 0.0


CLEAN = Condition("clean")
NOISY = tuple(
    Condition(f"living room, {noise} noise at {snr:g} dB", False, "living room", noise, snr)
    for noise in NOISES
    for snr in (20.0, 10.0, 0.0)
)
CONDITIONS = (
    CLEAN,
    *(Condition(room, room=room) for room in ROOMS),
    *NOISY,
    Condition("phone loudspeaker", phone=True),
    Condition("30 dB quieter", gain=-30.0),
)


@functools.cache
def response(name: str, sample_rate: int) -> tuple[Float64, int]:
    """Impulse response of a room, float64 ``(n,)``, and the sample of its direct sound. Raises
    ``DataError`` where pyroomacoustics is not installed."""
    try:
        import pyroomacoustics
    except ImportError:
        raise DataError('rooms need pyroomacoustics: pip install "rtbeat[bench]"') from None
    room = ROOMS[name]
    absorption, order = pyroomacoustics.inverse_sabine(room.decay, room.size)
    walls = pyroomacoustics.Material(absorption)
    box = pyroomacoustics.ShoeBox(
        room.size, fs=sample_rate, materials=walls, max_order=order, air_absorption=True
    )
    box.add_source(room.source)
    box.add_microphone(room.microphone)
    box.compute_rir()
    # every image is a short filter around its time, made causal by half its length
    late = pyroomacoustics.constants.get("frac_delay_length") // 2
    direct = round(room.distance / box.c * sample_rate) + late
    return np.asarray(box.rir[0][0], np.float64), direct


def room_facts(name: str, sample_rate: int = 24_000) -> dict[str, Any]:
    """Size and distance in metres, seconds to -60 dB as the response has them, and how much louder
    the direct sound is than all that follows it, dB."""
    wave, direct = response(name, sample_rate)
    energy = wave**2
    left = 10.0 * np.log10(np.cumsum(energy[::-1])[::-1] / energy.sum())  # M. Schroeder, 1965
    # from -5 to -35 dB, and as far again
    decay = 2.0 * float(np.argmax(left <= -35.0) - np.argmax(left <= -5.0)) / sample_rate
    until = direct + round(DIRECT * sample_rate)
    ratio = 10.0 * math.log10(energy[:until].sum() / energy[until:].sum())
    room = ROOMS[name]
    return {
        "size_m": room.size,
        "distance_m": room.distance,
        "decay_s": decay,
        "direct_to_reverberant_db": ratio,
    }


def level(audio: NDArray[Any]) -> float:
    """Root mean square."""
    return math.sqrt(float(np.mean(np.square(audio, dtype=np.float64))))


def in_room(audio: Float32, sample_rate: int, name: str) -> Float32:
    """Float32 ``(n,)`` as heard in a room, as long and as loud as it is; the direct sound is where
    the sound was."""
    wave, direct = response(name, sample_rate)
    heard = fftconvolve(audio.astype(np.float64), wave)[direct : direct + len(audio)]
    loud = level(heard)
    return (heard * (level(audio) / loud if loud else 1.0)).astype(np.float32)


def with_noise(audio: Float32, sample_rate: int, kind: str, snr: float, seed: int) -> Float32:
    """Noise of that kind added, ``snr`` dB below the level of the whole."""
    noise = NOISES[kind]((len(audio) + 1) / sample_rate, seed, sample_rate)[: len(audio)]
    return audio + np.float32(level(audio) * 10.0 ** (-snr / 20.0) / level(noise)) * noise


def on_phone(audio: Float32, sample_rate: int) -> Float32:
    """What the loudspeaker of a phone gives out: nothing low, nothing high."""
    edges = np.minimum(PHONE_BAND, 0.45 * sample_rate)
    band = butter(PHONE_ORDER, edges, "bandpass", fs=sample_rate, output="sos")
    return sosfilt(band, audio).astype(np.float32)


def hear(audio: Float32, sample_rate: int, condition: Condition, seed: int) -> Float32:
    """Mono float32 ``(n,)`` as it is heard under a condition, ``(n,)`` again; ``seed`` is that of
    the noise. Beats stay where they are. Raises ``DataError``."""
    if condition.phone:
        audio = on_phone(audio, sample_rate)
    if condition.room is not None:
        audio = in_room(audio, sample_rate, condition.room)
    if condition.noise is not None:
        audio = with_noise(audio, sample_rate, condition.noise, condition.snr, seed)
    return audio * np.float32(10.0 ** (condition.gain / 20.0))
