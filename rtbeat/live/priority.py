"""Real-time priority for a process that must be on time."""

from __future__ import annotations

import ctypes
import os
import sys

PRIORITY = (
    20  # of SCHED_FIFO, 1 to 99: above JACK's clients, below kernel threads that serve devices
)


def raise_priority() -> bool:
    """Put the calling thread and those it starts later before all ordinary ones, if allowed.

    ``SCHED_FIFO`` where POSIX has it; on Linux that needs root, CAP_SYS_NICE or a limit ``rtprio``
    (group ``audio`` on most systems). Without it the process goes on as it is. Windows: timers of
    1 ms and the highest ordinary class. Returns whether it was allowed.

    Thread: any. Realtime-safe: no.
    """
    if sys.platform == "win32":  # pragma: no cover
        ctypes.windll.winmm.timeBeginPeriod(1)
        high = 0x80
        process = ctypes.windll.kernel32.GetCurrentProcess()
        return bool(ctypes.windll.kernel32.SetPriorityClass(process, high))
    if not hasattr(os, "sched_setscheduler"):  # macOS
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        return False
    return True
