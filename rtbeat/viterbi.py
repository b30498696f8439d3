"""All beats of a piece at once: Viterbi over the model of :mod:`rtbeat.state_space`.

First the beats (frame x tempo), then their places in bars. Rubato and changes of tempo are
followed as far as the model's tempo drift allows.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from rtbeat.decoder import Activations
from rtbeat.state_space import (
    Dynamics,
    Float64,
    Int64,
    Observation,
    StateSpace,
    limited,
    log_ratios,
    raised,
)

# Silence before the first and after the last beat costs a little less than silent beats would
REST = 0.9
# the best path pays for each choice it makes, so events need no penalty of their own
UNCHARGED = Observation(penalty=0.0)


@nb.njit(nogil=True, cache=True)
def _best_events(event, start, rest, periods, moves, shortest, lengths, back_step, back_move):  # type: ignore[no-untyped-def]
    """Fill the back pointers (frames, J); returns (last frame, its tempo) of the best path.

    event: log ratio of each frame; start: log chance to begin with each tempo; rest: log ratio of
    a silent beat. back_step is 0 where a path begins.
    """
    frames, tempi = back_step.shape
    width = lengths.shape[1]
    reach = moves.shape[1] // 2
    ring = shortest[-1] + width + 1
    leaving = np.full((ring, tempi), -np.inf)
    here = np.empty(tempi)
    best, best_frame, best_tempo = -np.inf, -1, 0
    for k in range(frames):
        for j in range(tempi):
            top = start[j] + rest * k / periods[j]
            step = 0
            for w in range(width):
                before = k - shortest[j] - w
                if before < 0:
                    break
                value = leaving[before % ring, j] + lengths[j, w]
                if value > top:
                    top = value
                    step = shortest[j] + w
            here[j] = top + event[k]
            back_step[k, j] = step
            end = here[j] + rest * (frames - 1 - k) / periods[j]
            if end > best:
                best, best_frame, best_tempo = end, k, j
        for j in range(tempi):
            top, move = -np.inf, 0
            for m in range(-reach, reach + 1):
                i = j - m
                if 0 <= i < tempi:
                    value = here[i] + moves[i, m + reach]
                    if value > top:
                        top, move = value, m
            leaving[k % ring, j] = top
            back_move[k, j] = move
    return best_frame, best_tempo


def _log(table: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(table), np.float64)


def event_frames(event: Float64, space: StateSpace, rest: float) -> Int64:
    """Frames of the best sequence of events, rising, for log ratios ``(frames,)``."""
    frames, tempi = len(event), len(space.periods)
    back_step = np.zeros((frames, tempi), np.int16)
    back_move = np.zeros((frames, tempi), np.int8)
    start = np.log(space.prior / space.periods)
    frame, tempo = _best_events(
        event,
        start,
        rest * REST,
        space.periods,
        _log(space.moves),
        space.shortest,
        _log(space.lengths),
        back_step,
        back_move,
    )
    path = []
    while frame >= 0:
        path.append(frame)
        step = int(back_step[frame, tempo])
        if step == 0:
            break
        frame -= step
        tempo -= int(back_move[frame, tempo])
    return np.array(path[::-1], np.int64)


def bar_numbers(downbeat: Float64, other: Float64, space: StateSpace) -> Int64:
    """Position in the bar of each beat, from the log ratios at the beats ``(n,)``."""
    ratios = np.where(space.numbers[None, :] == 1, downbeat[:, None], other[:, None])
    following = _log(space.following)
    score = _log(space.bar_prior)
    back = np.zeros((len(ratios), len(score)), np.int64)
    for i, ratio in enumerate(ratios):
        if i:
            options = score[:, None] + following
            back[i] = options.argmax(axis=0)
            score = options.max(axis=0)
        score = score + ratio
    state = int(score.argmax())
    states = [state]
    for i in range(len(ratios) - 1, 0, -1):
        state = int(back[i, state])
        states.append(state)
    return np.asarray(space.numbers[states[::-1]], np.int64)


def refine(frames: Int64, beat: NDArray[np.float32]) -> Float64:
    """Positions within frames, from the parabola through the activation around each event."""
    padded = np.concatenate((beat[:1], beat, beat[-1:])).astype(np.float64)
    left, centre, right = padded[frames], padded[frames + 1], padded[frames + 2]
    curve = left - 2 * centre + right
    shift = np.where(curve < -1e-6, 0.5 * (left - right) / np.minimum(curve, -1e-6), 0.0)
    return np.asarray(frames + 0.5 + np.clip(shift, -0.5, 0.5), np.float64)


def viterbi_beats(
    activations: Activations,
    frame_rate: float = 50.0,
    tempo_range: tuple[float, float] = (40.0, 240.0),
    beats_per_bar: int | None = None,
    observation: Observation | None = None,
    dynamics: Dynamics | None = None,
) -> tuple[Float64, Int64, Float64]:
    """All beats of a piece.

    activations : float32 ``(frames, 2)``. Returns positions in frames (float64, rising), numbers
    (int64, 1 = downbeat) and confidences (float64, 0..1), each ``(n,)``.
    """
    observation = observation or UNCHARGED
    space = StateSpace(frame_rate, tempo_range, dynamics or Dynamics(), beats_per_bar)
    if len(activations) == 0 or activations[:, 0].max() < observation.prior:
        return np.zeros(0), np.zeros(0, np.int64), np.zeros(0)
    share = limited(observation.usual * float(activations[:, 0].mean()), observation)
    event, downbeat, other = log_ratios(activations, observation, share)
    # where beats are fainter than usual, so is silence against them
    rest = observation.lowest + raised(observation, share)
    frames = event_frames(event, space, min(rest, 0.0))
    numbers = bar_numbers(downbeat[frames], other[frames], space)
    padded = np.pad(activations[:, 0].astype(np.float64), 1)
    near = np.maximum(np.maximum(padded[frames], padded[frames + 1]), padded[frames + 2])
    return refine(frames, activations[:, 0]), numbers, near
