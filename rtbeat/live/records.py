"""Tables of a TOML file into dataclasses, each value checked.

The check of a field is in its metadata: ``check`` for one value, ``each`` for a table whose keys
are free and whose values are alike. A field without a default must be there.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from rtbeat.live.settings_checks import table as is_table
from rtbeat.live.toml_file import Key, name_of

T = TypeVar("T")
Check = Callable[[str, Any], Any]


class WrongValueError(Exception):
    """A value that is not allowed; ``key`` is where it stands."""

    def __init__(self, key: Key, text: str):
        super().__init__(text)
        self.key = key


class RecordReader:
    """Reads tables; keys that are not known are collected in ``unknown``, each with a sentence.

    The methods raise :class:`WrongValueError`. Thread: one at a time. Realtime-safe: no.
    """

    def __init__(self) -> None:
        self.unknown: list[tuple[Key, str]] = []

    def record(self, kind: type[T], content: Any, key: Key) -> T:
        """The table ``content``, which stands at ``key``, as a dataclass of that kind."""
        table = self.check(is_table, key, content)
        every: Any = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
        self.note_unknown(key, table, every)
        values = {}
        for name, entry in every.items():
            here = (*key, name)
            if name in table and "each" in entry.metadata:
                values[name] = self.free_table(entry.metadata["each"], table[name], here)
            elif name in table:
                values[name] = self.check(entry.metadata["check"], here, table[name])
            elif entry.default is MISSING and entry.default_factory is MISSING:
                raise WrongValueError(key, f"{name_of(here)} is missing")
        return kind(**values)

    def free_table(self, each: Check, content: Any, key: Key) -> dict[str, Any]:
        """A table whose keys are anything."""
        table = self.check(is_table, key, content)
        return {name: self.check(each, (*key, name), value) for name, value in table.items()}

    def check(self, test: Check, key: Key, value: Any) -> Any:
        """What the check makes of a value."""
        name = name_of(key)
        try:
            return test(name, value)
        except (TypeError, ValueError) as error:
            text = str(error)
            raise WrongValueError(key, text if name in text else f"{name}: {text}") from None

    def note_unknown(self, key: Key, table: Mapping[str, Any], known: Iterable[str]) -> None:
        """Collect the keys of a table that are not known."""
        names = list(known)
        for name in table:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
                here = (*key, name)
                self.unknown.append((here, f"{name_of(here)} is not a setting; {advice}"))
