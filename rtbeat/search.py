"""The search decoder: chains of beats through the activations, gone on with past the newest frame.

Tempi from the autocorrelation and the surest beats give a few hypotheses; from each the search
goes backward and forward beat by beat (:mod:`rtbeat.chain`), and the chain with the most evidence
is followed. A line through its last beats is the grid that the coming beats are told from.
"""

from __future__ import annotations

import math

import numpy as np

from rtbeat.chain import anchor_on_grid, fit_grid
from rtbeat.decoder import Activations, Prediction, TempoCandidate
from rtbeat.meter import Bar, downbeat_strength, find_bar
from rtbeat.search_piece import search_beats
from rtbeat.searcher import MUSIC, Chain, Float32, Float64, Int64, Searcher, checked_bars
from rtbeat.tempo import TempoPrior

__all__ = ["SearchDecoder", "search_beats"]

# how fast old evidence is forgotten, seconds
_FORGET = 5.0
# evidence another chain must have more than the one followed, with a full past; after a seed
_HYSTERESIS = 3.0
_SEEDED_HYSTERESIS = 12.0
# a tempo the user has given is left for a nearby one only, octaves
_SEEDED_WIDTH = 0.2
# beats after a seed in which nothing else is considered
_SEEDED_BEATS = 8
# hops from one autocorrelation to the next: tempo changes slower than beats
_EVERY = 5
# sum of the weights of the last beats below which the grid is left as it is
_HEARD = 0.1
# weight of a beat in the newest frame, whose peak may be yet to come
_RISING = 0.1
# periods nearer than this (natural logarithm of their ratio) are one tempo
_SAME = 0.05
# from which on a first beat may be announced
_FIRST_CONFIDENCE = 0.32
# logistic model of a hit within 70 ms: constant, loudness, deviation (periods), share of its tempo
_CONFIDENCE = (-2.6, 6.3, -1.5, 1.5)


class SearchDecoder:
    """Follows the beat by searching the window anew at each hop; a :class:`rtbeat.decoder.Decoder`.

    frame_rate : frames a second. tempo_range : slowest and fastest tempo, BPM.
    follow : 0 (steady: the grid rests on the last 12 beats or so) to 1 (on the last one or two).
    beats_per_bar : 2 to 16, or None to find 2, 3 or 4 from the downbeats heard.

    Raises ``ValueError`` for values outside of these. Memory is bounded by the window.
    Thread: one at a time, not the audio callback. Realtime-safe: no.
    """

    def __init__(
        self,
        frame_rate: float = 50.0,
        tempo_range: tuple[float, float] = (40.0, 240.0),
        follow: float = 0.5,
        beats_per_bar: int | None = None,
    ):
        self._searcher = Searcher(frame_rate, tempo_range, gain=0.0)
        self._forget = _FORGET * frame_rate  # frames
        self.set_follow(follow)
        self._bars = checked_bars(beats_per_bar)
        self.reset()

    def set_follow(self, follow: float) -> None:
        """Turn the knob, see the class; ``ValueError`` outside of 0 to 1."""
        if not 0.0 <= follow <= 1.0:
            raise ValueError(f"follow is {follow!r}; it must be 0 (steady) to 1 (follows fast)")
        self._searcher.gain = 0.05 * 9.0**follow
        self._memory = 12.0 / 9.0**follow  # beats
        self._stiffness = 27.0 / 81.0**follow

    def reset(self) -> None:
        """Forget everything; the next frame is frame 0."""
        self._hops = 0
        self._newest = -1
        self._candidates: list[TempoCandidate] = []
        self._tempi: list[float] = []  # periods of the autocorrelation's candidates
        self._sure: Int64 = np.zeros(0, np.int64)  # frames of the stream
        self._periodic = 0.0
        # the grid: a beat at frame _beat, of that index, and the next _period frames later
        self._beat = 0.0
        self._period = 0.0  # 0: no grid yet
        self._index = 0
        self._heard = 0.0  # how strongly its last beats are heard, 0..1
        self._deviation = 0.0  # of its last beats, in periods
        self._bar: Bar | None = None
        self._bar_given = False
        self._music = MUSIC
        self._hysteresis = _HYSTERESIS
        self._seeded_until = -math.inf
        self._locked: float | None = None

    def may_begin(self, confidence: float) -> bool:
        """Whether a prediction of such a confidence, 0..1, may be the first beat announced."""
        return confidence >= _FIRST_CONFIDENCE

    @property
    def presence(self) -> float:
        """0..1: how sure it is that there is a beat to follow at all.

        Near 0 where activations are low or repeat at no tempo.
        """
        periodic = min(1.0, max(0.0, (self._periodic - 0.2) / 0.2))
        return periodic * min(1.0, self._heard / 0.5)

    @property
    def candidates(self) -> list[TempoCandidate]:
        """Tempi it holds possible: the one followed, then others by the evidence for them."""
        return list(self._candidates)

    def update(self, window: Activations, newest: int) -> None:
        """Take in one more hop; the window's last row belongs to frame ``newest``.

        Raises ``ValueError`` for a window that is not ``(frames, 2)`` with at least one frame.
        """
        if window.ndim != 2 or window.shape[1] != 2 or len(window) == 0:
            raise ValueError(
                f"window has shape {window.shape}; it must be (frames, 2), beat and downbeat"
            )
        window = np.ascontiguousarray(window, np.float32)
        beats = window[:, 0].copy()
        first = newest + 1 - len(beats)
        listen = self._hops % _EVERY == 0
        self._hops += 1
        self._newest = newest
        if listen:
            self._tempi, sure, self._periodic = self._searcher.listen(beats)
            self._sure = sure + first
        chain = self._search(beats, first)
        if chain and self._fit(beats, chain, first) and listen:
            self._find_bar(window, chain.frames)

    def skip(self, count: int) -> None:
        """So many frames went by unheard. The network gives little for them, which the chains
        cross."""
        self._newest += count

    def probability(self, period: float) -> float:
        """Weight of the candidates within 5 % of this period (frames)."""
        rate = 60.0 * self._searcher.rate
        near = [c for c in self._candidates if abs(math.log(rate / c.tempo / period)) < _SAME]
        return min(1.0, sum(candidate.weight for candidate in near))

    def _hypotheses(self, beats: Float32, first: int) -> tuple[Int64, Float64, int]:
        """Anchors (rows of the window), periods, and how many of the first are the grid itself."""
        rows, periods = np.zeros(0, np.int64), np.zeros(0)
        if self._period > 0.0:
            row = anchor_on_grid(beats, self._beat - first, self._period)
            if row >= 0:
                rows, periods = np.array([row]), np.array([self._period])
        held = len(rows)
        if held and self._newest < self._seeded_until:
            return rows, periods, held
        sure = self._sure[self._sure >= first] - first
        tempi = self._tempi if self._locked is None else [self._locked]
        rows = np.concatenate((rows, np.tile(sure, len(tempi))))
        return rows, np.concatenate((periods, np.repeat(tempi, len(sure)))), held

    def _search(self, beats: Float32, first: int) -> Chain | None:
        """The best chain through the window, None where there is nothing to start from."""
        rows, periods, held = self._hypotheses(beats, first)
        if len(rows) == 0:
            return None
        bonus = np.zeros(len(rows))
        # little is known at first, so the first choice must not stick
        bonus[:held] = self._hysteresis * math.expm1(-len(beats) / self._forget) ** 2
        chain = self._searcher.search(
            beats, rows, periods, bonus, self._music, self._forget, self._locked is not None
        )
        self._weigh(periods, chain)
        return chain

    def _weigh(self, periods: Float64, chain: Chain) -> None:
        """Candidates: the period followed, then the others by the best chain of each."""
        scores = chain.scores
        found = [(chain.period, scores[chain.which])]
        for i in np.argsort(-scores, kind="stable"):
            if all(abs(math.log(periods[i] / period)) > _SAME for period, _ in found):
                found.append((periods[i], scores[i]))
        shares = np.exp(np.array([score for _, score in found]) - found[0][1])
        shares /= shares.sum()
        rate = 60.0 * self._searcher.rate
        self._candidates = [
            TempoCandidate(float(rate / period), float(share))
            for (period, _), share in zip(found, shares, strict=True)
        ]

    def _fit(self, beats: Float32, chain: Chain, first: int) -> bool:
        """Lay the grid through the last beats of the chain; False where they are hardly heard."""
        fade = np.exp(np.arange(1 - len(chain.frames), 1) / self._memory)
        loud = beats[chain.frames].astype(np.float64)
        self._heard = float((fade * loud).sum() / fade.sum())
        weights = fade * loud + 1e-9
        if chain.frames[-1] == len(beats) - 1:
            weights[-1] *= _RISING
        if weights.sum() < _HEARD:
            return False
        if self._locked is None:
            near = [p for p in self._tempi if abs(math.log(p / chain.period)) < _SAME]
            period, stiffness = (near[0] if near else chain.period), self._stiffness
        else:
            period, stiffness = self._locked, math.inf
        beat, period, deviation = fit_grid(chain.positions, weights, period, stiffness)
        self._move_grid(beat + first, period)
        self._deviation = deviation / period
        return True

    def _move_grid(self, beat: float, period: float) -> None:
        """Lay the grid anew, counting its beats on from the beats of the grid before."""
        if self._period > 0.0:
            self._index += round((beat - self._beat) / self._period)
        self._beat = beat
        self._period = self._searcher.inside(period)

    def _find_bar(self, window: Activations, chain: Int64) -> None:
        if self._bar_given:
            return
        downs = np.empty(len(chain))
        downbeat_strength(window, chain, downs)
        self._bar = find_bar(downs, self._index, self._bars, self._bar)

    def predict(self, after: float) -> Prediction | None:
        """The first beat later than ``after`` (frames), None before a beat was heard or seeded.

        Past the next beat the grid goes on with the same period. Changes nothing.
        """
        if self._period <= 0.0:
            return None
        steps = math.floor((after - self._beat) / self._period) + 1
        frame = self._beat + steps * self._period
        while frame <= after:  # only by rounding
            steps += 1
            frame = self._beat + steps * self._period
        number = self._bar.number(self._index + steps) if self._bar else 0
        return Prediction(frame, self._period, number, self._confidence(frame))

    def _confidence(self, frame: float) -> float:
        """Chance that a beat told for ``frame`` is right: loud, even and close to what is known."""
        ahead = max(0.0, (frame - self._newest) / self._period - 1.0)
        constant, heard, deviation, share = _CONFIDENCE
        exponent = constant + heard * self._heard + deviation * self._deviation
        if self._candidates:
            exponent += share * self._candidates[0].weight
        return float(0.97**ahead / (1.0 + math.exp(-exponent)))

    def seed(self, frame: float, period: float, number: int = 0, by_hand: bool = True) -> None:
        """Believe that a beat is at ``frame`` with the next ``period`` frames later.

        For 8 beats nothing else is considered; after them the tempo is kept near this one until
        the next seed or reset, unless the evidence for another is overwhelming. ``number`` is
        the beat's position in the bar (then kept), 0 = as it was.

        Raises ``ValueError`` for a frame that is not finite, a period outside the tempo range, or
        a number that is no position in the bar.
        """
        if not math.isfinite(frame):
            raise ValueError(f"frame is {frame!r}; it must be a finite number")
        self._searcher.check_period(period)
        bar = self._bars[0] if len(self._bars) == 1 else (self._bar.beats if self._bar else 4)
        if by_hand and not 0 <= number <= bar:
            raise ValueError(f"number is {number!r}; it must be 0 (as it was) to {bar}")
        self._move_grid(frame, period)
        if not by_hand:
            return
        if number:
            self._bar, self._bar_given = Bar(bar, self._index - number + 1), True
        self._seeded_until = max(frame, self._newest) + _SEEDED_BEATS * period
        self._hysteresis = _SEEDED_HYSTERESIS
        self._music = TempoPrior(
            60.0 * self._searcher.rate / period, _SEEDED_WIDTH, MUSIC.minimum, MUSIC.maximum
        )

    def lock_tempo(self, period: float | None) -> None:
        """Keep the period (frames) from now on; None frees it again.

        Raises ``ValueError`` for a period outside the tempo range.
        """
        if period is not None:
            self._searcher.check_period(period)
            if self._period > 0.0:
                # from the beat nearest to now: the beats announced last stay where they were
                steps = round((self._newest - self._beat) / self._period)
                self._beat += steps * self._period
                self._index += steps
                self._period = period
        self._locked = period
