"""The delay from loudspeaker to microphone is found in simulated rooms, or it is said why not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.calibrate import measure_loop
from rtbeat.live.loop_delay import BAND, BEFORE, Heard, LoopError, find_burst, judge, noise_bursts
from tests.rooms import Loop, delayed, room_response

RATE = 48_000

bursts_at = lru_cache(noise_bursts)


def heard_after(delay, snr, rate=RATE, which=0, response=(1.0,), seed=0):
    """What is found of one burst that comes ``delay`` samples after it was played."""
    burst = bursts_at(rate)[which]
    before = round(BEFORE * rate)
    length = before + round(0.6 * rate) + len(burst)
    clean = delayed(np.convolve(burst, response), before + delay, length)
    power = float(np.mean(burst.astype(np.float64) ** 2))
    # the noise is white, so only a part of it is in the band of the burst
    share = (min(BAND[1], 0.42 * rate) - BAND[0]) / (rate / 2)
    noise = np.sqrt(power / share / 10 ** (snr / 10))
    random = np.random.default_rng(seed)
    recorded = clean + noise * random.standard_normal(length)
    return find_burst(recorded.astype(np.float32), burst, before, rate)


# ---- the bursts ----


def test_bursts_are_the_same_every_time_and_differ_from_each_other():
    again = noise_bursts(RATE)
    for first, second in zip(bursts_at(RATE), again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(again[0], again[1])


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_bursts_fill_full_scale_and_keep_to_their_band(rate):
    for burst in bursts_at(rate):
        assert np.abs(burst).max() == pytest.approx(1.0)
        power = np.abs(np.fft.rfft(burst)) ** 2
        frequencies = np.fft.rfftfreq(len(burst), 1 / rate)
        inside = (frequencies > 0.9 * BAND[0]) & (frequencies < 1.05 * BAND[1])
        assert power[inside].sum() > 0.99 * power.sum()


# ---- one burst ----


@settings(max_examples=60, deadline=None)
@given(
    delay=st.floats(0.0, 0.5),
    rate=st.sampled_from([16_000, 44_100, 48_000]),
    which=st.integers(0, 5),
    seed=st.integers(0, 1000),
)
def test_any_delay_is_found_to_a_tenth_of_a_millisecond_at_20_db(delay, rate, which, seed):
    found = heard_after(delay * rate, 20.0, rate, which, seed=seed)
    assert abs(found.delay / rate - delay) < 1e-4
    assert found.snr == pytest.approx(20.0, abs=2.0)


@pytest.mark.parametrize("delay", [1000.0, 1000.25, 1000.5, 1000.9])
def test_delays_are_found_to_a_fraction_of_a_sample(delay):
    assert heard_after(delay, 40.0).delay == pytest.approx(delay, abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_in_a_room_the_direct_sound_counts(seed):
    found = heard_after(2345.0, 20.0, response=room_response(RATE), seed=seed)
    assert found.delay == pytest.approx(2345.0, abs=1.0)


def test_a_reflection_louder_than_the_direct_sound_is_not_taken_for_it():
    response = np.zeros(600)
    response[0], response[500] = 0.6, -1.0
    assert heard_after(2345.0, 20.0, response=response).delay == pytest.approx(2345.0, abs=0.5)


def test_an_input_wired_upside_down_makes_no_difference():
    assert heard_after(777.0, 20.0, response=(-1.0,)).delay == pytest.approx(777.0, abs=0.1)


def test_noise_as_loud_as_the_burst_leaves_it_found():
    found = heard_after(2345.0, 0.0)
    assert found.delay == pytest.approx(2345.0, abs=2.0)
    assert found.snr == pytest.approx(0.0, abs=2.0)


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_far_below_the_gate(seed):
    assert heard_after(100.0, -60.0, seed=seed).snr < -10.0


# ---- all bursts ----


def heard(*delays, snr=20.0, noise=-60.0):
    return [Heard(delay, snr, noise) for delay in delays]


def test_the_median_of_the_bursts_is_the_delay():
    loop = judge(heard(480.0, 481.0, 482.0, 490.0), 0.5, RATE)
    assert loop.delay == pytest.approx(481.5 / RATE)
    assert loop.spread == pytest.approx(10.0 / RATE)
    assert (loop.snr, loop.heard) == (20.0, 4)


def test_bursts_under_the_gate_do_not_count():
    odd = [*heard(480.0, 480.0, 480.0, 480.0), Heard(9000.0, -15.0, -60.0)]
    assert judge(odd, 0.5, RATE).delay == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("bursts", "peak", "xruns", "reason"),
    [
        (heard(1.0, 2.0, 3.0, 4.0), 0.0, 0, "dead silent"),
        (heard(1.0, 2.0, 3.0, 4.0, snr=-20.0), 0.1, 0, "turn the loudspeaker up"),
        (heard(1.0, 2.0, 3.0, 4.0, snr=-20.0, noise=-12.0), 0.9, 0, r"too loud around \(-12 dB"),
        (heard(1.0, 2.0, 3.0, 400.0), 0.5, 0, "varies by 8.3 ms: .*not constant"),
        (heard(1.0, 2.0, 3.0, 400.0), 0.5, 3, "sound was lost 3 times"),
        (heard(1.0, 2.0, 3.0, 400.0), 1.0, 0, "the input clips"),
    ],
)
def test_what_cannot_be_measured_is_told_with_the_reason(bursts, peak, xruns, reason):
    with pytest.raises(LoopError, match=reason):
        judge(bursts, peak, RATE, xruns)


# ---- on a stream ----

SLOW = 8_000  # rate of the streams in memory


def measure(**options):
    loop = Loop(SLOW, bursts_at(SLOW), **options)
    return measure_loop(loop.stream, bursts_at(SLOW), sleep=loop.sleep)


@pytest.mark.parametrize("delay", [64.0, 801.5, 4000.0])
def test_the_delay_of_one_device_is_measured(delay):
    found = measure(delay=delay, noise=0.002)
    assert found.delay == pytest.approx(delay / SLOW, abs=1e-4)
    assert found.spread < 1e-4
    assert found.heard == 6


def test_the_delay_between_two_devices_is_measured_by_the_hosts_clock():
    found = measure(delay=801.5, noise=0.002, devices=2, lag=3210)
    assert found.delay == pytest.approx(801.5 / SLOW, abs=1e-4)


def test_a_latency_that_wanders_is_refused():
    with pytest.raises(LoopError, match="not constant"):
        measure(delay=801.0, wander=lambda index: 16 * (index // SLOW % 3))


def test_an_unplugged_cable_is_told():
    with pytest.raises(LoopError, match="dead silent"):
        measure(delay=801.0, level=0.0)


def test_a_loudspeaker_too_far_away_is_told():
    with pytest.raises(LoopError, match="turn the loudspeaker up"):
        measure(delay=801.0, level=0.0003, noise=0.002)


def test_a_device_that_has_stopped_is_told_and_not_waited_for():
    loop = Loop(SLOW, bursts_at(SLOW), 801.0)
    with pytest.raises(AudioDeviceError, match="gives no sound"):
        measure_loop(loop.stream, bursts_at(SLOW), sleep=lambda seconds: None)
