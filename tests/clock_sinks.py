"""Ports that behave badly, loaded by the clock process itself (``"tests.clock_sinks:NAME"``).

What they are sent goes to the file that the port is named after, one line a message, so that it is
there however the process ends.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

from rtbeat.live.midi_ports import PortError, PortSpec, Sink


class FileSink(Sink):
    """Writes host time and bytes of every message to the file."""

    def __init__(self, spec: PortSpec) -> None:
        self.title = spec.name
        self._file = os.open(spec.name, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def send(self, data: bytes) -> None:
        os.write(self._file, f"{time.perf_counter()} {data.hex()}\n".encode())

    def close(self) -> None:
        os.close(self._file)


class UnplugSink(FileSink):
    """Is there while a file ``NAME.plug`` is."""

    def __init__(self, spec: PortSpec) -> None:
        self._plug = Path(spec.name + ".plug")
        if not self._plug.exists():
            raise PortError("nothing is plugged in")
        super().__init__(spec)

    def there(self) -> bool:
        return self._plug.exists()


class BlockingSink(FileSink):
    """The tenth message does not come back, with the interpreter locked, as RtMidi would."""

    def __init__(self, spec: PortSpec) -> None:
        super().__init__(spec)
        self._left = 10

    def send(self, data: bytes) -> None:
        super().send(data)
        self._left -= 1
        if not self._left:
            ctypes.PyDLL(None).sleep(60)


class ModulesSink(FileSink):
    """Writes which large libraries the process has loaded."""

    def __init__(self, spec: PortSpec) -> None:
        super().__init__(spec)
        heavy = [name for name in ("numpy", "numba", "multiprocessing") if name in sys.modules]
        os.write(self._file, f"loaded {heavy}\n".encode())
