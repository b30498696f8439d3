"""Results on disk: JSON and Markdown, written whole or not at all, with what they were made by."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import rtbeat

LIBRARIES = ("numpy", "numba")
RESULTS = Path(__file__).parent / "results"
MODELS = Path(rtbeat.__file__).parent / "models"


def cpu_model() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()


def model_digest(model: str) -> str | None:
    """SHA-256 of a model's file, by name or path; None where there is no such file."""
    for path in (MODELS / f"{model}.npz", Path(model)):
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def provenance(model: str | None = None) -> dict[str, Any]:
    """Date, version, model (if one was used) and machine; no names of hosts or users."""
    machine = {"python": platform.python_version(), "system": platform.system()}
    machine |= {name: importlib.metadata.version(name) for name in LIBRARIES}
    machine |= {"cpu": cpu_model(), "cores": str(os.cpu_count())}
    made = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "version": rtbeat.__version__,
        "machine": machine,
    }
    if model is not None:
        made["model"] = {"name": Path(model).name, "sha256": model_digest(model)}
    return made


def plain(value: Any, digits: int = 4) -> Any:
    """``value`` for JSON: numbers rounded, nan and infinities as None."""
    if isinstance(value, dict):
        return {key: plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, float):
        return round(float(value), digits) if math.isfinite(value) else None
    return value


def write_text(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes files private
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_results(folder: Path, name: str, results: dict[str, Any], text: str) -> None:
    """``<name>.json`` and ``<name>.md`` into ``folder``."""
    write_text(folder / f"{name}.json", json.dumps(plain(results), indent=1) + "\n")
    write_text(folder / f"{name}.md", text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column to the left, others to the right."""
    lines = [header, [":--"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def heading(title: str, made: dict[str, Any]) -> str:
    """First lines of a results page: what was measured, when, by what."""
    machine, model = made["machine"], ""
    if "model" in made:
        digest = made["model"]["sha256"] or "no such file"
        model = f", model {made['model']['name']} ({digest[:12]})"
    return (
        f"# {title}\n\n"
        f"rtbeat {made['version']}{model}, {made['date'][:10]}. "
        f"Python {machine['python']}, numpy {machine['numpy']}, numba {machine['numba']}, "
        f"{machine['cpu']}, {machine['cores']} cores.\n"
    )
