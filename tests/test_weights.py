"""Model files: what goes in comes out, and what is wrong is named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.features import FeatureConfig
from rtbeat.model import BeatModel, ModelConfig
from tests.models import ANCESTOR, TINY, random_arrays, random_features, random_model


def stored(path):
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


@pytest.mark.parametrize("config", [TINY, ANCESTOR], ids=["tiny", "ancestor"])
def test_a_saved_model_is_the_same_when_loaded(tmp_path, config):
    saved = random_model(config, offset=0.25)
    saved.save(tmp_path / "a.npz")
    loaded = BeatModel.load(tmp_path / "a.npz")
    assert loaded.config == saved.config
    assert loaded.provenance == saved.provenance
    features = random_features(config, 10)
    np.testing.assert_array_equal(loaded.activations(features), saved.activations(features))


def test_half_precision_is_half_the_size_and_held_as_float32(tmp_path):
    large = random_model(units=64)
    large.save(tmp_path / "full.npz")
    large.save(tmp_path / "half.npz", np.float16)
    sizes = [(tmp_path / f"{name}.npz").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = BeatModel.load(tmp_path / "half.npz")
    assert {array.dtype for array in loaded.arrays.values()} == {np.dtype(np.float32)}
    features = random_features(TINY, 10)
    np.testing.assert_allclose(loaded.activations(features), large.activations(features), atol=2e-3)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.npz"
    random_model().save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        BeatModel(TINY, random_arrays(TINY), {"scores": object()}).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


def test_a_save_that_cannot_be_finished_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    random_model().save(path)
    before = path.read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="no space"):
        random_model(seed=1).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


# ---- finding models ----


def test_a_bare_name_is_looked_up_in_the_package_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random_model().save("nosuch")
    with pytest.raises(FileNotFoundError, match="no model 'nosuch' comes with rtbeat"):
        BeatModel.load("nosuch")
    assert BeatModel.load("./nosuch").config == TINY


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npz' does not exist"):
        BeatModel.load(tmp_path / "gone.npz")
    with pytest.raises(ValueError, match="is a folder"):
        BeatModel.load(tmp_path)


# ---- files that are wrong ----


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04"], ids=["empty", "text", "cut"])
def test_a_file_of_another_kind_is_no_model(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz' is not an rtbeat model"):
        BeatModel.load(tmp_path / "a.npz")


def test_an_archive_of_other_arrays_is_no_model(tmp_path):
    np.savez(tmp_path / "a.npz", samples=np.zeros(5))
    with pytest.raises(ValueError, match=r"is not an rtbeat model.*it holds no 'config'"):
        BeatModel.load(tmp_path / "a.npz")


def test_pickled_objects_are_never_loaded(tmp_path):
    random_model().save(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", **stored(tmp_path / "a.npz") | {"mean": np.array([{}])})
    with pytest.raises(ValueError, match="is not an rtbeat model"):
        BeatModel.load(tmp_path / "a.npz")


NOT_FINITE = np.full(2, np.nan, np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output.bias": None}, r"array 'output\.bias' is missing"),
        ({"output.bias": np.zeros(3, np.float32)}, r"'output\.bias' has shape \(3,\), .* \(2,\)"),
        ({"output.bias": NOT_FINITE}, r"'output\.bias' holds numbers that are not finite"),
        ({"output.bias": np.zeros(2, np.int64)}, r"'output\.bias' holds int64"),
        ({"gru.2.forward.bias_hh": np.zeros(3)}, r"'gru\.2\.forward\.bias_hh' is unknown"),
        ({"config": np.array("{")}, "is damaged"),
        ({"config": np.array("[]")}, "model config must be a table"),
        ({"config": np.array('{"units": -1}')}, "units must be a whole number"),
        ({"provenance": np.array("[]")}, "provenance"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, change, message):
    path = tmp_path / "a.npz"
    random_model().save(path)
    content = {key: value for key, value in (stored(path) | change).items() if value is not None}
    np.savez(path, **content)
    with pytest.raises(ValueError, match=message) as caught:
        BeatModel.load(path)
    assert "a.npz" in str(caught.value)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_refused_or_loads_nothing_unsound(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    random_model().save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        loaded = BeatModel.load(path)
    except ValueError as error:
        assert "damaged.npz" in str(error)  # noqa: PT017
    else:
        assert all(np.isfinite(array).all() for array in loaded.arrays.values())


def test_arrays_given_to_a_model_are_copied():
    arrays = random_arrays(TINY)
    tiny = BeatModel(TINY, arrays)
    before = tiny.activations(random_features(TINY, 5))
    for array in arrays.values():
        array[:] = 0.0
    np.testing.assert_array_equal(tiny.activations(random_features(TINY, 5)), before)


# ---- config ----


@pytest.mark.parametrize("config", [ModelConfig(), TINY, ANCESTOR])
def test_config_survives_json(config):
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_defaults_fill_what_a_config_leaves_out():
    assert ModelConfig.from_dict({}) == ModelConfig()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("inputs", -1),
        ("layers", 0),
        ("layers", 10**12),
        ("units", 2.5),
        ("units", True),
        ("heads", ()),
        ("heads", ("beat", "beat")),
        ("window", float("nan")),
        ("window", "ten"),
        ("tail", 51),
        ("refresh", 0),
        ("offset", float("inf")),
    ],
)
def test_a_value_out_of_range_is_named(field, value):
    with pytest.raises(ValueError, match=field):
        replace(TINY, **{field: value})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"speed": 3}, "model config: unknown name 'speed'"),
        ({"features": {"hop": 3}}, "features config: unknown name 'hop'"),
        ({"features": {"windows": []}}, "windows"),
        ({"features": {"windows": [[0.064]]}}, "windows"),
        ({"features": {"windows": 5}}, "windows"),
        ({"features": {"frame_rate": 0}}, "frame_rate"),
        ({"features": {"fmin": 500, "fmax": 400}}, "fmax"),
        ({"features": 5}, "features config must be a table"),
        ({"features": {"windows": [[0.064, "many"]]}}, "bands of an analysis window"),
        ({"features": {"scale": "large"}}, "scale"),
        ({"heads": 5}, "heads"),
        ({"heads": [["beat"]]}, "heads"),
    ],
)
def test_a_config_that_cannot_be_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_dict(values)


def test_window_in_frames_follows_the_frame_rate():
    assert ModelConfig().frames == 500
    assert ANCESTOR.frames == 430
    assert replace(TINY, features=FeatureConfig(frame_rate=86.1328125)).frames == 86
