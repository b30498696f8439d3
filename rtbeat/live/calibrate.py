"""Measures how long after an output sample its sound is in the input, on a running stream.

Bursts are played at known output frames and looked for in the input. On one device both have one
counter; two devices have two, tied together by the host's clock, which takes some seconds to be
known well.

Thread: main; nothing else may read the stream meanwhile. Realtime-safe: no.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import AudioDeviceError, Port
from rtbeat.live.callback import Float32
from rtbeat.live.loop_delay import BEFORE, LONGEST_DELAY, Heard, LoopDelay, find_burst, judge

SETTLE = 1.0  # seconds: sound is lost most often just after a stream has begun
SETTLE_TWO = 6.0  # with two devices: until their clocks are known to a fraction of a millisecond
APART = 0.8  # seconds from burst to burst
AHEAD = 0.3  # seconds from now to the first burst
STEP = 0.02  # seconds between two looks at the input
MISSING = 3.0  # seconds without any sample after which the device counts as dead

Sleep = Callable[[float], None]


def measure_loop(
    stream: AudioStream,
    bursts: Sequence[Float32],
    gain: float = 0.5,
    sleep: Sleep = time.sleep,
) -> LoopDelay:
    """Play the bursts, which must be the sounds of the stream, and find them in its input.

    gain : their loudness, 0 to 1. Takes 7 seconds, 12 with two devices. Raises ``LoopError``
    where it cannot be measured, :class:`AudioDeviceError` where the device goes away.
    """
    if stream.input is None or stream.output is None:
        raise ValueError("stream must have an input and an output")
    rate = stream.sample_rate
    settle = SETTLE if stream.duplex else SETTLE_TWO
    record_input(stream, stream.input, round(settle * rate), sleep)
    xruns, begin = sum(stream.xruns.values()), stream.input.shared.position
    first = stream.output.shared.frames + round(AHEAD * rate)
    starts = [first + round(i * APART * rate) for i in range(len(bursts))]
    for i, start in enumerate(starts):
        stream.output.shared.play(start, i, gain)
    seconds = AHEAD + len(bursts) * APART + LONGEST_DELAY
    tape = record_input(stream, stream.input, round(seconds * rate), sleep)
    heard = [
        _find(tape, burst, input_index(stream, start) - begin, rate)
        for burst, start in zip(bursts, starts, strict=True)
    ]
    return judge(heard, float(np.abs(tape).max()), rate, sum(stream.xruns.values()) - xruns)


def _find(tape: Float32, burst: Float32, played: float, rate: int) -> Heard:
    """One burst; ``played`` is where in the tape it was played."""
    at = round(played)
    start = max(0, at - round(BEFORE * rate))
    part = tape[start : at + round(LONGEST_DELAY * rate) + len(burst)]
    found = find_burst(part, burst, at - start, rate)
    return replace(found, delay=found.delay + at - played)


def input_index(stream: AudioStream, output_index: int) -> float:
    """The input sample that is counted at the moment at which an output sample is.

    On one device these are the same. The line of each clock must be known.
    """
    if stream.duplex or stream.input is None or stream.output is None:
        return float(output_index)
    here, there = stream.input.clock.line, stream.output.clock.line
    if here is None or there is None:
        raise AudioDeviceError("the devices have not begun to run; plug them in anew")
    return here.count_at(there.host_at(output_index))


def record_input(stream: AudioStream, port: Port, frames: int, sleep: Sleep) -> Float32:
    """The next ``frames`` of the input, float32 ``(frames,)``; zeros where input was lost.

    Raises :class:`AudioDeviceError` where none comes any more.
    """
    tape = np.zeros(frames, np.float32)
    at, waited = 0, 0.0
    while at < frames:
        samples, lost = port.shared.read(frames - at)
        at += lost
        samples = samples[: max(0, frames - at)]
        tape[at : at + len(samples)] = samples
        at += len(samples)
        waited = 0.0 if len(samples) else waited + STEP
        if waited > MISSING:
            raise AudioDeviceError(f"{port.name} gives no sound; unplug it and plug it in again")
        if not len(samples):
            sleep(STEP)
        stream.update()
    return tape
