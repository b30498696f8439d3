import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat.meter import Bar, find_bar
from rtbeat.search import SearchDecoder, search_beats

RATE = 50.0


def activations(beats, frames, numbers=None, width=0.8, height=0.9):
    """float32 (frames, 2) with peaks at ``beats`` (frames); downbeats where the number is 1."""
    beats = np.asarray(beats, float)
    peaks = height * np.exp(-0.5 * ((np.arange(frames)[:, None] + 0.5 - beats) / width) ** 2)
    out = np.zeros((frames, 2), np.float32)
    if len(beats):
        out[:, 0] = peaks.max(1)
        if numbers is not None:
            out[:, 1] = (peaks * (np.asarray(numbers) == 1)).max(1)
    return out


def even(period, frames, phase=4.0):
    return np.arange(phase, frames, period)


def listen(decoder, rows, start=0, stop=None):
    """Feed hop by hop, a window of at most 500 frames."""
    for newest in range(start, len(rows) if stop is None else stop):
        decoder.update(rows[max(0, newest - 499) : newest + 1], newest)
    return decoder


def told_ahead(decoder, rows, lead=10.0):
    """Beats (frames) as a tracker announces them: when due in less than ``lead`` frames."""
    told = []
    for newest in range(len(rows)):
        listen(decoder, rows, newest, newest + 1)
        after = newest + 1.0
        if told:
            after = told[-1].frame + 0.5 * told[-1].period
        beat = decoder.predict(after)
        if beat is not None and beat.frame - newest - 1 < lead:
            told.append(beat)
    return np.array([beat.frame for beat in told])


def hits(found, true, tolerance):
    return np.array([np.min(np.abs(true - beat)) <= tolerance for beat in found])


# --- telling beats ahead


@pytest.mark.parametrize("tempo", [66.0, 97.3, 120.0, 143.0, 171.0])
def test_regular_beats_are_told_ahead_to_a_tenth_of_a_frame(tempo):
    true = even(60 * RATE / tempo, 700)
    decoder = listen(SearchDecoder(), activations(true, 600))
    beat = decoder.predict(600.0)
    assert beat.frame == pytest.approx(true[true > 600][0], abs=0.1)
    assert 60 * RATE / beat.period == pytest.approx(tempo, rel=0.003)
    assert beat.confidence > 0.8
    assert decoder.presence > 0.9


def test_every_beat_after_the_first_few_is_told_once():
    true = even(24.7, 1000)
    told = told_ahead(SearchDecoder(), activations(true, 1000))
    late = told[told > 150]
    assert hits(late, true, 1.0).all()
    assert len(late) == pytest.approx(np.sum((true > 150) & (true < 1010)), abs=1)


def test_a_slow_change_of_tempo_is_followed():
    true = np.cumsum(np.linspace(30, 22, 40)) + 5  # 100 to 136 BPM in 40 beats
    told = told_ahead(SearchDecoder(follow=0.8), activations(true, int(true[-1])))
    late = told[(told > 200) & (told < true[-1])]
    assert hits(late, true, 3.0).mean() > 0.95


def test_a_new_tempo_is_found_within_some_beats():
    slow = even(30.0, 600)
    fast = np.arange(slow[-1] + 21.0, 1200, 21.0)
    true = np.concatenate((slow, fast))
    told = told_ahead(SearchDecoder(), activations(true, 1200))
    late = told[(told > 600 + 12 * 21) & (told < 1200)]
    assert len(late) > 10
    assert hits(late, true, 2.0).all()


def test_a_missing_beat_and_a_stray_one_do_not_disturb():
    true = even(25.0, 700)
    heard = np.append(np.delete(true, [10, 15]), true[20] + 9)
    told = told_ahead(SearchDecoder(), activations(np.sort(heard), 700))
    assert hits(told[(told > 200) & (told < 700)], true, 1.5).all()


def test_beats_go_on_through_a_break():
    true = even(26.0, 1000)
    heard = true[(true < 500) | (true > 700)]
    told = told_ahead(SearchDecoder(), activations(heard, 1000))
    gone_on = told[(told > 200) & (told < 990)]
    assert hits(gone_on, true, 1.5).all()
    assert np.diff(gone_on).max() < 30


def test_past_the_next_beat_the_grid_goes_on():
    decoder = listen(SearchDecoder(), activations(even(25.0, 500), 500))
    first = decoder.predict(500.0)
    for steps in (1, 2, 7):
        later = decoder.predict(first.frame + (steps - 0.5) * first.period)
        assert later.frame == pytest.approx(first.frame + steps * first.period)
        assert later.confidence <= first.confidence


def test_changed_rows_of_the_past_are_believed():
    wrong, right = even(25.0, 500), even(25.0, 500, phase=14.0)
    decoder = listen(SearchDecoder(), activations(wrong, 500))
    listen(decoder, activations(right, 600), 500, 560)
    assert hits([decoder.predict(560.0).frame], even(25.0, 700, phase=14.0), 1.0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 400), st.integers(1, 120))
def test_whatever_is_heard_predictions_hold_their_promises(seed, follow, after, frames):
    rng = np.random.default_rng(seed)
    rows = (rng.random((frames, 2)) ** rng.integers(1, 6)).astype(np.float32)
    decoder = listen(SearchDecoder(follow=follow), rows)
    beat = decoder.predict(after)
    assert beat == decoder.predict(after)  # pure
    if beat is not None:
        assert after < beat.frame <= after + beat.period + 1e-6
        assert 12.5 <= beat.period <= 75.0
        assert 0.0 <= beat.confidence <= 1.0
    assert 0.0 <= decoder.presence <= 1.0
    weights = [candidate.weight for candidate in decoder.candidates]
    assert not weights or sum(weights) == pytest.approx(1.0)
    assert weights[1:] == sorted(weights[1:], reverse=True)


def test_the_same_input_gives_the_same_beats_also_after_reset():
    rows = np.random.default_rng(5).random((400, 2)).astype(np.float32)
    decoder = SearchDecoder()
    first = told_ahead(decoder, rows)
    decoder.reset()
    np.testing.assert_array_equal(first, told_ahead(decoder, rows))


# --- is there a beat at all


def test_silence_has_no_beat():
    decoder = listen(SearchDecoder(), np.zeros((300, 2), np.float32))
    assert decoder.predict(300.0) is None
    assert decoder.presence == 0.0
    assert decoder.candidates == []


def test_presence_is_low_in_noise():
    rows = np.random.default_rng(3).random((600, 2)).astype(np.float32)
    assert listen(SearchDecoder(), rows).presence < 0.3


def test_presence_and_confidence_fall_when_the_beats_stop():
    rows = activations(even(25.0, 500), 1100)
    decoder = listen(SearchDecoder(), rows, stop=500)
    before = decoder.predict(500.0).confidence
    assert decoder.presence > 0.9
    listen(decoder, rows, 500, 850)
    assert decoder.presence < 0.4
    assert decoder.predict(850.0).confidence < 0.5 * before


def test_the_tempo_followed_is_the_first_candidate():
    decoder = listen(SearchDecoder(), activations(even(25.0, 500), 500))
    assert decoder.candidates[0].tempo == pytest.approx(120, abs=0.5)


# --- the bar


@pytest.mark.parametrize("bar", [2, 3, 4])
def test_the_position_in_the_bar_is_found(bar):
    true = even(25.0, 700)
    numbers = np.arange(len(true)) % bar + 1
    decoder = listen(SearchDecoder(), activations(true, 500, numbers))
    beat = decoder.predict(500.0)
    assert beat.number == numbers[np.argmin(np.abs(true - beat.frame))]
    assert decoder.predict(beat.frame).number == beat.number % bar + 1


def test_a_bar_that_is_given_is_kept_to():
    true = even(25.0, 700)
    numbers = np.arange(len(true)) % 6 + 1
    decoder = listen(SearchDecoder(beats_per_bar=6), activations(true, 500, numbers))
    beat = decoder.predict(500.0)
    assert beat.number == numbers[np.argmin(np.abs(true - beat.frame))]


def test_without_downbeats_numbers_are_unknown():
    decoder = listen(SearchDecoder(), activations(even(25.0, 500), 500))
    assert decoder.predict(500.0).number == 0


def test_a_bar_is_kept_until_another_is_clearly_better():
    downs = np.tile([0.6, 0.1, 0.3, 0.1], 5)
    held = Bar(4, 2)
    assert find_bar(downs, 19, (2, 3, 4), None) == Bar(4, 0)
    assert find_bar(np.full(20, 0.3), 19, (2, 3, 4), held) == held


# --- the user's hand


def test_a_seed_is_believed_before_anything_is_heard():
    decoder = SearchDecoder()
    decoder.seed(10.0, 30.0, number=3)
    beat = decoder.predict(12.0)
    assert (beat.frame, beat.period, beat.number) == (40.0, 30.0, 4)
    assert decoder.predict(40.0).number == 1


def test_a_seeded_octave_is_kept():
    rows = activations(even(20.0, 1200), 1200)
    decoder = listen(SearchDecoder(), rows, stop=500)
    assert decoder.predict(500.0).period == pytest.approx(20, abs=0.1)
    decoder.seed(decoder.predict(500.0).frame, 40.0)
    listen(decoder, rows, 500, 1100)
    beat = decoder.predict(1100.0)
    assert beat.period == pytest.approx(40, abs=0.2)
    assert hits([beat.frame], even(20.0, 1200), 1.0).all()


def test_a_seeded_half_beat_shift_is_kept():
    true = even(30.0, 1200)
    rows = activations(true, 1200)
    decoder = listen(SearchDecoder(), rows, stop=500)
    beat = decoder.predict(500.0)
    decoder.seed(beat.frame + 15, 30.0)
    listen(decoder, rows, 500, 700)
    assert hits([decoder.predict(700.0).frame], true + 15, 2.0).all()


def test_a_seeded_number_goes_on():
    true = even(25.0, 900)
    rows = activations(true, 900, np.arange(len(true)) % 4 + 1)
    decoder = listen(SearchDecoder(), rows, stop=400)
    beat = decoder.predict(400.0)
    number = beat.number % 4 + 1
    decoder.seed(beat.frame, beat.period, number)
    listen(decoder, rows, 400, 800)
    after = decoder.predict(beat.frame + 10.5 * beat.period)
    assert after.number == (number - 1 + 11) % 4 + 1


def test_a_locked_tempo_stays_and_only_the_phase_follows():
    decoder = listen(SearchDecoder(), activations(even(25.0, 500), 500))
    decoder.lock_tempo(25.0)
    late = even(25.0, 900, phase=8.0)
    rows = activations(np.concatenate((even(25.0, 500), late[late > 500])), 900)
    listen(decoder, rows, 500, 860)
    beat = decoder.predict(860.0)
    assert beat.period == 25.0
    assert hits([beat.frame], late, 1.0).all()
    decoder.lock_tempo(None)
    faster = activations(even(22.0, 1700), 1700)
    listen(decoder, faster, 860, 1600)
    assert decoder.predict(1600.0).period == pytest.approx(22.0, abs=0.2)


def test_bad_arguments_are_named():
    for options, name in [
        ({"frame_rate": 0.0}, "frame_rate"),
        ({"tempo_range": (100.0, 90.0)}, "tempo_range"),
        ({"follow": 1.5}, "follow"),
        ({"beats_per_bar": 0}, "beats_per_bar"),
    ]:
        with pytest.raises(ValueError, match=name):
            SearchDecoder(**options)
    decoder = SearchDecoder()
    with pytest.raises(ValueError, match="window"):
        decoder.update(np.zeros(10, np.float32), 9)
    with pytest.raises(ValueError, match="frame"):
        decoder.seed(math.nan, 25.0)
    with pytest.raises(ValueError, match="period"):
        decoder.seed(0.0, 5.0)
    with pytest.raises(ValueError, match="number"):
        decoder.seed(0.0, 25.0, 9)
    with pytest.raises(ValueError, match="period"):
        decoder.lock_tempo(200.0)


# --- a whole piece


@pytest.mark.parametrize("constant", [False, True])
def test_all_beats_of_a_piece_are_found(constant):
    true = even(23.4, 1500)
    numbers = np.arange(len(true)) % 4 + 1
    frames, found, sure = search_beats(activations(true, 1500, numbers), constant_tempo=constant)
    np.testing.assert_allclose(frames, true, atol=0.3)
    np.testing.assert_array_equal(found, numbers)
    assert sure.min() > 0.8
    assert (frames.dtype, found.dtype, sure.dtype) == (np.float64, np.int64, np.float64)


def test_a_piece_that_slows_down_is_followed_to_its_end():
    true = np.cumsum(np.linspace(22, 33, 60)) + 5
    frames, _, _ = search_beats(activations(true, int(true[-1]) + 20))
    assert len(frames) == len(true)
    assert np.abs(frames - true).max() < 1.0


def test_silence_around_a_piece_gets_no_beats():
    true = even(25.0, 1000, phase=400.0)
    frames, _, _ = search_beats(activations(true, 1500))
    np.testing.assert_allclose(frames, true, atol=0.3)


@pytest.mark.parametrize("frames", [0, 1, 5, 400])
def test_a_silent_piece_has_no_beats(frames):
    for part in search_beats(np.zeros((frames, 2), np.float32)):
        assert len(part) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 800), st.booleans())
def test_whatever_the_piece_beats_rise_in_the_tempo_range(seed, frames, constant):
    rng = np.random.default_rng(seed)
    rows = (rng.random((frames, 2)) ** rng.integers(1, 6)).astype(np.float32)
    beats, numbers, sure = search_beats(rows, constant_tempo=constant)
    assert len(beats) == len(numbers) == len(sure)
    assert (np.diff(beats) > 0).all()
    assert ((beats >= 0) & (beats <= frames)).all()
    assert ((sure >= 0) & (sure <= 1)).all()
    assert ((numbers >= 0) & (numbers <= 4)).all()


def test_a_piece_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="shape"):
        search_beats(np.zeros(100, np.float32))


@pytest.mark.skipif("RTBEAT_DATA" not in os.environ, reason="RTBEAT_DATA names no data folder")
def test_beats_of_real_activations_agree_with_people():
    data = np.load(Path(os.environ["RTBEAT_DATA"]) / "dev_activations.npz")
    clips = sorted(key[:-6] for key in data.files if key.startswith("ballroom") and "beats" in key)
    right = []
    for clip in clips[::40]:
        fine = (data[f"{clip}/activation"].astype(np.float32) / 255) ** 2
        rows = np.zeros((len(fine) // 2, 2), np.float32)
        rows[:, 0] = fine[: 2 * len(rows)].reshape(-1, 2).max(1)
        frames, _, _ = search_beats(rows)
        right.append(hits(data[f"{clip}/beats"][:, 0] * RATE, frames, 0.07 * RATE).mean())
    assert np.mean(right) > 0.85


def test_a_grid_that_was_coasted_on_is_taken_up_whatever_bar_it_was_counted_in():
    """The place in the bar by which the announcer went on may be in no bar that the decoder has."""
    decoder = SearchDecoder(beats_per_bar=2)
    decoder.update(np.zeros((100, 2), np.float32), 99)
    decoder.seed(90.0, 25.0, number=3, by_hand=False)
    with pytest.raises(ValueError, match="number is 3"):
        decoder.seed(90.0, 25.0, number=3)
