"""What the tracker does where music changes, pauses or is none."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import negatives
from benchmarks.recovery import beats_until_right
from rtbeat import BeatTracker, State
from tests.music import drum_loop
from tests.needs import require_program

RATE = negatives.SAMPLE_RATE
TEMPO = 112.0
PERIOD = 60.0 / TEMPO
DRUMS, BEATS = drum_loop(TEMPO, 12.0, RATE)
BREAK = 32 * PERIOD


@pytest.fixture(scope="module")
def shared_tracker():
    return BeatTracker(RATE, tempo_range=(50.0, 180.0))


@pytest.fixture
def tracker(shared_tracker):
    shared_tracker.reset()
    return shared_tracker


def run(tracker, audio):
    """Beats given out for it in blocks of 10 ms, and the state after each."""
    beats, states = [], []
    step = RATE // 100
    for start in range(0, len(audio), step):
        beats += tracker.process(audio[start : start + step].astype(np.float32))
        states.append(tracker.state)
    return beats, states


def music_break_music(between):
    """Eight bars of something else between two stretches of the same drums, in time."""
    bars = int((12.0 - BEATS[0]) / (4 * PERIOD)) * 4
    cut = BEATS[bars] - 0.02
    first = DRUMS[: round(cut * RATE)]
    silence = np.zeros(round((cut + BREAK) * RATE) - len(first))
    again = drum_loop(TEMPO, 12.0, RATE)[0][round((BEATS[0] - 0.02) * RATE) :]
    rest = between(silence)
    return np.concatenate((first, rest, again)), cut + 0.02, cut + 0.02 + BREAK


def room(silence):
    return 0.003 * np.random.default_rng(0).standard_normal(len(silence))


@pytest.mark.parametrize("between", [lambda silence: silence, room], ids=["silence", "room"])
def test_after_eight_bars_of_break_the_phase_is_right(tracker, between):
    audio, start, stop = music_break_music(between)
    beats, states = run(tracker, audio)
    times = np.array([beat.time for beat in beats])
    grid = BEATS[0] + np.arange(200) * PERIOD
    coasted = times[(times > start) & (times < stop + 4 * PERIOD)]
    assert len(coasted) == pytest.approx(36, abs=1)
    assert max(np.abs(grid - time).min() for time in coasted) < 0.035
    assert State.COASTING in states[round((start + 3.0) * 100) : round(stop * 100)]
    assert State.LOST not in states
    assert tracker.state is State.LOCKED


def test_in_five_seconds_of_silence_it_coasts_and_goes_on(tracker):
    beats, states = run(tracker, np.concatenate((DRUMS, np.zeros(5 * RATE))))
    assert states[-1] is State.COASTING
    inside = [beat for beat in beats if 12.0 < beat.time < 17.0]
    assert len(inside) == pytest.approx(5.0 / PERIOD, abs=1)


@pytest.mark.parametrize(("before", "after"), [(100.0, 130.0), (130.0, 100.0)])
def test_a_step_of_tempo_is_followed_within_four_beats(tracker, before, after):
    first, old = drum_loop(before, 12.0, RATE)
    second, new = drum_loop(after, 12.0, RATE)
    cut = old[-1] - 0.02
    audio = np.concatenate((first[: round(cut * RATE)], second[round((new[0] - 0.02) * RATE) :]))
    beats, _ = run(tracker, audio)
    truth = np.concatenate((old[:-1], new - new[0] + old[-1]))
    times, tempi = (np.array([getattr(b, key) for b in beats]) for key in ("time", "tempo"))
    assert beats_until_right(times, tempi, truth, old[-1]) <= 4


@pytest.mark.parametrize("noise", [negatives.white_noise, negatives.pink_noise, negatives.hum])
def test_noise_starts_no_beat(tracker, noise):
    beats, _ = run(tracker, noise(15.0, 3))
    assert beats == []
    assert tracker.state is State.LISTENING


def test_speech_starts_no_beat(tracker):
    require_program("espeak-ng", "apt install espeak-ng")
    beats, _ = run(tracker, negatives.speech(20.0, 0))
    assert beats == []


def test_music_after_noise_is_found(tracker):
    beats, _ = run(tracker, np.concatenate((negatives.pink_noise(6.0, 1), DRUMS)))
    assert all(beat.time > 6.0 for beat in beats)
    late = [beat.time - 6.0 for beat in beats if beat.time > 12.0]
    assert len(late) > 8
    assert np.median([np.abs(BEATS - time).min() for time in late]) < 0.02


def test_a_range_with_room_for_half_the_tempo_only_starves_nobody():
    """Two grids at half the tempo are as likely there; it must settle on one."""
    audio, truth = drum_loop(130.0, 20.0, RATE)
    tracker = BeatTracker(RATE, tempo_range=(50.0, 100.0))
    times = np.array([beat.time for beat in run(tracker, audio)[0]])
    assert (times > 8.0).sum() == pytest.approx(12.0 * 65 / 60, abs=3)
    assert np.median([np.abs(truth - time).min() for time in times[times > 8.0]]) < 0.03
