"""Train a model on a folder of your own songs, export it and score it. Run from the repository.

    python examples/train_on_my_songs.py songs/mine --work work --out mine.npz --minutes 60

training/README.md tells what is in the folder (``index.json``, audio, ``.beats``). By default the
training goes on from the bundled model, which knows much more music than one folder has; with
``--from-nothing`` it begins anew. What stands after ``--`` goes to ``training.train``. About one
song of seven is kept out of the training, always the same ones, and the scores are of these; so
have a dozen songs at least.

Needs: pip install ".[train]"
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import rtbeat
from rtbeat.model import BeatModel

BUNDLED = Path(rtbeat.__file__).parent / "models" / "default.npz"


def step(module: str, *arguments: str | Path) -> None:
    """One command of the training, its output as it comes; ends here where it fails."""
    command = [sys.executable, "-m", f"training.{module}", *map(str, arguments)]
    print("$", " ".join(command[1:]), flush=True)
    if subprocess.run(command).returncode:
        raise SystemExit(f"training.{module} failed; what it said is above")


def bundled_shape() -> list[str]:
    """Options of ``training.train`` that give the shape of the bundled model."""
    config = BeatModel.load().config
    names = ("layers", "inputs", "units")
    return [text for name in names for text in (f"--{name}", str(getattr(config, name)))]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a model on your own songs.")
    parser.add_argument("songs", type=Path, help="folder of songs, see training/README.md")
    parser.add_argument("--work", type=Path, default=Path("work"), help="for shards and runs")
    parser.add_argument("--out", type=Path, default=Path("mine.npz"), help="the weights file")
    parser.add_argument("--minutes", default="60", help="of training (default: 60)")
    parser.add_argument("--from-nothing", action="store_true", help="not from the bundled model")
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args, rest = parser.parse_args(sys.argv[1:cut]), sys.argv[cut + 1 :]
    name = args.out.stem
    start = [] if args.from_nothing else ["--start", str(BUNDLED), *bundled_shape()]
    step("songs", "--data", args.songs, "--work", args.work)
    step("train", "--work", args.work, "--name", name, "--minutes", args.minutes, *start, *rest)
    step("export", "--work", args.work, "--name", name, "--out", args.out)
    step("evaluate", "--model", args.out.resolve(), "--data", args.songs, "--validation")


if __name__ == "__main__":
    main()
