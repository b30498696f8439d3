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
and held as float32.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtbeat.features import FeatureConfig

DIRECTIONS = ("forward", "backward")


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network and how it is run. Travels in the weights file.

    features : what the network hears.
    inputs : units of the dense layer in front of the GRU; 0 = none.
    layers, units : bidirectional GRU layers, and units of each direction.
    heads : what the outputs tell, in order.
    window : seconds of past that are kept and given out.
    tail : newest frames that are run again at each hop.
    refresh : hops from one run over the whole window to the next.
    offset : frames to add to every decoded position (a constant bias of the network's timing).

    Raises ``ValueError`` for a value out of range.
    """

    features: FeatureConfig = dataclasses.field(default_factory=FeatureConfig)
    inputs: int = 64
    layers: int = 2
    units: int = 80
    heads: tuple[str, ...] = ("beat", "downbeat")
    window: float = 10.0
    tail: int = 30
    refresh: int = 250
    offset: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("inputs", 0), ("layers", 1), ("units", 1), ("tail", 1)):
            _require_count(name, getattr(self, name), least)
        _require_count("refresh", self.refresh, 1)
        if not self.heads or len(set(self.heads)) < len(self.heads):
            raise ValueError(f"heads must be different names, at least one, not {self.heads!r}")
        _require_number("window", self.window, 0.1, 600.0)
        _require_number("offset", self.offset, -100.0, 100.0)
        _require_features(self.features)
        if self.tail > self.frames:
            raise ValueError(f"tail must be at most the window ({self.frames}), not {self.tail}")

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
        try:
            if "windows" in features:
                features["windows"] = tuple((float(s), int(n)) for s, n in features["windows"])
            if "heads" in fields:
                fields["heads"] = tuple(str(head) for head in fields["heads"])
            return cls(features=FeatureConfig(**features), **fields)
        except TypeError as error:
            raise ValueError(f"model config holds a value of the wrong kind: {error}") from error

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
        return shapes | {"output.weight": (heads, size), "output.bias": (heads,)}


def _known_fields(kind: type, values: object, name: str) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} config must be a table of names and values, not {values!r}")
    known = [field.name for field in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise ValueError(f"{name} config: unknown name {key!r}; known: {', '.join(known)}")
    return dict(values)


def _require_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")


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
        _require_count("bands of an analysis window", bands, 1)
