"""What the process of one song does: decode a file to wav and find its beats, within limits.

It is started by :mod:`rtbeat.web.song_process` with a JSON object and answers with JSON lines on
standard output: ``{"progress": 0..1}`` now and then, at the end ``{"error": ...}`` or
``{"result": ...}``. The sender of the file is not trusted: a decoder that runs wild or wants more
memory than allowed ends this process and nothing else.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable
from typing import Any

import numpy as np
import soundfile

from rtbeat.audio import AudioFile, AudioFileError, Float32, read_audio
from rtbeat.features import mixdown
from rtbeat.offline import SHORTEST, track
from rtbeat.web.restraint import restrain
from rtbeat.web.song_result import as_result

MOST_CHANNELS = 64
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
        _tell(result=as_result(beats))
    except UnusableError as error:
        _tell(error=f"{name}: {error}")
    except AudioFileError as error:
        _tell(error=_renamed(str(error), hello["source"], name))
    except MemoryError:
        _tell(error=f"{name}: decoding it takes more memory than allowed; send a shorter song")
    except Exception as error:
        traceback.print_exc()
        _tell(error=f"{name}: it could not be tracked ({type(error).__name__})")


def decode(source: str, target: str, seconds: float) -> tuple[Float32, int]:
    """Write ``source`` as 16-bit wav, stereo where it is stereo and else mono, to ``target``.

    Returns mono samples float32 ``(n,)`` and their rate in Hz. Raises ``UnusableError`` for a song
    that is no sound, too short or longer than ``seconds``, ``AudioFileError`` for what is no audio.
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
    if len(samples) < SHORTEST * rate:
        length = len(samples) / rate
        raise UnusableError(
            f"there are {length:.1f} s of sound that can be read; {SHORTEST} s are needed"
        )
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
            if not np.isfinite(block).all():
                raise UnusableError("some of its samples are not finite numbers; export it again")
            clean = np.clip(block, -1.0, 1.0)
            mono.append(mixdown(block, channels))
            file.write(clean if kept == channels else mixdown(clean, channels))
    return np.concatenate(mono)


def _renamed(text: str, path: str, name: str) -> str:
    """The same words about the file as its sender knows it."""
    return text.replace(path, name).replace(repr(path), name)


def _progress(share: float) -> None:
    _tell(progress=DECODED + (1.0 - DECODED) * share)


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)
