"""Lines of a terminal: what fits, bars, large figures. Pure.

A line is a list of pieces (text, style) of rich; widths are in cells, of which a Chinese or
Japanese character takes two. Contents: :func:`row`, :func:`paragraph`, :func:`bar`,
:func:`meter`, :func:`large`, :func:`flow`, :func:`plain_ascii`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from rtbeat.live.lines import printable

Piece = tuple[str, str]
"""Text and style."""

GAP = "   "  # between the pieces of a row
_DIGITS = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ".": (" ", " ", "▀"),
    "-": ("   ", "▀▀▀", "   "),
}
_ASCII = str.maketrans("●○█░│÷←→…▀", '*o#-|/<>."')


def row(label: str, pieces: Sequence[Piece], width: int, indent: int) -> Text:
    """A label, then as many pieces as fit, whole ones; the first is cut off where it does not.

    indent : cells kept for the label.
    """
    line = Text(no_wrap=True).append(label.ljust(indent)[:indent], "dim")
    left = width - indent
    for i, (text, style) in enumerate(pieces):
        text = printable(text)
        gap = GAP if i else ""
        if cell_len(text) + len(gap) > left and i:
            break
        line.append(gap).append(text, style)
        left -= cell_len(text) + len(gap)
    line.truncate(width, overflow="ellipsis")
    return line


def paragraph(text: str, width: int, style: str, most: int = 2) -> list[Text]:
    """A sentence over as many lines as it needs, at least one and at most ``most``."""
    lines = textwrap.wrap(printable(text), width, max_lines=most, placeholder=" …") or [""]
    return [Text(line, style, no_wrap=True) for line in lines]


def bar(share: float, cells: int) -> str:
    """A share 0..1 as a bar."""
    full = round(min(1.0, max(0.0, share)) * cells)
    return "█" * full + "░" * (cells - full)


def meter(level: float, peak: float, cells: int, lowest: float = -60.0) -> str:
    """Level and peak in dB as a bar from ``lowest`` to 0 dB with a stroke at the peak."""
    cellsful = list(bar(1.0 - level / lowest, cells))
    place = round((1.0 - peak / lowest) * cells) - 1
    if place >= 0:
        cellsful[min(place, cells - 1)] = "│"
    return "".join(cellsful)


def large(number: str) -> tuple[str, str, str]:
    """Digits, a point, dashes as three lines of blocks."""
    top, middle, bottom = (
        " ".join(_DIGITS[character][i] for character in number) for i in range(3)
    )
    return top, middle, bottom


def flow(pieces: Sequence[tuple[Piece, Piece]], width: int, most: int) -> list[Text]:
    """Pairs (a key and its word) one after the other, over at most ``most`` lines."""
    lines: list[Text] = []
    used = width
    for key, word in pieces:
        size = cell_len(key[0]) + 1 + cell_len(word[0])
        if used + 2 + size > width:
            if len(lines) == most:
                break
            lines.append(Text(no_wrap=True))
            used = -2
        lines[-1].append("  " if used >= 0 else "").append(*key).append(" ").append(*word)
        used += 2 + size
    return lines


def plain_ascii(line: Text) -> Text:
    """The same line for a terminal that knows no more than ASCII, cell for cell."""
    ascii_line = line.copy()
    text = line.plain.translate(_ASCII)
    ascii_line.plain = text.encode("ascii", "replace").decode("ascii")
    return ascii_line
