"""The pictures of the page for the README, docs/web-song.png and docs/web-live.png:
``python -m docs.make_web_screenshots``.

Bundled music goes through a real server and a real browser; every figure in the pictures is from
that run.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import soundfile

import rtbeat
from tests.browser import PATIENCE, chromium, serving, tab, wait

FOLDER = Path(__file__).parent
SONG = Path(rtbeat.__file__).parent / "music" / "drift.ogg"
HEARD = SONG.with_name("groove.ogg")
WIDTH = 1000


def take_song(browser: object, address: str) -> None:
    """The song view, light: a few beats in, one of them selected."""
    size = {"width": WIDTH, "height": 920}
    with tab(browser, address, viewport=size, color_scheme="light") as page:
        page.set_input_files("#file", SONG)
        page.wait_for_selector("#editor:not([hidden])", timeout=1000 * PATIENCE)
        for _ in range(6):
            page.keyboard.press("ArrowRight")
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(500)  # the waveform is drawn piece by piece
        page.screenshot(path=FOLDER / "web-song.png")


def take_live(browser: object, address: str) -> None:
    """The live view, dark: on a downbeat, once the bar is known."""
    size = {"width": WIDTH, "height": 690}
    with tab(browser, address, viewport=size, color_scheme="dark") as page:
        page.click("#tab-live")
        page.click("#start")
        page.evaluate("document.activeElement.blur()")
        wait(page, "() => document.getElementById('dots').children.length >= 4")
        wait(page, "() => document.getElementById('beat').matches('.one.flash')")
        page.screenshot(path=FOLDER / "web-live.png")


def main() -> None:
    """Take both pictures."""
    with tempfile.TemporaryDirectory() as folder, serving() as address:
        microphone = Path(folder) / "microphone.wav"
        audio, sample_rate = soundfile.read(HEARD)
        soundfile.write(microphone, audio, sample_rate)
        with chromium(microphone) as browser:
            take_song(browser, address)
            take_live(browser, address)
    print(f"{FOLDER / 'web-song.png'} and {FOLDER / 'web-live.png'} written")


if __name__ == "__main__":
    main()
