"""A live session without devices: audio through the engine as a session does it, recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rtbeat.live.controls import Control
from rtbeat.live.engine import Engine, EngineOptions
from rtbeat.live.events import Event
from rtbeat.live.recorder import Recorder


@dataclass(frozen=True)
class Act:
    """Something that happens before sample ``at`` of the input: a control, or the loss of the
    ``skip`` frames from there on."""

    at: int
    control: Control | None = None
    skip: int = 0


def perform(
    samples: np.ndarray,
    options: EngineOptions,
    recorder: Recorder | None = None,
    acts: Sequence[Act] = (),
    blocks: Iterable[int] = (),
) -> list[Event]:
    """All events of a session. samples : float32 ``(n,)``. blocks : sizes of the blocks of input,
    480 where they run out. The acts, in order of ``at``, happen at the ends of blocks."""
    engine, events, sizes = Engine(options), [], iter(blocks)

    def tell(new: list[Event]) -> None:
        events.extend(new)
        for event in new:
            if recorder is not None:
                recorder.event(event)

    left, start = list(acts), 0
    while start < len(samples) or left:
        while left and (left[0].at <= start or start >= len(samples)):
            act = left.pop(0)
            if act.control is not None:
                if recorder is not None:
                    recorder.control(act.control)
                tell(engine.control(act.control))
            else:
                if recorder is not None:
                    recorder.skip(act.skip)
                tell([Event("skipped", engine.time, {"seconds": act.skip / engine.sample_rate})])
                tell(engine.skip(act.skip))
                start += act.skip
        block = samples[start : start + max(1, next(sizes, 480))]
        if len(block):
            if recorder is not None:
                recorder.samples(block)
            tell(engine.process(block))
        start += len(block)
    if recorder is not None:
        assert recorder.close(60.0)
    return events


def play_recorded(samples, folder, options, acts=(), blocks=()) -> list[Event]:
    """:func:`perform` with a recorder in ``folder``."""
    return perform(samples, options, Recorder(folder, options), acts, blocks)
