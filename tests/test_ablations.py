"""The benchmark of what each choice costs, on a drum loop."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import ablations
from rtbeat.model import BeatModel, ModelConfig
from tests.models import random_features, random_model
from tests.music import loop_folder


def test_one_thing_is_changed_at_a_time():
    config = ModelConfig()
    base = ablations.shipped(config)
    choices = ablations.choices_of(config)
    assert list(choices["tail"]) == ["10", "20", "30", "50"]
    assert list(choices["refresh"]) == ["50", "250", "never"]
    assert list(choices["lead"]) == ["0.05 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s", "0.5 s"]
    for name, settings in choices.items():
        assert base in settings.values()
        for setting in settings.values():
            assert replace(setting, **{name: getattr(base, name)}) == base


def test_a_window_holds_no_longer_tail():
    choices = ablations.choices_of(replace(ModelConfig(), window=0.5, tail=20))
    assert list(choices["tail"]) == ["10", "20"]


def test_models_are_the_same_network_run_in_other_ways(tmp_path):
    model = random_model(tail=10, refresh=250)
    base = ablations.shipped(model.config)
    settings = [base, replace(base, lead=0.4), replace(base, tail=20), replace(base, refresh=10**6)]
    paths = ablations.save_models(model, settings, tmp_path)
    assert len(set(paths.values())) == len(list(tmp_path.iterdir())) == 3  # leads share a file
    features = random_features(model.config, 60)
    for setting, path in paths.items():
        saved = BeatModel.load(path)
        assert (saved.config.tail, saved.config.refresh) == (setting.tail, setting.refresh)
        assert np.array_equal(saved.activations(features), model.activations(features))


def test_leads_are_compared_with_the_best_and_the_rest_with_what_is_shipped():
    base = ablations.Setting("filter", 0.2, 30, 250)
    early, late = replace(base, lead=0.4), replace(base, lead=0.05)
    rows = {
        setting: [{"cF@0": value, "F": value}, {"cF@0": value + 0.1, "F": value}]
        for setting, value in ((base, 0.6), (early, 0.5), (late, 0.7))
    }
    choices = {
        "tail": {"30": base, "longer": late},
        "lead": {"0.05 s": late, "0.2 s": base, "0.4 s": early},
    }
    found = ablations.compare_choices(rows, choices, base)
    assert found["tail"]["against"] == "30"
    assert found["tail"]["values"]["longer"]["change"]["cF@0"] == pytest.approx(0.1)
    assert found["lead"]["against"] == "0.05 s"
    changes = {key: value["change"]["F"] for key, value in found["lead"]["values"].items()}
    assert changes == pytest.approx({"0.05 s": 0.0, "0.2 s": -0.1, "0.4 s": -0.2})
    shipped = {key: value["setting"]["shipped"] for key, value in found["lead"]["values"].items()}
    assert shipped == {"0.05 s": False, "0.2 s": True, "0.4 s": False}


def test_ablations_command_writes_figures_and_tables(tmp_path, capsys):
    loop_folder(tmp_path / "test_spcup", {"a": 120.0, "b": 100.0}, 5.0, 22_050)
    command = ["--data", str(tmp_path), "--limit", "1", "--only", "refresh", "lead"]
    assert ablations.main([*command, "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "ablations.json").read_text())
    found = results["sets"]["test_spcup"]
    assert list(found) == ["refresh", "lead"]
    assert results["options"] == {"limit": 1}
    assert found["refresh"]["against"] == "250"
    assert found["refresh"]["values"]["250"]["mean"]["F"] > 0.5
    assert len(results["clips"]) == 8  # 3 values of refresh and 6 of lead share what is shipped
    assert results["clips"][0]["tail"] == 30
    assert max(value["change"]["cF@0"] for value in found["lead"]["values"].values()) == 0.0
    page = capsys.readouterr().out
    assert "## test_spcup, 1 clips" in page
    assert "| 250 * |" in page
    assert "| 0.2 s * |" in page
    assert (tmp_path / "ablations.md").read_text().strip() == page.strip()


def test_ablations_command_says_what_cannot_be_used(tmp_path, capsys):
    assert ablations.main(["--data", str(tmp_path)]) == 1
    assert "holds none of test_gtzan" in capsys.readouterr().err
    (tmp_path / "test_mdb").mkdir()
    (tmp_path / "test_mdb" / "index.json").write_text('[{"id": "a"}]')
    (tmp_path / "test_mdb" / "a.beats").write_text("0.5\n")
    (tmp_path / "test_mdb" / "a.wav").write_bytes(b"no sound")
    assert ablations.main(["--data", str(tmp_path), "--only", "decoder"]) == 1
    assert "a.wav" in capsys.readouterr().err
