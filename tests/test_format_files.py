"""Each format, read back by another program's library, or by a reader of the test's own."""

from __future__ import annotations

import csv
import io
import math
from xml.etree import ElementTree

import numpy as np
import pytest

from rtbeat import Beats, formats
from rtbeat.beat import median_tempo
from rtbeat.formats.local_tempo import local_tempi
from rtbeat.formats.reaper import clock
from tests.needs import require

NUMBERS = (3, 4, 1, 2, 3, 4, 1, 2, 0, 0)
TIMES = 0.3712345 + 0.4831 * np.arange(len(NUMBERS))


def make_beats(count: int = len(NUMBERS), online: bool = False, confident: bool = True) -> Beats:
    times = TIMES[:count]
    return Beats(
        times,
        np.array(NUMBERS[:count], np.int64),
        median_tempo(times),
        np.zeros(0, np.float32),
        6.5,
        confidences=np.linspace(0.4, 0.9, count) if confident else np.zeros(0),
        announced_at=times - 0.2 if online else None,
        sample_rate=48_000,
    )


BEATS = make_beats()


def encoded(name: str, beats: Beats = BEATS) -> bytes:
    return formats.find("", name).encode(beats)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("ascii"))))


@pytest.mark.parametrize("format", formats.FORMATS, ids=lambda format: format.name)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_every_format_takes_few_beats(format, count):
    data = format.encode(make_beats(count))
    assert isinstance(data, bytes)
    assert b"nan" not in data.lower()


@pytest.mark.parametrize("format", formats.FORMATS, ids=lambda format: format.name)
def test_every_format_is_found_by_its_name_and_its_suffixes(format, tmp_path):
    assert formats.find("anything", format.name) is format
    for suffix in format.suffixes:
        assert formats.find(f"a.b{suffix.upper()}") is format
        BEATS.save(tmp_path / f"song{suffix}")
        assert (tmp_path / f"song{suffix}").read_bytes() == format.encode(BEATS)


def test_no_suffix_belongs_to_two_formats():
    suffixes = [suffix for format in formats.FORMATS for suffix in format.suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_the_longest_suffix_counts():
    assert formats.find("song.labels.txt").name == "audacity"
    assert formats.find("labels.txt").name == "beats"
    assert formats.find("song.reaper.csv").name == "reaper"
    assert formats.find("reaper.csv").name == "csv"


def test_csv_has_a_header_and_a_row_a_beat():
    table = rows(encoded("csv"))
    assert list(table[0]) == ["time", "number", "tempo", "confidence"]
    np.testing.assert_allclose([float(row["time"]) for row in table], TIMES, atol=5.1e-7)
    assert [int(row["number"]) for row in table] == list(NUMBERS)
    np.testing.assert_allclose([float(row["tempo"]) for row in table], 60 / 0.4831, atol=1e-3)
    assert float(table[-1]["confidence"]) == 0.9


def test_csv_of_an_online_run_says_when_beats_were_announced():
    table = rows(encoded("csv", make_beats(online=True)))
    announced = [float(row["announced_at"]) for row in table]
    np.testing.assert_allclose(announced, TIMES - 0.2, atol=5.1e-7)


def test_csv_leaves_empty_what_is_not_known():
    (row,) = rows(encoded("csv", make_beats(1, confident=False)))
    assert (row["tempo"], row["confidence"]) == ("", "")


def test_local_tempo_follows_a_change_and_passes_over_an_odd_beat():
    steps = np.r_[np.full(8, 0.5), np.full(8, 0.4)]
    steps[3] = 0.9
    tempi = local_tempi(np.r_[0.0, np.cumsum(steps)])
    np.testing.assert_allclose(tempi[:7], 120.0)
    np.testing.assert_allclose(tempi[10:], 150.0)
    assert math.isnan(local_tempi(np.array([1.0]))[0])


def test_jams_is_valid_and_read_by_jams(tmp_path):
    jams = require("jams", "pip install jams")
    BEATS.save(tmp_path / "song.jams")
    jam = jams.load(str(tmp_path / "song.jams"), validate=True, strict=True)
    assert jam.file_metadata.duration == 6.5
    (beat,) = jam.search(namespace="beat")
    assert beat.annotation_metadata.annotation_tools.startswith("rtbeat ")
    np.testing.assert_allclose([obs.time for obs in beat.data], TIMES, atol=5.1e-7)
    assert [obs.value for obs in beat.data] == [number or None for number in NUMBERS]
    told = [obs.confidence for obs in beat.data]
    np.testing.assert_allclose(told, BEATS.confidences, atol=5.1e-5)
    (tempo,) = jam.search(namespace="tempo")
    (told,) = tempo.data
    assert (told.time, told.duration) == (0.0, 6.5)
    assert told.value == pytest.approx(60 / 0.4831, abs=1e-3)
    assert told.confidence == pytest.approx(0.65)


@pytest.mark.parametrize("beats", [make_beats(0), make_beats(1), make_beats(confident=False)])
def test_jams_without_beats_or_confidences_is_valid_too(tmp_path, beats):
    jams = require("jams", "pip install jams")
    beats.save(tmp_path / "song.jams")
    jam = jams.load(str(tmp_path / "song.jams"), validate=True, strict=True)
    assert len(jam.search(namespace="beat")[0].data) == len(beats)
    assert len(jam.search(namespace="tempo")) == int(len(beats) > 1)


def test_audacity_labels_are_points_in_rising_order():
    lines = encoded("audacity").decode("ascii").split("\n")
    assert lines.pop() == ""
    columns = [line.split("\t") for line in lines]
    np.testing.assert_allclose([float(start) for start, _, _ in columns], TIMES, atol=5.1e-7)
    assert all(start == end for start, end, _ in columns)
    assert [label for _, _, label in columns] == [str(n) if n else "" for n in NUMBERS]


def test_sonic_visualiser_layer_holds_frames_at_the_rate_of_the_song():
    root = ElementTree.fromstring(encoded("sv"))
    (model,) = root.findall("data/model")
    (dataset,) = root.findall("data/dataset")
    (layer,) = root.findall("display/layer")
    assert (root.tag, layer.get("type"), layer.get("model")) == ("sv", "timeinstants", "1")
    assert model.get("dataset") == dataset.get("id")
    assert (model.get("type"), model.get("dimensions"), model.get("id")) == ("sparse", "1", "1")
    assert model.get("sampleRate") == "48000"
    frames = np.array([int(point.get("frame")) for point in dataset.findall("point")])
    np.testing.assert_allclose(frames / 48_000, TIMES, atol=0.51 / 48_000)
    labels = [point.get("label") for point in dataset.findall("point")]
    assert labels == [str(n) if n else "" for n in NUMBERS]


def seconds(text: str) -> float:
    total = 0.0
    for part in text.split(":"):
        total = 60 * total + float(part)
    return total


def test_reaper_markers_are_named_by_bar_and_beat():
    table = rows(encoded("reaper"))
    assert list(table[0]) == ["#", "Name", "Start", "End", "Length"]
    assert [row["#"] for row in table] == [f"M{n}" for n in range(1, len(NUMBERS) + 1)]
    assert [row["Name"] for row in table] == [
        "0.3", "0.4", "1.1", "1.2", "1.3", "1.4", "2.1", "2.2", "", "",
    ]  # fmt: skip
    np.testing.assert_allclose([seconds(row["Start"]) for row in table], TIMES, atol=5.1e-4)
    assert {(row["End"], row["Length"]) for row in table} == {("", "")}


@pytest.mark.parametrize(
    ("time", "text"),
    [(0.0, "0:00.000"), (9.9996, "0:10.000"), (59.9996, "1:00.000"), (62.5, "1:02.500"),
     (3599.9999, "1:00:00.000"), (3725.25, "1:02:05.250")],
)  # fmt: skip
def test_reaper_times_carry_over(time, text):
    assert clock(time) == text
