"""The model of beats in time that the forward filter and Viterbi share.

A beat is an event. Between two events lies an interval; its tempo is one of a grid of tempi,
evenly spaced in log, and its length a whole number of frames drawn around that tempo's period (so
the mean is exact where the period is not a whole number). At each event the tempo may move a
little. Events are counted in bars of a few meters. It is a hidden semi-Markov model (L. Rabiner,
"A tutorial on hidden Markov models", Proc. IEEE 77(2), 1989, sec. IV-D) of the quantities of the
bar-pointer model (N. Whiteley, A. T. Cemgil, S. Godsill, ISMIR 2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Observation:
    """How strongly activations speak for an event: likelihood ratio of event against none.

    weight : exponent of the odds of the beat activation.
    prior : share of frames that belong to a beat, as the network was trained.
    usual : part of the mean activation of the music around that stands for that share in it, see
        :class:`Usual`. Where the network is in doubt all activations are low, and if they were
        taken at their word the slowest tempo, which has the fewest beats, would always win.
    least, most : limits of that share.
    lowest, highest : the log ratio is kept between these.
    penalty : taken off the log ratio of every event. Activations are calibrated against any frame,
        but the rival of a beat is a frame between two beats, where they are higher.
    doubt : the same where beats are weighed against none at all.
    doubt_at_first : the same before any was told: noise must not add up to a beat.
    downbeat_weight : exponent of the odds of the downbeat among beats.
    """

    weight: float = 1.0
    prior: float = 0.06
    usual: float = 0.85
    least: float = 0.02
    most: float = 0.1
    lowest: float = -2.5
    highest: float = 3.5
    penalty: float = 0.2
    doubt: float = -0.5
    doubt_at_first: float = 0.0
    downbeat_weight: float = 0.5


@dataclass(frozen=True)
class Dynamics:
    """How beats move.

    tempo_centre, tempo_width : log-normal prior of the tempo, BPM and octaves: that of the tempi
        that people tap to recordings.
    tempo_pull : part of the log prior that counts again at every beat. Evidence for half or double
        the tempo comes and goes; without a pull to the middle it is followed each time.
    tempo_drift : standard deviation of the change of log tempo at a beat.
    timing : standard deviation of an interval around its period, as a share of it.
    restart : chance, in each frame, that all starts anew (a new song, a cut).
    """

    tempo_centre: float = 110.0
    tempo_width: float = 0.5
    tempo_pull: float = 0.08
    tempo_drift: float = 0.015
    timing: float = 0.02
    restart: float = 1e-3


USUAL_SECONDS = 8.0  # after which the mean activation is mostly forgotten
KNOWN_SECONDS = 3.0  # of music that what is known from training counts for in it
SPACING = 0.03  # of the tempo grid, log
METERS = {2: 0.04, 3: 0.16, 4: 0.80}
METER_CHANGE = 0.002  # chance at the end of a bar


class StateSpace:
    """Tables for one frame rate and tempo range.

    periods : float64 ``(J,)``, frames, falling tempo first to last.
    prior : float64 ``(J,)``, of the tempo.
    shortest : int64 ``(J,)``; lengths : float64 ``(J, W)``: chance of an interval of
        ``shortest[j] + w`` frames.
    reach : longest interval in frames.
    moves : float64 ``(J, 2 M + 1)``: chance to go from tempo j to ``j + m - M``, times the pull of
        tempo j to the middle, 0..1.
    numbers : int64 ``(H,)``, position in the bar of each bar state; ``following`` ``(H, H)``:
        chance of the bar state of the next event; ``bar_prior`` ``(H,)``.
    """

    def __init__(
        self,
        frame_rate: float,
        tempo_range: tuple[float, float],
        dynamics: Dynamics,
        beats_per_bar: int | None = None,
    ):
        slowest, fastest = 60.0 * frame_rate / tempo_range[0], 60.0 * frame_rate / tempo_range[1]
        count = max(2, int(np.ceil(np.log(slowest / fastest) / SPACING)) + 1)
        self.frame_rate = frame_rate
        self.periods: Float64 = np.geomspace(fastest, slowest, count)
        octaves = np.log2(60.0 * frame_rate / self.periods / dynamics.tempo_centre)
        prior = np.exp(-0.5 * (octaves / dynamics.tempo_width) ** 2)
        self.prior: Float64 = prior / prior.sum()
        self._pull = prior**dynamics.tempo_pull
        self._intervals(dynamics.timing)
        self.set_drift(dynamics.tempo_drift)
        self._bars({beats_per_bar: 1.0} if beats_per_bar else METERS)

    def _intervals(self, timing: float) -> None:
        spread = np.sqrt((timing * self.periods) ** 2 + 0.4**2)
        half = np.ceil(3.0 * spread).astype(np.int64)
        width = 2 * int(half.max()) + 2
        self.shortest: Int64 = np.maximum(1, np.floor(self.periods).astype(np.int64) - half)
        frames = self.shortest[:, None] + np.arange(width)
        distance = (frames - self.periods[:, None]) / spread[:, None]
        lengths = np.exp(-0.5 * distance**2) * (np.abs(distance) < 3.5)
        self.lengths: Float64 = lengths / lengths.sum(1, keepdims=True)
        self.reach = int((self.shortest + width).max())

    def set_drift(self, drift: float) -> None:
        """Another standard deviation of the change of log tempo at a beat."""
        most = max(1, int(np.ceil(3.0 * drift / SPACING)))
        steps = np.arange(-most, most + 1) * SPACING
        # the chance of each grid cell under a Laplace law: small moves are the rule, large ones
        # happen
        moves = np.exp(-np.sqrt(2.0) * np.abs(steps) / drift)
        index = np.arange(len(self.periods))[:, None] + np.arange(-most, most + 1)
        inside = (index >= 0) & (index < len(self.periods))
        table = np.where(inside, moves, 0.0)
        self.moves: Float64 = table / table.sum(1, keepdims=True) * self._pull[:, None]

    def _bars(self, meters: dict[int, float]) -> None:
        numbers: list[int] = []
        meter_of: list[int] = []
        first: dict[int, int] = {}
        for meter in meters:
            first[meter] = len(numbers)
            numbers += list(range(1, meter + 1))
            meter_of += [meter] * meter
        size = len(numbers)
        self.following: Float64 = np.zeros((size, size))
        for state, (number, meter) in enumerate(zip(numbers, meter_of, strict=True)):
            if number < meter:
                self.following[state, state + 1] = 1.0
                continue
            for other, share in meters.items():
                stay = 1.0 - METER_CHANGE if other == meter else 0.0
                self.following[state, first[other]] = stay + METER_CHANGE * share
        self.numbers: Int64 = np.array(numbers, np.int64)
        self.bar_prior: Float64 = np.array([meters[m] / m for m in meter_of])
        self.bar_prior /= self.bar_prior.sum()
        self.following /= self.following.sum(1, keepdims=True)

    def nearest(self, period: float) -> int:
        """Index of the tempo whose period is nearest to ``period`` frames."""
        return int(np.argmin(np.abs(np.log(self.periods / period))))


class Usual:
    """The share of frames that belong to a beat, as the activations heard so far have it.

    A mean that forgets over ``USUAL_SECONDS`` and begins with the share known from training.
    """

    def __init__(self, observation: Observation, frame_rate: float):
        self._observation = observation
        self._keep = 1.0 - 1.0 / (USUAL_SECONDS * frame_rate)
        self._known = KNOWN_SECONDS * frame_rate
        self.reset()

    def reset(self) -> None:
        """Know what training tells and no more."""
        self._frames = self._known
        self._sum = self._known * self._observation.prior / self._observation.usual

    def hear(self, activation: float) -> None:
        """The settled activation of one more frame, 0..1."""
        self._frames = self._frames * self._keep + 1.0
        self._sum = self._sum * self._keep + activation

    @property
    def share(self) -> float:
        """0..1."""
        return limited(self._observation.usual * self._sum / self._frames, self._observation)


def limited(share: float, observation: Observation) -> float:
    """The share within its limits."""
    return min(observation.most, max(observation.least, share))


def log_odds(chance: float | Float64) -> Float64:
    """Natural logarithm of the odds of a chance between 0 and 1, both excluded."""
    return np.asarray(np.log(chance / (1.0 - chance)), np.float64)


def raised(observation: Observation, share: float) -> float:
    """How much higher the log ratios are against this share than against the one known from
    training."""
    return observation.weight * float(log_odds(observation.prior) - log_odds(share))


def log_ratios(
    activations: Float32, observation: Observation, share: float
) -> tuple[Float64, Float64, Float64]:
    """Log likelihood ratios of a frame's being an event, a downbeat, another beat.

    activations : float32 ``(frames, 2)``. share : of the frames that belong to a beat. Returns
    three float64 ``(frames,)``: of an event at all, and what to add where it is a downbeat or is
    not one.
    """
    beat = np.clip(activations[:, 0].astype(np.float64), 1e-4, 1 - 1e-4)
    odds = log_odds(beat) - log_odds(share)
    event = np.clip(observation.weight * odds, observation.lowest, observation.highest)
    event -= observation.penalty
    # chance of a downbeat given a beat; means something only where a beat is likely
    first = np.clip(activations[:, 1].astype(np.float64) / beat, 0.03, 0.97)
    sure = observation.downbeat_weight * beat
    downbeat = sure * np.log(first / 0.27)
    other = sure * np.log((1 - first) / 0.73)
    return event, downbeat, other
