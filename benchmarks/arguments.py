"""Options that commands over data folders share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import RESULTS


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Which clips, by which model, and where results go."""
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder that holds the test folders")
    add("--sets", nargs="+", default=None, help="test folders, default: all that are there")
    add("--limit", type=int, help="at most N clips a folder, every k-th", metavar="N")
    add("--validation", action="store_true", help="only songs that training keeps for validation")
    add("--model", default="default", help="name or path of a model")
    add("--jobs", type=int, default=1, help="processes", metavar="N")
    add("--out", type=Path, default=RESULTS, help="folder of the results")


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The options; ends the program where a count is less than 1."""
    options = parser.parse_args(argv)
    for name in ("limit", "jobs"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return options


def chosen_options(options: argparse.Namespace) -> dict[str, Any]:
    """What of the options says how results came about, as far as it was chosen."""
    known = {name: vars(options).get(name) for name in ("decoder", "lead", "limit", "validation")}
    return {name: value for name, value in known.items() if value not in (None, False)}
