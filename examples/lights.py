"""Pretend lights on the terminal that follow rtbeat over OSC.

    rtbeat live --osc 127.0.0.1:9000          # in one terminal
    python examples/lights.py                 # in another one

One lamp for each beat of the bar lights up as the beat sounds. ``--demo SECONDS`` needs no
microphone: it plays the part of ``rtbeat live`` with the beats of a bundled piece. To let lights be
early by the time they take, say ``--osc 127.0.0.1:9000@-40``.

Needs: pip install python-osc
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from importlib.resources import files

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient

HOST = "127.0.0.1"


class Lights:
    """One lamp a beat; a terminal is drawn over, anything else gets one line a beat."""

    def __init__(self) -> None:
        self.beats = 0
        self._bar, self._state = 4, "LISTENING"

    def beat(self, address: str, number: int, bpm: float, confidence: float, count: int) -> None:
        """A beat sounds now. ``number`` is its place in the bar, 0 where that is unknown."""
        self.beats += 1
        lamps = ["●" if place == number else "○" for place in range(1, self._bar + 1)]
        line = f"{' '.join(lamps)}  {bpm:6.1f} BPM  {self._state:9}  sure {confidence:.2f}"
        print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)

    def phase(self, address: str, phase: float, beats_per_bar: int) -> None:
        """Thirty times a second: beats since the downbeat; here only the length of the bar."""
        self._bar = beats_per_bar or 4

    def state(self, address: str, state: str) -> None:
        """LISTENING, LOCKED, COASTING or LOST; told several times a second."""
        if state in ("LISTENING", "LOST") and state != self._state:
            print(f"{state:40}", flush=True)
        self._state = state


def dispatcher_for(lights: Lights) -> Dispatcher:
    """Which message does what."""
    dispatcher = Dispatcher()
    dispatcher.map("/rtbeat/beat", lights.beat)
    dispatcher.map("/rtbeat/phase", lights.phase)
    dispatcher.map("/rtbeat/state", lights.state)
    return dispatcher


def play(server: BlockingOSCUDPServer, seconds: float) -> None:
    """What ``rtbeat live`` would send, from the beats of a bundled piece; then the end."""
    text = (files("rtbeat") / "music" / "groove.beats").read_text()
    beats = [line.split() for line in text.splitlines()]
    client, start = SimpleUDPClient(*server.server_address), time.perf_counter()
    client.send_message("/rtbeat/state", "LOCKED")
    for count, (when, number) in enumerate(beats, 1):
        if float(when) > seconds:
            break
        time.sleep(max(0.0, start + float(when) - time.perf_counter()))
        client.send_message("/rtbeat/beat", [int(number), 118.0, 1.0, count])
    time.sleep(0.5)  # the last message is on its way
    server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description="Pretend lights that follow rtbeat over OSC.")
    parser.add_argument("--port", type=int, default=9000, help="to listen at (default: 9000)")
    parser.add_argument("--demo", type=float, metavar="SECONDS", help="without rtbeat live")
    args = parser.parse_args()
    lights = Lights()
    server = BlockingOSCUDPServer((HOST, args.port), dispatcher_for(lights))
    port = server.server_address[1]
    print(
        f"listening at {HOST}:{port}: rtbeat live --osc {HOST}:{port}", file=sys.stderr, flush=True
    )
    if args.demo is not None:
        threading.Thread(target=play, args=(server, args.demo), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    print(f"\n{lights.beats} beats", file=sys.stderr)


if __name__ == "__main__":
    main()
