"""Live through the page in a real browser: a wav file is the microphone."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
import soundfile

from rtbeat.live.engine import EngineOptions
from tests.browser import chromium, serving, tab, wait
from tests.music import drum_loop
from tests.sessions import perform

TEMPO = 120.0
SECONDS = 14.0
TOLERANCE = 0.07  # seconds
GUESSES = 6  # beats, at most


@pytest.fixture(scope="module")
def loop():
    """A drum loop: audio, its beats, sample rate."""
    return *drum_loop(TEMPO, SECONDS), 44_100


@pytest.fixture(scope="module")
def browser(loop, tmp_path_factory):
    audio, _, sample_rate = loop
    path = tmp_path_factory.mktemp("microphone") / "loop.wav"
    soundfile.write(path, audio, sample_rate)
    with chromium(path) as browser:
        yield browser


class Line:
    """What went over the page's WebSocket, both ways."""

    def __init__(self, page):
        self.samples, self.sent, self.received = [], [], []
        page.on("websocket", self._listen)

    def _listen(self, socket):
        socket.on("framesent", self._send)
        socket.on("framereceived", lambda frame: self.received.append(json.loads(frame)))

    def _send(self, frame):
        if isinstance(frame, bytes):
            self.samples.append(np.frombuffer(frame, "<f4"))
        else:
            self.sent.append(json.loads(frame))

    def messages(self, kind):
        return [message for message in self.received if message["type"] == kind]

    def controls(self):
        return [message for message in self.sent if message["type"] == "control"]


def begun_at(samples, audio, sample_rate):
    """Seconds of the wav that had passed when the page sent its first sample."""
    part = np.concatenate(samples)[sample_rate : 2 * sample_rate]
    size = 1 << (len(audio) + len(part)).bit_length()
    product = np.fft.rfft(audio, size) * np.conj(np.fft.rfft(part, size))
    return int(np.argmax(np.fft.irfft(product, size)[: len(audio)])) / sample_rate - 1.0


def test_beats_of_the_microphone_and_every_control(browser, loop):
    audio, truth, sample_rate = loop
    with serving() as server, tab(browser, server) as page:
        line = Line(page)
        page.click("#tab-live")
        page.evaluate(WATCH)
        page.click("#start")
        wait(page, "() => window.shown.length >= 16")
        shown = page.evaluate("window.shown")
        announced = line.messages("beat")
        check_display(page, shown, announced)
        check_controls(page, line)
        page.click("#start")
        assert page.inner_text("#live-state") == "off"
    check_engine(line, announced)
    if not line.messages("status")[-1]["skipped"]:  # else some of the music was not heard
        check_music(announced, truth - begun_at(line.samples, audio, sample_rate))


# beats in the order in which the page showed them: time, number
WATCH = """
() => {
  window.shown = [];
  const number = document.getElementById("beat-number");
  const circle = document.getElementById("beat");
  new MutationObserver(() => window.shown.push([Number(circle.dataset.time), number.textContent]))
    .observe(circle, { attributeFilter: ["data-time"] });
}
"""


def check_engine(line, announced):
    """The beats are those of the engine for the very samples that the page has sent."""
    if line.messages("status")[-1]["skipped"]:
        return  # on a machine too busy for live sound some is left out, nobody knows where
    start = line.sent[0]
    options = EngineOptions(start["sample_rate"], {"tempo_range": tuple(start["tempo_range"])})
    events = perform(np.concatenate(line.samples), options)
    expected = [{"type": "beat", **event.data} for event in events if event.kind == "beat"]
    assert announced == expected[: len(announced)]


def check_music(announced, truth):
    """Once the beat is found, there is one for each beat of the music; the first may be guesses."""
    times = np.array([beat["time"] for beat in announced])[GUESSES:]
    due = truth[(truth > times[0] - TOLERANCE) & (truth < times[-1] + TOLERANCE)]
    assert len(times) == len(due) >= 10
    assert np.abs(times - due).max() < TOLERANCE
    assert all(beat["announced_at"] < beat["time"] for beat in announced)
    assert announced[-1]["tempo"] == pytest.approx(TEMPO, abs=1)


def check_display(page, shown, announced):
    """The page has shown the beats that were announced, each once, in order."""
    assert shown == [[beat["time"], str(beat["number"])] for beat in announced[: len(shown)]]
    # whether it is the music's, the beats tell afterwards: a busy machine leaves samples out
    heard = announced[len(shown) - 1]["tempo"]
    assert float(page.inner_text("#live-tempo")) == pytest.approx(heard, abs=1)
    assert page.inner_text("#live-state") == "locked"


def check_controls(page, line):
    """Keys and buttons reach the server; what it says of lock and hold is shown."""
    pressed = "(n) => document.querySelector('#controls [aria-pressed=true]')?.textContent === n"
    page.keyboard.press("l")
    wait(page, pressed, "Lock tempo")
    page.keyboard.press("l")
    wait(page, "() => !document.querySelector('#controls [aria-pressed=true]')")
    page.click("#controls >> text=Hold")
    wait(page, pressed, "Hold")
    page.click("#controls >> text=Hold")
    for key in ("Space", "1", "s", "ArrowLeft", "ArrowRight", "d", "h", "r"):
        page.keyboard.press(key)
    sent = line.controls()
    assert [control["name"] for control in sent] == [
        *("lock_tempo", "unlock_tempo", "hold", "release", "tap", "downbeat", "shift"),
        *("nudge", "nudge", "double", "halve", "reset"),
    ]
    assert [control["value"] for control in sent[6:9]] == [0.5, -0.005, 0.005]
    heard = sum(map(len, line.samples)) / 44_100
    assert all(0 < control["at"] <= heard + 0.5 for control in sent)


def test_a_closed_tab_frees_its_engine_for_the_next(browser):
    with serving("--max-live", "1") as server:
        with tab(browser, server) as first:
            start(first)
            with tab(browser, server) as second:
                second.click("#tab-live")
                second.click("#start")
                second.wait_for_selector("#alert:not([hidden])")
                assert second.inner_text("#alert-text")
                assert second.inner_text("#start") == "Start"
        with tab(browser, server) as third:
            start(third)


def start(page):
    page.click("#tab-live")
    page.click("#start")
    wait(page, "() => document.getElementById('live-state').textContent === 'listening'")


def test_a_lost_connection_is_told(browser):
    server = contextlib.ExitStack()
    with server, tab(browser, server.enter_context(serving())) as page:
        start(page)
        server.close()
        page.wait_for_selector("#alert:not([hidden])")
        assert "server" in page.inner_text("#alert-text")
        assert page.inner_text("#live-state") == "off"
