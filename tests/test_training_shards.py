"""Shards: what is written is read, whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from training.shards import FLOOR, Excerpt, ShardWriter, read_shard, to_log


def excerpt(name, frames, beats, group=""):
    rng = np.random.default_rng(frames)
    mel = to_log(rng.random((frames, 3), np.float32))
    numbers = np.arange(len(beats)) % 4 + 1
    return Excerpt(name, mel, np.array(beats, float), numbers, (1, frames - 1), group)


EXCERPTS = [
    excerpt("a", 40, [3.25, 20.5, 37.0], "pop"),
    excerpt("silence", 7, []),
    excerpt("größer", 12, [0.0], "rock"),
]


def write(path, excerpts=EXCERPTS):
    writer = ShardWriter(path)
    for e in excerpts:
        writer.add(e)
    writer.close()


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "midi-0000.npz"
    write(path)
    back = read_shard(path)
    assert len(back) == len(EXCERPTS)
    for one, other in zip(EXCERPTS, back, strict=True):
        assert (one.name, one.group, one.labelled) == (other.name, other.group, other.labelled)
        assert other.mel.dtype == np.float16
        np.testing.assert_array_equal(one.mel, other.mel)
        np.testing.assert_array_equal(one.beats, other.beats)
        np.testing.assert_array_equal(one.numbers, other.numbers)


def test_mel_power_survives_within_a_tenth_of_a_decibel():
    mel = np.logspace(-11, 2, 200, dtype=np.float32)[:, None]
    decibels = 10 * np.log10(np.exp(to_log(mel).astype(float)) / mel)
    assert np.abs(decibels).max() < 0.5
    assert np.abs(decibels[mel[:, 0] > 1e-3]).max() < 0.1  # where music is


def test_digital_silence_is_stored_as_the_floor():
    assert to_log(np.zeros((1, 1), np.float32))[0, 0] == np.float16(np.log(FLOOR))


def test_a_shard_that_cannot_be_written_leaves_the_former_one(tmp_path, monkeypatch):
    path = tmp_path / "songs-0.npz"
    write(path)

    def full(file, **arrays):
        file.write(b"PK half a shard")
        raise OSError("no space left on device")

    monkeypatch.setattr("training.shards.np.savez", full)
    with pytest.raises(OSError, match="no space left"):
        write(path, EXCERPTS[:1])
    assert [e.name for e in read_shard(path)] == ["a", "silence", "größer"]
    assert list(tmp_path.iterdir()) == [path]
