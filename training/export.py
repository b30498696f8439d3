"""Turn a training run's checkpoint into a weights file of the package.

    python -m training.export --work FOLDER --name first --out rtbeat/models/default.npz

The file tells where its weights come from: run, steps, command, hash and hours of the data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rtbeat.model import BeatModel
from rtbeat.weights import ModelConfig
from training.net import BeatNet, arrays
from training.shards import RENDERED, read_shard, source_of


def describe_data(shards: Path) -> dict[str, object]:
    """Hash over all shards, and hours of music by source."""
    digest = hashlib.sha256()
    frames: dict[str, int] = {}
    tempi: dict[str, int] = {}
    for path in sorted(shards.glob("*.npz")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
        source = source_of(path)
        length = sum(e.labelled[1] - e.labelled[0] for e in read_shard(path))
        frames[source] = frames.get(source, 0) + length
        # the shards of a source of real songs are the same songs at other tempi
        tempi[source] = 1 if source == RENDERED else tempi.get(source, 0) + 1
    hours = {
        source: round(count / tempi[source] / 50 / 3600, 2) for source, count in frames.items()
    }
    return {"sha256": digest.hexdigest(), "hours": hours}


def export(
    work: Path, name: str, offset: float, command: str, data: dict[str, object]
) -> BeatModel:
    """The averaged weights of a run as a model, with where they come from."""
    folder = work / "runs" / name
    config = ModelConfig.from_dict(json.loads((folder / "config.json").read_text()))
    state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    net = BeatNet(config)
    net.load_state_dict(state["averaged"])
    config = replace(config, offset=offset)
    provenance = {
        "run": name,
        "steps": state["step"],
        "minutes": round(state["elapsed"] / 60, 1),
        "command": command,
        "config_sha256": hashlib.sha256(
            json.dumps(config.to_dict(), sort_keys=True).encode()
        ).hexdigest(),
        "data": data,
    }
    weights = {
        key: value.astype(np.float16).astype(np.float32) for key, value in arrays(net).items()
    }
    return BeatModel(config, weights, provenance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--name", default="default")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--offset", type=float, default=0.0, help="timing bias to add, in frames")
    parser.add_argument("--command", default="", help="the training command, for the record")
    args = parser.parse_args()
    data = describe_data(args.work / "shards")
    model = export(args.work, args.name, args.offset, args.command, data)
    model.save(args.out, dtype=np.float16)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, {json.dumps(model.provenance)}")


if __name__ == "__main__":
    main()
