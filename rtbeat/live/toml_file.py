"""A TOML file that a person edits too: where things stand in it, and changing it with care.

Comments, order and unknown keys are kept; a change is written whole or not at all, one writer at a
time; a file that is not TOML is reported with its line and never touched.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from rtbeat.formats.atomic import write_bytes

Key = tuple[str | int, ...]

BARE = re.compile("[A-Za-z0-9_-]+")  # a key that needs no quotes

LOCK_SECONDS = 5.0  # that a writer waits for another one
LOCK_STEP = 0.02


class SettingsError(Exception):
    """The settings file cannot be used or written; the message names file, line and key."""


def read_document(path: Path) -> tomlkit.TOMLDocument:
    """The file as a document that remembers comments; an empty one where there is no file.

    Raises :class:`SettingsError`. Thread: any. Realtime-safe: no.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return tomlkit.document()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return tomlkit.parse(data.decode("utf-8-sig"))  # some editors put a mark at the beginning
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from error
    except TOMLKitError as error:
        line, text = _failing_line(data.decode("utf-8-sig"), error)
        reason = str(error).split(" at line ")[0].rstrip(".")
        raise SettingsError(
            f"{path}:{line}: {reason} in `{text}`; the file was left as it is"
        ) from error


def _failing_line(text: str, error: TOMLKitError) -> tuple[int, str]:
    """Number, from 1, and text of the line that is no TOML. Errors that do not tell it, such as a
    key that is there twice, come as soon as the line is."""
    lines = text.splitlines(keepends=True)
    at = error.line if isinstance(error, ParseError) else 0
    if not at:
        beginnings = ("".join(lines[:count]) for count in range(1, len(lines) + 1))
        at = next(n for n, part in enumerate(beginnings, 1) if _fails_like(error, part))
    return at, lines[at - 1].strip() if at <= len(lines) else ""


def _fails_like(error: TOMLKitError, text: str) -> bool:
    try:
        tomlkit.parse(text)
    except TOMLKitError as other:
        return type(other) is type(error)
    return False


def line_of(document: tomlkit.TOMLDocument, key: Key) -> int:
    """Line, from 1, at which the value of ``key`` begins: after the longest beginning of the file
    that is TOML and does not hold it yet. For messages: it takes its time."""
    lines = document.as_string().splitlines(keepends=True)
    begins = 1
    for count in range(1, len(lines) + 1):
        try:
            value: Any = tomlkit.parse("".join(lines[:count]))
            for part in key:
                value = value[part]
        except (KeyError, IndexError, TypeError):
            begins = count + 1
        except TOMLKitError:
            continue  # in the middle of a value of several lines
        else:
            break
    return begins


def name_of(key: Key) -> str:
    """A key as it is written: ``calibration[2].rate``, counted from 1."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += ("." if text else "") + (part if BARE.fullmatch(part) else f'"{part}"')
    return text


def set_table(
    parent: Any,
    name: str,
    values: Mapping[str, Any],
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Let table ``name`` have these values; None takes a key out, a default is not added.

    What is right already is not touched, so that its comment and its way of writing stay.
    """
    old = parent.get(name, {})
    wanted = {
        key: value
        for key, value in values.items()
        if key in old or not (value is None or value == defaults.get(key) or value == {})
    }
    if wanted and name not in parent:
        parent[name] = tomlkit.table()
    for key, value in wanted.items():
        table = parent[name]
        if value is None:
            del table[key]
        elif isinstance(value, Mapping):
            set_whole_table(table, key, value)
        elif key not in table or not _same(table[key], value):
            table[key] = list(value) if isinstance(value, tuple) else value


def _same(old: Any, new: Any) -> bool:
    """Whether nothing need be written; 1 and 1.0 are the same here."""
    return bool(old == (list(new) if isinstance(new, tuple) else new))


def set_whole_table(parent: Any, name: str, values: Mapping[str, Any]) -> None:
    """The same for a table whose keys are free: those that are not in ``values`` go."""
    gone = [key for key in parent.get(name, {}) if key not in values]
    set_table(parent, name, {**dict.fromkeys(gone), **values})


def set_rows(
    document: tomlkit.TOMLDocument,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
) -> None:
    """Let the array of tables ``name`` be ``rows``; where ``keys`` agree with a row that is there,
    that one is changed."""
    old: Any = document.get(name)
    if old is not None and not isinstance(old, tomlkit.items.AoT):  # written as a plain array
        del document[name]
        old = None
    wanted = {_place(row, keys): row for row in rows}
    for at in reversed(range(len(old or ()))):
        row = wanted.pop(_place(old[at].unwrap(), keys), None)
        if row is None:
            del old[at]
        else:
            set_table({name: old[at]}, name, row)
    if wanted and old is None:
        document[name] = tomlkit.aot()
    for row in rows:
        if _place(row, keys) in wanted:
            fresh = tomlkit.table()
            fresh.update(row)
            fresh.add(tomlkit.nl())
            document[name].append(fresh)


def _place(row: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row.get(key) for key in keys)


def write_document(path: Path, document: tomlkit.TOMLDocument) -> None:
    """Write the whole file or nothing. Raises :class:`SettingsError`."""
    try:
        write_bytes(path, document.as_string().encode("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def only_writer(
    path: Path,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """While the context lasts no other program changes the file; its folder is made.

    A lock of the operating system on a file beside it: it goes when its owner dies. Raises
    :class:`SettingsError` where the folder cannot be made or another writer does not finish.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error
    try:
        deadline = now() + LOCK_SECONDS
        while not _try_lock(file):
            if now() > deadline:
                raise SettingsError(f"{path}: another program is writing to it; end that one")
            sleep(LOCK_STEP)
        yield
    finally:
        os.close(file)


def _try_lock(file: int) -> bool:
    """Take the lock; False where another has it. Closing the file gives it back."""
    try:
        if sys.platform == "win32":  # pragma: no cover
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
