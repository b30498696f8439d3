"""A recorded session on disk: which files, what is in them, and reading them.

A folder holds two files:

* ``audio.flac``: the input, one channel of 24 bits, as the engine rounded it. Its sample k is
  stream index k: input that was skipped is silence of the same length.
* ``session.jsonl``: one JSON object a line, in the order in which things came:

  * first the header ``{"recording": 1, "rtbeat": version, "started": date and time, "sample_rate":
    Hz, "options": {"tracker": {...}, "click": {...}}, "model": hash, "machine": {...}}``;
  * ``{"control": name, "sample": stream index at which it acted, "value": ..., "source": ...}``;
  * ``{"skip": frames, "sample": stream index of the first of them}``;
  * ``{"event": kind, "at": stream time, "data": {...}}``;
  * last ``{"end": stream index past the last sample, "reason": ""}``, where the reason tells why
    the recording ended before the session did. A run that was killed leaves no such line; what is
    in the files until then is a good recording.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

import numba
import numpy as np

from rtbeat import __version__
from rtbeat.live.clicks import ClickOptions
from rtbeat.live.controls import Control
from rtbeat.live.engine import EngineOptions
from rtbeat.live.events import Event
from rtbeat.model import BeatModel

FORMAT = 1
AUDIO = "audio.flac"
SESSION = "session.jsonl"


class RecordingError(Exception):
    """A recording cannot be made or read; the message names the folder or file and the reason."""


@dataclass(frozen=True)
class Header:
    """What the events depend on beside the input, and where they came about.

    model : SHA-256 of the model's config and weights. machine : names and versions; results are
    the same to the last bit only where these are. started : ISO 8601 date and time.
    """

    options: EngineOptions
    model: str
    started: str
    version: str
    machine: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """A control that acted, or ``skip`` frames that were lost, at stream index ``sample``."""

    sample: int
    control: Control | None = None
    skip: int = 0


@dataclass(frozen=True)
class Recording:
    """A recording as read. end : stream index past its end, None where the run was killed.
    reason : why it ended before the session did, or ""."""

    folder: Path
    header: Header
    steps: tuple[Step, ...]
    events: tuple[Event, ...]
    end: int | None
    reason: str

    @property
    def audio(self) -> Path:
        """Path of the audio."""
        return self.folder / AUDIO


def make_header(options: EngineOptions, started: datetime) -> Header:
    """The header of a recording that begins now. Raises what loading the model raises."""
    return Header(
        options=options,
        model=model_hash(options.tracker.get("model", "default")),
        started=started.isoformat(timespec="seconds"),
        version=__version__,
        machine=this_machine(),
    )


def model_hash(name: str | PathLike[str]) -> str:
    """SHA-256 of a model's config and weights, whatever file they are in."""
    model = BeatModel.load(name)
    digest = hashlib.sha256(json.dumps(model.config.to_dict(), sort_keys=True).encode())
    for key, array in sorted(model.arrays.items()):
        digest.update(key.encode() + array.tobytes())
    return digest.hexdigest()


def this_machine() -> dict[str, str]:
    """What rounding may depend on."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


# ---- lines ----


def header_line(header: Header) -> str:
    """The first line."""
    options = header.options
    tracker = dict(options.tracker)
    if isinstance(model := tracker.get("model"), (str, PathLike)) and os.path.exists(model):
        tracker["model"] = os.path.abspath(model)  # found from any folder
    return _line(
        {
            "recording": FORMAT,
            "rtbeat": header.version,
            "started": header.started,
            "sample_rate": options.sample_rate,
            "options": {"tracker": tracker, "click": dataclasses.asdict(options.click)},
            "model": header.model,
            "machine": dict(header.machine),
        }
    )


def control_line(control: Control, sample: int) -> str:
    """A control that acted before the sample of that stream index."""
    values = {"value": control.value, "source": control.source}
    return _line({"control": control.name, "sample": sample, **values})


def skip_line(frames: int, sample: int) -> str:
    """Input that was lost, the first frame of it at that stream index."""
    return _line({"skip": frames, "sample": sample})


def event_line(event: Event) -> str:
    """An event, with all digits: equal lines are events equal to the last bit."""
    return _line({"event": event.kind, "at": event.time, "data": dict(event.data)})


def end_line(sample: int, reason: str) -> str:
    """The last line."""
    return _line({"end": sample, "reason": reason})


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    """Values that JSON does not know: those of numpy, and paths."""
    return value.item() if isinstance(value, np.generic) else os.fspath(value)


# ---- reading ----


def read_recording(folder: str | PathLike[str]) -> Recording:
    """The recording in a folder; the audio is not read yet.

    A last line that was cut off is left out, as a killed run leaves it. Raises
    :class:`RecordingError`.
    """
    path = Path(folder) / SESSION
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        raise RecordingError(f"{folder}: no recording here (there is no {SESSION} in it)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    if not lines:
        raise RecordingError(f"{path}: this file is empty; the run was killed before it began")
    header = _parse(path, 1, lines[0], _header)
    steps: list[Step] = []
    events: list[Event] = []
    end, reason = None, ""
    for number, line in enumerate(lines[1:], 2):
        item = _parse(path, number, line, _item)
        if isinstance(item, Event):
            events.append(item)
        elif isinstance(item, Step):
            steps.append(item)
        else:
            end, reason = item
    return Recording(Path(folder), header, tuple(steps), tuple(events), end, reason)


def _parse(path: Path, number: int, line: str, kind: Any) -> Any:
    try:
        return kind(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise RecordingError(f"{path}, line {number}: not of a recording: {reason}") from error


def _header(values: dict[str, Any]) -> Header:
    if values["recording"] != FORMAT:
        raise ValueError(f"it is of format {values['recording']}; this rtbeat reads {FORMAT}")
    options = values["options"]
    return Header(
        EngineOptions(values["sample_rate"], options["tracker"], ClickOptions(**options["click"])),
        values["model"],
        values["started"],
        values["rtbeat"],
        values["machine"],
    )


def _item(values: dict[str, Any]) -> Event | Step | tuple[int, str]:
    if "event" in values:
        return Event(values["event"], values["at"], values["data"])
    if "control" in values:
        control = Control(values["control"], values["value"], values["source"])
        return Step(values["sample"], control)
    if "skip" in values:
        return Step(values["sample"], skip=values["skip"])
    return values["end"], values["reason"]
