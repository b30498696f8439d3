"""The screen: what a performer must see, at every size and on every kind of terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import screen as screen_benchmark
from rtbeat.live.fake import FakeSession
from rtbeat.live.keyboard import Keyboard, KeyPress
from rtbeat.live.keys import KEYS
from rtbeat.live.layout import bar, large, meter
from rtbeat.live.level import REMEDY
from rtbeat.live.screen import STATES, Screen, lines
from rtbeat.live.screen_loop import Painter, perform
from rtbeat.live.snapshot import Alternative, Latency, Snapshot
from rtbeat.tracker import State

NOW = replace(
    FakeSession(tempo=118.04, now=iter([0.0, 61.3]).__next__).snapshot(),
    ports=(("USB mic", "open"), ("synth", "lost")),
    xruns=2,
    skipped=0.5,
    cpu=0.07,
    message="the synth has gone",
    latency=Latency(0.012, 0.021, 0.0213, 0.02, 0.0007, 0.043, "measured", 0.2),
)


def shown(now: Snapshot = NOW, width: int = 80, height: int = 24, **rest) -> str:
    return "\n".join(line.plain for line in lines(Screen(now, **rest), width, height))


def test_everything_that_a_performer_needs_is_on_80_columns_and_24_lines():
    text = shown()
    for part in (
        "LOCKED    following the music   1:01",
        "83 %",
        "-18 dB   peak -6 dB",
        "÷2 59.0 (11 %)   x2 236.1 (4 %)",
        "free   range 40 to 240 BPM",
        "0.50   steady █████░░░░░ follow   band",
        "on   volume 80 %",
        "MIDI clock  stopped",
        "synth: lost   USB mic: open",
        "7 % of a core   xruns 2   skipped 0.5 s of input",
        "115 ms spare of 200   loop 43 measured, block 21, hop 20, work 0.7",
        "the synth has gone",
        "space tap",
        "k learn",
    ):
        assert part in text, part


def test_the_tempo_is_large():
    rows = shown().splitlines()
    for figure, row in zip(large("118.0"), rows[2:5], strict=True):
        assert figure in row


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_told_in_a_word_and_a_sentence(state):
    _, sentence = STATES[state.value]
    text = shown(replace(NOW, state=state.value))
    assert state.value in text
    assert sentence in text


def test_no_two_states_look_the_same():
    assert len(set(STATES.values())) == len(State)


@pytest.mark.parametrize(
    ("number", "beats", "lights"),
    [
        (1, 4, " ●  ○  ○  ○ "),
        (3, 4, " ○  ○  ● "),
        (3, 3, " ○  ○  ●    3 of 3"),
        (0, 4, " ●    bar"),
    ],
)
def test_the_light_is_at_the_beat_of_the_bar(number, beats, lights):
    assert lights in shown(replace(NOW, number=number, beats_per_bar=beats))


def test_a_beat_is_bright_while_it_is_new():
    def light(phase: float):
        row = lines(Screen(replace(NOW, number=2, phase=phase)), 80, 24)[3]
        return [span.style for span in row.spans if row.plain[span.start : span.end] == " ● "]

    assert light(1.05) == ["bold reverse green"]
    assert light(1.9) == ["bold green"]


def test_before_the_first_beat_there_is_no_tempo_and_no_light():
    text = shown(replace(NOW, state="LISTENING", tempo=None, phase=None, number=0))
    assert large("---.-")[1] in text
    assert "●" not in text


def test_advice_about_the_level_is_there_with_its_remedy():
    for advice in ("no signal", "too quiet", "clipping"):
        assert REMEDY[advice] in shown(replace(NOW, advice=advice))


def test_switches_are_told_in_words():
    text = shown(replace(NOW, held=True, locked=True, click=False, transport="running"))
    for part in ("held: goes on at this tempo", "Tempo       locked", "Click       off", "running"):
        assert part in text


def test_a_lead_that_is_too_short_is_told():
    late = replace(NOW, latency=replace(NOW.latency, lead=0.05))
    assert "35 ms too late for 50" in shown(late)


def test_the_question_while_learning_is_in_the_place_of_the_message():
    text = shown(prompt="learn: press a key")
    assert "learn: press a key" in text
    assert NOW.message not in text


def test_help_has_every_key_with_its_line():
    text = shown(help=True)
    for key in KEYS:
        assert key.does in text
        assert f"{key.label} " in text


def test_40_columns_have_everything_in_short():
    text = shown(replace(NOW, advice="too quiet"), width=40)
    for part in (
        "LOCKED",
        "● ",
        "83 %",
        "-18 dB",
        "÷2 59.0",
        "free",
        "on",
        "stopped",
        "synth: lost",
    ):
        assert part in text, part
    joined = " ".join(text.split())
    assert REMEDY["too quiet"] in joined
    assert "115 ms spare" in text


def test_help_on_40_columns_has_every_key():
    rows = shown(help=True, width=40)
    for key in KEYS:
        assert f"{key.label:6}{key.short}" in rows


def test_few_lines_keep_what_matters_most():
    text = shown(width=40, height=8)
    for part in ("LOCKED", large("118.0")[1], "Input", NOW.message):
        assert part in text


snapshots = st.builds(
    replace,
    st.just(NOW),
    tempo=st.none() | st.floats(20, 400),
    number=st.integers(0, 12),
    beats_per_bar=st.integers(2, 12),
    phase=st.none() | st.floats(0, 12),
    state=st.sampled_from([state.value for state in State]),
    confidence=st.floats(0, 1),
    level=st.floats(-120, 0),
    peak=st.floats(-120, 0),
    follow=st.floats(0, 1),
    message=st.text(),
    advice=st.sampled_from(list(REMEDY)),
    ports=st.lists(st.tuples(st.text(), st.sampled_from(["open", "lost"])), max_size=4).map(tuple),
    alternatives=st.lists(
        st.builds(Alternative, st.just("3/2"), st.floats(20, 400), st.floats(0, 1)), max_size=4
    ).map(tuple),
    xruns=st.integers(0, 10**6),
    skipped=st.floats(0, 10**5),
    time=st.floats(0, 10**6),
)


@settings(max_examples=150, deadline=None)
@given(snapshots, st.integers(20, 200), st.integers(1, 60), st.booleans())
def test_no_line_is_too_long_and_no_name_moves_the_cursor(now, width, height, with_help):
    picture = lines(Screen(now, with_help), width, height)
    assert len(picture) <= height
    assert all(line.cell_len <= width for line in picture)
    assert all(line.plain.isprintable() for line in picture)


def test_bars_are_full_at_their_ends():
    assert (bar(0.0, 4), bar(0.5, 4), bar(1.0, 4)) == ("░░░░", "██░░", "████")
    assert meter(-30.0, -15.0, 8) == "████░│░░"
    assert meter(-120.0, -120.0, 8) == "░░░░░░░░"
    assert meter(0.0, 0.0, 8) == "███████│"


def printed(screen: Screen, encoding: str = "utf-8", **options) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=80, height=24, force_terminal=True, **options)
    console.print(screen)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_an_ascii_terminal_gets_the_same_words():
    text = printed(Screen(NOW), "ascii", color_system=None)
    assert "/2 59.0 (11 %)" in text
    assert "following the music" in text


def test_no_color_is_respected(monkeypatch):
    assert "\x1b[32m" in printed(Screen(NOW), color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "32m" not in printed(Screen(NOW), color_system="standard")


# ---- painting ----


class Console80(Console):
    """A terminal in memory that keeps what is written since the last look."""

    def __init__(self, **options):
        super().__init__(file=io.StringIO(), force_terminal=True, width=80, height=24, **options)

    def written(self) -> str:
        text = self.file.getvalue()
        self.file.seek(0)
        self.file.truncate()
        return text


def test_only_lines_that_change_are_written_and_all_of_them_once_a_second():
    console = Console80()
    painter = Painter(console)
    painter.paint(Screen(NOW))
    assert "following the music" in console.written()
    painter.paint(Screen(NOW))
    assert console.written() == ""
    painter.paint(Screen(replace(NOW, message="new")))
    text = console.written()
    assert "new" in text
    assert "following the music" not in text
    for _ in range(8):
        painter.paint(Screen(NOW))
    assert "following the music" in console.written()


class ScriptedKeyboard(Keyboard):
    """Gives the keys of one round a time, and lets the time asked for pass."""

    def __init__(self, *rounds: str):
        super().__init__()
        self.rounds, self.time, self.asked = list(rounds), 0.0, []

    def read(self, timeout: float) -> list[KeyPress]:
        self.asked.append(timeout)
        self.time += max(0.0, timeout)
        keys = self.rounds.pop(0) if self.rounds else ""
        return [KeyPress(key, self.time) for key in keys]


def test_the_loop_passes_keys_on_draws_ten_times_a_second_and_ends_on_q():
    session, keyboard = FakeSession(), ScriptedKeyboard("", "d", "hc", "", "q")
    perform(session, keyboard, Console80(), now=lambda: keyboard.time)
    assert [control.name for control in session.posted] == ["double", "halve", "click"]
    assert keyboard.asked == [pytest.approx(x) for x in (0.0, 0.1, 0.1, 0.1, 0.1)]


def test_the_loop_ends_with_the_session():
    left = iter([True, True, False])
    perform(FakeSession(), ScriptedKeyboard(), Console80(), running=lambda: next(left))
    assert list(left) == []


def test_the_benchmark_of_the_screen_draws_it():
    figures = screen_benchmark.measure(80, 24, 0.3)
    assert figures["cpu"] > 0
    assert figures["bytes"] * 0.3 > 80 * 24 / 2  # at least one whole picture


def test_the_terminal_has_its_own_screen_back_even_after_an_error():
    class Broken(FakeSession):
        def post(self, control):
            raise RuntimeError("broken")

    console = Console80()
    with pytest.raises(RuntimeError):
        perform(Broken(), ScriptedKeyboard("d"), console)
    assert console.written().endswith("\x1b[?1049l\x1b[?25h")
