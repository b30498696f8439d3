"""A song through the page in a real browser: dropped, corrected, downloaded."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import rtbeat
from tests.browser import PATIENCE, chromium, serving, tab, wait

MUSIC = Path(rtbeat.__file__).parent / "music"
SONG = MUSIC / "groove.ogg"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}

DROP = """
({ name, data }) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  const event = { dataTransfer: transfer, bubbles: true, cancelable: true };
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", event));
}
"""

SHOWN = """
(name) => !document.getElementById("editor").hidden &&
  document.getElementById("song-name").textContent === name
"""
NAMED_PARTS = r"- (button|tab|checkbox|slider|combobox|application)\b(?!list|panel)(.*)"
SONG_PATH = r"api/songs/[\w-]+$"
GONE = "async (path) => (await fetch(path)).status === 404"


@pytest.fixture(scope="module")
def server():
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def browser(server):  # the server first: both are ready sooner
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, server):
    with tab(browser, server, viewport={"width": 1000, "height": 800}) as page:
        yield page


def drop(page, name, content):
    page.evaluate(DROP, {"name": name, "data": base64.b64encode(content).decode()})


def wait_for_beats(page):
    page.wait_for_selector("#editor:not([hidden])", timeout=1000 * PATIENCE)


def download(page, name):
    with page.expect_download() as waiting:
        page.click(f'[data-format="{name}"]')
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def beats_text(page):
    """Beats of the downloaded text file: times in seconds and numbers."""
    lines = download(page, "beats")[1].decode().splitlines()
    pairs = ((*line.split("\t"), "0")[:2] for line in lines)  # an unknown number is left out
    return [(float(time), int(number)) for time, number in pairs]


@pytest.fixture(scope="module")
def truth():
    beats = rtbeat.track(SONG)
    return [(round(float(t), 3), int(n)) for t, n in zip(beats.times, beats.numbers, strict=True)]


def pixel(page, time, duration=18.042):
    """Where a time of the song is in the window, while the whole song is visible."""
    box = page.locator("#lanes").bounding_box()
    return box["x"] + time / duration * box["width"], box["y"] + 100


def test_a_dropped_song_is_corrected_and_downloaded(page, truth):
    drop(page, "my song.ogg", SONG.read_bytes())
    wait_for_beats(page)
    assert page.inner_text("#song-name") == "my song.ogg"
    assert page.inner_text("#song-count") == f"{len(truth)} beats"
    assert beats_text(page) == truth

    start, end = truth[9][0], truth[9][0] + 0.2
    page.mouse.move(*pixel(page, start))
    page.mouse.down()
    page.mouse.move(*pixel(page, end), steps=4)
    page.mouse.up()
    corrected = beats_text(page)
    assert corrected[9] == (pytest.approx(end, abs=0.03), truth[9][1])
    assert corrected[:9] + corrected[10:] == truth[:9] + truth[10:]

    name, content = download(page, "json")
    assert name.endswith(".json")
    written = [(round(beat["time"], 3), beat["number"]) for beat in json.loads(content)["beats"]]
    assert written == corrected

    page.click("#undo")
    assert beats_text(page) == truth


def test_a_double_click_adds_a_beat_and_the_button_deletes_it(page, truth):
    drop(page, "song.ogg", SONG.read_bytes())
    wait_for_beats(page)
    between = (truth[4][0] + truth[5][0]) / 2
    page.mouse.dblclick(*pixel(page, between))
    added = beats_text(page)
    assert len(added) == len(truth) + 1
    assert added[5][0] == pytest.approx(between, abs=0.03)
    page.click("#delete")
    assert [time for time, _ in beats_text(page)] == [time for time, _ in truth]


def test_everything_goes_with_the_keyboard_alone(page, truth):
    # from here on: asked for only with the key, the browser may open its window before it knows
    page.on("filechooser", lambda chooser: chooser.set_files(SONG))
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.id") != "choose":
        page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"  # one sees where one is
    page.keyboard.press("Enter")
    wait_for_beats(page)

    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", ".", "1", "Home", "d"):
        page.keyboard.press(key)
    page.keyboard.press("Control+z")
    assert page.inner_text("#news") == "undone"
    page.keyboard.press("Space")
    wait(page, "() => document.getElementById('position').textContent > '0:00.3'")
    assert page.inner_text("#play") == "Pause"
    page.keyboard.press("Space")
    wait(page, "() => document.getElementById('play').textContent === 'Play'")

    while page.evaluate("document.activeElement.dataset.format") != "beats":
        page.keyboard.press("Tab")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    first = Path(waiting.value.path()).read_text().splitlines()[:3]
    expected = [(truth[0][0], 4), (truth[1][0] + 0.011, 1), (truth[2][0], 2)]
    assert [(float(line.split("\t")[0]), int(line.split("\t")[1])) for line in first] == [
        (pytest.approx(time, abs=0.002), number) for time, number in expected
    ]


def test_every_format_of_the_server_can_be_downloaded(page):
    formats = page.evaluate("fetch('api/info').then((answer) => answer.json())")["formats"]
    assert {"beats", "json", "midi", "click-track", "mix"} <= {known["name"] for known in formats}
    page.set_input_files("#file", SONG)
    wait_for_beats(page)
    for known in formats:
        name, content = download(page, known["name"])
        assert name.endswith(known["suffix"])
        assert content


def test_the_servers_words_for_what_is_no_song_are_shown(page):
    drop(page, "letter.mp3", b"Dear reader, this is no music.\n" * 50)
    page.wait_for_selector("#alert:not([hidden])")
    assert "letter.mp3" in page.inner_text("#alert-text")
    page.click("#alert-close")
    assert page.is_hidden("#alert")
    assert page.is_hidden("#working")


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(browser):
    with serving("--max-mb", "0.1") as small, tab(browser, small) as page:
        drop(page, "long.wav", bytes(200_000))
        page.wait_for_selector("#alert:not([hidden])")
        assert "long.wav is larger than 0.1 MB" in page.inner_text("#alert-text")


def test_a_song_is_forgotten_by_the_server_when_another_comes_or_the_tab_closes(browser, server):
    asked = []
    with tab(browser, server) as page, tab(browser, server) as witness:
        page.on("request", lambda request: asked.extend(re.findall(SONG_PATH, request.url)))
        for song in (SONG, MUSIC / "waltz.ogg"):
            page.set_input_files("#file", song)
            wait(page, SHOWN, song.name)
        first, second = dict.fromkeys(asked)
        wait(witness, GONE, first)
        assert not witness.evaluate(GONE, second)
        page.goto("about:blank")
        wait(witness, GONE, second)


def test_a_song_without_beats_can_be_given_some(page, tmp_path):
    hum = 1e-4 * np.sin(2 * np.pi * 440 * np.arange(4 * 22_050) / 22_050)
    soundfile.write(tmp_path / "hum.wav", hum, 22_050)
    page.set_input_files("#file", tmp_path / "hum.wav")
    wait_for_beats(page)
    assert page.inner_text("#song-count") == "0 beats"
    for key in ("ArrowRight", "Delete", "1", "d", "h", "s", "a"):
        page.keyboard.press(key)
    assert beats_text(page) == [(0.0, 0)]


def test_everything_that_can_be_pressed_has_a_name(page):
    page.set_input_files("#file", SONG)
    wait_for_beats(page)
    song = page.locator("body").aria_snapshot()
    page.click("#tab-live")
    live = page.locator("body").aria_snapshot()
    parts = re.findall(NAMED_PARTS, song + live)
    assert len(parts) > 30
    assert [part for part in parts if not part[1].startswith(' "')] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(browser, server, scheme):
    with tab(browser, server, color_scheme=scheme, **PHONE) as page:
        assert too_wide(page) == []
        page.set_input_files("#file", SONG)
        wait_for_beats(page)
        for _ in range(3):
            page.tap("#zoom-in")
        assert too_wide(page) == []
        page.tap("#tab-live")
        assert too_wide(page) == []


def too_wide(page):
    """Elements that reach out of the window, and the page where it can be scrolled sideways."""
    return page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          const all = [...document.querySelectorAll("body *")];
          const out = all.filter((one) => one.getBoundingClientRect().right > width + 0.5);
          if (document.documentElement.scrollWidth > width) out.push(document.documentElement);
          return out.map((one) => one.id || one.tagName);
        }"""
    )
