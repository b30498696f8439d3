"""The journal of a batch: what need not be done again."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from rtbeat.batch.journal import Journal, journal_path
from rtbeat.batch.work import Outcome, failed
from tests.libraries import settings, songs, tiny_model


@pytest.fixture
def work(tmp_path):
    """Settings and three songs, whose results are there."""
    (tmp_path / "out").mkdir()
    for name in ("a.mp3", "b.mp3", "c.mp3"):
        (tmp_path / name).write_bytes(b"not read here")
        (tmp_path / "out" / name.replace("mp3", "beats")).touch()
    found = songs(*sorted(tmp_path.glob("*.mp3")))
    return settings(tmp_path / "out", tiny_model(tmp_path / "tiny.npz")), found


def done(song):
    return Outcome(song, "done", 12.5, 120.0, 25, 0.75)


def test_a_done_song_is_unchanged_and_told_as_before(work):
    chosen, (a, b, c) = work
    with Journal(chosen) as journal:
        assert journal.unchanged(a) is None
        journal.add(done(a))
        journal.add(failed(b, "no"))
    with Journal(chosen) as journal:
        assert journal.unchanged(a) == replace(done(a), status="unchanged")
        assert journal.unchanged(b) is None  # what failed is tried again
        assert journal.unchanged(c) is None


def test_another_file_or_options_or_missing_results_make_a_song_be_done_again(work):
    chosen, (a, _, _) = work
    with Journal(chosen) as journal:
        journal.add(done(a))
    for changes in ({"formats": ("json",)}, {"decoder": "search"}, {"model_hash": "other"}):
        with Journal(replace(chosen, **changes)) as journal:
            assert journal.unchanged(a) is None
    with Journal(chosen) as journal:
        assert journal.unchanged(replace(a, size=1)) is None
        assert journal.unchanged(replace(a, mtime_ns=1)) is None
        assert journal.unchanged(a) is not None
        os.unlink(chosen.targets(a)[0])
        assert journal.unchanged(a) is None


def test_a_line_that_was_cut_off_costs_its_song_only(work):
    chosen, (a, b, _) = work
    with Journal(chosen) as journal:
        journal.add(done(a))
        journal.add(done(b))
    path = journal_path(chosen.out)
    with open(path, "rb+") as file:
        file.truncate(os.path.getsize(path) - 20)
    with Journal(chosen) as journal:
        assert journal.unchanged(a) is not None
        assert journal.unchanged(b) is None
        journal.add(done(b))
    with Journal(chosen) as journal:
        assert journal.unchanged(b) is not None


def test_the_journal_has_one_line_a_song_and_one_a_set_of_options(work):
    chosen, (a, b, _) = work
    for _ in range(3):
        with Journal(chosen) as journal:
            journal.add(done(a))
            journal.add(done(b))
    with Journal(replace(chosen, decoder="search")):
        pass
    with open(journal_path(chosen.out)) as file:
        assert len(file.readlines()) == 4
