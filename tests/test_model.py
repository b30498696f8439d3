"""Streams and whole pieces: activations of a model against slow references."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtbeat import gru, piece
from rtbeat.model import BeatModel
from rtbeat.networks import Networks
from rtbeat.packed import pack
from tests import naive_gru
from tests.models import ANCESTOR, TINY, random_features, random_model


def windows(stream, features):
    """Copies of the window after each frame."""
    shown = []
    for frame in features:
        stream.push(frame)
        shown.append(stream.window.copy())
    return shown


def unmoved(tiny, features):
    """What a stream shows, from buffers that hold all of its frames: nothing is ever moved."""
    config, packed = tiny.config, pack(tiny.config, tiny.arrays)
    work, shown = Networks(packed, 1 + len(features), 1, config.frames), []
    for newest, frame in enumerate(features):
        size, stop = min(newest + 1, config.frames), newest + 2
        work.absorb(frame[None], stop - 1)
        run = size if (newest + 1) % config.refresh == 0 else min(size, config.tail)
        work.refine(stop - 1, stop - run, stop)
        shown.append(work.activations[stop - size : stop].copy())
    return shown


# ---- whole pieces ----


@pytest.mark.parametrize("frames", [0, 1, 2, 7, 120])
def test_activations_are_the_network_over_the_whole_piece(frames):
    tiny, features = random_model(), random_features(TINY, frames)
    found = tiny.activations(features)
    assert found.dtype == np.float32
    assert found.shape == (frames, 2)
    expected = naive_gru.activations(tiny.config, tiny.arrays, features)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_several_networks_give_the_mean_of_their_log_odds():
    three, features = random_model(networks=3), random_features(TINY, 60)
    odds = []
    for n in range(3):
        own = {name: array[n] for name, array in three.arrays.items()}
        p = naive_gru.activations(TINY, own, features)
        odds.append(np.log(p / (1.0 - p)))
    assert np.ptp(odds, axis=0).mean() > 0.1
    expected = 1.0 / (1.0 + np.exp(-np.mean(odds, axis=0)))
    np.testing.assert_allclose(three.activations(features), expected, atol=1e-5)


def test_a_network_and_itself_are_that_network():
    one, features = random_model(), random_features(TINY, 60)
    twice = {name: np.stack([array, array]) for name, array in one.arrays.items()}
    two = BeatModel(replace(TINY, networks=2), twice)
    np.testing.assert_allclose(two.activations(features), one.activations(features), atol=1e-6)
    streams = one.stream(), two.stream()
    for shown in zip(*(windows(stream, features) for stream in streams), strict=True):
        np.testing.assert_allclose(*shown, atol=1e-6)


@pytest.mark.parametrize("frames", [199, 200, 201, 250, 251, 777])
def test_a_piece_run_in_parts_is_as_if_run_at_once(monkeypatch, frames):
    tiny, features = random_model(), random_features(TINY, frames)
    whole = tiny.activations(features)
    monkeypatch.setattr(piece, "_CHUNK", 150)
    monkeypatch.setattr(piece, "_AHEAD", 50)
    np.testing.assert_allclose(tiny.activations(features), whole, atol=1e-6)


def test_how_the_features_of_a_piece_are_cut_changes_nothing(monkeypatch):
    tiny, features = random_model(), random_features(TINY, 777)
    monkeypatch.setattr(piece, "_CHUNK", 150)
    monkeypatch.setattr(piece, "_AHEAD", 50)
    whole = tiny.activations(features)
    for size in (1, 60, 200, 500):
        run = tiny.piece()
        for start in range(0, 777, size):
            run.push(features[start : start + size])
        np.testing.assert_array_equal(run.finish(), whole)


@pytest.mark.parametrize("shape", [(24,), (5, 23), (1, 5, 24)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"features must have shape \(frames, 24\)"):
        random_model().activations(np.zeros(shape, np.float32))


# ---- streams ----


@given(
    frames=st.integers(1, 180),
    tail=st.integers(1, 50),
    refresh=st.integers(1, 200),
    layers=st.integers(1, 3),
)
@settings(max_examples=12, deadline=None)
def test_stream_runs_the_tail_each_hop_and_the_window_now_and_then(frames, tail, refresh, layers):
    tiny = random_model(tail=tail, refresh=refresh, layers=layers, gain=1.5)
    features = random_features(tiny.config, frames)
    expected = naive_gru.stream(tiny.config, tiny.arrays, features)
    for found, wanted in zip(windows(tiny.stream(), features), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_stream_follows_the_reference_over_many_windows():
    tiny, features = random_model(gain=2.0), random_features(TINY, 420)
    expected = naive_gru.stream(tiny.config, tiny.arrays, features)
    found = windows(tiny.stream(), features)
    assert len(found[-1]) == TINY.frames == 50
    for shown, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(shown, wanted, atol=2e-5)


@pytest.mark.parametrize("networks", [1, 2])
def test_moves_inside_the_buffer_change_no_bit(networks):
    tiny, features = random_model(networks=networks), random_features(TINY, 330)
    for a, b in zip(windows(tiny.stream(), features), unmoved(tiny, features), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_tail_as_long_as_the_window_is_the_whole_piece_until_the_window_is_full():
    tiny, features = random_model(tail=50), random_features(TINY, 50)
    for count, found in enumerate(windows(tiny.stream(), features), 1):
        np.testing.assert_allclose(found, tiny.activations(features[:count]), atol=1e-6)


# tail -> largest error of the newest frame, of all the tail, and of the window between refreshes,
# for weights as torch initialises them; trained ones remember longer (see ActivationStream)
@pytest.mark.parametrize(
    ("tail", "newest", "inside", "anywhere"),
    [(10, 1e-4, 1e-3, 5e-3), (20, 1e-6, 2e-5, 1e-4), (40, 1e-6, 1e-6, 1e-6)],
)
def test_error_of_a_tail_against_running_the_whole_window(tail, newest, inside, anywhere):
    features = random_features(TINY, 200)
    whole = windows(random_model(tail=50).stream(), features)
    part = windows(random_model(tail=tail, refresh=10_000).stream(), features)
    error = np.max([abs(a - b).max(axis=1) for a, b in zip(whole[60:], part[60:], strict=True)], 0)
    assert error[-1] < newest
    assert error[-tail:].max() < inside
    assert error.max() < anywhere


def test_refresh_lets_old_frames_profit_from_the_future():
    tiny, features = random_model(tail=5, refresh=30), random_features(TINY, 30)
    found = windows(tiny.stream(), features)
    whole = tiny.activations(features)
    assert abs(found[28] - whole[:29]).max() > 1e-4
    np.testing.assert_allclose(found[29][:15], whole[:15], atol=1e-3)
    assert abs(found[29] - whole).max() < abs(found[28] - whole[:29]).max()


def test_same_frames_give_the_same_bits_whatever_came_before():
    tiny, features = random_model(), random_features(TINY, 170)
    fresh, used = tiny.stream(), tiny.stream()
    for frame in random_features(TINY, 133, seed=9):
        used.push(frame)
    used.reset()
    assert used.newest == -1
    assert used.window.shape == (0, 2)
    for a, b in zip(windows(fresh, features), windows(used, features), strict=True):
        np.testing.assert_array_equal(a, b)


def test_window_is_a_contiguous_view_that_ends_with_the_newest_frame():
    tiny = random_model()
    stream = tiny.stream()
    assert stream.newest == -1
    for index, frame in enumerate(random_features(TINY, 320)):
        stream.push(frame)
        assert stream.newest == index
        assert stream.window.shape == (min(index + 1, 50), 2)
        assert stream.window.dtype == np.float32
        assert stream.window.flags.c_contiguous
        assert not stream.window.flags.owndata


def test_lost_frames_count_as_the_one_before_without_a_rise():
    tiny, features = random_model(tail=50), random_features(TINY, 90)
    skipped, pushed = tiny.stream(), tiny.stream()
    bands = TINY.features.bands
    for frame in features[:60]:
        skipped.push(frame)
        pushed.push(frame)
    skipped.skip(7)
    held = np.concatenate((features[59, :bands], np.zeros_like(features[59, bands:])))
    for _ in range(7):
        pushed.push(held)
    np.testing.assert_allclose(skipped.window[-20:], pushed.window[-20:], atol=1e-5)
    skipped.skip(26)  # more than half a second
    assert skipped.newest == -1
    assert skipped.window.shape == (0, 2)


def test_a_frame_that_is_not_finite_does_no_lasting_harm():
    tiny, features = random_model(), random_features(TINY, 200)
    good = windows(tiny.stream(), features)
    features[20] = np.nan
    bad = windows(tiny.stream(), features)
    assert all(np.isfinite(shown).all() for shown in bad)
    np.testing.assert_allclose(bad[-1], good[-1], atol=1e-6)


def test_a_frame_of_another_shape_is_refused_and_changes_nothing():
    tiny, features = random_model(), random_features(TINY, 12)
    stream = tiny.stream()
    found = windows(stream, features[:6])
    for wrong in (np.zeros(23, np.float32), np.zeros((1, 24), np.float32), np.float32(0.0)):
        with pytest.raises(ValueError, match=r"frame must have shape \(24,\)"):
            stream.push(wrong)
    found += windows(stream, features[6:])
    for a, b in zip(found, windows(tiny.stream(), features), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_streams_of_a_model_do_not_disturb_each_other():
    tiny = random_model()
    one, two = random_features(TINY, 80, seed=1), random_features(TINY, 80, seed=2)
    first, second = tiny.stream(), tiny.stream()
    for a, b in zip(one, two, strict=True):
        first.push(a)
        second.push(b)
    np.testing.assert_array_equal(first.window, windows(tiny.stream(), one)[-1])
    np.testing.assert_array_equal(second.window, windows(tiny.stream(), two)[-1])


def test_push_allocates_no_arrays():
    stream, features = random_model().stream(), random_features(TINY, 400)
    for frame in features:
        stream.push(frame)
    tracemalloc.start()
    try:
        for frame in features:
            stream.push(frame)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2_000
    assert peak < 8_000  # views; the smallest buffer of the window has 19 kB


def test_a_new_stream_has_compiled_all_it_needs():
    stream = random_model().stream()
    before = len(gru.absorb.signatures), len(gru.refine.signatures)
    windows(stream, random_features(TINY, 120))
    assert (len(gru.absorb.signatures), len(gru.refine.signatures)) == before


def test_the_ancestors_shape_works_by_config_alone():
    """Ten layers of 20 units on 128 bands at 43 frames a second, no dense layer."""
    ancestor = random_model(ANCESTOR, tail=20, refresh=40)
    features = random_features(ANCESTOR, 60)
    expected = naive_gru.stream(ancestor.config, ancestor.arrays, features)[-1]
    np.testing.assert_allclose(windows(ancestor.stream(), features)[-1], expected, atol=2e-5)


@pytest.mark.parametrize("heads", [("beat",), ("beat", "downbeat", "tempo")])
def test_any_number_of_heads(heads):
    tiny = random_model(heads=heads)
    features = random_features(TINY, 20)
    np.testing.assert_allclose(
        windows(tiny.stream(), features)[-1],
        naive_gru.stream(tiny.config, tiny.arrays, features)[-1],
        atol=1e-5,
    )
