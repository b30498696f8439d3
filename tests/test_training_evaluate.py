"""Scores of a model on a folder of songs."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from rtbeat.beat import Beats
from tests.needs import require

require("mir_eval", 'pip install ".[train]"')

from training import evaluate  # noqa: E402
from training.windows import keeps_out  # noqa: E402

TRUTH = np.arange(0.5, 10.0, 0.5)


def beats(times, announced_at=None):
    times = np.asarray(times, float)
    numbers = np.zeros(len(times), np.int64)
    return Beats(times, numbers, 120.0, np.zeros(500, np.float32), 10.0, announced_at=announced_at)


@pytest.fixture
def folder(tmp_path):
    """Two songs; their audio is never read here."""
    for song in ("a", "b"):
        (tmp_path / f"{song}.wav").touch()
        (tmp_path / f"{song}.beats").write_text("".join(f"{t:.3f}\n" for t in TRUTH))
    (tmp_path / "index.json").write_text('[{"id": "a"}, {"id": "b"}]')
    return tmp_path


def answer(monkeypatch, offline, online):
    """Let the tracker answer with these beats, whatever the song."""

    def track(path, *, model, **options):
        assert model == "some.npz"
        return online if options == {"online": True} else offline

    monkeypatch.setattr(evaluate.rtbeat, "track", track)


def test_only_beats_announced_in_time_count_online():
    run = beats([1.0, 2.0, 3.0], announced_at=np.array([0.8, 2.0, 3.001]))
    assert evaluate.ahead(run).tolist() == [1.0, 2.0]


def test_offline_and_online_scores_of_a_song(folder, monkeypatch):
    late = TRUTH + np.where(np.arange(len(TRUTH)) % 2, 0.01, -0.2)  # every second one too late
    answer(monkeypatch, beats(TRUTH + 0.06), beats(TRUTH, announced_at=late))
    offline, online = evaluate.song_scores(folder, {"id": "a"}, "some.npz")
    assert offline == 1.0  # within 70 ms
    hits = (len(TRUTH) + 1) // 2
    assert online == pytest.approx(2 * hits / (hits + len(TRUTH)))


def test_no_beats_score_nothing(folder, monkeypatch):
    answer(monkeypatch, beats([]), beats([], announced_at=np.zeros(0)))
    assert evaluate.song_scores(folder, {"id": "a"}, "some.npz") == (0.0, 0.0)


def test_the_command_prints_each_song_and_the_mean(folder, monkeypatch, capsys):
    answer(monkeypatch, beats(TRUTH), beats(TRUTH, announced_at=TRUTH - 0.1))
    argv = ["evaluate", "--model", "some.npz", "--data", str(folder)]
    monkeypatch.setattr(sys, "argv", argv)
    evaluate.main()
    assert capsys.readouterr().out.splitlines() == [
        "a  F 1.000  cF@0 1.000",
        "b  F 1.000  cF@0 1.000",
        "mean of 2 songs: F 1.000  cF@0 1.000",
    ]


@pytest.mark.parametrize(("limit", "ids"), [(None, 10), (99, 10), (3, [0, 3, 6]), (1, [0])])
def test_a_limit_takes_songs_from_all_over_the_folder(limit, ids):
    entries = [{"id": i} for i in range(10)]
    expected = list(range(10)) if ids == 10 else ids
    assert [e["id"] for e in evaluate.spread(entries, limit)] == expected


def test_a_song_without_beats_is_named(folder):
    (folder / "index.json").write_text(json.dumps([{"id": "c"}]))
    with pytest.raises(SystemExit, match=r"song c needs c\.beats"):
        evaluate.song_scores(folder, {"id": "c"}, "some.npz")


def test_songs_kept_for_validation_can_be_chosen(folder, monkeypatch, capsys):
    groups = [f"album {i}" for i in range(40)]
    kept = next(g for g in groups if keeps_out(g))
    trained_on = next(g for g in groups if not keeps_out(g))
    index = [{"id": "a", "group": trained_on}, {"id": "b", "group": kept}]
    (folder / "index.json").write_text(json.dumps(index))
    answer(monkeypatch, beats(TRUTH), beats(TRUTH, announced_at=TRUTH - 0.1))
    argv = ["evaluate", "--model", "some.npz", "--data", str(folder), "--validation"]
    monkeypatch.setattr(sys, "argv", argv)
    evaluate.main()
    assert capsys.readouterr().out.splitlines()[0].startswith("b ")
    (folder / "index.json").write_text(json.dumps(index[:1]))
    with pytest.raises(SystemExit, match="none of the songs"):
        evaluate.main()
