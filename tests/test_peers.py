"""Peers run beside rtbeat: those that are installed, on drum loops of known beats."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from benchmarks import accuracy, metrics, peers
from benchmarks.collections import read_collection
from tests.music import drum_loop, loop_folder
from tests.needs import require

RATE = 22_050


def test_a_late_tracker_speaks_ahead_by_the_median_of_four_intervals():
    times = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 3.9, 4.4])
    ahead, announced = peers.extrapolate(times, times + 0.02)
    assert announced.tolist() == pytest.approx((times[1:] + 0.02).tolist())
    assert ahead.tolist() == pytest.approx([2.0, 2.5, 3.0, 3.5, 4.4, 4.9])
    for few in (times[:1], times[:0]):
        assert len(peers.extrapolate(few, few)[0]) == len(few[1:])


def test_aubio_gets_hops_that_last_about_as_long_at_every_rate():
    hops = {rate: peers.aubio_hop(rate) for rate in (22_016, 24_000, 44_100, 48_000, 96_000)}
    assert hops == {22_016: 256, 24_000: 256, 44_100: 512, 48_000: 512, 96_000: 1024}


def test_a_peer_that_does_not_import_is_named_once_with_what_to_install():
    gone = peers.Peer("no_such_tracker", "pip install no-such-tracker", peers.run_librosa)
    there = peers.Peer("json", "", peers.run_librosa)
    names, missing = peers.available({"a": gone, "b": there, "c": gone})
    assert names == ["b"]
    assert len(missing) == 1
    assert missing[0].startswith("no_such_tracker is not measured")
    assert missing[0].endswith("pip install no-such-tracker")


def test_aubio_follows_a_drum_loop_and_never_speaks_ahead():
    pytest.importorskip("aubio")
    audio, beats = drum_loop(120.0, 12.0, RATE)
    times, announced = peers.run_aubio(audio, RATE)
    assert metrics.f_measure(times, beats, trim=6.0) > 0.8
    assert np.median(announced - times) > 0.0
    ahead, told = peers.run_aubio_ahead(audio, RATE)
    assert np.median(ahead - told) > 0.3


def test_essentia_follows_a_drum_loop():
    pytest.importorskip("essentia")
    audio, beats = drum_loop(120.0, 12.0, RATE)
    times, announced = peers.run_essentia(audio, RATE)
    assert announced is None
    assert metrics.f_measure(times, beats) > 0.8


def test_accuracy_puts_measured_peers_beside_the_others(tmp_path, capsys):
    require("librosa", 'pip install "rtbeat[test]"')
    folder = loop_folder(tmp_path / "test_spcup", {"a": 120.0, "b": 100.0}, 8.0, RATE)
    command = ["--data", str(tmp_path), "--online", "--limit", "1", "--peers"]
    assert accuracy.main([*command, "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "accuracy.json").read_text())
    assert list(results["sets"]["test_spcup"]) == ["online filter"]
    found = results["measured_peers"]
    assert "librosa" in found["versions"]
    summary = found["sets"]["test_spcup"]["librosa (measured)"]
    assert summary["n"] == 1
    assert summary["mean"]["F"] > 0.8
    assert summary["mean"]["downF"] is None  # it tells no bars
    assert "calibration_error" not in summary
    assert ("a", "librosa (measured)") in {(row["id"], row["system"]) for row in results["clips"]}
    shown = capsys.readouterr()
    assert "| librosa (measured) |" in shown.out
    assert "| librosa_off |" in shown.out
    assert "those measured are of these." in shown.out
    for name in ("aubio", "essentia"):
        measured = name in found["versions"]
        assert measured != (f"{name} is not measured" in shown.err)
    clip = read_collection(folder)[0]
    again = peers.run_task(peers.Task(clip, "librosa"))
    assert again.values["F"] == pytest.approx(summary["mean"]["F"], abs=1e-4)
    assert math.isnan(again.values["downF"])
