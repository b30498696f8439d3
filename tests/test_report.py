"""The report says in figures and words what happened in a session."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from rtbeat.beat import Beats
from rtbeat.live.controls import Control
from rtbeat.live.engine import EngineOptions
from rtbeat.live.events import Event
from rtbeat.live.phase_error import compare_phase
from rtbeat.live.recording import read_recording
from rtbeat.live.report import find_jumps, make_report, report_on
from rtbeat.live.report_page import report_page
from rtbeat.live.report_words import clock, report_text
from tests.music import drum_loop
from tests.sessions import Act, play_recorded

RATE = 8000


def state(at, name):
    return Event("state", at, {"state": name, "tempo": 120.0})


def hold(at, value, name="hold"):
    return Event("control", at, {"name": name, "value": value, "source": "key"})


def beat(time, tempo=120.0, number=0, confidence=0.8):
    data = {"time": time, "number": number, "tempo": tempo, "confidence": confidence}
    return Event("beat", time - 0.2, {**data, "announced_at": time - 0.2})


def offline(times):
    times = np.asarray(times, np.float64)
    return Beats(times, np.zeros(len(times), np.int64), 120.0, np.zeros(0, np.float32), 60.0)


SESSION = [
    state(4.0, "LOCKED"),
    *(beat(5.0 + 0.5 * i, number=i % 4 + 1) for i in range(40)),
    Event("xrun", 10.0, {"count": 2, "direction": "input"}),
    Event("xrun", 11.0, {"count": 1, "direction": "input"}),
    Event("skipped", 11.0, {"seconds": 0.25}),
    state(30.0, "COASTING"),
    state(40.0, "LOST"),
    Event("stream", 41.0, {"status": "lost", "message": "<b>USB & co</b> is gone"}),
    state(47.0, "LOCKED"),
]


def test_time_in_each_state():
    report = make_report(SESSION, 60.0)
    assert [report.seconds_in(name) for name in ("LISTENING", "LOCKED", "COASTING", "LOST")] == [
        4.0, 26.0 + 13.0, 10.0, 7.0,
    ]  # fmt: skip
    assert report.times_in("LOCKED") == 2
    assert sum(span.end - span.start for span in report.states) == 60.0


def test_time_to_lock_counts_from_the_first_sound():
    assert make_report(SESSION, 60.0).locks == (4.0, 7.0)
    assert make_report(SESSION, 60.0, sound_at=1.5).locks == (2.5, 7.0)


def test_dropouts_and_losses_add_up():
    report = make_report(SESSION, 60.0)
    assert (report.xruns, report.skipped) == (3, 0.25)


def test_a_session_in_which_nothing_happened():
    report = make_report([], 5.0)
    assert report.seconds_in("LISTENING") == 5.0
    assert "beats" in report_text(report)
    assert "none" in report_text(report)
    assert "<html" in report_page(report, "none", "")


@pytest.mark.parametrize(
    ("controls", "spans"),
    [
        ([hold(1.0, 1.0), hold(3.0, 0.0)], [(1.0, 3.0)]),
        ([hold(1.0, None), hold(3.0, None), hold(5.0, None)], [(1.0, 3.0), (5.0, 9.0)]),
        ([hold(1.0, 1.0), hold(2.0, 1.0), hold(3.0, 0.0), hold(4.0, 0.0)], [(1.0, 3.0)]),
        ([hold(1.0, 1.0), hold(2.0, None, "reset")], [(1.0, 2.0)]),
        ([hold(1.0, 1.0, "lock"), hold(2.0, 0.0)], []),
    ],
)
def test_holds(controls, spans):
    holds = make_report(controls, 9.0).holds
    assert [(span.start, span.end) for span in holds] == spans


@pytest.mark.parametrize(
    ("tempi", "ratios"),
    [
        ([120.0] * 9, []),
        ([60.0 * 1.05**i for i in range(20)], []),  # an accelerando is no jump
        ([120.0] * 5 + [60.0] * 5, ["÷2"]),
        ([60.0] * 5 + [120.0] * 5 + [60.0] * 5, ["x2", "÷2"]),
        ([90.0] * 5 + [135.0] * 5 + [91.0] * 5, ["3/2", "2/3"]),
        ([120.0] * 5 + [60.0] * 2 + [120.0] * 5, []),  # a slip of two beats
        ([100.0] * 5 + [130.0] * 5, [""]),
        ([], []),
    ],
)
def test_octave_switches_are_jumps_that_stay(tempi, ratios):
    jumps = find_jumps(np.arange(len(tempi), dtype=float), tempi)
    assert [jump.ratio for jump in jumps] == ratios


def test_a_jump_that_a_performer_asked_for_is_no_octave_switch():
    beats = [beat(0.5 * i, 120.0) for i in range(20)] + [beat(10.0 + i, 60.0) for i in range(9)]
    halve = Event("control", 9.5, {"name": "halve", "value": None, "source": "key"})
    assert len(make_report(beats, 60.0).octave_switches) == 1
    asked = make_report([halve, *beats], 60.0)
    assert (len(asked.jumps), asked.octave_switches) == (1, ())


def test_phase_error_against_the_offline_beats():
    truth = np.arange(1.0, 50.0, 0.5)
    late = compare_phase(truth + 0.012, offline(truth))
    assert late.median == pytest.approx(0.012)
    assert late.spread == pytest.approx(0.0, abs=1e-9)
    assert (late.tight, late.loose) == (1.0, 1.0)
    early = compare_phase(truth - 0.040, offline(truth))
    assert early.median == pytest.approx(-0.040)
    assert (early.tight, early.loose) == (0.0, 1.0)


def test_beats_between_the_offline_beats_are_out_of_reach_and_do_not_move_the_median():
    truth = np.arange(1.0, 50.0, 1.0)
    double = np.arange(1.0, 49.5, 0.5) + 0.01
    phase = compare_phase(double, offline(truth))
    assert phase.loose == pytest.approx(0.5, abs=0.01)
    assert phase.median == pytest.approx(0.01)


@pytest.mark.parametrize("times", [[], [5.0]])
@pytest.mark.parametrize("truth", [[], [9.0], [5.01]])
def test_few_beats(times, truth):
    phase = compare_phase(np.array(times), offline(truth))
    assert len(phase.errors) == (times == [5.0] and truth == [5.01])
    report = make_report([beat(time) for time in times], 60.0, phase=phase)
    assert report_text(report)
    assert report_page(report, "few", "")


def test_clock():
    assert [clock(s) for s in (0.0, 9.96, 59.96, 187.5)] == ["0:00.0", "0:10.0", "1:00.0", "3:07.5"]


# ---- the page ----


class Page(HTMLParser):
    """Checks that tags are closed in order; keeps tags, attributes and text."""

    VOID = ("meta", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.values, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.values += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def full_page():
    times = [event.data["time"] for event in SESSION if event.kind == "beat"]
    phase = compare_phase(np.array(times), offline(np.array(times) + 0.01))
    report = make_report(SESSION, 60.0, sound_at=1.0, phase=phase)
    return report_page(report, "Session <i>one</i>", "2026-01-01T20:00:00+01:00")


def test_page_needs_nothing_from_outside():
    text = full_page()
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert not {"src", "href", "action", "onload"} & {name for name, _ in page.values}
    for outside in ("http:", "https:", "url(", "@import"):
        assert outside not in text


def test_page_shows_figures_and_plots_and_takes_names_as_text():
    page = Page(full_page())
    assert page.tags.count("svg") == 3
    assert page.tags.count("circle") == 40
    assert "<b>USB & co</b> is gone" in page.text
    assert "Session <i>one</i>" in page.text
    assert "All 40 beats" in page.text
    assert "b" not in page.tags


def test_page_is_light_and_dark():
    assert "prefers-color-scheme: dark" in full_page()


def test_line_of_the_tempo_is_broken_where_beats_are_missing():
    events = [beat(0.5 * i) for i in range(1, 20)] + [beat(20.0 + 0.5 * i) for i in range(20)]
    assert report_page(make_report(events, 60.0), "gap", "").count("<polyline") == 2 + 2


# ---- on a recording ----


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("takes") / "take"
    music, _ = drum_loop(110.0, 20.0, RATE)
    quiet = np.zeros(2 * RATE, np.float32)
    acts = (
        Act(14 * RATE, Control("hold", 1.0)),
        Act(16 * RATE, Control("hold", 0.0)),
        Act(17 * RATE, skip=RATE // 2),
    )
    options = EngineOptions(RATE, {"tempo_range": (80, 160)})
    play_recorded(np.concatenate([quiet, music]), folder, options, acts)
    return folder


def test_report_on_a_recording(take):
    shares = []
    report = report_on(read_recording(take), shares.append)
    assert report.seconds == 22.0
    assert report.sound_at == pytest.approx(2.3, abs=0.06)  # the first beat of the loop
    assert 0.5 < report.locks[0] < 10.0
    ((start, end),) = ((span.start, span.end) for span in report.holds)
    assert (start, end) == pytest.approx((14.0, 16.0), abs=0.06)  # a block of input
    assert report.skipped == 0.5
    assert abs(report.phase.median) < 0.02
    assert report.phase.loose > 0.9
    assert shares[-1] == 1.0
