"""A recording gives the same events again, however it was cut, and says where it does not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.cli import main
from rtbeat.live.clicks import ClickOptions
from rtbeat.live.controls import NAMES, Control
from rtbeat.live.engine import EngineOptions
from rtbeat.live.recording import event_line, read_recording
from rtbeat.live.replay import Replay, changes_since
from tests.music import drum_loop
from tests.sessions import Act, play_recorded

RATE = 8000
OPTIONS = EngineOptions(RATE, {"follow": 0.7}, ClickOptions(on=True))
ACTS = (
    Act(12_345, Control("nudge", 0.01, "midi")),
    Act(60_000, skip=3333),
    Act(70_001, Control("double")),
    Act(80_000, Control("hold", 1.0)),
    Act(90_000, Control("hold", 0.0)),
)


@pytest.fixture(scope="module")
def music():
    return drum_loop(110.0, 15.0, RATE)[0]


@pytest.fixture(scope="module")
def take(music, tmp_path_factory):
    """Folder of a recorded session and the events that it had."""
    folder = tmp_path_factory.mktemp("takes") / "take"
    return folder, play_recorded(music, folder, OPTIONS, ACTS)


@pytest.fixture
def copy(take, tmp_path):
    """A copy of it that a test may change."""
    shutil.copytree(take[0], tmp_path / "copy")
    return tmp_path / "copy"


def replayed(folder):
    replay = Replay(read_recording(folder))
    events = list(replay.events())
    return replay, events


def change_lines(folder, change):
    path = folder / "session.jsonl"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def test_a_replay_tells_the_same_events(take):
    folder, events = take
    replay, again = replayed(folder)
    told = [event_line(event) for event in events if event.kind != "skipped"]
    assert [event_line(event) for event in again] == told
    assert replay.difference(again) == ""
    kinds = {event.kind for event in events}
    assert {"beat", "state", "control", "skipped"} <= kinds
    assert sum(event.kind == "beat" for event in events) > 10
    assert replay.engine.position == read_recording(folder).end


controls = st.builds(
    Control, st.sampled_from(sorted(NAMES)), st.none() | st.floats(-1.0, 4.0)
) | st.builds(Control, st.sampled_from(["slowest", "fastest"]), st.floats(10.0, 500.0))
acts = st.lists(
    st.builds(Act, st.integers(0, 5 * RATE), controls)
    | st.builds(Act, st.integers(0, 5 * RATE), skip=st.integers(1, 2 * RATE)),
    max_size=12,
).map(lambda found: sorted(found, key=lambda act: act.at))


@settings(deadline=None, max_examples=12)
@given(acts=acts, blocks=st.lists(st.integers(1, 5000), max_size=40))
def test_any_session_replays_bit_for_bit(music, tmp_path_factory, acts, blocks):
    folder = tmp_path_factory.mktemp("any") / "take"
    play_recorded(music[: 5 * RATE], folder, OPTIONS, acts, blocks)
    replay, again = replayed(folder)
    assert replay.difference(again) == ""


def test_other_audio_is_noticed(copy, music):
    folder = copy.parent / "other"
    play_recorded(music[500:], folder, OPTIONS, ACTS)
    shutil.copy(folder / "audio.flac", copy / "audio.flac")
    replay, again = replayed(copy)
    assert "is now" in replay.difference(again)


@pytest.mark.parametrize("which", ["beat", "state", "control"])
def test_one_digit_is_noticed(copy, which):
    def change(lines):
        index = next(i for i, line in enumerate(lines) if f'"event": "{which}"' in line)
        event = json.loads(lines[index])
        event["at"] = np.nextafter(event["at"], 1e9)
        return [*lines[:index], json.dumps(event) + "\n", *lines[index + 1 :]]

    change_lines(copy, change)
    replay, again = replayed(copy)
    assert f'{{"event": "{which}"' in replay.difference(again)


@pytest.mark.parametrize("gone", [1, 2, 5])
def test_missing_events_are_noticed(copy, gone):
    def change(lines):
        beats = [i for i, line in enumerate(lines) if '"event": "beat"' in line][-gone:]
        return [line for i, line in enumerate(lines) if i not in beats]

    change_lines(copy, change)
    replay, again = replayed(copy)
    assert "was missing and is now" in replay.difference(again)


def test_events_of_devices_do_not_count(copy):
    line = json.dumps({"event": "xrun", "at": 1.0, "data": {"count": 2}}) + "\n"
    change_lines(copy, lambda lines: [lines[0], line, *lines[1:]])
    replay, again = replayed(copy)
    assert replay.difference(again) == ""


@pytest.mark.parametrize("lines_lost", [0, 1, 3, 8, 20])
@pytest.mark.parametrize("bytes_lost", [0, 10_000, 40_000])
def test_a_killed_run_is_equal_as_far_as_it_was_kept(copy, lines_lost, bytes_lost):
    change_lines(copy, lambda lines: lines[: -1 - lines_lost])
    audio = copy / "audio.flac"
    data = audio.read_bytes()
    audio.write_bytes(data[: len(data) - bytes_lost])
    replay, again = replayed(copy)
    assert replay.difference(again) == ""
    assert any(event.kind == "beat" for event in again)


def test_a_killed_run_that_differs_is_noticed(copy):
    change_lines(copy, lambda lines: [line.replace("nudge", "shift") for line in lines[:-5]])
    replay, again = replayed(copy)
    assert replay.difference(again)


def test_what_has_changed_since_is_told(copy):
    assert changes_since(read_recording(copy).header) == []

    def change(lines):
        header = json.loads(lines[0])
        header["model"], header["rtbeat"], header["machine"]["numpy"] = "0", "0.0.1", "1.0"
        return [json.dumps(header) + "\n", *lines[1:]]

    change_lines(copy, change)
    told = " ".join(changes_since(read_recording(copy).header))
    assert "model" in told
    assert "0.0.1" in told
    assert "numpy was 1.0" in told


# ---- the command ----


def test_command_prints_the_events_and_that_they_are_the_same(take, capsys):
    folder, events = take
    assert main(["replay", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == sum(event.kind != "skipped" for event in events)
    assert "the same as recorded" in err


def test_command_prints_json_lines(take, capsys):
    folder, events = take
    assert main(["replay", str(folder), "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    told = [json.loads(line) for line in out.splitlines()]
    beats = [event.data["time"] for event in events if event.kind == "beat"]
    assert [line["time"] for line in told if line["event"] == "beat"] == beats
    assert err == ""


def test_command_ends_with_1_at_a_difference_and_names_it(copy, capsys):
    change_lines(copy, lambda lines: [line.replace('"nudge"', '"shift"') for line in lines])
    assert main(["replay", str(copy), "--quiet"]) == 1
    assert "not as recorded: event" in capsys.readouterr().err


def test_command_writes_a_report(take, tmp_path, capsys):
    page = tmp_path / "report.html"
    assert main(["replay", str(take[0]), "--report", str(page)]) == 0
    assert "<svg" in page.read_text()
    capsys.readouterr()
    assert main(["replay", str(take[0]), "--report", "-", "--quiet"]) == 0
    out, _ = capsys.readouterr()
    assert "found the beat" in out
    assert "within 25 ms" in out


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["nowhere"], 1, "no recording here"),
        (["nowhere", "--report", "out.txt"], 2, "ends in .html"),
        (["nowhere", "--report", "nowhere/out.html"], 2, "no folder nowhere"),
    ],
)
def test_command_says_what_is_wrong(tmp_path, monkeypatch, capsys, words, code, reason):
    monkeypatch.chdir(tmp_path)
    try:
        ended = main(["replay", *words])
    except SystemExit as end:
        ended = end.code
    assert ended == code
    assert reason in capsys.readouterr().err


def test_audio_gone_is_one_sentence(copy, capsys):
    (copy / "audio.flac").unlink()
    assert main(["replay", str(copy)]) == 1
    assert capsys.readouterr().err.endswith("audio.flac: there is no such file\n")


def test_options_of_another_version_are_one_sentence(copy, capsys):
    change_lines(copy, lambda lines: [lines[0].replace('"follow"', '"chase"'), *lines[1:]])
    assert main(["replay", str(copy)]) == 1
    assert "cannot be replayed here" in capsys.readouterr().err
