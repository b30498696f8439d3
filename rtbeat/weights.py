"""What a model is made of: its configuration and its arrays, and the file that holds both.

The file is an ``.npz`` without pickle:

==================================== ============================ ===============================
key                                  shape                        what
==================================== ============================ ===============================
``config``                           JSON text                    :class:`ModelConfig`
``provenance``                       JSON text                    data, training command, scores
``mean``, ``inv_std``                (F,)                         standardisation of the features
``input.weight``, ``input.bias``     (I, F), (I,)                 dense layer, absent for inputs = 0
``gru.{l}.{d}.weight_ih``            (3 U, I, F or 2 U)           layer l, d = forward, backward
``gru.{l}.{d}.weight_hh``            (3 U, U)
``gru.{l}.{d}.bias_ih``, ``bias_hh`` (3 U,)
``output.weight``, ``output.bias``   (heads, 2 U), (heads,)
==================================== ============================ ===============================

Gates are stacked in torch's order: reset, update, new. Arrays are stored as float16 or float32
and held as float32. A model of several networks has one more axis in front of every array, which
counts them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rtbeat.features import FeatureConfig

Float32 = NDArray[np.float32]
Array = NDArray[np.floating[Any]]

DIRECTIONS = ("forward", "backward")

# what numpy and json raise on a file that is something else, cut short or changed
_UNREADABLE = (
    ValueError, TypeError, SyntaxError, EOFError, RuntimeError, MemoryError, OverflowError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network and how it is run. Travels in the weights file.

    features : what the network hears.
    inputs : units of the dense layer in front of the GRU; 0 = none.
    layers, units : bidirectional GRU layers, and units of each direction.
    heads : what the outputs tell, in order.
    networks : alike in shape, trained apart; the mean of their log odds is given out (L. K. Hansen,
        P. Salamon, "Neural network ensembles", IEEE PAMI 12(10), 1990).
    window : seconds of past that are kept and given out.
    tail : newest frames that are run again at each hop, at most the window.
    refresh : hops from one run over the whole window to the next.
    offset : frames to add to every decoded position (a constant bias of the network's timing).

    Raises ``ValueError`` for a value out of range.
    """

    features: FeatureConfig = dataclasses.field(default_factory=FeatureConfig)
    inputs: int = 64
    layers: int = 2
    units: int = 80
    heads: tuple[str, ...] = ("beat", "downbeat")
    networks: int = 1
    window: float = 10.0
    tail: int = 30
    refresh: int = 250
    offset: float = 0.0

    def __post_init__(self) -> None:
        _require_count("inputs", self.inputs, 0, 10_000)
        _require_count("layers", self.layers, 1, 100)
        _require_count("units", self.units, 1, 10_000)
        _require_count("networks", self.networks, 1, 100)
        _require_count("refresh", self.refresh, 1, 1_000_000)
        named = all(isinstance(head, str) for head in self.heads)
        if not named or not self.heads or len(set(self.heads)) < len(self.heads):
            raise ValueError(f"heads must be different names, at least one, not {self.heads!r}")
        _require_number("window", self.window, 0.1, 600.0)
        _require_number("offset", self.offset, -100.0, 100.0)
        _require_features(self.features)
        _require_count("tail", self.tail, 1, self.frames)

    @property
    def frames(self) -> int:
        """Frames in the window."""
        return max(1, round(self.window * self.features.frame_rate))

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Inverse of :meth:`to_dict`.

        Raises ``ValueError`` for an unknown name or a value of the wrong kind or range.
        """
        fields = _known_fields(cls, values, "model")
        features = dict(_known_fields(FeatureConfig, fields.pop("features", {}), "features"))
        if "windows" in features:
            features["windows"] = tuple(map(tuple, _rows(features["windows"], "windows", 2)))
        if "heads" in fields:
            fields["heads"] = tuple(_rows(fields["heads"], "heads"))
        return cls(features=FeatureConfig(**features), **fields)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every array of a model of this config."""
        gates, size = 3 * self.units, self.features.size
        shapes: dict[str, tuple[int, ...]] = {"mean": (size,), "inv_std": (size,)}
        if self.inputs:
            shapes |= {"input.weight": (self.inputs, size), "input.bias": (self.inputs,)}
            size = self.inputs
        for layer in range(self.layers):
            for direction in DIRECTIONS:
                prefix = f"gru.{layer}.{direction}."
                shapes[prefix + "weight_ih"] = (gates, size)
                shapes[prefix + "weight_hh"] = (gates, self.units)
                shapes[prefix + "bias_ih"] = (gates,)
                shapes[prefix + "bias_hh"] = (gates,)
            size = 2 * self.units
        heads = len(self.heads)
        shapes |= {"output.weight": (heads, size), "output.bias": (heads,)}
        front = (self.networks,) if self.networks > 1 else ()
        return {name: front + shape for name, shape in shapes.items()}


def _known_fields(kind: type, values: object, name: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} config must be a table of names and values, not {values!r}")
    known = [field.name for field in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise ValueError(f"{name} config: unknown name {key!r}; known: {', '.join(known)}")
    return dict(values)


def _rows(values: object, name: str, columns: int = 0) -> list[Any]:
    """A list; with ``columns``, one of lists of so many."""
    rows = values if isinstance(values, (list, tuple)) else None
    if rows is None or (columns and not all(len(_rows(row, name)) == columns for row in rows)):
        kind = f"a list of lists of {columns}" if columns else "a list"
        raise ValueError(f"{name} must be {kind}, not {values!r}")
    return list(rows)


def _require_count(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}")


def _require_number(name: str, value: object, low: float, high: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")


def _require_features(features: FeatureConfig) -> None:
    _require_number("frame_rate", features.frame_rate, 1.0, 1000.0)
    _require_number("fmin", features.fmin, 0.0, 96_000.0)
    _require_number("fmax", features.fmax, features.fmin + 1.0, 96_000.0)
    _require_number("scale", features.scale, 1e-6, 1e12)
    if not features.windows:
        raise ValueError("windows must hold at least one (seconds, bands)")
    for seconds, bands in features.windows:
        _require_number("seconds of an analysis window", seconds, 1e-4, 10.0)
        _require_count("bands of an analysis window", bands, 1, 10_000)


def checked(config: ModelConfig, arrays: Mapping[str, Array]) -> dict[str, Float32]:
    """The arrays of a model as contiguous float32 copies, in the order of the config.

    Raises ``ValueError`` for an array that is missing, unknown, of another shape or not finite.
    """
    shapes = config.shapes()
    if unknown := [name for name in arrays if name not in shapes]:
        raise ValueError(f"array {unknown[0]!r} is unknown to a model of this config")
    values = {}
    for name, shape in shapes.items():
        if name not in arrays:
            raise ValueError(f"array {name!r} is missing")
        array = np.asarray(arrays[name])
        if array.shape != shape:
            raise ValueError(f"array {name!r} has shape {array.shape}, the config asks for {shape}")
        if array.dtype.kind != "f":
            raise ValueError(f"array {name!r} holds {array.dtype}, not floating-point numbers")
        values[name] = np.array(array, np.float32, order="C")
        if not np.isfinite(values[name]).all():
            raise ValueError(f"array {name!r} holds numbers that are not finite")
    return values


def networks(
    config: ModelConfig, arrays: Mapping[str, Float32]
) -> list[tuple[ModelConfig, dict[str, Float32]]]:
    """Each network of a model alone: its config and arrays."""
    if config.networks == 1:
        return [(config, dict(arrays))]
    alone = dataclasses.replace(config, networks=1)
    return [
        (alone, {name: array[n] for name, array in arrays.items()}) for n in range(config.networks)
    ]


def read(file: IO[bytes], name: str) -> tuple[ModelConfig, dict[str, Float32], dict[str, Any]]:
    """Config, arrays and provenance of an open model file; ``name`` is for the messages.

    Raises ``ValueError`` where it is not a model or not a sound one.
    """
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{name} is not an rtbeat model (no .npz archive)")
    file.seek(0)
    try:
        with np.load(file, allow_pickle=False) as archive:
            stored = {key: archive[key] for key in archive.files}
        if "config" not in stored:
            raise ValueError("it holds no 'config'")
        config = ModelConfig.from_dict(json.loads(str(stored.pop("config"))))
        provenance = json.loads(str(stored.pop("provenance", "{}")))
    except _UNREADABLE as error:
        raise ValueError(f"{name} is not an rtbeat model, or is damaged: {error}") from error
    if not isinstance(provenance, dict):
        raise ValueError(f"{name}: its provenance is not a table of names and values")
    try:
        return config, checked(config, stored), provenance
    except ValueError as error:
        raise ValueError(f"{name} is not a sound model: {error}") from error


def write(
    path: Path,
    config: ModelConfig,
    arrays: Mapping[str, Float32],
    provenance: Mapping[str, Any],
    dtype: type[np.floating[Any]],
) -> None:
    """Write a model file, atomically: one that was there is replaced whole or not at all."""
    stored: dict[str, NDArray[Any]] = {name: array.astype(dtype) for name, array in arrays.items()}
    stored["config"] = np.array(json.dumps(config.to_dict()))
    stored["provenance"] = np.array(json.dumps(dict(provenance)))
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            np.savez(file, **stored)  # type: ignore[arg-type]
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
