"""Writing files whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from os import PathLike


def write_bytes(path: str | PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` so that a reader finds the old file or the whole new one.

    The data goes to a temporary file beside the target, which then takes the target's name; on any
    failure (a full disk, an interrupt) it is removed. A link is followed and its permissions are
    kept. A device or pipe, which cannot be replaced, is written to directly.

    Raises ``OSError`` where the file cannot be written, naming ``path``.
    """
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:
                file.write(data)
        else:
            _replace(target, data)
    except OSError as error:
        # the name of the temporary file would tell the user nothing
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _replace(target: str, data: bytes) -> None:
    temporary = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some file systems report a full disk only here
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
