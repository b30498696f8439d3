"""From a decoder's predictions to announced beats: the states, the corrections by hand, the grid.

It hears nothing itself: the tracker tells it at each hop what time it is and whether there was
sound. Everything here is stream time in seconds but what is called a frame, which counts as the
decoder counts.

Thread: one at a time (the engine's). Realtime-safe: no.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum

from rtbeat.beat import Beat
from rtbeat.beat_line import LONGEST, BeatLine, beat_line
from rtbeat.decoder import Activations, Decoder, Prediction
from rtbeat.pulse import Line, Pulse
from rtbeat.taps import Taps
from rtbeat.timeline import Timeline

LOCK_PRESENCE = 0.5  # evidence needed to begin, or to go on after a break
COAST_PRESENCE = 0.02  # evidence under which beats are only carried on
MISSED_BEATS = 4  # in a row that are not heard, of a steady tempo: a break
CONFIRMED_BEATS = 2  # heard where a break's grid told them: the music is back
PATIENCE_BEATS = 3  # with music off the break's grid, after which that grid is given up
TAPPED_BEATS = 4  # that go on exactly as tapped, before the music is listened to again
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


class Announcer:
    """Decides when a beat is announced, and what the performer's corrections do to the grid.

    decoder : see :class:`rtbeat.decoder.Decoder`; told of corrections, never fed here.
    frame_rate : frames a second. offset : of a decoder's position from the time it means, frames.
    tempo_range : BPM. lead : how early a beat is announced, seconds.
    coast_beats : beats carried on without evidence before LOST, None = without end.
    beats_per_bar : None = as heard.
    """

    def __init__(
        self,
        decoder: Decoder,
        frame_rate: float,
        offset: float,
        tempo_range: tuple[float, float],
        lead: float,
        coast_beats: int | None,
        beats_per_bar: int | None,
    ):
        self.decoder = decoder
        self.tempo_range = tempo_range
        self._rate = frame_rate
        self._offset = offset
        self.lead = lead
        self._coast_beats = coast_beats
        self._given_bar = beats_per_bar
        self.reset()

    def reset(self) -> None:
        """Forget beats and corrections; the decoder is reset by whoever feeds it."""
        self.state = State.LISTENING
        self.timeline: Timeline | None = None
        self.last: Beat | None = None
        self.next: float | None = None
        self.period = 0.0  # seconds; 0: none yet
        self.bar_length = self._given_bar or 4
        self.pulse = Pulse()
        self._line: Line | None = None  # steady grid to coast on
        self._taps = Taps(self.tempo_range)
        self._last_frame = 0.0  # decoder position of the last beat announced
        self._coasted = 0
        self._held = False
        self._latest: deque[float] = deque(maxlen=LONGEST)  # beats that the line goes through
        self.line: BeatLine | None = None
        self._locked_tempo = False
        self._octave_by_hand = False
        self._tapped_until = 0.0
        self._nudge = 0.0
        self._hop = -1
        self._now = 0.0
        self._sound = False

    @property
    def giving_out(self) -> bool:
        """Whether beats are being announced."""
        return self.state in (State.LOCKED, State.COASTING)

    @property
    def _shortest(self) -> float:
        return 60.0 / self.tempo_range[1]

    # ---- one hop ----

    @property
    def held(self) -> bool:
        """Whether beats go on from the last tempo until :meth:`hold` is taken back."""
        return self._held

    @property
    def locked(self) -> bool:
        """Whether the tempo is kept."""
        return self._locked_tempo

    def decide(
        self, hop: int, now: float, next_hop: float, sound: bool, window: Activations
    ) -> list[Beat]:
        """State, and every beat whose lead would be too short at the next hop.

        hop : index of the newest. now, next_hop : stream time at its end and at that of the hop to
        come. sound : False where there has been none that could hold a beat. window : activations,
        whose last row is the hop's.
        """
        self._hop, self._now, self._sound = hop, now, sound
        self.pulse.hear(window, hop)
        self._update_state()
        beats: list[Beat] = []
        while (beat := self._due(next_hop)) is not None:
            beats.append(beat)
            if self.state is State.COASTING and not self._held:
                self._coasted += 1
        return beats

    def pass_over(self, seconds: float) -> None:
        """So much time went by unheard and unannounced; its beats count as coasted."""
        self.pulse.pass_over()
        if self.giving_out and self.period > 0.0 and not self._held:
            self._coasted += int(seconds / self.period)

    def _has_evidence(self, least: float) -> bool:
        return self._sound and self.decoder.presence > least

    def _update_state(self) -> None:
        if self.state is State.LOCKED:
            if self._held or not self._has_evidence(COAST_PRESENCE) or self._in_a_break():
                self._coast()
            else:
                self._coasted = 0
        if self.state is State.COASTING:
            if not self._held and self._music_is_back():
                self.state = State.LOCKED
            elif self._coasted_enough() and self.pulse.confirmed == 0:
                self.state = State.LOST
                if not self._locked_tempo:
                    self.decoder.lock_tempo(None)

    def _coasted_enough(self) -> bool:
        return self._coast_beats is not None and self._coasted >= self._coast_beats

    def _coast(self) -> None:
        self.state = State.COASTING
        self._line = None if self._locked_tempo else self.pulse.line()

    def _in_a_break(self) -> bool:
        missed = self.pulse.missed >= MISSED_BEATS
        return missed and not self._locked_tempo and self.pulse.line() is not None

    def _music_is_back(self) -> bool:
        """Heard on the grid that is coasted on, or for long enough off it."""
        if self._line is None:
            return self._has_evidence(LOCK_PRESENCE)
        if self._sound and self.pulse.confirmed >= CONFIRMED_BEATS and self.last is not None:
            # the decoder has had time to stray
            number = self.last.number
            longest = 60.0 / self.tempo_range[0] * self._rate
            period = min(longest, max(self._shortest * self._rate, self._line.period))
            self.decoder.seed(self._last_frame, period, number, by_hand=False)
            return self._has_evidence(LOCK_PRESENCE)
        off_grid = self.pulse.lively and self.pulse.missed >= PATIENCE_BEATS
        return off_grid and self._has_evidence(LOCK_PRESENCE)

    def _due(self, next_hop: float) -> Beat | None:
        prediction = self._predict()
        if prediction is None:
            self.next = None
            return None
        time = self._time_of(prediction.frame)
        self.next = time
        if time - next_hop >= self.lead:
            return None
        if time <= self._now or not self._may_announce(time, prediction.confidence):
            return None
        return self._announce(time, prediction)

    def _predict(self) -> Prediction | None:
        """The next beat after the last one announced: the decoder's, or the last tempo's."""
        if self.last is not None:
            carried = self._carry_on(self.last)
            tapped = self._time_of(carried.frame) < self._tapped_until
            if self.state is State.COASTING or tapped:
                return carried
        after = self._hop + 1.0 - self._offset - self._nudge * self._rate
        if self.last is not None:
            guard = max(GUARD * self.period, self._shortest) * self._rate
            after = max(after, self._last_frame + guard)
        return self.decoder.predict(after)

    def _carry_on(self, last: Beat) -> Prediction:
        """The next beat by the steady grid, or by the last tempo alone, counted on in bars of the
        length heard last."""
        period = self.period * self._rate
        origin = self._last_frame
        if self.state is State.COASTING and self._line is not None:
            period = self._line.period
            origin = self._line.frame
            origin += round((self._last_frame - origin) / period) * period
        earliest = max(self._now, last.time + self._shortest)
        steps = max(1, math.floor((self._frame_of(earliest) - origin) / period) + 1)
        number = 0
        if last.number > 0:
            number = (last.number - 1 + steps) % self.bar_length + 1
        frame = origin + steps * period
        return Prediction(frame, period, number, self.decoder.presence)

    def _may_announce(self, time: float, confidence: float) -> bool:
        if not self.giving_out:
            if not self.decoder.may_begin(confidence) or not self._has_evidence(LOCK_PRESENCE):
                return False
            self.state = State.LOCKED
        return self.last is None or time - self.last.time >= self._shortest - 1e-9

    def _announce(self, time: float, prediction: Prediction) -> Beat:
        self.line = self._line_with(time, prediction.period / self._rate)
        period = self.line.period
        beat = Beat(
            time=time,
            number=prediction.number,
            tempo=60.0 / period,
            confidence=min(1.0, max(0.0, prediction.confidence)),
            announced_at=self._now,
        )
        if self.last is not None and beat.number == 1 and self.last.number > 1:
            self.bar_length = self._given_bar or self.last.number
        if self.timeline is None or self.last is None:
            self.timeline = Timeline((time,), (max(0, beat.number - 1),), period)
        else:
            # beats that passed while nothing was announced count as well
            passed = (time - self.last.time) / max(period, self.period)
            self.timeline = self.timeline.extended(time, period, max(1, round(passed)))
        self.last = beat
        self.period = period
        self.pulse.announce(prediction.frame, prediction.period)
        self._last_frame = prediction.frame
        return beat

    def _line_with(self, time: float, told: float) -> BeatLine:
        """The line with one more beat at ``time``, where the decoder says ``told`` seconds."""
        steps = (time - self._latest[-1]) / told if self._latest else 1.0
        if not 0.5 < steps < 1.5:  # beats have been left out, or another tempo has come
            self._latest.clear()
        self._latest.append(time)
        return beat_line(self._latest, told)

    def _time_of(self, frame: float) -> float:
        return (frame + self._offset) / self._rate + self._nudge

    def _frame_of(self, time: float) -> float:
        return (time - self._nudge) * self._rate - self._offset

    # ---- corrections by hand ----

    def tap(self, time: float) -> None:
        """The performer's beat: two taps or more set tempo and phase, one the phase. For a bar
        the beats go on just so, whatever is heard."""
        period = self._taps.add(time) or self.period
        if period:
            self._seed(self._taps.beat, period)
            self._tapped_until = self._taps.beat + (TAPPED_BEATS + 0.5) * period

    def scale(self, factor: float) -> None:
        """``factor`` times the tempo, on a grid that shares its downbeats with the one before;
        nothing where that is outside of the tempo range."""
        if self.last is None:
            return
        period = self.period / factor
        if not self._shortest - 1e-9 <= period <= 60.0 / self.tempo_range[0] + 1e-9:
            return
        self._change_period(self.last, period)

    def _change_period(self, last: Beat, period: float) -> None:
        """Another period on a grid that shares the downbeat heard last."""
        self._seed(last.time - max(0, last.number - 1) * self.period, period)

    def shift(self, beats: float) -> None:
        """All beats to come later by a share of a beat."""
        if self.last is not None:
            self._seed(self.last.time + beats * self.period, self.period)

    def set_downbeat(self, time: float) -> None:
        """The beat nearest to ``time`` is the first of a bar."""
        if self.timeline is not None:
            beat = round(self.timeline.beat_at(time))
            self._seed(self.timeline.time_of(beat), self.period, number=1)

    def nudge(self, seconds: float) -> None:
        """All beats to come later by ``seconds``; adds up."""
        self._nudge += seconds

    def lock_tempo(self, locked: bool) -> None:
        """Keep the tempo as it is now, or free it."""
        if not locked:
            self._locked_tempo = self._octave_by_hand = False
            self.decoder.lock_tempo(None)
        elif self.last is not None:
            self._locked_tempo = True
            self.decoder.lock_tempo(self.period * self._rate)

    def hold(self, held: bool) -> None:
        """Go on from the last tempo whatever is heard, or follow again."""
        self._held = held and self.last is not None
        self._coasted = 0

    def change_range(self, tempo_range: tuple[float, float], decoder: Decoder) -> None:
        """Another range of tempi, with a decoder made for it that has heard the last seconds."""
        self.tempo_range, self.decoder = tempo_range, decoder
        self._taps = Taps(tempo_range)
        if self.last is None:
            return
        inside = self._folded(self.period)
        if inside != self.period or self._octave_by_hand:
            self._change_period(self.last, inside)
        if self._locked_tempo:
            decoder.lock_tempo(inside * self._rate)

    def _folded(self, period: float) -> float:
        """The period brought inside the tempo range by octaves, or else to its nearest end."""
        shortest, longest = self._shortest, 60.0 / self.tempo_range[0]
        inside = period
        while inside < shortest:
            inside *= 2.0
        while inside > longest:
            inside /= 2.0
        return max(inside, shortest)

    def _seed(self, time: float, period: float, number: int = 0) -> None:
        """Believe in a beat at ``time``, the next ``period`` seconds later."""
        frame = self._frame_of(time)
        self.decoder.seed(frame, period * self._rate, number)
        self.period = period
        self._latest.clear()
        self.pulse.reset()
        self._line = None
        self._octave_by_hand = True
        if self.last is not None:
            # the beat of the new grid that stands for the last one announced: a little later
            # (within a quarter of a period) or else before it
            steps = math.floor((self._last_frame - frame) / (period * self._rate) + 0.25)
            self._last_frame = frame + steps * period * self._rate
        self.state = State.LOCKED
