"""Windows drawn from shards, their targets, and who is kept out of training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import windows
from training.shards import FLOOR, Excerpt, ShardWriter
from training.windows import Sampler, is_validation, load_sources, targets, taught_file

SILENCE = np.float16(np.log(FLOOR))


def excerpt(frames=100, beats=(), numbers=None, labelled=None, group="", name="x"):
    """Frame k holds the number k in its two bands."""
    mel = np.repeat(np.arange(frames, dtype=np.float16)[:, None], 2, 1)
    numbers = [1] * len(beats) if numbers is None else numbers
    return Excerpt(
        name,
        mel,
        np.array(beats, float),
        np.array(numbers, np.int64),
        labelled or (0, frames),
        group,
    )


def sampler(*excerpts, seed=0):
    return Sampler({"songs": list(excerpts)}, {}, [seed])


@pytest.fixture
def music_only(monkeypatch):
    monkeypatch.setattr(windows, "SILENT_SHARE", 0.0)
    monkeypatch.setattr(windows, "CUT_SHARE", 0.0)


def test_targets_are_triangles_around_each_beat():
    # frame k is centred on k + 0.5; the triangle falls to 0 over 1.5 frames
    out = targets(excerpt(beats=[4.5, 10.0], numbers=[1, 2]), 0, 14)
    third = 1 / 3
    expected = np.zeros((14, 2), np.float32)
    expected[3:6] = np.array([[third], [1.0], [third]])
    expected[8:12, 0] = [0.0, 2 * third, 2 * third, 0.0]
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_beats_outside_a_window_reach_into_it():
    music = excerpt(beats=[9.5, 20.0])
    np.testing.assert_allclose(targets(music, 10, 8)[:, 0], [1 / 3] + [0.0] * 7, atol=1e-6)
    np.testing.assert_allclose(targets(music, 12, 8)[:, 0], [0.0] * 7 + [2 / 3], atol=1e-6)


@given(
    st.lists(st.floats(0, 200), max_size=20).map(sorted), st.integers(0, 150), st.integers(1, 60)
)
def test_targets_of_a_window_are_a_part_of_the_whole(beats, start, frames):
    music = excerpt(frames=250, beats=beats, numbers=[i % 3 for i in range(len(beats))])
    whole = targets(music, 0, 250)
    np.testing.assert_array_equal(targets(music, start, frames), whole[start : start + frames])
    assert whole.min() >= 0
    assert whole.max() <= 1
    assert (whole[:, 1] <= whole[:, 0]).all()  # a downbeat is a beat


def test_windows_stay_inside_the_labelled_part_and_reach_both_ends(music_only):
    batch = sampler(excerpt(labelled=(20, 60))).draw(400, 10)
    assert batch.mel.shape == (400, 10, 2)
    assert batch.mel.min() == 20
    assert batch.mel.max() == 59
    assert (np.diff(batch.mel[:, :, 0].astype(int), axis=1) == 1).all()


def test_music_shorter_than_the_window_begins_after_silence(music_only):
    # the beats just before and after the labelled part are not asked for outside it
    music = excerpt(beats=[19.5, 25.5, 31.0], labelled=(20, 30))
    batch = sampler(music).draw(5, 16)
    assert (batch.mel[:, :6] == SILENCE).all()
    np.testing.assert_array_equal(batch.mel[0, 6:, 0], np.arange(20, 30))
    assert (batch.targets[:, :6] == 0).all()
    np.testing.assert_array_equal(batch.targets[0, 6:], targets(music, 20, 10))


def test_targets_lie_on_the_frames_of_their_window(music_only):
    music = excerpt(frames=300, beats=np.arange(4.5, 300, 13.0))
    batch = sampler(music).draw(50, 40)
    for mel, target in zip(batch.mel, batch.targets, strict=True):
        peaks = mel[target[:, 0] == 1.0, 0].astype(float) + 0.5
        assert len(peaks) >= 3
        assert np.isin(peaks, music.beats).all()


def test_one_unknown_position_makes_the_bars_of_a_song_unknown(music_only):
    known = sampler(excerpt(beats=[5.0, 9.0], numbers=[1, 2])).draw(3, 10)
    unknown = sampler(excerpt(beats=[5.0, 9.0], numbers=[1, 0])).draw(3, 10)
    assert known.bars_known.all()
    assert not unknown.bars_known.any()


def test_a_teacher_tells_half_of_the_targets_of_its_songs_alone(music_only):
    music = excerpt(beats=[25.0], labelled=(20, 30))
    music.taught = np.full((100, 2), 0.25, np.float16)
    taught = sampler(music).draw(3, 16).targets
    music.taught = None
    told = sampler(music).draw(3, 16).targets
    np.testing.assert_allclose(taught[:, 6:], 0.5 * told[:, 6:] + 0.125, atol=1e-6)
    assert (taught[:, :6] == 0).all()  # the silence before the music


def music_and_noise():
    """A song with a beat every 10 frames, and a steady sound without any, in all bands."""
    bands = windows.CONFIG.bands
    song = excerpt(frames=400, beats=np.arange(5.5, 400, 10.0))
    song.mel = np.full((400, bands), -8.0, np.float16)
    noise = excerpt(frames=400)
    noise.mel = np.full((400, bands), -3.0, np.float16)
    return {"songs": [song], "negatives": [noise]}


def test_over_some_of_the_music_lies_something_else_and_its_beats_hold(music_only):
    shares = {"songs": 1.0, "negatives": 0.0}
    batch = Sampler(music_and_noise(), shares, [3], disturbed=True).draw(1000, 50)
    plain = (batch.mel == -8.0).all(axis=(1, 2))
    steady = (np.ptp(batch.mel, axis=(1, 2)) < 0.01) & ~plain
    assert steady.mean() == pytest.approx(windows.OVERLAY_SHARE, abs=0.04)
    clicks = ~plain & ~steady
    assert clicks.mean() == pytest.approx(windows.CLICKS_SHARE, abs=0.04)
    assert (batch.mel >= -8.01).all()  # nothing is taken away
    assert (batch.targets[..., 0].max(1) == 1).all()


def two_songs():
    """Songs of different tempi, each of one level that no other has, known bars in one of them."""
    slow = excerpt(frames=400, beats=np.arange(5.5, 400, 20.0), numbers=[1] * 20)
    fast = excerpt(frames=400, beats=np.arange(5.5, 400, 9.0), numbers=[0] * 44)
    for song, level in ((slow, -8.0), (fast, -5.0)):
        song.mel = np.full((400, windows.CONFIG.bands), level, np.float16)
    return [slow, fast]


def test_in_some_windows_other_music_takes_over_with_its_own_beats(music_only, monkeypatch):
    monkeypatch.setattr(windows, "CUT_SHARE", 0.5)
    monkeypatch.setattr(windows, "CLICKS_SHARE", 0.0)
    batch = Sampler({"train_gtzan": two_songs()}, {}, [3], disturbed=True).draw(1000, 100)
    cut = [n for n, mel in enumerate(batch.mel[:, :, 0]) if np.ptp(mel)]
    assert 200 < len(cut) < 300  # half of the windows, and half of those to the other song
    for mel, target in zip(batch.mel[cut, :, 0], batch.targets[cut], strict=True):
        (change,) = np.flatnonzero(np.diff(mel))
        assert 20 <= change + 1 <= 90
        for level, gap in ((-8.0, 20), (-5.0, 9)):
            beats = np.flatnonzero((target[:, 0] == 1.0) & (mel == level))
            assert (np.diff(beats) == gap).all()
    assert not batch.bars_known[cut].any()
    assert batch.bars_known[(batch.mel == -8.0).all(axis=(1, 2))].all()


def test_nothing_lies_over_the_music_unless_asked_for(music_only):
    batch = Sampler(music_and_noise(), {"negatives": 0.0}, [3]).draw(100, 50)
    assert (batch.mel == -8.0).all()


def test_what_is_laid_over_has_the_level_asked_for():
    music = np.full((20, 4), np.log(0.01), np.float16)
    power = np.linspace(0.0, 2.0, 80, dtype=np.float32).reshape(20, 4)
    added = np.exp(windows.overlay(music, power, 10.0).astype(float)) - 0.01
    assert added.mean() == pytest.approx(0.001, rel=0.03)


def test_some_windows_are_silence_without_beats():
    batch = sampler(excerpt(frames=500, beats=np.arange(3.0, 500, 5.0))).draw(1000, 20)
    silent = (batch.mel == SILENCE).all(axis=(1, 2))
    assert 0.015 < silent.mean() < 0.05
    assert (batch.targets[silent] == 0).all()
    assert (batch.targets[~silent].max(axis=(1, 2)) > 0).all()


def test_sources_have_their_shares_and_excerpts_count_by_length(music_only):
    def constant(value, frames):
        music = excerpt(frames=frames)
        music.mel[:] = value
        return music

    sources = {"midi": [constant(1, 900), constant(2, 100)], "songs": [constant(3, 50)]}
    drawn = Sampler(sources, {"midi": 0.6, "songs": 0.2}, [5]).draw(4000, 4).mel[:, 0, 0]
    share = [float((drawn == value).mean()) for value in (1, 2, 3)]
    np.testing.assert_allclose(share, [0.75 * 0.9, 0.75 * 0.1, 0.25], atol=0.03)


def test_tempi_that_people_tapped_stay_as_they_are(music_only):
    """Of two songs as long as each other, the one at twice the usual tempo is drawn as often from
    the tapped collections, seldom from any other source."""
    usual, double = (60 * 50 / bpm for bpm in (windows.TEMPO_CENTRE, 2 * windows.TEMPO_CENTRE))

    def songs(first):
        made = [excerpt(frames=900, beats=np.arange(1.5, 900, p)) for p in (usual, double)]
        for value, song in enumerate(made, first):
            song.mel[:] = value
        return made

    sources = {name: songs(2 * n) for n, name in enumerate(("ballroom", "midi", "train_gtzan"))}
    shares = dict.fromkeys(sources, 1.0)
    drawn = Sampler(sources, shares, [5]).draw(6000, 4).mel[:, 0, 0]
    found = np.array([(drawn == value).mean() for value in range(6)]).reshape(3, 2) * 3
    seldom = np.exp(-0.5 / windows.TEMPO_WIDTH**2)
    expected = [[0.5, 0.5], [1 / (1 + seldom), seldom / (1 + seldom)], [0.5, 0.5]]
    np.testing.assert_allclose(found, expected, atol=0.04)
    assert set(sources) - {"midi"} == windows.TAPPED


def test_a_seed_gives_the_same_windows(music_only):
    music = excerpt(frames=1000)
    first, again, other = (sampler(music, seed=s).draw(8, 30).mel for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_whole_group_is_kept_out_and_always_the_same():
    groups = [f"album {i}" for i in range(2000)]
    kept_out = {g for g in groups if is_validation(excerpt(group=g))}
    assert 0.12 < len(kept_out) / len(groups) < 0.18
    assert {g for g in groups if is_validation(excerpt(group=g, name=g, frames=7))} == kept_out
    # the split must not change from one version or machine to another
    assert [i for i in range(40) if f"album {i}" in kept_out] == [10, 14, 18, 20, 29, 36]


@pytest.fixture
def shards(tmp_path):
    """Five rendered shards, two of songs at two tempi."""
    folder = tmp_path / "shards"
    for number in range(5):
        write(folder / f"midi-{number:04d}.npz", [f"piece {number}"])
    for number in range(2):
        write(folder / f"my-songs-{number}.npz", [f"album {i}" for i in range(40)])
    (folder / ".midi-0005.npz.part").write_bytes(b"half a shard")
    return folder


def write(path, groups):
    writer = ShardWriter(path)
    for group in groups:
        writer.add(excerpt(frames=9, group=group, name=group))
    writer.close()


def test_validation_is_the_first_rendered_shards_and_the_groups_kept_out(shards):
    training, validation = (load_sources(shards, side, None) for side in (False, True))
    assert sorted(training) == sorted(validation) == ["midi", "my-songs"]
    assert [e.name for e in validation["midi"]] == ["piece 0", "piece 1", "piece 2"]
    assert [e.name for e in training["midi"]] == ["piece 3", "piece 4"]
    sides = [{e.group for e in side["my-songs"]} for side in (training, validation)]
    assert sides[0].isdisjoint(sides[1])
    assert len(training["my-songs"]) + len(validation["my-songs"]) == 80


def test_songs_kept_for_validation_can_be_trained_on_in_the_end(shards):
    everything = load_sources(shards, False, None, all_songs=True)
    assert len(everything["my-songs"]) == 80
    assert [e.name for e in everything["midi"]] == ["piece 3", "piece 4"]


def test_what_a_teacher_hears_goes_to_its_excerpts_and_to_training_alone(shards):
    path = shards / "my-songs-0.npz"
    frames = [len(e.mel) for e in windows.read_shard(path)]
    file = taught_file(path)
    file.parent.mkdir()
    np.save(file, np.arange(2 * sum(frames), dtype=np.float16).reshape(-1, 2))
    excerpts = windows.read_taught_shard(path)
    assert [len(e.taught) for e in excerpts] == frames
    assert excerpts[1].taught[0, 0] == 2 * frames[0]
    assert all(e.taught is None for e in load_sources(shards, True, None)["my-songs"])

    np.save(file, np.zeros((3, 2), np.float16))
    with pytest.raises(ValueError, match="delete it and run"):
        windows.read_taught_shard(path)


def test_the_number_of_rendered_shards_can_be_limited(shards):
    training = load_sources(shards, False, 4)
    assert [e.name for e in training["midi"]] == ["piece 3"]
    assert len(training["my-songs"]) > 40
