"""A program for the test in a real terminal: the screen over a session without audio.

``python -m tests.screen_program FOLDER [fail]`` leaves what was posted in ``FOLDER/posted.json``;
with ``fail`` the key r makes the session fail.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console

from rtbeat.live.controls import Control
from rtbeat.live.fake import FakeSession
from rtbeat.live.keyboard import open_keyboard
from rtbeat.live.midi_map import MidiMap
from rtbeat.live.screen_loop import perform


class FailingSession(FakeSession):
    def post(self, control: Control) -> None:
        if control.name == "reset":
            raise RuntimeError("the session broke")
        super().post(control)


def main(folder: str, *rest: str) -> None:
    session = FailingSession() if "fail" in rest else FakeSession()
    try:
        perform(session, open_keyboard(), Console(), MidiMap())
    finally:
        posted = [[control.name, control.value] for control in session.posted]
        Path(folder, "posted.json").write_text(json.dumps(posted))


if __name__ == "__main__":
    main(*sys.argv[1:])
