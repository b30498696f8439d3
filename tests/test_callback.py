"""What runs on the audio thread: ring, clicks, counters; and that it needs no interpreter."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import cgutils
from numba.extending import intrinsic

from rtbeat.live import callback
from rtbeat.live.callback import portaudio_callback
from rtbeat.live.shared_audio import SharedAudio, run

NOW = (0.0, 0.0, 0.0)


@intrinsic
def address_as_void_pointer(context, address):
    """An address as a pointer that ``carray`` takes."""

    def codegen(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return nb.types.voidptr(address), codegen


def blocks(sizes, channels=1, seed=0):
    """Random input cut into blocks, float32 ``(frames, channels)`` each."""
    random = np.random.default_rng(seed)
    return [random.standard_normal((size, channels)).astype(np.float32) for size in sizes]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=20), st.integers(1, 3))
def test_what_comes_in_is_read_again_mixed_to_one_channel(sizes, channels):
    shared = SharedAudio(channels, 0, sample_rate=1000, seconds=20)
    heard = []
    source = blocks(sizes, channels)
    for block in source:
        run(shared, block, 0, NOW)
        samples, lost = shared.read()
        assert lost == 0
        heard.append(samples)
    expected = np.concatenate(source).mean(axis=1)
    np.testing.assert_allclose(np.concatenate(heard), expected, atol=1e-6)
    assert shared.position == shared.frames == sum(sizes)


def test_a_reader_that_sleeps_too_long_is_told_how_much_it_missed():
    shared = SharedAudio(1, 0, sample_rate=1000, seconds=1)
    source = np.arange(3500, dtype=np.float32)[:, None] / 3500
    for start in range(0, 3500, 100):
        run(shared, source[start : start + 100], 0, NOW)
    samples, lost = shared.read()
    assert lost == 2500
    np.testing.assert_array_equal(samples, source[2500:, 0])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 90), min_size=8, max_size=20),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_clicks_sound_on_their_very_sample_however_the_blocks_are_cut(sizes, starts):
    click = np.array([1.0, 0.5, 0.25, 0.125], np.float32)
    shared = SharedAudio(0, 2, [click], sample_rate=1000)
    for start in starts:
        assert shared.play(start, 0, 0.5)
    out = np.concatenate([run(shared, np.empty((size, 0), np.float32), 2, NOW) for size in sizes])
    expected = np.zeros(sum(sizes) + 400, np.float32)
    for start in starts:
        expected[start : start + 4] += 0.5 * click
    np.testing.assert_allclose(out[:, 0], expected[: len(out)], atol=1e-6)
    np.testing.assert_array_equal(out[:, 0], out[:, 1])
    assert shared.late == 0


def test_a_click_that_comes_too_late_is_counted_and_not_played_by_half():
    shared = SharedAudio(0, 1, [np.ones(50, np.float32)])
    run(shared, np.empty((100, 0), np.float32), 1, NOW)
    shared.play(80, 0)
    assert not run(shared, np.empty((100, 0), np.float32), 1, NOW).any()
    assert shared.late == 1


def test_clicks_not_begun_can_be_taken_back():
    shared = SharedAudio(0, 1, [np.ones(10, np.float32)])
    shared.play(5, 0)
    shared.play(300, 0)
    shared.cancel(200)
    out = run(shared, np.empty((400, 0), np.float32), 1, NOW)
    assert np.flatnonzero(out[:, 0]).tolist() == list(range(5, 15))


def test_more_clicks_than_slots_are_refused_until_some_are_over():
    shared = SharedAudio(0, 1, [np.ones(2, np.float32)], slots=2)
    assert shared.play(0, 0)
    assert shared.play(1, 0)
    assert not shared.play(2, 0)
    run(shared, np.empty((10, 0), np.float32), 1, NOW)
    assert shared.play(20, 0)
    with pytest.raises(ValueError, match="no sound 3"):
        shared.play(30, 3)


def test_arrivals_carry_the_hosts_clock_and_what_the_driver_says():
    shared = SharedAudio(1, 1)
    before = time.perf_counter_ns()
    run(shared, np.zeros((64, 1), np.float32), 1, (1.0, 1.25, 1.75))
    after = time.perf_counter_ns()
    ((frames, host, capture, play),) = shared.arrivals()
    assert (frames, capture, play) == (64, 250_000_000, 500_000_000)
    assert before <= host <= after
    assert len(shared.arrivals()) == 0


def test_nonsense_of_a_driver_stays_finite():
    shared = SharedAudio(1, 1)
    run(shared, np.zeros((64, 1), np.float32), 1, (0.0, float("nan"), 1e300))
    assert np.abs(shared.arrivals()[0, 2:]).max() <= 10**10


def test_portaudio_can_call_it_by_address_without_the_interpreter():
    """As a C library does: from the address alone, with pointers. PyDLL would hold the lock while
    calling; CFUNCTYPE lets it go, and the callback must not need it."""
    ulong, pointer = ctypes.c_ulong, ctypes.c_void_p
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, ulong, pointer, ulong, pointer)
    call = prototype(portaudio_callback.address)
    shared = SharedAudio(1, 1, [np.array([0.5], np.float32)])
    shared.play(3, 0)
    source = np.linspace(0, 1, 8, dtype=np.float32)
    target = np.full(8, np.nan, np.float32)
    times = np.zeros(3)
    xrun = callback.INPUT_OVERFLOW | callback.OUTPUT_UNDERFLOW
    arguments = (source.ctypes.data, target.ctypes.data, 8, times.ctypes.data, xrun, shared.address)
    assert call(*arguments) == 0
    np.testing.assert_array_equal(shared.read()[0], source)
    np.testing.assert_array_equal(target, np.eye(8, dtype=np.float32)[3] * 0.5)
    assert shared.xruns == (1, 1)


@nb.cfunc("intp(intp)")
def _play_ten_blocks(memory):
    """What a thread of PortAudio does, as the body of a thread of the C library."""
    words = nb.carray(address_as_void_pointer(memory), (400_000,), np.int64)
    words = words[: words[callback.SIZE]]
    source, target = np.zeros(64, np.float32), np.zeros(64, np.float32)
    for _ in range(10):
        callback.run_block(words, source, target, 64, np.zeros(3), 0)
    return 0


@pytest.mark.skipif(sys.platform == "win32", reason="uses threads of the C library")
def test_it_runs_while_another_thread_holds_the_interpreter_lock():
    shared = SharedAudio(1, 1, [np.ones(10, np.float32)])
    shared.play(100, 0)
    libc = ctypes.PyDLL(None)  # calls through PyDLL keep the lock
    thread = ctypes.c_ulong()
    body = ctypes.c_void_p(_play_ten_blocks.address)
    libc.pthread_create(ctypes.byref(thread), None, body, ctypes.c_void_p(shared.address))
    libc.pthread_join(thread, None)  # never returns if the callback waits for the lock
    assert shared.frames == 640


def test_the_compiled_callback_allocates_nothing_and_takes_no_lock(tmp_path):
    # compiled anew: what comes from numba's cache cannot be looked into
    code = "from rtbeat.live.callback import portaudio_callback as c; print(c.inspect_llvm())"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    declared = [line for line in shown.stdout.splitlines() if line.startswith("declare")]
    called = {line.split("@")[1].split("(")[0] for line in declared}
    assert any(name.startswith("rtbeat_") for name in called)  # the clock: all of it is seen
    for forbidden in ("alloc", "Allocate", "mutex", "sem_", "printf", "write"):
        assert not [name for name in called if forbidden in name], forbidden
