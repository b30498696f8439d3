"""The steady grid behind the beats heard last: what beats go on from while nothing is heard.

A beat is announced before it sounds. When it has sounded, the activations around it tell whether
it was heard, and where. A line through the beats heard (least squares) knows a steady tempo ten
times better than any single interval does: after eight bars of break it is right within some 20 ms.

Positions are frames, as in :mod:`rtbeat.decoder`.

Thread: one at a time (the engine's). Realtime-safe: no.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from rtbeat.decoder import Activations

SETTLED = 12  # frames after which an activation changes little any more
REACH = 3  # frames to both sides in which a beat is looked for
HEARD = 0.4  # share of the usual height of a beat that makes it heard
LEAST = 0.12  # height under which nothing counts as heard
SPANS = (32, 16, 8)  # beats that a line may rest on
STRAIGHT = 0.7  # RMS distance from the line, frames, up to which the tempo is steady
LIVELY_PEAKS = 3  # heard in LIVELY_FRAMES: there is music
LIVELY_FRAMES = 100
SMOOTH = 0.1  # share of the newest beat in the usual height


class Line(NamedTuple):
    """A beat at ``frame``, others every ``period`` frames."""

    frame: float
    period: float


class Pulse:
    """Collects where the beats announced were heard."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all beats: the grid is another from now on."""
        self._waiting: deque[tuple[int, float]] = deque()  # count and frame, not sounded yet
        self._heard: deque[tuple[int, float]] = deque(maxlen=SPANS[0])
        self._peaks: deque[int] = deque(maxlen=LIVELY_PEAKS)
        self._count = 0
        self._last = -math.inf
        self._height = 0.3
        self._newest = -1
        self.missed = 0  # beats in a row that were not heard
        self.confirmed = 0  # beats in a row that were heard

    def announce(self, frame: float, period: float) -> None:
        """A beat is to come at ``frame``."""
        if self._last > -math.inf:
            self._count += max(1, round((frame - self._last) / period))
        self._last = frame
        self._waiting.append((self._count, frame))

    def pass_over(self) -> None:
        """Time went by unheard: nothing is known of the beats that were waited for."""
        self._waiting.clear()
        self.missed = self.confirmed = 0

    def hear(self, window: Activations, newest: int) -> None:
        """One more hop; the window's last row belongs to frame ``newest``."""
        self._newest = newest
        beats = window[:, 0]
        self._note_peak(beats)
        while self._waiting and self._waiting[0][1] < newest - SETTLED - REACH + 1:
            count, frame = self._waiting.popleft()
            row = len(beats) - 1 - newest + math.floor(frame)
            if row - REACH >= 0:
                self._note_beat(count, beats[row - REACH : row + REACH + 1], frame)

    def _note_beat(self, count: int, around: Activations, frame: float) -> None:
        height = float(around.max())
        if height < max(LEAST, HEARD * self._height):
            self.missed, self.confirmed = self.missed + 1, 0
            return
        self.missed, self.confirmed = 0, self.confirmed + 1
        self._height += SMOOTH * (height - self._height)
        weights = around.astype(np.float64) ** 2
        offsets = np.arange(-REACH, REACH + 1)
        centre = float((weights * offsets).sum() / weights.sum())
        self._heard.append((count, math.floor(frame) + 0.5 + centre))

    def _note_peak(self, beats: Activations) -> None:
        if len(beats) < SETTLED + 2:
            return
        before, here, after = beats[-SETTLED - 2 : -SETTLED + 1]
        if here >= max(before, after, LEAST, HEARD * self._height):
            self._peaks.append(self._newest)

    @property
    def lively(self) -> bool:
        """Whether something like beats is heard at all, on the grid or off it."""
        full = len(self._peaks) == LIVELY_PEAKS
        return full and self._peaks[0] > self._newest - LIVELY_FRAMES

    def line(self) -> Line | None:
        """The longest straight line through the beats heard last; None where the tempo is not
        steady enough for one."""
        for span in SPANS:
            if len(self._heard) < span:
                continue
            heard = np.array(self._heard)[-span:]
            slope, start = np.polyfit(heard[:, 0], heard[:, 1], 1)
            off = heard[:, 1] - start - slope * heard[:, 0]
            if math.sqrt(float((off**2).mean())) < STRAIGHT:
                return Line(float(start + slope * heard[-1, 0]), float(slope))
        return None
