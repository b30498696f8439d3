"""What a test needs beyond the package: it skips without, or fails where the machine is meant to
have everything (environment variable ``RTBEAT_TESTS_COMPLETE=1``, as in ``.ci/run``)."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

SOUNDFONTS = tuple(
    Path("/usr/share/sounds") / name
    for name in (
        "sf2/TimGM6mb.sf2",
        "sf2/FluidR3_GM.sf2",
        "sf3/MuseScore_General_Lite.sf3",
        "sf3/FluidR3Mono_GM.sf3",
        "sf2/OPL-3_FM_128M.sf2",
    )
)


def _missing(what: str, install: str) -> NoReturn:
    if os.environ.get("RTBEAT_TESTS_COMPLETE") == "1":
        pytest.fail(f"needs {what}: {install}", pytrace=False)
    pytest.skip(f"needs {what}: {install}", allow_module_level=True)


def require(module: str, install: str) -> ModuleType:
    """The module, imported; ``install`` tells how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError:  # also raised where a module is there and its C library is not
        _missing(module, install)


def require_program(name: str, install: str) -> str:
    """Path of a program."""
    path = shutil.which(name)
    if path is None:
        _missing(f"the program {name}", install)
    return path


def require_soundfont() -> str:
    """Path of a General MIDI soundfont, a small one where there are several."""
    for path in SOUNDFONTS:
        if path.exists():
            return str(path)
    _missing("a soundfont", "apt install timgm6mb-soundfont")


def require_data(name: str) -> Path:
    """A folder of the data collection, which cannot be published; always skips without it."""
    path = Path(os.environ.get("RTBEAT_DATA", "")) / name
    if not os.environ.get("RTBEAT_DATA") or not path.exists():
        pytest.skip(f"needs {name} in the folder named by RTBEAT_DATA", allow_module_level=True)
    return path
