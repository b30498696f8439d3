"""Finding songs: what is taken, and where its results belong."""

from __future__ import annotations

import os

import pytest

from rtbeat.batch.songs import SongsError, find_songs


@pytest.fixture
def music(tmp_path):
    """A folder with songs and other things, most of them empty files."""
    names = (
        "a/one.mp3", "a/TWO.FLAC", "b/c/three.m4a", "b/one.mp3", "cover.jpg", "notes.txt",
        ".hidden/four.mp3", "a/._one.mp3",
    )  # fmt: skip
    for name in names:
        path = tmp_path / "Music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))
    return tmp_path / "Music"


def test_a_folder_gives_the_audio_files_below_it_in_a_tree_of_its_name(music):
    songs = find_songs([str(music)])
    assert [song.name for song in songs] == [
        "Music/a/TWO.FLAC", "Music/a/one.mp3", "Music/b/c/three.m4a", "Music/b/one.mp3",
    ]  # fmt: skip
    assert [song.stem for song in songs][:2] == ["Music/a/TWO", "Music/a/one"]
    assert songs[1].path == str(music / "a" / "one.mp3")
    assert songs[1].size == len("a/one.mp3")
    assert songs[1].mtime_ns == os.stat(music / "a" / "one.mp3").st_mtime_ns


def test_a_folder_is_called_the_same_however_it_is_named(music, monkeypatch):
    expected = find_songs([str(music)])
    monkeypatch.chdir(music)
    for argument in (".", "../Music", "../Music/", "a/.."):
        assert find_songs([argument]) == expected


def test_files_and_patterns_are_called_by_their_last_part(music):
    assert [s.name for s in find_songs([str(music / "a" / "one.mp3")])] == ["one.mp3"]
    assert [s.name for s in find_songs([str(music / "notes.txt")])] == ["notes.txt"]
    assert [s.name for s in find_songs([str(music / "b" / "**" / "*.m4a")])] == ["three.m4a"]
    assert [s.name for s in find_songs([str(music / "[b]")])] == ["b/c/three.m4a", "b/one.mp3"]


def test_a_song_named_twice_is_done_once(music):
    assert len(find_songs([str(music), str(music)])) == 4


def test_songs_side_by_side_keep_their_suffix_in_the_names_of_their_files(music):
    (music / "a" / "one.wav").touch()
    stems = {song.stem for song in find_songs([str(music)])}
    assert {"Music/a/one.mp3", "Music/a/one.wav", "Music/b/one"} <= stems


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["Missing"], "Missing: there is no such file or folder"),
        (["Music/*.wav"], "there is no such file or folder"),
        (["Music/empty"], "no audio files in this folder"),
        (["Music/a/one.mp3", "Music/b/one.mp3"], "would both be written as one.mp3"),
    ],
)
def test_what_cannot_be_done_is_said(music, monkeypatch, names, reason):
    monkeypatch.chdir(music.parent)
    (music / "empty").mkdir()
    with pytest.raises(SongsError, match=reason):
        find_songs(names)
