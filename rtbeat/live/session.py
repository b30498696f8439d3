"""A live session: wires devices, engine, clicks and outputs together and owns the engine thread.

It decides nothing about music and draws nothing: what happens comes out as events, what is to be
shown as a snapshot, and what a performer wants goes in as controls.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtbeat.live.child_process import Report
from rtbeat.live.clicks import Click
from rtbeat.live.controls import TIMED, Control
from rtbeat.live.engine import Engine
from rtbeat.live.events import Event
from rtbeat.live.feed import Feed
from rtbeat.live.latency import LatencyBudget
from rtbeat.live.overview import take_snapshot
from rtbeat.live.session_options import LiveOptions
from rtbeat.live.session_outputs import Outputs
from rtbeat.live.snapshot import Snapshot
from rtbeat.live.watch import DeviceWatch

TENDING = 1.0  # seconds between two looks at MIDI inputs
TURN = 0.004  # seconds that the engine thread sleeps between two looks
TRANSPORT = ("start", "stop", "continue", "panic")


class Session:
    """See the module. Made stopped; :meth:`start` opens the devices, :meth:`close` ends all.

    Constructing compiles or loads every kernel, before any device is open.

    Raises what the devices, the ports and the tracker raise. Thread: main makes, starts and closes
    it; :meth:`post`, :meth:`snapshot` and :meth:`events` may be called from any thread.
    Realtime-safe: no.
    """

    def __init__(self, options: LiveOptions):
        self.options = options
        self.engine = Engine(options.engine)
        self._feed = Feed(options.engine.sample_rate)
        self._controls: deque[Control] = deque()
        self._events: deque[Event] = deque(maxlen=10_000)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtbeat engine", daemon=True)
        self._watch: DeviceWatch | None = None
        self._xruns: dict[str, int] = {}
        self._message = ""
        self._recording_ended = False
        self._check_inputs: Callable[[], Sequence[tuple[str, str, str]]] = lambda: []
        self._tended = 0.0
        self._failure: BaseException | None = None
        self.latency = LatencyBudget(self._feed, options.loop, self.engine)
        self._outputs = Outputs(options, self.engine, self._feed, self.latency)

    # ---- for everyone ----

    def post(self, control: Control) -> None:
        """Let a control act at the next hop. Thread: any. Realtime-safe: yes."""
        self._controls.append(control)

    def events(self) -> list[Event]:
        """What happened since this was asked last. Thread: one at a time."""
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def note(self, message: str) -> None:
        """Tell people something. Thread: any."""
        self._tell(Event("note", self.engine.time, {"message": message}))

    def watch_inputs(self, check: Callable[[], Sequence[tuple[str, str, str]]]) -> None:
        """Ask ``check`` about once a second what became of MIDI inputs: ``(name, status,
        message)``. Thread: main."""
        self._check_inputs = check

    def tend(self) -> None:
        """What the main thread has to do beside its own work; call it several times a second."""
        now = time.monotonic()
        if now - self._tended >= TENDING:
            self._tended = now
            for name, status, message in self._check_inputs():
                data = {"name": name, "status": status, "message": message}
                self._tell(Event("port", self.engine.time, data))

    @property
    def running(self) -> bool:
        """Whether the engine works; raises here what made it fail."""
        if self._failure is not None:
            raise self._failure
        return self._thread.is_alive()

    def start(self) -> None:
        """Open the devices and begin. Where one fails everything is closed again."""
        try:
            self._outputs.start()
            stream = self.options.open_audio()
            self._feed.attach(stream)
            self._watch = DeviceWatch(self.options.open_audio, stream)
            self._thread.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> bool:
        """Stop and All Notes Off, devices closed; ends within about a second. False where an audio
        stream hangs: the program must then leave by ``os._exit``."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(0.5)
        self._outputs.close()
        closed = self._watch.close() if self._watch is not None else True
        if self.options.recorder is not None:
            self.options.recorder.close()
        return closed

    def last_reports(self) -> list[Report]:
        """What the outputs told while they were being closed. Thread: main."""
        return self._outputs.poll()

    @property
    def lateness(self) -> Mapping[str, Any]:
        """Of the MIDI clock, as it told last, seconds; see :class:`Report`. Thread: any."""
        return self._outputs.lateness

    # ---- the engine thread ----

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                began = time.perf_counter()
                self._turn()
                self._stop.wait(max(0.0005, TURN - (time.perf_counter() - began)))
        except BaseException as error:  # told to the main thread, which asks `running`
            self._failure = error

    def _turn(self) -> None:
        self._watch_devices()
        samples, lost = self._feed.poll()
        if lost:
            self._lose(lost)
        while self._controls:
            self._control(self._controls.popleft())
        if len(samples):
            if self.options.recorder is not None:
                self.options.recorder.samples(samples)
            began = time.perf_counter()
            events = self.engine.process(samples)
            self.latency.note_work(time.perf_counter() - began, len(samples))
            self._deliver(events)
        self._note_losses()
        self._note_ports()
        self._note_recording()

    def _deliver(self, events: list[Event]) -> None:
        """Clicks to the audio callback, beats to the other outputs, events to everyone."""
        for click in self.engine.take_clicks():
            self._play(click)
        for event in events:
            self._outputs.take(event)
            self._tell(event)

    def _tell(self, event: Event) -> None:
        if self.options.recorder is not None:
            self.options.recorder.event(event)
        if event.kind in ("stream", "port", "note"):
            self._message = str(event.data.get("message", ""))
        self._events.append(event)

    def _play(self, click: Click) -> None:
        stream = self._feed.stream
        index = self._feed.output_index(click.time, self.latency.loop)
        if stream is not None and stream.output is not None and index is not None and index >= 0:
            stream.output.shared.play(index, click.sound, click.gain)

    def _lose(self, frames: int) -> None:
        if self.options.recorder is not None:
            self.options.recorder.skip(frames)
        missing = self._watch is not None and self._watch.missing
        if not missing:  # a device that is away is told once, not for every piece
            seconds = frames / self.engine.sample_rate
            self._tell(Event("skipped", self.engine.time, {"seconds": seconds}))
        self._deliver(self.engine.skip(frames))

    def _control(self, control: Control) -> None:
        timed = control.name in TIMED and control.value is None
        if timed and control.host_time is not None:
            heard = self._feed.time_at(control.host_time + self.latency.input)
            control = replace(control, value=max(0.0, heard), host_time=None)
        if self.options.recorder is not None:
            self.options.recorder.control(control)
        clicking = self.engine.clicking
        self._deliver(self.engine.control(control))
        if clicking and not self.engine.clicking:
            self._silence_clicks()
        if control.name in TRANSPORT:
            self._outputs.command(control.name)

    def _silence_clicks(self) -> None:
        stream = self._feed.stream
        if stream is not None and stream.output is not None:
            shared = stream.output.shared
            shared.cancel(shared.frames + int(0.05 * self.engine.sample_rate))

    # ---- what may go wrong ----

    def _watch_devices(self) -> None:
        if self._watch is None:
            return
        for status, message in self._watch.look():
            if status == "lost":
                self._feed.detach()
            elif status == "back" and self._watch.stream is not None:
                self._feed.attach(self._watch.stream)
                self._xruns = {}
            self._tell(Event("stream", self.engine.time, {"status": status, "message": message}))

    def _note_losses(self) -> None:
        stream = self._feed.stream
        if stream is None:
            return
        for direction, count in stream.xruns.items():
            new = count - self._xruns.get(direction, 0)
            if new > 0:
                self._xruns[direction] = count
                data = {"count": new, "direction": direction}
                self._tell(Event("xrun", self.engine.time, data))

    def _note_ports(self) -> None:
        for report in self._outputs.poll():
            if report.kind == "port":
                self._tell(Event("port", self.engine.time, {"name": report.port, **report.data}))

    def _note_recording(self) -> None:
        recorder = self.options.recorder
        if recorder is not None and recorder.problem and not self._recording_ended:
            self._recording_ended = True
            self.note(recorder.problem)

    # ---- what a screen shows ----

    def snapshot(self) -> Snapshot:
        """The session at this moment. Thread: any."""
        return take_snapshot(
            self.engine,
            self._feed,
            self.latency,
            transport=self._outputs.transport,
            ports=self._port_states(),
            xruns=sum(self._xruns.values()),
            message=self._message,
        )

    def _port_states(self) -> tuple[tuple[str, str], ...]:
        audio = self._watch.names if self._watch is not None else ()
        return (*audio, *self._outputs.status.items())
