"""What a model hears in whole songs of the shards: targets that another one learns from.

    python -m training.teach --work FOLDER --model rtbeat/models/default.npz

Beats written by people tell neither how clearly each is heard nor which of those missing could be
beats as well. A model that hears a song as it is and to its end does; one that has to tell the
newest frames of varied music learns more from both than from the beats alone (G. Hinton, O.
Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015). ``training.train`` takes
what is there. Of rendered music and of sounds without a beat more is known than a teacher hears.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rtbeat.formats.atomic import write_bytes
from rtbeat.model import BeatModel
from training import negatives
from training.augment import features
from training.shards import RENDERED, Excerpt, read_shard, source_of
from training.windows import taught_file

HEADS = 2  # beat and downbeat


def activations(model: BeatModel, excerpt: Excerpt) -> NDArray[np.float16]:
    """Probabilities of beat and downbeat float16 ``(frames, 2)`` of a whole excerpt."""
    power = torch.from_numpy(excerpt.mel).float().exp()
    heard = features(power[None], model.config.features)[0].numpy()
    return model.activations(np.ascontiguousarray(heard))[:, :HEADS].astype(np.float16)


def teach(model: BeatModel, shard: Path) -> None:
    """Write what the model hears in a shard, atomically."""
    path = taught_file(shard)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.BytesIO()
    np.save(file, np.concatenate([activations(model, e) for e in read_shard(shard)]))
    write_bytes(path, file.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with shards/")
    parser.add_argument("--model", default="default", help="name or weights file of the teacher")
    args = parser.parse_args()
    model = BeatModel.load(args.model)
    for shard in sorted((args.work / "shards").glob("*.npz")):
        songs = source_of(shard) not in (RENDERED, negatives.SOURCE)
        if not songs or taught_file(shard).exists():
            continue
        teach(model, shard)
        print(shard.name, flush=True)


if __name__ == "__main__":
    main()
