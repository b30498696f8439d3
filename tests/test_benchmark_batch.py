"""The benchmark of whole files."""

from __future__ import annotations

import json

import pytest
import soundfile

from benchmarks import batch
from tests.libraries import tiny_model


def test_a_song_of_any_length_is_stereo_and_made_of_bundled_music(tmp_path):
    path = batch.write_song(tmp_path / "song.flac", None, 61.5)
    info = soundfile.info(path)
    assert (info.channels, info.duration) == (2, 61.5)


def test_cost_of_files_is_written_with_verdicts(tmp_path, capsys):
    model = tiny_model(tmp_path / "tiny.npz")
    words = ["--minutes", "0.1", "--hours", "0.005", "--runs", "1", "--model", str(model)]
    assert batch.main([*words, "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "batch.json").read_text())
    first = results["runs"][0]
    assert (first["file"], first["decoder"]) == ("mp3", "filter")
    assert first["audio_s"] == pytest.approx(6.0, abs=0.1)
    assert first["times_real_time"] == pytest.approx(first["audio_s"] / first["cpu_s"], rel=0.01)
    hours = 1e6 * first["cpu_s"] / 3600
    assert results["million_songs_cpu_hours"] == pytest.approx(hours, rel=0.01)
    assert results["runs"][-1]["audio_s"] == pytest.approx(18.0)
    page = capsys.readouterr().out
    assert "most memory" in page
    assert (tmp_path / "batch.md").read_text() + "\n" == page
