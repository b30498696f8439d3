"""The model card tells what the weights file and the results say, and nothing of another model."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import rtbeat
from rtbeat.model import BeatModel
from tests.models import TINY, random_arrays, random_model
from training import card

MODELS = Path(rtbeat.__file__).parent / "models"
COMMAND = "python -m training.train --work /home/me/work --name a; python -m x --start=/a/b.npz"
PROVENANCE = {
    "run": "tiny",
    "steps": 77,
    "minutes": 1.5,
    "command": COMMAND,
    "data": {"sha256": "abcd", "hours": {"train_gtzan": 1.25, "midi": 30.0, "mine": 0.5}},
}


def saved(folder, provenance=PROVENANCE, **changes):
    """A weights file and what the card knows of it."""
    config = random_model(**changes).config
    path = folder / "tiny.npz"
    BeatModel(config, random_arrays(config), provenance).save(path, np.float16)
    return card.Model.read(path)


def summary(count, **mean):
    return {"n": count, "mean": mean, "interval": {name: [0.5, 0.625] for name in mean}}


def results(sha256):
    """Two sets, two systems; the means are rounded, those of the clips are not."""
    online = {"F": 0.7125, "cF@0": 0.71, "F_first5": 0.4, "F_no5": 0.8, "F@25": 0.3}
    online |= {"downF": 0.25, "tempo_acc1": 0.5, "tempo_acc2": 0.75, "bias_ms": -8.2}
    genres = {
        name: summary(count, F=score)
        for name, count, score in (("a", 9, 0.9), ("b", 9, 0.2), ("c", 9, 0.5), ("d", 4, 0.1))
    }
    gtzan = {
        "online filter": summary(3, **online) | {"genres": {**genres, "e": summary(9, F=0.7)}},
        "offline filter": summary(3, F=0.8),
    }
    small = {"online filter": summary(2, F=0.6, downF=None)}
    small["online filter"]["interval"]["downF"] = [None, None]
    clips = [
        {"set": "test_gtzan", "id": i, "system": "online filter", "F": value, "downF": None}
        for i, value in (("x", 0.71236), ("y", 0.71241), ("z", 0.71262))
    ]
    return {
        "date": "2026-01-02T03:04:05+00:00",
        "version": "9.9.9",
        "model": {"name": "tiny", "sha256": sha256},
        "options": {"decoder": "filter", "lead": 0.2},
        "sets": {"test_gtzan": gtzan, "test_other": small},
        "clips": clips,
    }


def page(model):
    return card.card(model, card.with_exact_means(results(model.sha256)))


def test_the_bundled_model_has_its_own_card():
    digest = hashlib.sha256((MODELS / "default.npz").read_bytes()).hexdigest()
    text = (MODELS / "default.md").read_text(encoding="utf-8")
    assert digest in text, "make it anew: training/README.md, Reading the log"


def test_the_network_is_told_from_the_configuration(tmp_path):
    text = card.architecture(saved(tmp_path))
    assert "64 ms (8 bands) and 23 ms (4 bands)" in text
    assert "24 numbers" in text
    assert "Dense layer of 6 units" in text
    assert "2 bidirectional GRU layers of 8 units" in text
    assert "beat, downbeat" in text
    count = sum(np.prod(s) for n, s in TINY.shapes().items() if n not in ("mean", "inv_std"))
    assert f"{count:,} weights" in text
    assert "newest 10 frames, every 25 hops" in text
    assert "corrected" not in text
    told = card.architecture(saved(tmp_path, inputs=0, offset=-0.25))
    assert "No dense layer" in told
    assert "corrected by -5.0 ms" in told


def test_hours_and_commands_are_told_and_no_folder_of_the_machine(tmp_path):
    text = page(saved(tmp_path))
    hours = [line for line in text.splitlines() if line.endswith((" 30.0 |", " 1.2 |", " 0.5 |"))]
    assert [line.split("|")[1].strip() for line in hours] == [
        "MIDI pieces, rendered",
        "GTZAN, 159 clips",
        "songs of the folder `mine`",
    ]
    commands = text.split("```sh\n")[1].split("\n```")[0].splitlines()
    assert commands == [
        "python -m training.train --work work --name a",
        "python -m x --start=b.npz",
    ]
    assert "/home" not in text
    assert "77" in text
    assert card.Template(card.TEMPLATE.read_text()).is_valid()
    assert "$" not in text


def test_several_networks_are_told_one_by_one(tmp_path):
    other = {"run": "wide", "data": {"hours": {"midi": 44.0, "mine": 0.25}}}
    model = saved(tmp_path, {"networks": [PROVENANCE, other]}, networks=2)
    text = page(model)
    assert "2 such networks" in text
    assert "| `tiny` |" in text.split("**Network 1.**")[1].split("**Network 2.**")[0]
    assert "| `wide` |" in text.split("**Network 2.**")[1]
    assert "rendered | 44.0 |" in text
    assert "`mine` | 0.5 |" in text
    assert text.count(model.sha256) == 1
    assert "leans towards this model" in text


def test_scores_are_rounded_once_and_unknown_ones_are_dashes(tmp_path):
    lines = page(saved(tmp_path)).splitlines()
    gtzan, offline, other = (
        next(line for line in lines if line.startswith(start))
        for start in ("| GTZAN | online", "| GTZAN | offline", "| test_other")
    )
    # 0.7124633 is 71.2; the stored 0.7125 would be 71.3 or 71.2 as numbers happen to fall
    assert gtzan.startswith("| GTZAN | online filter | 3 | 71.2 (50-62) | 71.0 (50-62) | - |")
    assert "| 80.0 (50-62) | - | - |" in offline
    assert other == "| test_other | online filter | 2 | 60.0 (50-62)" + " | -" * 8 + " |"


def test_what_it_is_bad_at_is_told_from_the_largest_set(tmp_path):
    text = page(saved(tmp_path)).split("## What it is bad at")[1]
    assert "On GTZAN, 3 clips, online filter:" in text
    assert "right on 50.0 % of the clips, on 75.0 % if" in text
    assert "F 40.0 %; without them 80.0 %" in text
    assert "8 ms early" in text
    assert "lowest F first: b 20 % (9 clips), c 50 % (9 clips), e 70 % (9 clips)" in text


def test_gtzan_leans_towards_a_model_that_was_trained_on_it(tmp_path):
    assert "leans towards this model" in page(saved(tmp_path))
    clean = {"data": {"hours": {"mine": 1.0}}}
    assert "leans towards this model" not in page(saved(tmp_path, clean))


def test_sounds_that_start_beats_are_named():
    counts = {"speech": [1.0, 2.0], "hum": [0.0, 0.0]}
    assert card.false_beats({"false beats": counts}) == (
        "* Beats a minute where there are none: speech 1.5.\n"
    )
    assert card.false_beats({"false beats": {"hum": [0.0]}}) == card.false_beats(None) == ""


def test_a_weights_file_that_tells_nothing_has_a_card_as_well(tmp_path):
    text = page(saved(tmp_path, {}))
    assert "The weights file does not tell." in text
    assert "The weights file tells no command." in text


def run(monkeypatch, model, folder):
    out = folder / "tiny.md"
    options = ["--model", str(model), "--results", str(folder), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["card", *options])
    card.main()
    return out.read_text()


def test_figures_of_another_model_are_left_out(tmp_path, monkeypatch, capsys):
    model = saved(tmp_path)
    text = run(monkeypatch, model.path, tmp_path)
    assert "accuracy.json does not exist" in capsys.readouterr().err
    assert text.count("Not measured yet") == 2
    for digest, measured in (("other", False), (model.sha256, True)):
        (tmp_path / "accuracy.json").write_text(json.dumps(results(digest)))
        changes = {"model": {"sha256": digest}, "false beats": {"hum": [3.0]}}
        (tmp_path / "changes.json").write_text(json.dumps(changes))
        text = run(monkeypatch, model.path, tmp_path)
        assert ("is of another model" in capsys.readouterr().err) != measured
        assert ("Not measured yet" in text) != measured
        assert ("71.2 (50-62)" in text) == measured
        assert ("hum 3.0" in text) == measured


def test_what_is_no_weights_file_is_said(tmp_path, monkeypatch):
    (tmp_path / "a.npz").write_bytes(b"no model")
    for name, message in (("a.npz", "is not an rtbeat model"), ("gone.npz", "No such file")):
        with pytest.raises(SystemExit, match=message):
            run(monkeypatch, tmp_path / name, tmp_path)
