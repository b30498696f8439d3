"""CSV: a header and one line a beat, comma between, for spreadsheets and data frames.

Columns: time (seconds), number (position in the bar, 1 = downbeat, 0 = unknown), tempo (BPM around
the beat), confidence (0 to 1) and, for an online run, announced_at (seconds). What is not known is
left empty. Lines end in a line feed.
"""

from __future__ import annotations

import math

from rtbeat.beat import Beats
from rtbeat.formats.local_tempo import local_tempi

HEADER = ("time", "number", "tempo", "confidence")


def encode(beats: Beats) -> bytes:
    """The file's bytes."""
    tempi = local_tempi(beats.times)
    online = beats.announced_at is not None
    lines = [",".join(HEADER + (("announced_at",) if online else ()))]
    for index in range(len(beats)):
        row = [
            f"{beats.times[index]:.6f}",
            str(int(beats.numbers[index])),
            "" if math.isnan(tempi[index]) else f"{tempi[index]:.3f}",
            f"{beats.confidences[index]:.4f}" if len(beats.confidences) else "",
        ]
        if beats.announced_at is not None:
            row.append(f"{beats.announced_at[index]:.6f}")
        lines.append(",".join(row))
    return "".join(f"{line}\n" for line in lines).encode("ascii")
