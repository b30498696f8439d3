"""What runs on the audio thread: compiled code, no interpreter, no allocation, no lock.

One PortAudio stream and Python share one block of memory
(:class:`rtbeat.live.shared_audio.SharedAudio`). The callback
copies the input, mixed to one channel, to a ring, mixes the clicks that are due into the output,
counts, and notes when it was called. Nothing else.

The block is an int64 array that begins with its own layout, so that the callback, which is given
no more than its address, finds everything in it. The ring has one writer (the callback) and one
reader; a counter is written after what it counts, behind a memory fence.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numba as nb
import numba.extending
import numpy as np
from numpy.typing import NDArray

from rtbeat.live.host_time import read_clock

types: Any = nb.types
carray: Any = vars(nb)["carray"]

Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]

# words of the header
SIZE, INPUTS, OUTPUTS = 0, 1, 2
FRAMES, CALLBACKS, OVERFLOWS, UNDERFLOWS, LATE = 3, 4, 5, 6, 7
RING_AT, RING_FRAMES = 8, 9
ARRIVALS_AT, ARRIVALS = 10, 11
SLOTS_AT, SLOTS = 12, 13
SOUNDS_AT, SOUND_WORDS, SOUNDS = 14, 15, 16
SCRATCH = 18  # and 19
HEADER = 20

# words of an arrival: frames so far, host time in ns, ns from capture to call and from call to ear
ARRIVAL = 4
# words of a slot: output index of its first sample, sound, gain (in millionths), begun
START, SOUND, GAIN, BEGUN = 0, 1, 2, 3
SLOT = 4
FREE = -1

INPUT_OVERFLOW, OUTPUT_UNDERFLOW = 2, 4  # flags of PortAudio
UNIT_GAIN = 1_000_000
LATENCY_LIMIT = 10.0  # seconds; more is a driver's nonsense, kept from overflowing

_ULONG = types.uint64 if ctypes.sizeof(ctypes.c_ulong) == 8 else types.uint32
SIGNATURE = types.int32(
    types.CPointer(types.float32),
    types.CPointer(types.float32),
    _ULONG,
    types.CPointer(types.float64),
    _ULONG,
    types.CPointer(types.int64),
)


def _make_fence(context):  # type: ignore[no-untyped-def]
    """All that was written before is seen by others before what is written after."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


_fence: Any = nb.extending.intrinsic(_make_fence)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _record(words, source, frames):  # type: ignore[no-untyped-def]
    """Mix the input to one channel into the ring."""
    channels, capacity = words[INPUTS], words[RING_FRAMES]
    start = words[RING_AT]
    ring = words[start : start + capacity // 2].view(np.float32)
    share = np.float32(1.0) / np.float32(channels)
    first = words[FRAMES]
    for i in range(frames):
        total = np.float32(0.0)
        for c in range(channels):
            total += source[i * channels + c]
        ring[(first + i) % capacity] = total * share


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _play_slot(words, slot, target, frames):  # type: ignore[no-untyped-def]
    """Add what this block hears of one click; free its slot when it is over or too late."""
    first = words[FRAMES]
    at = words[SLOTS_AT] + slot * SLOT
    start = words[at + START]
    if start == FREE or start >= first + frames:
        return
    if start < first and words[at + BEGUN] == 0:  # half a click would be a crackle
        words[LATE] += 1
        words[at + START] = FREE
        return
    words[at + BEGUN] = 1
    wave_at = words[SOUNDS_AT] + words[at + SOUND] * words[SOUND_WORDS]
    length = words[wave_at]
    wave = words[wave_at + 1 : wave_at + words[SOUND_WORDS]].view(np.float32)
    gain = np.float32(words[at + GAIN] / UNIT_GAIN)
    channels = words[OUTPUTS]
    for i in range(max(0, start - first), min(frames, start + length - first)):
        value = gain * wave[first + i - start]
        for c in range(channels):
            target[i * channels + c] += value
    if start + length <= first + frames:
        words[at + BEGUN] = 0
        _fence()
        words[at + START] = FREE


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _nanoseconds(seconds):  # type: ignore[no-untyped-def]
    """As a whole number; what a driver says beyond any sense becomes the limit."""
    return np.int64(min(LATENCY_LIMIT, max(-LATENCY_LIMIT, seconds)) * 1e9)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _note_arrival(words, times, total):  # type: ignore[no-untyped-def]
    """Host time of this call beside the frames that it brings the count to."""
    now = read_clock(words[SCRATCH : SCRATCH + 2])
    at = words[ARRIVALS_AT] + (words[CALLBACKS] % words[ARRIVALS]) * ARRIVAL
    words[at] = total
    words[at + 1] = now
    words[at + 2] = _nanoseconds(times[1] - times[0])
    words[at + 3] = _nanoseconds(times[2] - times[1])


@nb.njit(nogil=True, cache=True, error_model="numpy")
def run_block(words, source, target, frames, times, flags):  # type: ignore[no-untyped-def]
    """One block. words: the shared block; source, target: float32 interleaved, empty where the
    stream has no such direction; times: float64 ``(3,)`` capture, now, play.

    Thread: audio callback. Realtime-safe: yes.
    """
    if len(source):
        _record(words, source, frames)
    if len(target):
        target[:] = 0.0
        for slot in range(words[SLOTS]):
            _play_slot(words, slot, target, frames)
    if flags & INPUT_OVERFLOW:
        words[OVERFLOWS] += 1
    if flags & OUTPUT_UNDERFLOW:
        words[UNDERFLOWS] += 1
    total = words[FRAMES] + frames
    _note_arrival(words, times, total)
    _fence()
    words[CALLBACKS] += 1
    words[FRAMES] = total


@nb.cfunc(SIGNATURE, cache=True, error_model="numpy")
def portaudio_callback(source, target, frames, times, flags, memory):  # type: ignore[no-untyped-def]
    """``PaStreamCallback``, with the address of a shared block as its user data."""
    words = carray(memory, (carray(memory, (1,))[SIZE],))
    count = np.int64(frames)
    run_block(
        words,
        carray(source, (count * words[INPUTS],)),
        carray(target, (count * words[OUTPUTS],)),
        count,
        carray(times, (3,)),
        np.int64(flags),
    )
    return 0  # paContinue


@nb.njit(nogil=True, cache=True, error_model="numpy")
def place_click(words, start, sound, gain):  # type: ignore[no-untyped-def]
    """Put a click into a free slot; False where there is none.

    Thread: one that is not the callback's. Realtime-safe: yes.
    """
    for slot in range(words[SLOTS]):
        at = words[SLOTS_AT] + slot * SLOT
        if words[at + START] == FREE:
            words[at + SOUND] = sound
            words[at + GAIN] = gain
            _fence()
            words[at + START] = start
            return True
    return False


@nb.njit(nogil=True, cache=True, error_model="numpy")
def read_ring(words, first, out):  # type: ignore[no-untyped-def]
    """Samples ``first ...`` of the ring -> out float32 ``(n,)``; False where the callback has
    meanwhile overwritten some of them.

    Thread: one that is not the callback's. Realtime-safe: yes.
    """
    capacity, start = words[RING_FRAMES], words[RING_AT]
    ring = words[start : start + capacity // 2].view(np.float32)
    for i in range(len(out)):
        out[i] = ring[(first + i) % capacity]
    _fence()
    return words[FRAMES] - first <= capacity // 2
