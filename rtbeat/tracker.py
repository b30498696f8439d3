"""The streaming engine: audio blocks in, beats announced before they sound out.

Wires the stages (features, network, decoder) and decides when a beat is announced. It has no
thread, file, device or clock of its own: the host drives it, and time is the count of samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from importlib.metadata import entry_points
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtbeat import options as check
from rtbeat.beat import Beat
from rtbeat.decoder import Activations, Decoder, Prediction, TempoCandidate
from rtbeat.features import FeatureStream, frame_end, mixdown
from rtbeat.filter import FilterDecoder
from rtbeat.model import BeatModel
from rtbeat.search import SearchDecoder
from rtbeat.taps import Taps
from rtbeat.timeline import Timeline

# confidence needed to begin; noise, where any frame may be a beat, has less
LOCK_CONFIDENCE = 0.32
LOCK_PRESENCE = 0.5  # evidence needed to begin, or to go on after a break
COAST_PRESENCE = 0.02  # evidence under which beats are only carried on
COAST_BEATS = 32  # beats carried on without evidence before giving up
SILENCE = 1e-4  # amplitude of the loudest band under which a hop is silent: -80 dB of full scale
SILENT_SECONDS = 1.0  # of silence after which beats are only carried on
GUARD = 0.45  # share of a period after a beat in which no other can be


class State(str, Enum):
    """What the tracker is doing.

    LISTENING : no beat yet, nothing is given out. LOCKED : following. COASTING : the evidence has
    gone, beats go on from the last tempo. LOST : coasted too long, nothing is given out.
    """

    LISTENING = "LISTENING"
    LOCKED = "LOCKED"
    COASTING = "COASTING"
    LOST = "LOST"

    __str__ = str.__str__


BUILT_IN: dict[str, Callable[..., Decoder]] = {"filter": FilterDecoder, "search": SearchDecoder}


def make_decoder(name: str, **kwargs: Any) -> Decoder:
    """The decoder of that name, built in or found by the entry points ``rtbeat.decoders``."""
    if name in BUILT_IN:
        return BUILT_IN[name](**kwargs)
    found = {point.name: point for point in entry_points(group="rtbeat.decoders")}
    if name not in found:
        known = sorted({*BUILT_IN, *found})
        raise ValueError(f"decoder is {name!r}; it must be one of {', '.join(known)}")
    decoder: Decoder = found[name].load()(**kwargs)
    return decoder


class BeatTracker:
    """Streaming beat tracker. Constructing it prepares everything (allocates, compiles kernels).

    sample_rate : of the audio to come, Hz, 8000 to 192000.
    channels : of the audio to come.
    tempo_range : slowest and fastest tempo in BPM, within 20 to 400.
    lead : how early a beat is announced, seconds, 0 to 1.
    follow : 0 holds the tempo steady, 1 follows every move of it.
    preset : ``"dj"``, ``"band"`` or ``"solo"`` sets ``follow`` for that kind of music.
    decoder : ``"filter"``, ``"search"`` or the name of an installed one.
    model : name of a model in the package, or path of a weights file.
    beats_per_bar : None finds it out.

    Raises ``ValueError`` or ``TypeError`` naming the argument.

    Thread: one thread calls :meth:`process`, any thread may read properties and use the controls,
    which act at the next hop. Realtime-safe: no (milliseconds of work a hop): feed it from a
    thread beside the audio callback.
    """

    def __init__(
        self,
        sample_rate: int = 48_000,
        channels: int = 1,
        *,
        tempo_range: tuple[float, float] = (40.0, 240.0),
        lead: float = 0.2,
        follow: float = 0.5,
        preset: str | None = None,
        decoder: str = "filter",
        model: str | PathLike[str] = "default",
        beats_per_bar: int | None = None,
    ):
        self.sample_rate = check.sample_rate(sample_rate)
        self.channels = check.channels(channels)
        self._range = check.tempo_range(tempo_range)
        self._shortest = 60.0 / self._range[1]  # seconds between two beats
        self._lead = check.number("lead", lead, 0.0, 1.0)
        follow = check.follow(follow, preset)
        self._model = BeatModel.load(model)
        config = self._model.config
        self._rate = config.features.frame_rate
        self._offset = config.offset
        self._silence_level = float(np.log1p(config.features.scale * SILENCE))
        self._features = FeatureStream(config.features, self.sample_rate)
        self._stream = self._model.stream()
        self._decoder = make_decoder(
            check.text("decoder", decoder),
            frame_rate=self._rate,
            tempo_range=self._range,
            follow=follow,
            beats_per_bar=check.beats_per_bar(beats_per_bar),
        )
        self._commands: deque[Callable[[], None]] = deque()
        self.reset()
        self._warm_up()
        self.reset()

    def _warm_up(self) -> None:
        """Compile (or load) every kernel now, so that the first block is as quick as any."""
        noise = np.random.default_rng(0).standard_normal(self.sample_rate // 2) * 0.1
        self.process(np.repeat(noise.astype(np.float32)[:, None], self.channels, axis=1))
        self._decoder.predict(self._hop + 10.0)

    def reset(self) -> None:
        """Forget all audio, beats and corrections; the next sample is sample 0."""
        self._features.reset()
        self._stream.reset()
        self._decoder.reset()
        self._commands.clear()
        self._taps = Taps(self._range)
        self._hop = -1  # newest hop processed
        self._samples = 0
        self._silent_hops = 0
        self._state = State.LISTENING
        self._timeline: Timeline | None = None
        self._last: Beat | None = None
        self._last_frame = 0.0  # decoder position of the last beat announced
        self._period = 0.0  # seconds
        self._bar_length = 4
        self._next: float | None = None
        self._coasted = 0
        self._held = False
        self._locked_tempo = False
        self._nudge = 0.0

    # ---- audio in, beats out ----

    def process(self, block: NDArray[Any]) -> list[Beat]:
        """Take in a block and give out the beats decided in it, usually none.

        block : float32 ``(frames,)`` or ``(frames, channels)``, any number of frames, full scale
            1; other floats and integers are converted. Samples that are not finite count as
            silence.

        The result does not depend on how the signal is cut into blocks. Raises ``ValueError`` or
        ``TypeError`` for a block of another shape or kind and is then as it was before.
        """
        mono = mixdown(check.block(block, self.channels), self.channels)
        self._samples += len(mono)
        beats: list[Beat] = []
        for frame in self._features.process(mono):
            self._hop += 1
            while self._commands:
                self._commands.popleft()()
            self._note_level(frame)
            self._stream.push(frame)
            self._decoder.update(self._stream.window, self._hop)
            beats += self._decide()
        return beats

    def _note_level(self, frame: NDArray[np.float32]) -> None:
        """Count the hops without sound; the network alone takes a silence for a break that the
        beat goes through."""
        loudest = frame[: len(frame) // 2].max()
        self._silent_hops = self._silent_hops + 1 if loudest < self._silence_level else 0

    def _has_evidence(self, least: float) -> bool:
        silent = self._silent_hops > SILENT_SECONDS * self._rate
        return not silent and self._decoder.presence > least

    def _now(self) -> float:
        """Stream time at the end of the newest hop."""
        return frame_end(self._hop, self.sample_rate, self._rate) / self.sample_rate

    def _decide(self) -> list[Beat]:
        """State, and every beat whose lead would be too short at the next hop."""
        self._update_state()
        beats: list[Beat] = []
        while (beat := self._due()) is not None:
            beats.append(beat)
            if self._state is State.COASTING and not self._held:
                self._coasted += 1
        return beats

    def _update_state(self) -> None:
        if self._state is State.LOCKED:
            if self._held or not self._has_evidence(COAST_PRESENCE):
                self._state = State.COASTING
                self._coasted = 0
        elif self._state is State.COASTING:
            if not self._held and self._has_evidence(LOCK_PRESENCE):
                self._state = State.LOCKED
            elif self._coasted >= COAST_BEATS:
                self._state = State.LOST
                if not self._locked_tempo:
                    self._decoder.lock_tempo(None)

    def _due(self) -> Beat | None:
        prediction = self._predict()
        if prediction is None:
            self._next = None
            return None
        now = self._now()
        hop_end = frame_end(self._hop + 1, self.sample_rate, self._rate) / self.sample_rate
        time = self._time_of(prediction.frame)
        self._next = time
        if time - hop_end >= self._lead:
            return None
        if time <= now or not self._may_announce(time, prediction.confidence):
            return None
        return self._announce(time, prediction, now)

    def _predict(self) -> Prediction | None:
        """The next beat after the last one announced: the decoder's, or the last tempo's."""
        if self._state is State.COASTING and self._last is not None:
            return self._carry_on(self._last)
        after = self._hop + 1.0 - self._offset - self._nudge * self._rate
        if self._last is not None:
            guard = max(GUARD * self._period, self._shortest) * self._rate
            after = max(after, self._last_frame + guard)
        return self._decoder.predict(after)

    def _carry_on(self, last: Beat) -> Prediction:
        """The next beat by the last tempo alone, counted on in bars of the length heard last."""
        period = self._period * self._rate
        earliest = max(self._now(), last.time + self._shortest)
        steps = max(1.0, np.floor((self._frame_of(earliest) - self._last_frame) / period) + 1.0)
        number = 0
        if last.number > 0:
            number = (last.number - 1 + int(steps)) % self._bar_length + 1
        frame = self._last_frame + steps * period
        return Prediction(frame, period, number, self._decoder.presence)

    def _may_announce(self, time: float, confidence: float) -> bool:
        if self._state in (State.LISTENING, State.LOST):
            if confidence < LOCK_CONFIDENCE or not self._has_evidence(LOCK_PRESENCE):
                return False
            self._state = State.LOCKED
        return self._last is None or time - self._last.time >= self._shortest - 1e-9

    def _announce(self, time: float, prediction: Prediction, now: float) -> Beat:
        self._period = prediction.period / self._rate
        beat = Beat(
            time=time,
            number=prediction.number,
            tempo=60.0 / self._period,
            confidence=min(1.0, max(0.0, prediction.confidence)),
            announced_at=now,
        )
        if beat.number == 1 and self._last is not None and self._last.number > 1:
            self._bar_length = self._last.number
        if self._timeline is None:
            self._timeline = Timeline((time,), (max(0, beat.number - 1),), self._period)
        else:
            self._timeline = self._timeline.extended(time, self._period)
        self._last = beat
        self._last_frame = prediction.frame
        return beat

    def _time_of(self, frame: float) -> float:
        return (frame + self._offset) / self._rate + self._nudge

    def _frame_of(self, time: float) -> float:
        return (time - self._nudge) * self._rate - self._offset

    # ---- what it knows ----

    @property
    def state(self) -> State:
        """What the tracker is doing."""
        return self._state

    @property
    def tempo(self) -> float | None:
        """BPM at the last beat announced; None before the first and when lost."""
        known = self._last is not None and self._state in (State.LOCKED, State.COASTING)
        return 60.0 / self._period if known else None

    @property
    def candidates(self) -> list[TempoCandidate]:
        """Tempi held possible, best first, with weights."""
        return self._decoder.candidates

    @property
    def confidence(self) -> float:
        """0..1, of the last beat announced; 0 before the first and when lost."""
        known = self._last is not None and self._state in (State.LOCKED, State.COASTING)
        return self._last.confidence if known and self._last is not None else 0.0

    @property
    def next_beat(self) -> float | None:
        """Stream time of the next beat to come as far as it is known now; it may be announced
        already. None when nothing is given out."""
        if self._state not in (State.LOCKED, State.COASTING):
            return None
        if self._last is not None and self._last.time > self.time:
            return self._last.time
        return self._next

    @property
    def time(self) -> float:
        """Stream time: samples consumed / sample rate."""
        return self._samples / self.sample_rate

    @property
    def latency(self) -> int:
        """Samples from the arrival of a sound to the end of the hop that first hears it, at most:
        one hop. What the network and the decoder need beyond that is taken off beat times by
        predicting."""
        return int(np.ceil(self.sample_rate / self._rate))

    @property
    def frame_rate(self) -> float:
        """Hops a second."""
        return self._rate

    @property
    def hops(self) -> int:
        """Hops processed since construction or :meth:`reset`."""
        return self._hop + 1

    @property
    def activations(self) -> Activations:
        """What the network hears: float32 ``(frames, heads)``, 0..1, of the last ten seconds,
        oldest first. A view that the next hop overwrites."""
        return self._stream.window

    @property
    def timeline(self) -> Timeline | None:
        """Musical position over stream time, as announced so far; None before the first beat."""
        return self._timeline

    def phase(self, at: float | None = None) -> float | None:
        """Beats since the last downbeat at stream time ``at`` (default: now), as a float; since
        the last beat where downbeats are not known. None before the first beat."""
        timeline, last = self._timeline, self._last
        if timeline is None or last is None:
            return None
        position = timeline.beat_at(self.time if at is None else at)
        origin = timeline.beats[-1] - max(0, last.number - 1)
        return position - origin if last.number == 0 else (position - origin) % self._bar_length

    # ---- controls ----

    def tap(self, at: float | None = None) -> None:
        """A tap on the beat at stream time ``at`` (default: now). Two taps or more set tempo and
        phase, one alone the phase where a tempo is known.

        Thread: any. Acts at the next hop.
        """
        time = self.time if at is None else check.number("at", at, 0.0, float("inf"))
        self._commands.append(lambda: self._apply_tap(time))

    def _apply_tap(self, time: float) -> None:
        period = self._taps.add(time) or self._period
        if period:
            self._seed(time, period)

    def double(self) -> None:
        """Twice the tempo. Thread: any. Acts at the next hop."""
        self._commands.append(lambda: self._scale(0.5))

    def halve(self) -> None:
        """Half the tempo, keeping the downbeat on a beat. Thread: any. Acts at the next hop."""
        self._commands.append(lambda: self._scale(2.0))

    def _scale(self, factor: float) -> None:
        if self._last is None:
            return
        period = self._period * factor
        if not self._shortest <= period <= 60.0 / self._range[0]:
            return  # outside of the tempo range: stays as it is
        odd = factor > 1 and self._last.number > 0 and self._last.number % 2 == 0
        anchor = self._last.time - self._period if odd else self._last.time
        self._seed(anchor, period)

    def shift(self, beats: float = 0.5) -> None:
        """Move all beats to come by ``beats`` of a beat. Thread: any. Acts at the next hop."""
        beats = check.number("beats", beats, -4.0, 4.0)
        self._commands.append(lambda: self._shift(beats))

    def _shift(self, beats: float) -> None:
        if self._last is not None:
            self._seed(self._last.time + beats * self._period, self._period)

    def set_downbeat(self) -> None:
        """The beat nearest to now is the first of a bar. Thread: any. Acts at the next hop."""
        time = self.time
        self._commands.append(lambda: self._set_downbeat(time))

    def _set_downbeat(self, time: float) -> None:
        timeline = self._timeline
        if timeline is None:
            return
        beat = round(timeline.beat_at(time))
        self._seed(timeline.time_of(beat), self._period, number=1)

    def nudge(self, seconds: float) -> None:
        """Move all beats to come by ``seconds``, positive = later; adds up. Thread: any. Acts at
        the next hop."""
        seconds = check.number("seconds", seconds, -1.0, 1.0)
        self._commands.append(lambda: self._add_nudge(seconds))

    def _add_nudge(self, seconds: float) -> None:
        self._nudge += seconds

    def lock_tempo(self) -> None:
        """Keep the tempo as it is now. Thread: any. Acts at the next hop."""
        self._commands.append(self._lock_tempo)

    def _lock_tempo(self) -> None:
        if self._last is not None:
            self._locked_tempo = True
            self._decoder.lock_tempo(self._period * self._rate)

    def unlock_tempo(self) -> None:
        """Follow the tempo again, whatever octave was set by hand. Thread: any. Acts at the next
        hop."""
        self._commands.append(self._unlock_tempo)

    def _unlock_tempo(self) -> None:
        self._locked_tempo = False
        self._decoder.lock_tempo(None)

    def hold(self) -> None:
        """Go on from the last tempo, whatever is heard, until :meth:`release`. Thread: any. Acts
        at the next hop."""
        self._commands.append(lambda: self._hold(True))

    def release(self) -> None:
        """Follow again after :meth:`hold`. Thread: any. Acts at the next hop."""
        self._commands.append(lambda: self._hold(False))

    def _hold(self, held: bool) -> None:
        self._held = held and self._last is not None
        self._coasted = 0

    def _seed(self, time: float, period: float, number: int = 0) -> None:
        """Believe in a beat at ``time``, the next ``period`` seconds later."""
        frame = self._frame_of(time)
        self._decoder.seed(frame, period * self._rate, number)
        self._period = period
        if self._last is not None:
            # the beat of the new grid that stands for the last one announced: a little later
            # (within a quarter of a period) or else before it
            steps = np.floor((self._last_frame - frame) / (period * self._rate) + 0.25)
            self._last_frame = frame + steps * period * self._rate
        self._state = State.LOCKED
