"""Formats: what a file says is what the beats were, and no failure leaves half a file."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbeat import Beats, formats
from rtbeat.formats import atomic, beats_text, json_file


def make_beats(times: list[float], numbers: list[int], **more: object) -> Beats:
    tempo = 60.0 / float(np.median(np.diff(times))) if len(times) > 1 else float("nan")
    return Beats(
        np.array(times, np.float64),
        np.array(numbers, np.int64),
        tempo,
        np.zeros(0, np.float32),
        10.0,
        **more,  # type: ignore[arg-type]
    )


BEATS = make_beats([0.5, 1.0, 1.5004], [1, 2, 0])


def test_beats_text_has_three_decimals_and_leaves_unknown_numbers_out():
    assert beats_text.encode(BEATS) == b"0.500\t1\n1.000\t2\n1.500\n"


def test_no_beats_is_an_empty_file():
    assert beats_text.encode(make_beats([], [])) == b""


@given(
    steps=st.lists(st.floats(0.25, 3.0), max_size=40),
    data=st.data(),
)
def test_beats_text_reads_back_to_the_millisecond(tmp_path_factory, steps, data):
    times = np.cumsum(steps).tolist()
    count = len(times)
    numbers = data.draw(st.lists(st.integers(0, 12), min_size=count, max_size=count))
    path = tmp_path_factory.mktemp("beats") / "a.beats"
    formats.write(make_beats(times, numbers), path)
    read_times, read_numbers = beats_text.read(path)
    np.testing.assert_allclose(read_times, times, atol=0.00051)
    assert read_numbers.tolist() == numbers


def test_reader_takes_the_research_data_sets(tmp_path):
    path = tmp_path / "song.beats"
    path.write_text("# made by hand\n\n0.31 1\n0.82\t2.0\textra\n1.3   \n")
    times, numbers = beats_text.read(path)
    assert times.tolist() == [0.31, 0.82, 1.3]
    assert numbers.tolist() == [1, 2, 0]


@pytest.mark.parametrize("bad", ["soon", "0.1 first", "nan", "0.5\n0.5", "1.0\n0.9", "1 inf"])
def test_reader_names_the_bad_line(tmp_path, bad):
    path = tmp_path / "song.beats"
    path.write_text(f"0.01\n{bad}\n")
    with pytest.raises(ValueError, match=r"song\.beats, line [23]"):
        beats_text.read(path)


def test_json_has_stable_keys():
    made = json.loads(json_file.encode(BEATS))
    assert list(made) == ["duration", "tempo", "beats"]
    assert made["beats"][0] == {"time": 0.5, "number": 1, "confidence": None}


def test_json_of_an_online_run_says_when_beats_were_announced():
    beats = make_beats(
        [1.0, 1.5], [1, 2], confidences=np.array([0.5, 0.75]), announced_at=np.array([0.8, 1.3])
    )
    made = json.loads(json_file.encode(beats))
    assert made["tempo"] == 120.0
    assert made["beats"][1] == {"time": 1.5, "number": 2, "confidence": 0.75, "announced_at": 1.3}


def test_json_without_a_tempo_is_valid_json():
    made = json_file.encode(make_beats([1.0], [0]))
    assert json.loads(made)["tempo"] is None
    assert b"NaN" not in made


@pytest.mark.parametrize(
    ("name", "format", "start"),
    [("a.beats", None, b"0.5"), ("A.TXT", None, b"0.5"), ("a.json", None, b"{"),
     ("a.dat", "beats", b"0.5"), ("a.beats", "json", b"{")],
)  # fmt: skip
def test_format_goes_by_name_then_by_suffix(tmp_path, name, format, start):
    BEATS.save(tmp_path / name, format)
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(("name", "format"), [("a.xyz", None), ("a", None), ("a.beats", "xyz")])
def test_unknown_format_names_those_that_are_known(tmp_path, name, format):
    with pytest.raises(ValueError, match=r"known are beats .*json"):
        BEATS.save(tmp_path / name, format)
    assert os.listdir(tmp_path) == []


def fill_the_disk(monkeypatch, point):
    """Make the write fail as on a full disk, at ``point`` of its way."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, point, full)


@pytest.mark.parametrize("point", ["fsync", "replace"])
def test_full_disk_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, point):
    path = tmp_path / "song.beats"
    path.write_bytes(b"old")
    fill_the_disk(monkeypatch, point)
    with pytest.raises(OSError, match=r"No space left.*song\.beats") as caught:
        BEATS.save(path)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["song.beats"]


def test_a_write_cut_short_by_the_system_leaves_nothing(tmp_path):
    """A real short write: the system refuses to let the file grow past a limit."""
    resource = pytest.importorskip("resource", reason="file size limits are POSIX only")
    signal = pytest.importorskip("signal")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, old[1]))
    try:
        with pytest.raises(OSError, match=r"big\.bin"):
            atomic.write_bytes(tmp_path / "big.bin", b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == []


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic.write_bytes(tmp_path / "a", b"x")
    assert os.listdir(tmp_path) == []


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere"):
        BEATS.save(tmp_path / "nowhere" / "song.beats")


@pytest.mark.skipif(os.name != "posix", reason="POSIX links, permissions and devices")
class TestPosixTargets:
    def test_link_is_followed(self, tmp_path):
        (tmp_path / "real").write_bytes(b"old")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        atomic.write_bytes(tmp_path / "link", b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_bytes() == b"new"

    def test_permissions_are_kept(self, tmp_path):
        path = tmp_path / "shared"
        path.write_bytes(b"old")
        path.chmod(0o664)
        atomic.write_bytes(path, b"new")
        assert path.stat().st_mode & 0o777 == 0o664

    def test_new_file_has_the_usual_permissions(self, tmp_path):
        (tmp_path / "plain").write_bytes(b"")
        atomic.write_bytes(tmp_path / "ours", b"")
        assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode

    def test_device_is_written_to_and_not_replaced(self):
        atomic.write_bytes("/dev/null", b"gone")
        assert Path("/dev/null").is_char_device()
