"""A training run in small: it learns, is stopped and goes on, and becomes a weights file."""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import pytest

from rtbeat.features import FeatureConfig
from rtbeat.model import BeatModel
from rtbeat.weights import ModelConfig
from tests.needs import require

torch = require("torch", 'pip install ".[train]"')

from training import export, train  # noqa: E402
from training.shards import FLOOR, Excerpt, ShardWriter, to_log  # noqa: E402
from training.windows import Sampler, is_validation  # noqa: E402

BANDS = FeatureConfig().bands
FRAMES = 400


def pulses(group, period):
    """Bursts of half a bar's bands on every beat, of all bands on the first of four."""
    mel = np.full((FRAMES, BANDS), FLOOR, np.float32)
    beats = np.arange(period, FRAMES - 1, period)
    mel[beats, ::2] = 0.01
    mel[beats[::4]] = 0.01
    numbers = np.arange(len(beats)) % 4 + 1
    return Excerpt(group, to_log(mel), beats + 0.5, numbers, (0, FRAMES), group)


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    """A work folder with one shard, some of whose songs are kept for validation."""
    work = tmp_path_factory.mktemp("work")
    writer = ShardWriter(work / "shards" / "songs-0.npz")
    for i in range(14):
        writer.add(pulses(f"album {i}", 18 + i))
    writer.close()
    assert 0 < sum(is_validation(e) for e in writer.excerpts) < 14
    return work / "shards"


@pytest.fixture
def work(shard, tmp_path, monkeypatch):
    """A new work folder with that shard; short windows."""
    (tmp_path / "shards").symlink_to(shard)
    monkeypatch.setattr(train, "LENGTHS", (40, 60))
    monkeypatch.setattr(train.torch.cuda, "is_available", lambda: False)
    return tmp_path


def arguments(work, **changes):
    plain = {
        "work": work, "name": "tiny", "minutes": 1e9, "processes": 1, "batch": 8, "inputs": 6,
        "layers": 1, "units": 6, "dropout": 0.0, "rate": 0.1, "check": 2, "rendered": None,
        "all_songs": False,
        "start": None, "seed": 1,
    }  # fmt: skip
    return argparse.Namespace(**{**plain, **changes})


def states(run):
    return [run.net.state_dict(), run.averaged.state_dict(), run.optimizer.state_dict()["state"]]


def flat(state):
    """All tensors of nested dictionaries, in order."""
    if isinstance(state, dict):
        return [tensor for value in state.values() for tensor in flat(value)]
    return [torch.as_tensor(state)]


def test_the_loss_falls(work):
    run = train.Run(0, arguments(work))
    losses = [run.train_step() for _ in range(60)]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])


def test_the_same_seed_gives_the_same_run(work):
    seeds = {"one": 1, "again": 1, "other": 2}
    runs = [train.Run(0, arguments(work, name=n, seed=s)) for n, s in seeds.items()]
    first, again, other = ([run.train_step() for _ in range(3)] for run in runs)
    assert first == again
    assert first != other


def test_a_run_goes_on_where_it_was_saved(work):
    run = train.Run(0, arguments(work))
    for _ in range(3):
        run.train_step()
    run.elapsed = 42.0
    run.save()
    resumed = train.Run(0, arguments(work))
    assert (resumed.step, resumed.elapsed) == (3, 42.0)
    for saved, loaded in zip(states(run), states(resumed), strict=True):
        for one, other in zip(flat(saved), flat(loaded), strict=True):
            assert torch.equal(one, other)
    resumed.train_step()
    assert resumed.step == 4
    assert not list(run.folder.glob("*.part"))


def test_a_resumed_run_draws_other_windows_than_it_has_had(work):
    run = train.Run(0, arguments(work))
    run.train_step()
    run.save()
    resumed = train.Run(0, arguments(work))
    fresh = train.Run(0, arguments(work, name="other"))
    assert (resumed.sampler.draw(4, 50).mel != fresh.sampler.draw(4, 50).mel).any()


def test_a_run_from_the_command_line_ends_and_is_exported(work, monkeypatch, capsys):
    sizes = ["--inputs", "6", "--layers", "2", "--units", "6", "--batch", "4"]
    common = ["--work", str(work), "--name", "tiny"]
    # no minutes: not one step, but all that a run leaves
    monkeypatch.setattr(
        sys, "argv", ["train", *common, *sizes, "--minutes", "0", "--processes", "1"]
    )
    train.main()
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["step"], report["loss"]) == (0, None)
    assert set(report["songs"]) == {"settled", "newest"}
    assert all(np.isfinite(value) for value in report["songs"].values())
    log = (work / "runs" / "tiny" / "log.jsonl").read_text()
    assert json.loads(log.splitlines()[-1]) == report

    out = work / "tiny.npz"
    monkeypatch.setattr(
        sys, "argv", ["export", *common, "--out", str(out), "--offset", "0.25", "--command", "x"]
    )
    export.main()
    model = BeatModel.load(out)
    config = model.config
    assert (config.inputs, config.layers, config.units, config.offset) == (6, 2, 6, 0.25)
    assert model.provenance["run"] == "tiny"
    assert model.provenance["command"] == "x"
    assert model.provenance["data"]["hours"] == {"songs": round(14 * FRAMES / 50 / 3600, 2)}


def test_hours_count_songs_once_and_every_rendered_shard(tmp_path):
    tenth = 18_000  # frames of a tenth of an hour
    for name, tenths in (("midi-0000", 2), ("midi-0003", 3), ("songs-0", 4), ("songs-1", 6)):
        writer, none = ShardWriter(tmp_path / f"{name}.npz"), np.zeros(0, np.int64)
        mel = np.zeros((tenths * tenth + 9, 1), np.float16)
        writer.add(Excerpt("a", mel, none.astype(float), none, (9, len(mel))))
        writer.close()
    assert export.describe_data(tmp_path)["hours"] == {"midi": 0.5, "songs": 0.5}


def test_what_is_exported_are_the_averaged_weights(work):
    run = train.Run(0, arguments(work))
    for _ in range(20):
        run.train_step()
    run.save()
    model = export.export(work, "tiny", 0.0, "", {})
    x = torch.randn(1, 80, run.config.features.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        nets = (run.averaged, run.net)
        averaged, newest = (torch.sigmoid(net.eval()(x))[0].numpy() for net in nets)
    exported = model.activations(x[0].numpy())
    np.testing.assert_allclose(exported, averaged, atol=5e-3)  # half precision
    assert np.abs(averaged - newest).max() > 0.02


def test_nothing_to_train_on_is_said(tmp_path):
    with pytest.raises(SystemExit, match="holds nothing to train on"):
        train.Run(0, arguments(tmp_path))


def test_downbeats_count_only_where_bars_are_known():
    logits = torch.zeros(2, 30, 2)
    targets = torch.zeros(2, 30, 2)
    wrong = logits.clone()
    wrong[1, :, 1] = 5.0  # a downbeat in every frame of the second item
    known, unknown = torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0])
    assert train.loss(wrong, targets, known) > train.loss(logits, targets, known)
    assert train.loss(wrong, targets, unknown) == train.loss(logits, targets, unknown)


def test_the_newest_frames_weigh_more():
    targets = torch.zeros(1, 100, 2)

    def wrong_in(frame):
        logits = torch.zeros(1, 100, 2)
        logits[:, frame] = 4.0
        return train.loss(logits, targets, torch.ones(1)) - train.loss(
            torch.zeros(1, 100, 2), targets, torch.ones(1)
        )

    ratios = [float(wrong_in(frame) / wrong_in(0)) for frame in range(100)]
    weights = [1.0] * (100 - train.NEWEST) + [train.NEWEST_WEIGHT] * train.NEWEST
    np.testing.assert_allclose(ratios, weights, rtol=2e-3)


class Steps(torch.nn.Module):
    """Logits that only tell which part of a window a frame lies in."""

    config = ModelConfig()

    def forward(self, x):
        steps = [9.0] * 50 + [0.0] * 325 + [1.0] * 25
        return torch.tensor(steps)[None, :, None].expand(len(x), -1, 2)


def test_validation_tells_settled_and_newest_frames_apart():
    quiet = pulses("quiet", 30)
    quiet.beats, quiet.numbers = quiet.beats[:0], quiet.numbers[:0]
    scores = train.validate(Steps(), Sampler({"songs": [quiet]}, {}, [7]), "cpu")
    assert scores == pytest.approx({"settled": np.log1p(1), "newest": np.log1p(np.e)})


def test_the_learning_rate_warms_up_and_falls_with_the_minutes(work):
    run = train.Run(0, arguments(work, minutes=10.0, rate=0.01))
    rates = []
    for step, minutes in ((0, 0), (50, 0), (200, 0), (200, 5), (200, 10), (200, 99)):
        run.step, run.elapsed = step, minutes * 60
        rates.append(run.learning_rate())
    np.testing.assert_allclose(rates, [1e-4, 5.1e-3, 1e-2, 5.05e-3, 1e-4, 1e-4], rtol=1e-6)
    assert run.finished()


def test_a_run_may_begin_with_the_result_of_another(work):
    first = train.Run(0, arguments(work))
    for _ in range(3):
        first.train_step()
    first.elapsed = 100.0
    first.save()
    second = train.Run(0, arguments(work, name="other", start="tiny"))
    assert (second.step, second.elapsed) == (3, 0.0)
    for new, kept in zip(second.net.parameters(), first.averaged.parameters(), strict=True):
        torch.testing.assert_close(new, kept)


def test_a_run_may_begin_with_a_weights_file_and_more_units(work):
    first = train.Run(0, arguments(work))
    for _ in range(3):
        first.train_step()
    first.save()
    file = work / "first.npz"
    export.export(work, "tiny", 0.25, "", {}).save(file)
    second = train.Run(0, arguments(work, name="wide", units=9, start=str(file)))
    assert (second.step, second.elapsed, second.config.units) == (0, 0.0, 9)
    x = torch.randn(1, 80, second.config.features.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        narrow, wide = (net.eval()(x) for net in (first.averaged, second.net))
    torch.testing.assert_close(wide, narrow, atol=0.1, rtol=0)
    for new, kept in zip(second.net.parameters(), second.averaged.parameters(), strict=True):
        assert torch.equal(new, kept)


def test_a_run_may_begin_with_a_weights_file_and_more_inputs(work):
    first = train.Run(0, arguments(work))
    first.save()
    file = work / "first.npz"
    export.export(work, "tiny", 0.0, "", {}).save(file)
    second = train.Run(0, arguments(work, name="wide", inputs=12, start=str(file)))
    assert (second.config.inputs, second.config.units) == (12, 6)
    x = torch.randn(1, 80, second.config.features.size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        narrow, wide = (net.eval()(x) for net in (first.averaged, second.net))
    torch.testing.assert_close(wide, narrow, atol=0.1, rtol=0)
    second.train_step()
    second.save()
    assert export.export(work, "wide", 0.0, "", {}).config.inputs == 12


def test_a_weights_file_of_another_shape_is_refused(work):
    train.Run(0, arguments(work)).save()
    file = work / "first.npz"
    export.export(work, "tiny", 0.0, "", {}).save(file)
    with pytest.raises(SystemExit, match="has 1 layers; give the same with --layers"):
        train.Run(0, arguments(work, name="other", layers=2, start=str(file)))
    for sizes in ({"inputs": 5}, {"inputs": 0}, {"units": 5}):
        with pytest.raises(SystemExit, match="of 6 inputs and 6 units cannot be widened to"):
            train.Run(0, arguments(work, name="other", start=str(file), **sizes))
