"""Who may import whom, and what ``import rtbeat`` loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rtbeat

PACKAGE = Path(rtbeat.__file__).parent
HEAVY = (
    *("torch", "librosa", "sounddevice", "rtmidi", "link", "rich", "matplotlib", "aiohttp"),
    "training",
)


def imported(path: Path) -> set[str]:
    """Modules named by the import statements of a file, those inside functions left out."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_importing_rtbeat_loads_no_heavy_library():
    code = f"import rtbeat, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_no_module_loads_a_device_or_training_library(path):
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {
        "torch",
        "librosa",
        "sounddevice",
        "rtmidi",
        "jack",
        "link",
        "training",
        "benchmarks",
    }


# the pure stages: what each may import from the package
ALLOWED = {
    "features": set(),
    "beat": set(),
    "decoder": set(),
    "timeline": set(),
    "taps": set(),
    "weights": {"features"},
    "gru": set(),
    "packed": {"weights"},
    "networks": {"gru", "packed"},
    "piece": {"packed", "networks"},
    "model": {"weights", "packed", "networks", "piece"},
    "state_space": set(),
    "filter": {"decoder", "state_space"},
    "viterbi": {"decoder", "state_space"},
    "click": {"timeline"},
    "grid_line": set(),
    "tick_line": {"grid_line"},
    "beat_notes": set(),
    "midi_clock": {"grid_line", "tick_line", "beat_notes"},
    "click_response": set(),
    "own_clicks": {"click_response", "features"},
    "beat_line": set(),
    "announcer": {"beat", "beat_line", "decoder", "pulse", "taps", "timeline"},
    "tempo": {"decoder"},
    "chain": {"tempo"},
    "meter": set(),
    "searcher": {"decoder", "tempo", "chain", "meter"},
    "search_piece": {"decoder", "tempo", "chain", "meter", "searcher"},
    "search": {"decoder", "tempo", "chain", "meter", "searcher", "search_piece"},
}


@pytest.mark.parametrize("stage", sorted(ALLOWED))
def test_stages_import_only_what_lies_below_them(stage):
    own = {n.split(".")[1] for n in imported(PACKAGE / f"{stage}.py") if n.startswith("rtbeat.")}
    assert own <= ALLOWED[stage]


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda p: p.stem)
def test_the_pure_side_never_imports_the_live_room(path):
    whole = ast.walk(ast.parse(path.read_text()))
    names = {node.module for node in whole if isinstance(node, ast.ImportFrom) and node.module}
    assert not [name for name in names if name.split(".")[1:2] in (["live"], ["cli"], ["web"])] or (
        path.stem == "__main__"
    )


def test_every_public_name_exists_and_is_listed_once():
    assert len(set(rtbeat.__all__)) == len(rtbeat.__all__)
    for name in rtbeat.__all__:
        assert hasattr(rtbeat, name)


def test_every_kernel_releases_the_interpreter():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert text.count("nb.njit(") == text.count("nogil=True"), path.name
