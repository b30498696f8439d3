"""The command ``rtbeat``: one module a subcommand, and the only place that prints.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 some input
failed, 2 wrong usage, 130 interrupted. What a subcommand needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from rtbeat import __version__
from rtbeat.cli import batch, calibrate, demo, devices, doctor, file, live, replay, web
from rtbeat.cli.terminal import OutputError

COMMANDS = (file, batch, demo, live, devices, calibrate, doctor, replay, web)


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; ``run`` in its result is the subcommand."""
    parser = argparse.ArgumentParser(
        prog="rtbeat",
        description="Beat tracker: announces beats before they sound.",
        epilog="Exit codes: 0 done, 1 some input failed, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"rtbeat {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (``sys.argv`` if None) and return the exit code.

    Raises ``SystemExit`` where argparse does: wrong usage, ``--help``, ``--version``.
    """
    args = make_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        print("\nrtbeat: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has had enough, as in `rtbeat file ... | head`
        _discard_output()
        return 0
    except OutputError as error:
        print(f"rtbeat: {error}", file=sys.stderr)
        _discard_output()
        return 1


def _discard_output() -> None:
    """Let what is still buffered for standard output go nowhere, or Python fails on it at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
