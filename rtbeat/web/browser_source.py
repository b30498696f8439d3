"""Sound that a browser sends, followed by an engine in a thread of its own.

The thread works while the event loop carries messages: kernels do not hold the interpreter. On
Linux it also stands back for others, so that pages left open do not disturb ``rtbeat live``.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

from rtbeat.audio import Float32
from rtbeat.live.controls import Control
from rtbeat.live.engine import Engine, EngineOptions
from rtbeat.live.events import Event
from rtbeat.web.lateness import Lateness

WAITING = 0.05  # seconds for sound until controls are looked at
NICENESS = 5


class BrowserSource:
    """See the module. Constructing compiles or loads every kernel and starts the thread.

    Raises ``ValueError`` or ``TypeError`` for wrong options. Thread: the event loop's calls
    :meth:`feed`; any thread may call the others.
    """

    def __init__(self, options: EngineOptions, now: Callable[[], float] = time.monotonic):
        self.engine = Engine(options)
        self.skipped = 0.0  # seconds of sound that were left out
        self.failure: BaseException | None = None
        self._now = now
        self._begun: float | None = None  # when the first sample was recorded
        self._received = 0  # samples
        self._lateness = Lateness(options.sample_rate)
        self._blocks: queue.SimpleQueue[Float32] = queue.SimpleQueue()
        self._controls: deque[Control] = deque()
        self._events: deque[Event] = deque(maxlen=10_000)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtbeat web engine", daemon=True)
        self._thread.start()

    @property
    def ahead(self) -> float:
        """Seconds that more sound has come than time has passed: it is not live."""
        return self._received / self.engine.sample_rate - self._elapsed

    @property
    def _elapsed(self) -> float:
        return 0.0 if self._begun is None else self._now() - self._begun

    def feed(self, samples: Float32) -> None:
        """More sound, float32 ``(n,)``."""
        if self._begun is None:
            self._begun = self._now() - len(samples) / self.engine.sample_rate
        self._received += len(samples)
        self._blocks.put(samples)

    def post(self, control: Control) -> None:
        """Let a control act soon."""
        self._controls.append(control)

    def events(self) -> list[Event]:
        """What happened since this was asked last."""
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def close(self) -> None:
        """End the thread; returns when it has ended."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        _stand_back()
        try:
            while not self._stop.is_set():
                with contextlib.suppress(queue.Empty):
                    self._hear(self._blocks.get(timeout=WAITING))
                while self._controls:
                    self._events.extend(self.engine.control(self._controls.popleft()))
        except Exception as error:  # told by the connection
            self.failure = error

    def _hear(self, samples: Float32) -> None:
        heard = self.engine.position + len(samples)
        if self._lateness.leaves_out(heard, self._received, self._elapsed):
            self.skipped += len(samples) / self.engine.sample_rate
            self._events.extend(self.engine.skip(len(samples)))
        else:
            self._events.extend(self.engine.process(samples))


def _stand_back() -> None:
    """Lower the priority of the calling thread, where a thread has one of its own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
