"""The forward filter: exact forward algorithm over tempo x position in the bar, predicting ahead.

The state is kept as the chance of the *next* event's frame, for each tempo and each position in
the bar (see :mod:`rtbeat.state_space`). A frame without an event changes nothing but what is
left, so a step costs only what the events in that frame cost, and the distribution of the time
to the next beat, which is what has to be announced, is the state itself.

The network knows a frame better when it has heard what follows. So the state that is kept stays
some frames behind the newest one, on settled activations, and at each hop is run on from there
over the newest ones, as they are known now, before the next beat is predicted.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rtbeat.decoder import Activations, Prediction, TempoCandidate
from rtbeat.state_space import (
    Dynamics,
    Float32,
    Float64,
    Observation,
    StateSpace,
    Usual,
    log_odds,
    log_ratios,
    raised,
)

NEGLIGIBLE = 1e-9  # events less likely than this are not followed further
PRESENCE_LIMIT = 8.0  # evidence for and against a beat is remembered up to e^8
TOLERANCE = 0.07  # seconds; a beat further off is wrong
# Of two grids as likely, that whose beat has just been heard leads the one whose beat is due by the
# evidence (log) of one beat. Without that credit, given by the share of the period gone, it may be
# the farther beat that is told each time, and none is ever due.
CREDIT = 3.0
# Constant and slope of the chance that comes true over the log odds of what the filter gives: it
# takes frames for independent and is too sure. Fitted on songs tapped by people and rhythm games.
CALIBRATION = (-0.02, 0.434)
FAINTEST, SUREST = 0.02, 0.998  # masses beyond which the fit says nothing
SAME = 0.045  # tempi nearer than this (log) are one
# A first beat may be announced with less confidence where a beat was heard clearly in the last
# seconds: an activation as high as music has and other sounds hardly ever reach.
FIRST_CONFIDENCE, FIRST_CONFIDENCE_CLEAR = 0.433, 0.298
CLEAR, CLEAR_SECONDS = 0.35, 3.0
AGE = 7  # frames, after which an activation is hardly changed by what follows
SPAN_UNHEARD = 20.0  # seconds without hearing after which all is as new
TRUST_BEATS = 6  # beats after a correction by hand in which no restart is thought of


@nb.njit(nogil=True, cache=True)
def _step(mass, frame, ratios, following, moves, shortest, lengths, arrived, leaving):  # type: ignore[no-untyped-def]
    """Let the events of ``frame`` happen. mass float32 (ring, H, J); ratios float64 (H,):
    likelihood ratio of an event in this frame for each bar state; arrived, leaving: scratch
    float64 (H, J). Returns the mass of the events before and after their ratios."""
    ring, bars, tempi = mass.shape
    row = frame % ring
    reach = moves.shape[1] // 2
    width = lengths.shape[1]
    before, after = 0.0, 0.0
    arrived[:] = 0.0
    for h in range(bars):
        for j in range(tempi):
            m = mass[row, h, j]
            mass[row, h, j] = 0.0
            before += m
            if m < NEGLIGIBLE:
                continue
            value = m * ratios[h]
            after += value
            for step in range(2 * reach + 1):
                move = moves[j, step]
                if move > 0.0:
                    arrived[h, j + step - reach] += move * value
    leaving[:] = 0.0
    for h in range(bars):
        for g in range(bars):
            if following[h, g] > 0.0:
                for j in range(tempi):
                    leaving[g, j] += following[h, g] * arrived[h, j]
    for j in range(tempi):
        for w in range(width):
            chance = lengths[j, w]
            if chance > 0.0:
                target = (frame + shortest[j] + w) % ring
                for g in range(bars):
                    mass[target, g, j] += chance * leaving[g, j]
    return before, after


@nb.njit(nogil=True, cache=True)
def _total(mass):  # type: ignore[no-untyped-def]
    total = 0.0
    for row in range(mass.shape[0]):
        for h in range(mass.shape[1]):
            for j in range(mass.shape[2]):
                total += mass[row, h, j]
    return total


@nb.njit(nogil=True, cache=True)
def _commit(mass, frame, ratios, restart, fresh, tables, arrived, leaving):  # type: ignore[no-untyped-def]
    """One settled frame: events, then a little of a fresh start, then the total made 1. Returns
    the mass of the events before and after their ratios."""
    following, moves, shortest, lengths = tables
    before, after = _step(
        mass, frame, ratios, following, moves, shortest, lengths, arrived, leaving
    )
    total = _total(mass)
    ring = mass.shape[0]
    keep = np.float32((1.0 - restart) / max(total, 1e-30))
    for ahead in range(ring):
        row = (frame + 1 + ahead) % ring
        for h in range(mass.shape[1]):
            for j in range(mass.shape[2]):
                mass[row, h, j] = mass[row, h, j] * keep + restart * fresh[ahead, h, j]
    return before, after


@nb.njit(nogil=True, cache=True)
def _run_on(mass, first, ratios, tables, arrived, leaving):  # type: ignore[no-untyped-def]
    """Frames ``first ...`` with likelihood ratios float64 (n, H)."""
    following, moves, shortest, lengths = tables
    for i in range(ratios.shape[0]):
        _step(mass, first + i, ratios[i], following, moves, shortest, lengths, arrived, leaving)


@nb.njit(nogil=True, cache=True)
def _next_events(mass, first, credit, out, fair):  # type: ignore[no-untyped-def]
    """Mass of each coming frame over all states -> out float64 (ring,), out[0] = ``first``; and
    weighted by credit float64 (ring, J) -> fair."""
    for ahead in range(mass.shape[0]):
        row = (first + ahead) % mass.shape[0]
        total, weighted = 0.0, 0.0
        for h in range(mass.shape[1]):
            for j in range(mass.shape[2]):
                total += mass[row, h, j]
                weighted += mass[row, h, j] * credit[ahead, j]
        out[ahead] = total
        fair[ahead] = weighted


def added(evidence: float, before: float, after: float, doubt: float) -> float:
    """The log of the evidence for beats against none, with that of one more frame, whose events
    have so much mass before and after their ratios; ``doubt`` is charged to each event."""
    frame = math.log(max(1.0 - before + after * math.exp(-doubt), 1e-12))
    return min(PRESENCE_LIMIT, max(-PRESENCE_LIMIT, evidence + frame))


def calibrated(mass: float) -> float:
    """The chance 0..1 that a beat comes true, for the mass 0..1 that the filter gives to it (J.
    Platt, "Probabilistic outputs for support vector machines", 1999)."""
    constant, slope = CALIBRATION
    odds = float(log_odds(min(SUREST, max(FAINTEST, mass))))
    return 1.0 / (1.0 + math.exp(-constant - slope * odds))


def drift_of(follow: float) -> float:
    """Tempo drift for the knob ``follow`` (0 steady .. 1 follow)."""
    return float(0.004 * (0.05 / 0.004) ** follow)


class FilterDecoder:
    """Forward filter, see the module. Implements :class:`rtbeat.decoder.Decoder`.

    frame_rate : frames a second. tempo_range : BPM. follow : 0 steady .. 1 follow.
    beats_per_bar : None = find out.

    Thread: one at a time, not the audio callback. Realtime-safe: no.
    """

    lag = 24  # frames that the kept state stays behind the newest

    def __init__(
        self,
        frame_rate: float = 50.0,
        tempo_range: tuple[float, float] = (40.0, 240.0),
        follow: float = 0.5,
        beats_per_bar: int | None = None,
        observation: Observation | None = None,
        dynamics: Dynamics | None = None,
    ):
        self.observation = observation or Observation()
        self._usual = Usual(self.observation, frame_rate)
        dynamics = dynamics or Dynamics(tempo_drift=drift_of(follow))
        self._restart = dynamics.restart
        self.space = StateSpace(frame_rate, tempo_range, dynamics, beats_per_bar)
        space = self.space
        shape = (space.reach + self.lag + 2, len(space.numbers), len(space.periods))
        self._downbeat = space.numbers == 1
        self._fresh = self._fresh_start(shape)
        self._no_moves = np.ones((len(space.periods), 1))
        self._kept: Float32 = np.zeros(shape, np.float32)
        self._ahead: Float32 = np.zeros(shape, np.float32)
        self._asked: Float32 = np.zeros(shape, np.float32)
        self._scratch = (np.zeros(shape[1:]), np.zeros(shape[1:]))
        self._coming: Float64 = np.zeros(shape[0])
        self._fair: Float64 = np.zeros(shape[0])
        self._credit: Float64 = np.exp(-CREDIT * np.arange(shape[0])[:, None] / space.periods)
        self.reset()

    def _fresh_start(self, shape: tuple[int, ...]) -> Float32:
        """State of knowing nothing: any tempo of the prior, any phase, any place in the bar."""
        fresh = np.zeros(shape)
        for j, period in enumerate(self.space.periods):
            frames = int(np.ceil(period))
            fresh[:frames, :, j] = self.space.prior[j] / frames * self.space.bar_prior
        return np.asarray(fresh / fresh.sum(), np.float32)

    @property
    def _tables(self) -> tuple[NDArray[np.generic], ...]:
        moves = self._no_moves if self._locked else self.space.moves
        return self.space.following, moves, self.space.shortest, self.space.lengths

    def reset(self) -> None:
        """Forget everything; the next frame is frame 0."""
        self._locked = False
        self._usual.reset()
        self._restart_state = self._fresh
        self._trusted_until = -1.0  # frame up to which a correction by hand is not doubted
        self._newest = -1
        self._clear_until = -1  # frame up to which a beat counts as heard clearly
        self._begin(0)
        self._look_ahead()

    def _begin(self, first: int) -> None:
        """Know nothing of what was before frame ``first``."""
        self._evidence = self._evidence_at_first = 0.0
        self._committed = first - 1  # newest frame inside the kept state
        self._kept[(first + np.arange(len(self._kept))) % len(self._kept)] = self._restart_state
        self._unsettled: Float64 = np.ones((0, len(self._downbeat)))

    def may_begin(self, confidence: float) -> bool:
        """Whether a prediction of such a confidence, 0..1, may be the first beat announced."""
        if confidence >= FIRST_CONFIDENCE and self._evidence_at_first > 0.0:
            return True
        return confidence >= FIRST_CONFIDENCE_CLEAR and self._newest <= self._clear_until

    @property
    def presence(self) -> float:
        """0..1: how sure it is that there is a beat to follow at all."""
        return float(1.0 / (1.0 + np.exp(-self._evidence)))

    @property
    def candidates(self) -> list[TempoCandidate]:
        """The likeliest tempi, best first: local peaks of the posterior over tempo."""
        weights = self._ahead.sum(axis=(0, 1), dtype=np.float64)
        padded = np.concatenate(([0.0], weights, [0.0]))
        peaks = np.flatnonzero((weights >= padded[:-2]) & (weights > padded[2:]))
        # a peak speaks for its neighbourhood, about 9 % to both sides
        near = np.array([weights[max(0, p - 3) : p + 4].sum() for p in peaks])
        order = np.argsort(near)[::-1][:5]
        total = near[order].sum() or 1.0
        bpm = 60.0 * self.space.frame_rate / self.space.periods
        return [TempoCandidate(float(bpm[peaks[i]]), float(near[i] / total)) for i in order]

    def _ratios(self, activations: Activations) -> Float64:
        share = self._usual.share
        event, downbeat, other = log_ratios(activations, self.observation, share)
        bar = np.where(self._downbeat[None, :], downbeat[:, None], other[:, None])
        return np.asarray(np.exp(event[:, None] + bar), np.float64)

    def update(self, window: Activations, newest: int) -> None:
        """One more hop, see :class:`rtbeat.decoder.Decoder`."""
        if self._newest < 0:
            self._begin(newest + 1 - len(window))
        self._newest = newest
        # the first frames of a stream look like an onset whatever is heard
        if len(window) > AGE and window[-AGE : -AGE + 3, 0].max() >= CLEAR:
            self._clear_until = newest + round(CLEAR_SECONDS * self.space.frame_rate)
        while self._committed < newest - self.lag:
            row = len(window) - newest + self._committed
            if row < 0:
                self._commit(np.ones(len(self._downbeat)))
                continue
            self._usual.hear(float(window[row, 0]))
            self._commit(self._ratios(window[row : row + 1])[0])
        count = min(newest - self._committed, len(window))
        self._unsettled = self._ratios(window[len(window) - count :])
        self._look_ahead()

    def _commit(self, ratios: Float64) -> None:
        """The next frame, settled, into the kept state."""
        frame = self._committed + 1
        before, after = _commit(
            self._kept,
            frame,
            ratios,
            0.0 if frame < self._trusted_until else self._restart,
            self._restart_state,
            self._tables,
            *self._scratch,
        )
        known = self.observation
        # against no beats at all the activations are taken at their word
        rebate = known.penalty - raised(known, self._usual.share)
        after *= math.exp(rebate)
        self._evidence = added(self._evidence, before, after, known.doubt)
        first = self._evidence_at_first
        self._evidence_at_first = added(first, before, after, known.doubt_at_first)
        self._committed = frame

    def skip(self, count: int) -> None:
        """So many frames went by unheard: beats happen in them as they may."""
        for ratios in self._unsettled:
            self._commit(ratios)
        first = self._newest + 1
        self._newest += count
        if count > SPAN_UNHEARD * self.space.frame_rate:
            self._begin(self._newest + 1)
        else:
            none = np.ones((count, len(self._downbeat)))
            _run_on(self._kept, first, none, self._tables, *self._scratch)
            self._committed = self._newest
            self._unsettled = none[:0]
        self._look_ahead()

    def probability(self, period: float) -> float:
        """Chance of a period (frames) within some 4 % of this one."""
        weights = self._ahead.sum(axis=(0, 1), dtype=np.float64)
        near = np.abs(np.log(self.space.periods / period)) < SAME
        return float(weights[near].sum() / max(float(weights.sum()), 1e-30))

    def set_follow(self, follow: float) -> None:
        """Turn the knob 0 (steady) .. 1 (follow) while running."""
        self.space.set_drift(drift_of(follow))

    def _look_ahead(self) -> None:
        """From the kept state over the newest, unsettled frames."""
        self._ahead[:] = self._kept
        first = self._newest - len(self._unsettled) + 1
        _run_on(self._ahead, first, self._unsettled, self._tables, *self._scratch)

    def predict(self, after: float) -> Prediction | None:
        """The first beat later than ``after`` (frames), see :class:`rtbeat.decoder.Decoder`."""
        if self._newest < 0:
            return None
        state, first = self._ahead, self._newest + 1
        # a frame's events are at its middle; those up to `after` have happened
        passed = int(np.floor(after + 0.5)) - first
        if passed > 0:
            state = self._asked
            state[:] = self._ahead
            none = np.ones((passed, len(self._downbeat)))
            _run_on(state, first, none, self._tables, *self._scratch)
            first += passed
        _next_events(state, first, self._credit, self._coming, self._fair)
        return self._read(state, first)

    def _read(self, state: Float32, first: int) -> Prediction | None:
        coming = self._coming
        total = coming.sum()
        if total <= 0.0:
            return None
        smooth = np.convolve(self._fair, (0.5, 1.0, 1.0, 1.0, 0.5), "same")
        peak = int(np.argmax(smooth))
        near = slice(max(0, peak - 3), peak + 4)
        index = np.arange(len(coming))[near]
        position = float((coming[near] * index).sum() / coming[near].sum())
        rows = (first + index) % len(state)
        states = state[rows].sum(axis=0, dtype=np.float64)  # (H, J)
        tempi = states.sum(axis=0)
        best = int(np.argmax(tempi))
        around = slice(max(0, best - 3), best + 4)
        log_period = np.log(self.space.periods[around])
        period = float(np.exp((tempi[around] * log_period).sum() / tempi[around].sum()))
        number = int(self.space.numbers[np.argmax(states.sum(axis=1))])
        within = np.abs(np.arange(len(coming)) - position) <= TOLERANCE * self.space.frame_rate
        confidence = calibrated(float(coming[within].sum() / total) * self.presence)
        return Prediction(first + position + 0.5, period, number, confidence)

    def seed(self, frame: float, period: float, number: int = 0, by_hand: bool = True) -> None:
        """Believe in a beat at ``frame`` with the next ``period`` frames later. By hand, no start
        anew is thought of for some beats, and none in another octave until :meth:`reset` or
        ``lock_tempo(None)``."""
        first = self._committed + 1
        position = frame - 0.5
        elapsed = 0
        while position < first:
            position += period
            elapsed += 1
        space = self.space
        frames = first + np.arange(len(self._kept))
        when = np.exp(-0.5 * ((frames - position) / 1.5) ** 2)
        tempi = np.exp(-0.5 * (np.log(space.periods / period) / 0.03) ** 2) + 1e-12
        bars = self._kept.sum(axis=(0, 2), dtype=np.float64)
        if number > 0:
            bars = np.where(space.numbers == number, space.bar_prior, 0.0)
            for _ in range(elapsed):
                bars = bars @ space.following
        state = when[:, None, None] * bars[None, :, None] * tempi[None, None, :]
        self._kept[frames % len(self._kept)] = state / max(state.sum(), 1e-30)
        self._look_ahead()
        self._evidence = max(self._evidence, 2.0)
        self._evidence_at_first = max(self._evidence_at_first, 2.0)
        if not by_hand:
            return
        octave = np.abs(np.log2(space.periods / period)) < 0.4
        restarts = self._fresh * octave.astype(np.float32)
        self._restart_state = restarts / max(float(restarts.sum()), 1e-30)
        self._trusted_until = self._newest + TRUST_BEATS * period

    def lock_tempo(self, period: float | None) -> None:
        """Keep the period (frames) from now on; None frees it again."""
        self._locked = period is not None
        if period is None:
            self._restart_state = self._fresh
            return
        held = np.zeros(len(self.space.periods), np.float32)
        held[self.space.nearest(period)] = 1.0
        masked = self._kept * held
        if masked.sum() > 0:
            self._kept[:] = masked / masked.sum()
        restarts = self._fresh * held
        self._restart_state = restarts / restarts.sum()
        self._look_ahead()
