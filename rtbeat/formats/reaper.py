"""REAPER markers: the CSV that its Region/Marker Manager exports and imports.

One marker a beat, called ``bar.beat``; bars are counted from the first downbeat, a beat before it
is in bar 0. A beat whose place is not known has no name. Times are minutes and seconds, as REAPER
exports them with its ruler set to those. A marker has no end and no length.
"""

from __future__ import annotations

from rtbeat.beat import Beats


def encode(beats: Beats) -> bytes:
    """The file's bytes."""
    lines = ["#,Name,Start,End,Length\n"]
    bar = 0
    for index, (time, number) in enumerate(zip(beats.times, beats.numbers, strict=True), 1):
        bar += int(number == 1)
        name = f"{bar}.{number}" if number else ""
        lines.append(f"M{index},{name},{clock(float(time))},,\n")
    return "".join(lines).encode("ascii")


def clock(seconds: float) -> str:
    """Time as ``m:ss.mmm``, from an hour on ``h:mm:ss.mmm``; e.g. ``1:02.500``."""
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"
