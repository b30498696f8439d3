"""What the process of one song does: decode a file to wav and find its beats, within limits.

It is started by :mod:`rtbeat.web.song_process` with a JSON object and answers with JSON lines on
standard output: ``{"progress": 0..1}`` now and then, at the end ``{"error": ...}`` or
``{"result": ...}``. The sender of the file is not trusted: a decoder that runs wild or wants more
memory than allowed ends this process and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import traceback
from collections.abc import Iterable
from typing import Any

import numpy as np
import soundfile

from rtbeat.audio import AudioFile, AudioFileError, Float32, read_audio
from rtbeat.beat import Beats
from rtbeat.features import SAMPLE_RATE_RANGE, mixdown
from rtbeat.offline import track

LEAST_SECONDS = 1.5  # one beat at the slowest tempo
MOST_CHANNELS = 64
NICENESS = 5
DECODED = 0.2  # share of the work, for the progress told


class UnusableError(Exception):
    """The song cannot be used; the text says why and what helps, without its name."""


def main(hello: dict[str, Any]) -> None:
    """Do the song that ``hello`` tells of: source, target (paths), name, seconds, work_seconds,
    memory_bytes, model."""
    restrain(hello["seconds"], hello["work_seconds"], hello["memory_bytes"])
    name = str(hello["name"])
    try:
        samples, rate = decode(hello["source"], hello["target"], hello["seconds"])
        beats = track(samples, rate, model=hello["model"], progress=_progress)
        _tell(result=as_result(beats, rate))
    except UnusableError as error:
        _tell(error=f"{name}: {error}")
    except AudioFileError as error:
        _tell(error=_renamed(str(error), hello["source"], name))
    except MemoryError:
        _tell(error=f"{name}: decoding it takes more memory than allowed; send a shorter song")
    except Exception as error:
        traceback.print_exc()
        _tell(error=f"{name}: it could not be tracked ({type(error).__name__})")


def restrain(seconds: float, work_seconds: float, memory_bytes: int) -> None:
    """Lower priority and limits for this process and the decoders that it starts.

    seconds : longest song. work_seconds : of processor time. memory_bytes : of address space.
    """
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        import resource
    except ImportError:  # Windows
        return
    largest = math.ceil(seconds * SAMPLE_RATE_RANGE[1] * 4) + 4096  # 16 bit, stereo
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, math.ceil(work_seconds)),
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a stricter limit is there, or none can be
            resource.setrlimit(what, (most, most))


def decode(source: str, target: str, seconds: float) -> tuple[Float32, int]:
    """Write ``source`` as 16-bit wav, stereo where it is stereo and else mono, to ``target``.

    Returns mono samples float32 ``(n,)`` and their rate in Hz. Raises ``UnusableError`` for a song
    that is silent, too short or longer than ``seconds``, ``AudioFileError`` for what is no audio.
    """
    with AudioFile(source) as audio:
        rate = audio.sample_rate
        if audio.channels > MOST_CHANNELS:
            raise UnusableError(
                f"it has {audio.channels} channels, {MOST_CHANNELS} at most are taken; mix it down"
            )
        samples = _write(audio.blocks(), audio.channels, rate, target, seconds)
    if audio.damaged:  # another decoder may read more of it
        whole, rate = read_audio(source)
        samples = _write([whole], whole.shape[1], rate, target, seconds)
    if len(samples) < LEAST_SECONDS * rate:
        length = len(samples) / rate
        raise UnusableError(
            f"there are {length:.1f} s of sound that can be read; {LEAST_SECONDS} s are needed"
        )
    if not samples.any():
        raise UnusableError("there is only silence in this file; choose another")
    return samples, rate


def _write(
    blocks: Iterable[Float32], channels: int, rate: int, target: str, seconds: float
) -> Float32:
    kept = 2 if channels == 2 else 1
    mono = [np.zeros(0, np.float32)]
    left = int(seconds * rate)
    with soundfile.SoundFile(target, "w", rate, kept, "PCM_16", format="WAV") as file:
        for block in blocks:
            left -= len(block)
            if left < 0:
                raise UnusableError(
                    f"it is longer than {seconds / 60.0:g} minutes, the most that is taken here; "
                    "cut it into pieces"
                )
            clean = np.clip(np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
            mono.append(mixdown(block, channels))
            file.write(clean if kept == channels else mixdown(clean, channels))
    return np.concatenate(mono)


def as_result(beats: Beats, rate: int) -> dict[str, Any]:
    """Beats as plain values; activations rounded to 3 decimals, as the page gets them."""
    return {
        "duration": beats.duration,
        "sample_rate": rate,
        "frame_rate": beats.frame_rate,
        "tempo": beats.tempo if math.isfinite(beats.tempo) else None,
        "activation": np.round(beats.activation.astype(np.float64), 3).tolist(),
        "times": beats.times.tolist(),
        "numbers": beats.numbers.tolist(),
        "confidences": beats.confidences.tolist(),
    }


def _renamed(text: str, path: str, name: str) -> str:
    """The same words about the file as its sender knows it."""
    return text.replace(path, name).replace(repr(path), name)


def _progress(share: float) -> None:
    _tell(progress=DECODED + (1.0 - DECODED) * share)


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)
