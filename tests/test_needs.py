"""A test that lacks something skips for a user and fails where the machine is complete."""

from __future__ import annotations

import pytest

from tests.needs import require, require_data, require_program

skipped, failed = pytest.skip.Exception, pytest.fail.Exception


@pytest.mark.parametrize(("complete", "outcome"), [("", skipped), ("0", skipped), ("1", failed)])
def test_what_is_missing_skips_or_fails(monkeypatch, complete, outcome):
    monkeypatch.setenv("RTBEAT_TESTS_COMPLETE", complete)
    with pytest.raises(outcome, match="needs no_such_module: pip install it"):
        require("no_such_module", "pip install it")
    with pytest.raises(outcome, match="needs the program no-such-program: apt install it"):
        require_program("no-such-program", "apt install it")


def test_what_is_there_is_returned():
    assert require("json", "").loads("[1]") == [1]
    assert require_program("python3", "apt install python3").endswith("python3")


def test_data_that_cannot_be_published_always_skips(monkeypatch, tmp_path):
    monkeypatch.setenv("RTBEAT_TESTS_COMPLETE", "1")
    monkeypatch.setenv("RTBEAT_DATA", str(tmp_path))
    with pytest.raises(skipped, match="needs midi"):
        require_data("midi")
    (tmp_path / "midi").mkdir()
    assert require_data("midi") == tmp_path / "midi"
