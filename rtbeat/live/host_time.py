"""The host's monotonic clock, readable from compiled code without the interpreter.

:func:`read_clock` gives what ``time.perf_counter_ns()`` gives: ``clock_gettime`` on POSIX systems
and ``QueryPerformanceCounter`` on Windows. The C functions are made known to the compiler under a
name of our own, so that the compiled code can be kept in numba's cache.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import llvmlite.binding
import numba as nb

types: Any = nb.types

if sys.platform == "win32":  # pragma: no cover
    _kernel32 = ctypes.windll.kernel32
    _frequency = ctypes.c_int64()
    _kernel32.QueryPerformanceFrequency(ctypes.byref(_frequency))
    TICKS_A_SECOND = _frequency.value
    _query = ctypes.cast(_kernel32.QueryPerformanceCounter, ctypes.c_void_p).value
    llvmlite.binding.add_symbol("rtbeat_query_performance_counter", _query)
    _counter = types.ExternalFunction("rtbeat_query_performance_counter", types.int32(types.uintp))

    @nb.njit(nogil=True, cache=True, error_model="numpy")
    def read_clock(scratch):  # type: ignore[no-untyped-def]
        """Host time in ns. scratch: int64 ``(2,)``, contiguous, overwritten.

        Thread: any. Realtime-safe: yes.
        """
        _counter(scratch.ctypes.data)
        ticks = scratch[0]
        seconds = ticks // TICKS_A_SECOND
        return seconds * 1_000_000_000 + (
            (ticks - seconds * TICKS_A_SECOND) * 1_000_000_000 // TICKS_A_SECOND
        )

else:
    # the clock behind time.perf_counter: on macOS mach_absolute_time, which is this one's source
    CLOCK = 8 if sys.platform == "darwin" else 1
    _gettime = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value
    llvmlite.binding.add_symbol("rtbeat_clock_gettime", _gettime)
    _clock_gettime = types.ExternalFunction(
        "rtbeat_clock_gettime", types.int32(types.int32, types.uintp)
    )

    @nb.njit(nogil=True, cache=True, error_model="numpy")
    def read_clock(scratch):  # type: ignore[no-untyped-def]
        """Host time in ns. scratch: int64 ``(2,)``, contiguous, overwritten.

        Thread: any. Realtime-safe: yes.
        """
        _clock_gettime(CLOCK, scratch.ctypes.data)
        return scratch[0] * 1_000_000_000 + scratch[1]
