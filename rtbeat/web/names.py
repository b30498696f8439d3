"""Names of songs as the sender gave them: only ever shown, never used as paths here."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120  # characters
UNNAMED = "song"
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows


def shown_name(name: str) -> str:
    """The last part of a path, without what is not visible or turns the direction of writing."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(c for c in last if c.isprintable() and unicodedata.category(c) != "Cf")
    return visible.strip()[:LONGEST] or UNNAMED


def download_name(name: str, suffix: str) -> str:
    """An ASCII file name that every system takes, made from a shown name. suffix : with its dot."""
    stem = name.rpartition(".")[0] or name
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-")[:LONGEST]
    return (UNNAMED if not safe or RESERVED.fullmatch(safe) else safe) + suffix
