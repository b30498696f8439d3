"""JAMS: annotations as JSON, in the namespaces beat and tempo.

Format: E. Humphrey et al., "JAMS: a JSON annotated music specification for reproducible MIR
research", ISMIR 2014, and the schema that the Python library ``jams`` brings. A beat's value is its
position in the bar, null where unknown. The tempo is one for the whole piece, the median; its
confidence, which the namespace demands, is the mean of the beats' (1 where theirs are not known).
"""

from __future__ import annotations

import json
import math
from typing import Any

from rtbeat.beat import Beats

VERSION = "0.3.4"  # of the specification


def encode(beats: Beats) -> bytes:
    """The file's bytes."""
    metadata = {
        "title": "",
        "artist": "",
        "release": "",
        "duration": _seconds(beats.duration),
        "identifiers": {},
        "jams_version": VERSION,
    }
    annotations = [_annotation("beat", _beats(beats), beats)]
    if math.isfinite(beats.tempo):
        annotations.append(_annotation("tempo", [_tempo(beats)], beats))
    jam = {"file_metadata": metadata, "annotations": annotations, "sandbox": {}}
    return (json.dumps(jam, indent=1) + "\n").encode("ascii")


def _annotation(namespace: str, data: list[dict[str, Any]], beats: Beats) -> dict[str, Any]:
    from rtbeat import __version__

    return {
        "namespace": namespace,
        "data": data,
        "annotation_metadata": {
            "curator": {"name": "", "email": ""},
            "annotator": {},
            "version": "",
            "corpus": "",
            "annotation_tools": f"rtbeat {__version__}",
            "annotation_rules": "",
            "validation": "",
            "data_source": "program",
        },
        "sandbox": {},
        "time": 0.0,
        "duration": _seconds(beats.duration),
    }


def _beats(beats: Beats) -> list[dict[str, Any]]:
    known = len(beats.confidences) > 0
    return [
        {
            "time": _seconds(beats.times[index]),
            "duration": 0.0,
            "value": int(beats.numbers[index]) or None,
            "confidence": round(float(beats.confidences[index]), 4) if known else None,
        }
        for index in range(len(beats))
    ]


def _tempo(beats: Beats) -> dict[str, Any]:
    confidence = float(beats.confidences.mean()) if len(beats.confidences) else 1.0
    return {
        "time": 0.0,
        "duration": _seconds(beats.duration),
        "value": round(float(beats.tempo), 3),
        "confidence": round(confidence, 4),
    }


def _seconds(time: float) -> float:
    return round(float(time), 6)
