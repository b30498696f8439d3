"""Slow and obvious versions of what the package does quickly."""

from __future__ import annotations

from itertools import product

import numpy as np


def forward_next_event(space, logs, restart_free_start):
    """Chance of the next event's frame after all frames of ``logs`` ``(frames, H)``, by carrying
    a dictionary {(next frame, bar state, tempo): chance} along, frame by frame."""
    states = {
        (frame, h, j): chance
        for frame, h, j in product(*(range(n) for n in restart_free_start.shape))
        if (chance := float(restart_free_start[frame, h, j])) > 0
    }
    reach = space.moves.shape[1] // 2
    for frame in range(len(logs)):
        leaving = {key: p for key, p in states.items() if key[0] == frame}
        states = {key: p for key, p in states.items() if key[0] != frame}
        for (_, h, j), p in leaving.items():
            p = p * float(np.exp(logs[frame, h]))
            for g in range(len(space.numbers)):
                for step in range(-reach, reach + 1):
                    chance = p * space.following[h, g] * space.moves[j, step + reach]
                    if chance <= 0:
                        continue
                    i = j + step
                    for w, length in enumerate(space.lengths[i]):
                        key = (frame + int(space.shortest[i]) + w, g, i)
                        states[key] = states.get(key, 0.0) + chance * length
        total = sum(states.values())
        states = {key: p / total for key, p in states.items()}
    coming: dict[int, float] = {}
    for (frame, _, _), p in states.items():
        coming[frame] = coming.get(frame, 0.0) + p
    return coming


def best_events(event, space, rest):
    """Best score of any sequence of events, by trying every one (few frames only)."""
    frames = len(event)
    with np.errstate(divide="ignore"):
        moves, lengths = np.log(space.moves), np.log(space.lengths)
    reach = moves.shape[1] // 2
    best = (-np.inf, [])

    def go_on(path, tempo, score):
        nonlocal best
        last = path[-1]
        end = score + rest * (frames - 1 - last) / space.periods[tempo]
        if end > best[0]:
            best = (end, list(path))
        for step in range(-reach, reach + 1):
            other = tempo + step
            if not 0 <= other < len(space.periods) or moves[tempo, step + reach] == -np.inf:
                continue
            for w in range(lengths.shape[1]):
                frame = last + int(space.shortest[other]) + w
                if frame < frames and lengths[other, w] > -np.inf:
                    value = moves[tempo, step + reach] + lengths[other, w] + event[frame]
                    go_on([*path, frame], other, score + value)

    for frame in range(frames):
        for tempo, period in enumerate(space.periods):
            start = np.log(space.prior[tempo] / period) + rest * frame / period
            go_on([frame], tempo, start + event[frame])
    return best
