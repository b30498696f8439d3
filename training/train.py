"""Train a model on the shards of a work folder; stop and start again at will.

    python -m training.train --work FOLDER --name first --minutes 90 --processes 2

The length is given in minutes of training, over which the learning rate falls. Checkpoints hold
everything; the same command goes on from the newest. With a GPU one process runs on it.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from rtbeat import weights
from rtbeat.features import FeatureConfig
from rtbeat.weights import ModelConfig
from training.augment import augment, features
from training.net import BeatNet, load_arrays
from training.widen import widen
from training.windows import Batch, Sampler, load_sources

# windows of many lengths: the network has to know short pasts (a start) and long ones
LENGTHS = (150, 300, 400, 500)
SHARES = {"midi": 0.44, "train_gtzan": 0.28, "train_charts": 0.22, "negatives": 0.06}
NEWEST, NEWEST_WEIGHT = 25, 4.0  # the newest frames are those that a prediction hangs on
DOWNBEAT_WEIGHT = 0.5
MOMENTUM = 0.998  # of the averaged weights, which are what is exported


def loss(logits: Tensor, batch_targets: Tensor, bars_known: Tensor) -> Tensor:
    """Cross-entropy of beats and downbeats; the newest frames of a window weigh more."""
    each = binary_cross_entropy_with_logits(logits, batch_targets, reduction="none")
    age = torch.ones(logits.shape[1], device=logits.device)
    age[-NEWEST:] = NEWEST_WEIGHT
    age = age / age.mean()
    beat = (each[..., 0] * age).mean()
    downbeat = (each[..., 1] * age * bars_known[:, None]).mean()
    return beat + DOWNBEAT_WEIGHT * downbeat


def prepare(
    batch: Batch, config: FeatureConfig, generator: torch.Generator, device: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Varied features, targets and known bars of a batch."""
    mel, targets = augment(
        torch.from_numpy(batch.mel), torch.from_numpy(batch.targets), config, generator
    )
    return (
        features(mel, config).to(device),
        targets.to(device),
        torch.from_numpy(batch.bars_known).float().to(device),
    )


def standardise(net: BeatNet, sampler: Sampler, generator: torch.Generator) -> None:
    """Set the network's mean and deviation of the features from a few batches."""
    batches = [sampler.draw(32, 300) for _ in range(4)]
    config = net.config.features
    x = torch.cat([prepare(b, config, generator, "cpu")[0].flatten(0, 1) for b in batches])
    net.mean.copy_(x.mean(0))
    net.inv_std.copy_(1.0 / (x.std(0) + 0.05))


@torch.no_grad()
def validate(net: BeatNet, sampler: Sampler, device: str) -> dict[str, float]:
    """Cross-entropy of the beat on windows of songs kept out, whole and newest frames."""
    net.eval()
    whole, newest = [], []
    for _ in range(6):
        batch = sampler.draw(32, 400)
        x = features(torch.from_numpy(batch.mel).float().exp(), net.config.features).to(device)
        target = torch.from_numpy(batch.targets)[..., 0].to(device)
        each = binary_cross_entropy_with_logits(net(x)[..., 0], target, reduction="none")
        whole.append(each[:, 50:-NEWEST].mean().item())
        newest.append(each[:, -NEWEST:].mean().item())
    net.train()
    return {"settled": float(np.mean(whole)), "newest": float(np.mean(newest))}


def average_gradients(net: BeatNet, world: int) -> None:
    """Sum every gradient over the processes in one message."""
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= world
    offset = 0
    for grad in grads:
        grad.copy_(flat[offset : offset + grad.numel()].view_as(grad))
        offset += grad.numel()


class Run:
    """One process of a training run."""

    def __init__(self, rank: int, args: argparse.Namespace):
        self.rank, self.args = rank, args
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.folder = args.work / "runs" / args.name
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        self.config = ModelConfig(
            features=FeatureConfig(), inputs=args.inputs, layers=args.layers, units=args.units
        )
        self.net = BeatNet(self.config, dropout=args.dropout).to(self.device)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=args.rate, weight_decay=0.01)
        self.step, self.elapsed = 0, 0.0
        shards = args.work / "shards"
        training = load_sources(shards, False, args.rendered, args.all_songs)
        if not training:
            raise SystemExit(
                f"{shards} holds nothing to train on; make shards with training.render (four or "
                "more, three are kept for validation) or training.songs"
            )
        if rank == 0:
            self.validation = load_sources(shards, True, None)
        resumed = self._resume()
        # a resumed run draws other windows than those it has had
        self.sampler = Sampler(training, SHARES, [args.seed, rank, self.step], disturbed=True)
        self.generator = torch.Generator().manual_seed((args.seed * 100 + rank) * 10**6 + self.step)
        if not resumed:
            if rank == 0:
                standardise(self.net, self.sampler, self.generator)
            if args.processes > 1:
                for tensor in (self.net.mean, self.net.inv_std):
                    dist.broadcast(tensor, 0)
            self.averaged = copy.deepcopy(self.net)

    def _begin_with(self, path: str) -> None:
        """Set the weights from a weights file, made wider where it has fewer units."""
        with open(path, "rb") as file:
            config, values, _ = weights.read(file, f"model file {path!r}")
        config, values = weights.networks(config, values)[-1]
        # the same noise in every process: the weights must be the same
        rng = np.random.default_rng(self.args.seed)
        try:
            config, values = widen(config, values, self.config.inputs, self.config.units, rng)
        except ValueError as error:
            raise SystemExit(f"{path}: {error}; see --inputs and --units") from error
        if replace(config, offset=0.0) != self.config:
            raise SystemExit(f"{path} has {config.layers} layers; give the same with --layers")
        load_arrays(self.net, values)
        self.averaged = copy.deepcopy(self.net)

    def _resume(self) -> bool:
        path = self.folder / "checkpoint.pt"
        anew = not path.exists()
        if anew:
            if self.args.start is None:
                return False
            if self.args.start.endswith(".npz"):
                self._begin_with(self.args.start)
                return True
            path = self.folder.parent / self.args.start / "checkpoint.pt"
        state = torch.load(path, map_location=self.device, weights_only=True)
        if anew:  # another run's result is the beginning of this one
            state["net"], state["elapsed"] = state["averaged"], 0.0
        self.net.load_state_dict(state["net"])
        self.averaged = copy.deepcopy(self.net)
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed = state["step"], state["elapsed"]
        return True

    def save(self) -> None:
        """Write the checkpoint, atomically."""
        state = {
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
        }
        partial = self.folder / "checkpoint.part"
        torch.save(state, partial)
        os.replace(partial, self.folder / "checkpoint.pt")
        (self.folder / "config.json").write_text(json.dumps(self.config.to_dict(), indent=1))

    def learning_rate(self) -> float:
        """Warm-up over 100 steps, then a cosine down over the minutes asked for."""
        progress = min(1.0, self.elapsed / (self.args.minutes * 60))
        warm = min(1.0, (self.step + 1) / 100)
        return float(self.args.rate * warm * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * progress))))

    def train_step(self) -> float:
        """One batch: gradients of all processes, one update; returns the loss."""
        # all processes take the same length, else one waits for the other
        frames = LENGTHS[int(np.random.default_rng(self.step).integers(len(LENGTHS)))]
        size = max(4, self.args.batch // self.args.processes)
        batch = self.sampler.draw(size, frames)
        x, target, known = prepare(batch, self.config.features, self.generator, self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.zero_grad()
        value = loss(self.net(x), target, known)
        value.backward()
        if self.args.processes > 1:
            average_gradients(self.net, self.args.processes)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            for kept, new in zip(self.averaged.parameters(), self.net.parameters(), strict=True):
                kept.lerp_(new, 1.0 - min(MOMENTUM, self.step / (self.step + 10.0)))
        self.step += 1
        return value.item()

    def finished(self) -> bool:
        """Whether the minutes are used up. The first process's clock holds for all: the learning
        rate hangs on it, and must be the same everywhere for the weights to stay the same."""
        if self.args.processes > 1:
            clock = torch.tensor([self.elapsed], dtype=torch.float64)
            dist.broadcast(clock, 0)
            self.elapsed = clock.item()
        return self.elapsed >= self.args.minutes * 60

    def report(self, losses: list[float]) -> None:
        """One line a check: step, minutes, mean loss since the check before, validation."""
        line: dict[str, Any] = {"step": self.step, "minutes": round(self.elapsed / 60, 1)}
        line["loss"] = round(float(np.mean(losses)), 4) if losses else None
        for name, excerpts in self.validation.items():
            sampler = Sampler({name: excerpts}, {}, [7])
            scores = validate(self.averaged, sampler, self.device)
            line[name] = {k: round(v, 4) for k, v in scores.items()}
        print(json.dumps(line), flush=True)
        with open(self.folder / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")

    def loop(self) -> None:
        """Train to the end."""
        losses: list[float] = []
        while not self.finished():
            start = time.monotonic()
            losses.append(self.train_step())
            if self.rank == 0 and self.step % self.args.check == 0:
                self.report(losses)
                self.save()
                losses = []
            self.elapsed += time.monotonic() - start
        if self.rank == 0:
            self.report(losses)
            self.save()


def process(rank: int, args: argparse.Namespace) -> None:
    """Body of one training process."""
    if args.processes > 1:
        torch.set_num_threads(1)
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", str(args.port))
        dist.init_process_group("gloo", rank=rank, world_size=args.processes)
    Run(rank, args).loop()
    if args.processes > 1:
        dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with shards/")
    parser.add_argument("--name", default="default", help="name of the run, below runs/")
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--processes", type=int, default=2, help="CPU processes")
    parser.add_argument("--batch", type=int, default=48, help="windows a step, all processes")
    parser.add_argument("--inputs", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--units", type=int, default=80)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--check", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--rendered", type=int, help="use at most so many rendered shards")
    parser.add_argument(
        "--all-songs",
        action="store_true",
        help="train on the songs kept for validation, too, once all has been chosen by them",
    )
    parser.add_argument(
        "--start",
        metavar="RUN|FILE",
        help="begin with the averaged weights of a run, or with a weights file (.npz), widened to "
        "--inputs and --units",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=29511)
    args = parser.parse_args()
    if torch.cuda.is_available():
        args.processes = 1
    # one thread a process in the library behind numba's products, too
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if args.processes > 1:
        mp.spawn(process, (args,), nprocs=args.processes)
    else:
        process(0, args)


if __name__ == "__main__":
    main()
