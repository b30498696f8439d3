"""What the process that draws a song does, within limits.

It is started by :mod:`rtbeat.web.song_process` with a JSON object, gets the beats as JSON on
standard input and answers with one JSON line, ``{"error": ...}`` or ``{"result": {}}``.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from rtbeat.audio import AudioFile
from rtbeat.features import mixdown
from rtbeat.formats import plot
from rtbeat.web.restraint import restrain
from rtbeat.web.song_result import beats_of


def main(hello: dict[str, Any]) -> None:
    """Draw the song that ``hello`` tells of: source (wav), target (png), name, seconds,
    work_seconds, memory_bytes."""
    restrain(hello["seconds"], hello["work_seconds"], hello["memory_bytes"])
    try:
        beats = beats_of(json.load(sys.stdin))
        with AudioFile(hello["source"]) as audio:
            mono = np.concatenate([mixdown(block, audio.channels) for block in audio.blocks()])
        Path(hello["target"]).write_bytes(plot.draw(beats, mono, audio.sample_rate, ".png"))
        answer: dict[str, Any] = {"result": {}}
    except MemoryError:
        answer = {"error": f"{hello['name']}: the plot takes more memory than allowed"}
    except Exception as error:
        traceback.print_exc()
        answer = {"error": f"{hello['name']}: it could not be drawn ({type(error).__name__})"}
    print(json.dumps(answer), flush=True)
