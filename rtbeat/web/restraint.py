"""Limits that a process of the server puts on itself before it works on what was sent."""

from __future__ import annotations

import contextlib
import math
import os

from rtbeat.features import SAMPLE_RATE_RANGE

NICENESS = 5


def restrain(seconds: float, work_seconds: float, memory_bytes: int) -> None:
    """Lower priority and limits for this process and the decoders that it starts.

    seconds : longest song. work_seconds : of processor time. memory_bytes : of address space.
    """
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        import resource
    except ImportError:  # Windows
        return
    largest = math.ceil(seconds * SAMPLE_RATE_RANGE[1] * 4) + 4096  # 16 bit, stereo
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, math.ceil(work_seconds)),
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a stricter limit is there, or none can be
            resource.setrlimit(what, (most, most))
