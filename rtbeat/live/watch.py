"""Keeps an eye on the audio devices: notices when one goes away, and opens it again.

A callback that is no longer called is the only sign that all drivers give. Opening and closing may
take seconds, so they have a thread of their own; the engine only looks.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import AudioDeviceError

RETRY = 1.0  # seconds between attempts
GONE = (
    "the audio server has died and its library no longer answers: "
    "start the server, then stop rtbeat and start it again"
)


class DeviceWatch:
    """Watches a running stream.

    open_audio : opens it again, whatever its index is by then; raises :class:`AudioDeviceError`
    while it cannot. retry : seconds between attempts.

    Thread: one at a time. Realtime-safe: no.
    """

    def __init__(
        self,
        open_audio: Callable[[], AudioStream],
        stream: AudioStream,
        retry: float = RETRY,
    ):
        self._open = open_audio
        self._retry = retry
        self._stream: AudioStream | None = stream
        self._names = stream.names
        self._status = "open"
        self._found: AudioStream | None = None
        self._hung = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def stream(self) -> AudioStream | None:
        """The stream that runs now; None while there is none."""
        return self._stream

    @property
    def missing(self) -> bool:
        """Whether the devices are away."""
        return self._stream is None

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Each device with its status: open, lost, stopped."""
        return tuple((name, self._status) for name in self._names)

    def look(self) -> list[tuple[str, str]]:
        """What changed: ``(status, message)``, status lost, back or stopped. Never waits."""
        if self._stream is not None:
            return [] if self._stream.alive else [self._lose(self._stream)]
        if self._found is not None:
            self._stream, self._found, self._status = self._found, None, "open"
            return [("back", f"{' and '.join(self._names)}: back")]
        if self._hung and self._status != "stopped":
            self._status = "stopped"
            return [("stopped", GONE)]
        return []

    def _lose(self, stream: AudioStream) -> tuple[str, str]:
        self._stream, self._status = None, "lost"
        self._thread = threading.Thread(target=self._recover, args=(stream,), daemon=True)
        self._thread.start()
        return ("lost", f"{' and '.join(self._names)}: no longer answers; waiting for it")

    def _recover(self, stream: AudioStream) -> None:
        if not stream.close():
            self._hung = True
            return
        while not self._stop.is_set():
            with contextlib.suppress(AudioDeviceError):
                self._found = self._open()
                return
            self._stop.wait(self._retry)

    def close(self) -> bool:
        """Close what is open; False where a stream hangs. Within about a second."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(0.5)
        stream = self._stream or self._found
        self._stream = self._found = None
        busy = self._thread is not None and self._thread.is_alive()
        return (stream is None or stream.close()) and not self._hung and not busy
