"""``rtbeat batch --dask``: on a cluster of real processes, which are killed."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from rtbeat.batch import cluster, parts
from rtbeat.batch.parts import FEW_PARTS, data_set_path, part_count, part_of
from rtbeat.cli import main
from tests.libraries import deadly_ffmpeg, library, settings, songs, tiny_model
from tests.needs import require

INSTALL = 'pip install "rtbeat[dask]"'
SONGS = 12


@pytest.fixture
def start():
    """Start a local cluster of so many worker processes of one thread."""
    distributed = require("distributed", INSTALL)
    require("pyarrow", INSTALL)
    clusters = []

    def start(workers):
        clusters.append(
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            )
        )
        return clusters[-1]

    yield start
    for one in clusters:
        one.close()


def rows(out):
    """All rows of the data set, as any reader of Parquet sees them."""
    dataset = require("pyarrow.dataset", INSTALL)
    return dataset.dataset(data_set_path(str(out)), format="parquet").to_table().to_pylist()


def busy_worker(address):
    """Process id of a worker that is at a task."""
    distributed = require("distributed", INSTALL)
    with distributed.Client(address, set_as_default=False) as client:
        while not (busy := [worker for worker, at in client.processing().items() if at]):
            time.sleep(0.01)
        return client.run(os.getpid, workers=[busy[0]])[busy[0]]


def test_a_worker_is_killed_half_way_and_nothing_is_lost_or_twice(tmp_path, start):
    music = library(tmp_path / "Music", SONGS)
    (music / "bad.mp3").write_text("this is not music")
    chosen = settings(tmp_path / "out", tiny_model(tmp_path / "tiny.npz"))
    address = start(2).scheduler_address
    outcomes = cluster.run_on_cluster(songs(music), chosen, address)
    first = next(outcomes)
    os.kill(busy_worker(address), getattr(signal, "SIGKILL", signal.SIGTERM))
    rest = list(outcomes)
    assert len(rest) == SONGS
    assert [o.song.name for o in (first, *rest) if o.status == "failed"] == ["Music/bad.mp3"]

    found = rows(tmp_path / "out")
    assert sorted(row["name"] for row in found) == [song.name for song in songs(music)]
    for row in found:
        if row["name"] == "Music/bad.mp3":
            assert "not audio" in row["error"]
            assert row["beats"] is None
            continue
        target = tmp_path / "out" / row["name"].replace(".ogg", ".beats")
        times = [float(line.split()[0]) for line in target.read_text().splitlines()]
        assert row["error"] is None
        assert row["beats"] == pytest.approx(times, abs=6e-4)
        assert row["n_beats"] == len(times) == len(row["numbers"])
        assert json.loads(row["options"])["model_hash"] == row["model"] == chosen.model_hash
    left = {path.name for path in (tmp_path / "out/songs.parquet").iterdir()}
    assert all(name.startswith("part-") or name == "_rtbeat.json" for name in left)


def test_on_the_command_line_a_second_run_does_what_has_changed(tmp_path, start, capfd):
    music = library(tmp_path / "Music", 4)
    model = tiny_model(tmp_path / "tiny.npz")
    address = start(1).scheduler_address
    out = tmp_path / "out"
    words = ["batch", music, "--out", out, "--model", model, "--dask", address, "--json"]

    def run():
        code = main([str(word) for word in words])
        lines = map(json.loads, capfd.readouterr().out.splitlines())
        return code, {os.path.basename(line["file"]): line["status"] for line in lines}

    assert run() == (0, {f"song0{index}.ogg": "done" for index in range(4)})
    os.utime(music / "a/song02.ogg", (1, 1))
    code, statuses = run()
    assert code == 0
    assert statuses.pop("song02.ogg") == "done"
    assert set(statuses.values()) == {"unchanged"}
    assert len(rows(out)) == 4


def test_songs_that_take_workers_down_are_given_up_and_the_rest_is_done(
    tmp_path, start, monkeypatch
):
    """All in one part, which loses more workers than Dask allows a task."""
    music = library(tmp_path / "Music", 2)
    for name in ("deadly", "lethal"):
        (music / f"{name}.m4a").write_bytes(b"what ffmpeg would have to read")
    deadly_ffmpeg(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr(parts, "FEW_PARTS", 1)
    chosen = settings(tmp_path / "out", tiny_model(tmp_path / "tiny.npz"))
    address = start(1).scheduler_address
    outcomes = list(cluster.run_on_cluster(songs(music), chosen, address))
    errors = {o.song.name: o.error for o in outcomes}
    assert errors.pop("Music/deadly.m4a") == errors.pop("Music/lethal.m4a") == cluster.LOST
    assert list(errors.values()) == [None, None]
    assert len(rows(tmp_path / "out")) == 4
    assert len(list((tmp_path / "out/songs.parquet").glob("part-*"))) == 1


def test_workers_that_see_other_files_are_refused(tmp_path, start):
    distributed = require("distributed", INSTALL)
    with distributed.Client(start(1).scheduler_address, set_as_default=False) as client:
        with pytest.raises(cluster.ClusterError, match=r"does not see .*need the same files"):
            cluster._check_workers(client, str(tmp_path / "only here"))
        (tmp_path / "only here").touch()
        cluster._check_workers(client, str(tmp_path / "only here"))


def test_a_cluster_that_cannot_be_used_is_told(tmp_path, monkeypatch, capfd):
    require("distributed", INSTALL)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    music = library(tmp_path / "Music", 1)
    words = ["batch", music, "--out", tmp_path / "out", "--dask", "tcp://127.0.0.1:9"]
    assert main([str(word) for word in words]) == 1
    assert "there is no Dask scheduler at tcp://127.0.0.1:9" in capfd.readouterr().err


def test_a_part_ends_after_the_song_at_hand_when_the_run_is_over(tmp_path):
    """As at Ctrl-C: the mark by which workers know of the run is gone."""
    require("pyarrow", INSTALL)
    first, *others = songs(library(tmp_path / "Music", 3))
    chosen = settings(tmp_path / "out", tiny_model(tmp_path / "tiny.npz"))
    assert part_count(chosen.out, 1) == 1
    mark = tmp_path / "mark"
    mark.touch()
    [outcome] = cluster.do_part(0, [first], chosen, str(mark), False)
    assert outcome.status == "done"
    mark.unlink()
    [outcome] = cluster.do_part(0, [first, *others], chosen, str(mark), False)
    assert outcome.status == "unchanged"
    assert len(rows(tmp_path / "out")) == 1


def test_a_data_set_keeps_its_number_of_parts_as_the_library_grows(tmp_path):
    assert part_count(str(tmp_path / "small"), 3) == 3
    assert part_count(str(tmp_path / "small"), 1_000_000) == 3
    assert part_count(str(tmp_path / "large"), 1_000_000) == 10_000
    assert part_count(str(tmp_path / "medium"), 1_000) == FEW_PARTS


def test_songs_are_spread_over_the_parts_by_name(tmp_path):
    found = songs(library(tmp_path / "Music", 40, seconds=0.1))
    assert len({part_of(song, 8) for song in found}) == 8
