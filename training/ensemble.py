"""One model file of several trained networks, whose mean log odds it gives out.

    python -m training.ensemble A.npz B.npz --out rtbeat/models/default.npz

Networks that are narrower than the widest get idle units, which stay at zero for ever. Further
outputs than beat and downbeat, which a network may have been trained with, are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtbeat.model import BeatModel
from rtbeat.weights import DIRECTIONS, ModelConfig

Float32 = NDArray[np.float32]
Arrays = Mapping[str, Float32]

HEADS = ("beat", "downbeat")


def _wider(array: Float32, axis: int, groups: int, wanted: int) -> Float32:
    """Zeros behind each of ``groups`` equal parts of an axis, so that each has ``wanted``."""
    parts = np.split(array, groups, axis)
    pad = [(0, 0)] * array.ndim
    pad[axis] = (0, wanted - parts[0].shape[axis])
    return np.concatenate([np.pad(part, pad) for part in parts], axis)


def padded(config: ModelConfig, arrays: Arrays, inputs: int, units: int) -> dict[str, Float32]:
    """The same network with idle units: ``inputs`` in the dense layer, ``units`` a direction.

    Raises ``ValueError`` where it has more, or no dense layer.
    """
    if not 0 < config.inputs <= inputs or config.units > units:
        raise ValueError(
            f"a network of {config.inputs} inputs and {config.units} units does not fit into one "
            f"of {inputs} and {units}"
        )
    out = dict(arrays)
    out["input.weight"] = _wider(arrays["input.weight"], 0, 1, inputs)
    out["input.bias"] = _wider(arrays["input.bias"], 0, 1, inputs)
    for layer in range(config.layers):
        for direction in DIRECTIONS:
            name = f"gru.{layer}.{direction}."
            below = (1, inputs) if layer == 0 else (2, units)
            out[name + "weight_ih"] = _wider(arrays[name + "weight_ih"], 1, *below)
            out[name + "weight_hh"] = _wider(arrays[name + "weight_hh"], 1, 1, units)
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                out[name + kind] = _wider(out[name + kind], 0, 3, units)
    heads = [config.heads.index(head) for head in HEADS]
    out["output.weight"] = _wider(arrays["output.weight"][heads], 1, 2, units)
    out["output.bias"] = arrays["output.bias"][heads]
    return out


def ensemble(models: Sequence[BeatModel]) -> BeatModel:
    """All networks of the models as one model.

    Raises ``ValueError`` where they differ in features or layers, or hold several already.
    """
    inputs = max(model.config.inputs for model in models)
    units = max(model.config.units for model in models)
    shape = replace(models[0].config, inputs=inputs, units=units, heads=HEADS)
    for model in models:
        if replace(model.config, inputs=inputs, units=units, heads=HEADS) != shape:
            raise ValueError(
                "models of one file must be of one network each, and alike but for width"
            )
    each = [padded(model.config, model.arrays, inputs, units) for model in models]
    if len(models) == 1:
        return BeatModel(shape, each[0], models[0].provenance)
    arrays = {name: np.stack([own[name] for own in each]) for name in shape.shapes()}
    provenance = {"networks": [model.provenance for model in models]}
    return BeatModel(replace(shape, networks=len(models)), arrays, provenance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model = ensemble([BeatModel.load(path) for path in args.models])
    model.save(args.out, dtype=np.float16)
    print(f"{args.out}: {model.config.networks} networks, {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
