"""Processes for tasks: all results, whatever happens to single processes."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from rtbeat.batch import pool
from rtbeat.formats.atomic import write_bytes


def task(value):
    """Squares; the process of 13 is killed, that of 14 leaves."""
    if value == 13:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    if value == 14:
        os._exit(3)
    return value * value


@pytest.mark.parametrize(("values", "jobs"), [([1, 13, 2], 1), ([1, 13, 2, 14, 3, 4], 2)])
def test_a_killed_process_costs_its_task_only(values, jobs):
    results = list(pool.run(task, values, jobs))
    assert sorted(value for value, _ in results) == sorted(values)
    for value, result in results:
        if value < 13:
            assert result == value * value
        else:
            assert isinstance(result, pool.Died)


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "killed (signal 9); perhaps memory ran out"), (-11, "(signal 11)"), (3, "exit code 3")],
)
def test_what_became_of_a_process_is_told(code, words):
    assert words in str(pool.Died(code))


def pid(value):
    return os.getpid()


def test_processes_are_used_again_and_not_more_than_there_are_tasks():
    assert len({result for _, result in pool.run(pid, range(6), 2)}) == 2
    assert list(pool.run(pid, [], 2)) == []


def write_slowly(path):
    """Is asked to end while a file is being written."""
    path.with_suffix(".pid").write_text(str(os.getpid()))

    def fsync(handle):
        path.with_suffix(".at").touch()
        time.sleep(60)

    os.fsync = fsync
    write_bytes(path, b"half")


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be asked to end there")
def test_closing_ends_the_processes_and_what_they_were_writing_is_removed(tmp_path):
    tasks = [tmp_path / "quick", tmp_path / "slow.beats"]
    results = pool.run(first_quick, tasks, 2)
    assert next(results)[0] == tmp_path / "quick"
    while not (tmp_path / "slow.at").exists():
        time.sleep(0.01)
    results.close()
    assert {path.name for path in tmp_path.iterdir()} == {"slow.pid", "slow.at"}
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "slow.pid").read_text()), 0)


def first_quick(path):
    return None if path.name == "quick" else write_slowly(path)
