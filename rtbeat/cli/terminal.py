"""What the subcommands print: results, messages, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

COMPILE_NOTE = "compiling kernels, once after installing; this takes about 20 s"


class OutputError(Exception):
    """Standard output cannot be written (a full disk behind a redirection)."""


class Terminal:
    """Results on standard output; messages, and progress on a terminal, on standard error.

    quiet : leave out progress and notes; errors are shown all the same.
    """

    def __init__(self, quiet: bool = False):
        self.quiet = quiet

    def result(self, text: str) -> None:
        """Write ``text`` in UTF-8, at once. Raises ``OutputError``, ``BrokenPipeError``."""
        # file names may hold bytes that are no text; they go out as they came in
        data = text.encode("utf-8", "surrogateescape")
        if sys.stdout.isatty():  # by the text layer: a status line stays below it
            sys.stdout.write(data.decode("utf-8", "replace"))
            sys.stdout.flush()
        else:
            self.result_bytes(data)

    def result_bytes(self, data: bytes) -> None:
        """Write bytes, at once. Raises ``OutputError``, ``BrokenPipeError``."""
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output cannot be written: {error.strerror}") from error

    def error(self, text: str) -> None:
        """Say what went wrong."""
        print(f"rtbeat: {text}", file=sys.stderr)

    def note(self, text: str) -> None:
        """Say what is going on."""
        if not self.quiet:
            print(f"rtbeat: {text}", file=sys.stderr)

    @contextmanager
    def progress(self, label: str) -> Iterator[Callable[[float], None]]:
        """A bar with the time left while the context lasts; call what it gives with 0..1."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda share: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn())
        console = Console(stderr=True)
        # only standard error is ours to draw on: results pass by untouched
        with Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, redirect_stdout=False
        ) as bar:
            task = bar.add_task(label, total=1.0)
            yield lambda share: bar.update(task, completed=share)

    @contextmanager
    def status(self) -> Iterator[Callable[[str], None]]:
        """A line that changes, under the results, while the context lasts; on a terminal only."""
        if not sys.stdout.isatty():
            yield lambda text: None
            return
        from rich.live import Live
        from rich.text import Text

        with Live(Text(), refresh_per_second=10, transient=True) as live:
            yield lambda text: live.update(Text(text, style="bold"))

    @contextmanager
    def compile_note(self) -> Iterator[None]:
        """Tell, once, if kernels are compiled while the context lasts: it takes its time.

        Kernels that numba finds in its cache are loaded and not compiled, and nothing is said.
        """
        from numba.core import event

        told = False

        class Tell(event.Listener):
            def on_start(self, event: object) -> None:
                nonlocal told
                if not told:
                    told = True
                    terminal.note(COMPILE_NOTE)

            def on_end(self, event: object) -> None:
                pass

        terminal = self
        with event.install_listener("numba:compile", Tell()):
            yield
