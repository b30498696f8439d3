"""The engine of a live session: input and controls in, events and clicks out.

It has no thread, device or clock, and what it does depends only on the samples and on the hops at
which controls and losses came, not on how the input was cut into blocks. So a recording replays
to the same events, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtbeat import BeatTracker
from rtbeat.beat import Beat
from rtbeat.features import frame_end
from rtbeat.live.clicks import Click, ClickOptions, click_sounds, plan_clicks
from rtbeat.live.controls import Control
from rtbeat.live.events import Event
from rtbeat.live.level import LevelMeter
from rtbeat.own_clicks import OwnClicks
from rtbeat.tracker import State

Float32 = NDArray[np.float32]

BITS = 2.0**23  # input is rounded to 24 bits, as a FLAC file keeps it


@dataclass(frozen=True)
class EngineOptions:
    """Everything that the engine's output depends on, beside its input.

    sample_rate : Hz. tracker : options of :class:`rtbeat.BeatTracker`. click : see there.
    """

    sample_rate: int = 48_000
    tracker: dict[str, Any] = field(default_factory=dict)
    click: ClickOptions = field(default_factory=ClickOptions)


class Engine:
    """See the module.

    Raises ``ValueError`` or ``TypeError`` for options of the tracker. Thread: one at a time (the
    engine thread). Realtime-safe: no.
    """

    def __init__(self, options: EngineOptions):
        self.options = options
        self.sample_rate = options.sample_rate
        self.tracker = BeatTracker(sample_rate=options.sample_rate, **options.tracker)
        self.sounds = click_sounds(options.click.sound, options.sample_rate)
        self.meter = LevelMeter(options.sample_rate)
        self.volume = options.click.volume
        self.clicking = options.click.on
        self.beat: Beat | None = None  # announced last
        self._own = OwnClicks(options.sample_rate)
        self._clicks: list[Click] = []
        self._pending = np.empty(0, np.float32)  # input since the end of the newest hop
        self._samples = 0  # consumed by the tracker, with those skipped
        self._state = self.tracker.state
        self._advice = ""
        self._acts = self._actions()

    @property
    def time(self) -> float:
        """Stream time of the newest input, seconds."""
        return self.position / self.sample_rate

    @property
    def position(self) -> int:
        """Stream index of the next sample to come."""
        return self._samples + len(self._pending)

    @property
    def _hop_time(self) -> float:
        return self._samples / self.sample_rate

    # ---- input ----

    def process(self, samples: Float32) -> list[Event]:
        """Take in input float32 ``(n,)`` and tell what happened."""
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        exact = np.round(np.clip(samples, -1.0, 1.0 - 1.0 / BITS) * BITS) / BITS
        self._pending = np.concatenate((self._pending, exact.astype(np.float32)))
        events: list[Event] = []
        while len(self._pending) >= (count := self._hop_end() - self._samples):
            block, self._pending = self._pending[:count], self._pending[count:]
            events += self._process_hop(block)
        return events

    def _hop_end(self) -> int:
        return frame_end(self.tracker.hops, self.sample_rate, self.tracker.frame_rate)

    def _process_hop(self, block: Float32) -> list[Event]:
        self.meter.process(block)
        heard = self._own.process(block)
        beats = self.tracker.process(heard)
        self._samples += len(block)
        return [*self._beats(beats), *self._changes()]

    def skip(self, frames: int) -> list[Event]:
        """So much input was lost; stream time goes on and beats go on from what is known."""
        frames += len(self._pending)
        self._pending = np.empty(0, np.float32)
        beats = self.tracker.skip(frames)
        self._samples += frames
        self._own.skip(frames)
        return [*self._beats(beats), *self._changes()]

    def _beats(self, beats: list[Beat]) -> list[Event]:
        events = []
        for beat in beats:
            self.beat = beat
            self._plan_clicks(beat)
            events.append(
                Event(
                    "beat",
                    beat.announced_at,
                    {
                        "time": beat.time,
                        "number": beat.number,
                        "tempo": beat.tempo,
                        "confidence": beat.confidence,
                        "announced_at": beat.announced_at,
                    },
                )
            )
        return events

    def _changes(self) -> list[Event]:
        """State and input level, where they changed."""
        events = []
        if self.tracker.state is not self._state:
            self._state = self.tracker.state
            data = {"state": str(self._state), "tempo": self.tracker.tempo}
            events.append(Event("state", self._hop_time, data))
            if self._state is State.LOST:
                self.beat = None
        if self.meter.advice != self._advice:
            self._advice = self.meter.advice
            events.append(Event("signal", self._hop_time, {"advice": self._advice or "fine"}))
        return events

    # ---- clicks ----

    def _plan_clicks(self, beat: Beat) -> None:
        if not self.clicking or self.volume <= 0.0:
            return
        for click in plan_clicks(beat, self.options.click, self.volume):
            self._clicks.append(click)
            if self.options.click.heard:
                self._own.play(click.time, self.sounds[click.sound] * np.float32(click.gain))

    def take_clicks(self) -> list[Click]:
        """Clicks planned since this was asked last, to be played."""
        clicks, self._clicks = self._clicks, []
        return clicks

    # ---- controls ----

    def control(self, control: Control) -> list[Event]:
        """Let a control act; it is heard from the next hop on. Those of the MIDI clock's transport
        have no effect here but are told like the others.

        A value outside of what is allowed acts as the nearest that is.
        """
        value = control.value
        if value is not None and not math.isfinite(value):
            value = None
        notes = self._out_of_range(control.name, value)
        act = self._acts.get(control.name)
        if act is not None:
            act(value)
        data = {"name": control.name, "value": value, "source": control.source}
        return [Event("control", self.time, data), *notes, *self._changes()]

    def _out_of_range(self, name: str, value: float | None) -> list[Event]:
        """A note where a control would leave the tempo range, and so does nothing."""
        factor = {"double": 2.0, "halve": 0.5, "scale": value}.get(name)
        tempo, (low, high) = self.tracker.tempo, self.tracker.tempo_range
        if factor is None or tempo is None or low <= tempo * factor <= high:
            return []
        wanted = f"{tempo * factor:.1f} BPM is outside of the tempo range, {low:g} to {high:g}"
        return [Event("note", self.time, {"message": wanted})]

    def _actions(self) -> dict[str, Callable[[float | None], None]]:
        tracker = self.tracker
        return {
            "tap": lambda value: tracker.tap(_time(value)),
            "one": lambda value: tracker.set_downbeat(_time(value)),
            "double": lambda value: tracker.double(),
            "halve": lambda value: tracker.halve(),
            "scale": lambda value: tracker.scale(_within(value or 1.0, 0.25, 4.0)),
            "shift": lambda value: tracker.shift(
                _within(0.5 if value is None else value, -4.0, 4.0)
            ),
            "nudge": lambda value: tracker.nudge(_within(value or 0.0, -1.0, 1.0)),
            "lock": self._lock,
            "hold": self._hold,
            "follow": self._set_follow,
            "slowest": lambda value: self._set_range(value, None),
            "fastest": lambda value: self._set_range(None, value),
            "click": self._click,
            "volume": self._set_volume,
            "panic": lambda value: self._click(0.0),
            "reset": lambda value: self._reset(),
        }

    def _shift(self, value: float | None) -> None:
        self.tracker.shift(0.5 if value is None else _within(value, -4.0, 4.0))

    def _lock(self, value: float | None) -> None:
        wanted = not self.tracker.locked if value is None else value > 0.5
        (self.tracker.lock_tempo if wanted else self.tracker.unlock_tempo)()

    def _hold(self, value: float | None) -> None:
        wanted = not self.tracker.held if value is None else value > 0.5
        (self.tracker.hold if wanted else self.tracker.release)()

    def _set_follow(self, value: float | None) -> None:
        self.tracker.set_follow(_within(0.5 if value is None else value, 0.0, 1.0))

    def _set_range(self, slowest: float | None, fastest: float | None) -> None:
        low, high = self.tracker.tempo_range
        low = _within(low if slowest is None else slowest, 20.0, high / 1.1)
        high = _within(high if fastest is None else fastest, low * 1.1, 400.0)
        self.tracker.set_tempo_range(low, high)

    def _click(self, value: float | None) -> None:
        self.clicking = not self.clicking if value is None else value > 0.5
        if not self.clicking:
            self._clicks.clear()

    def _set_volume(self, value: float | None) -> None:
        self.volume = _within(self.volume if value is None else value, 0.0, 1.0)

    def _reset(self) -> None:
        """Forget what was heard; stream time goes on."""
        self.tracker.reset()
        self.tracker.skip(self._samples)
        self.beat = None


def _within(value: float, least: float, most: float) -> float:
    return min(most, max(least, value))


def _time(value: float | None) -> float | None:
    return None if value is None else max(0.0, value)
