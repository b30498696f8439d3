"""When a live engine leaves sound out: late beats help nobody, so it goes on from the newest."""

from __future__ import annotations

LATE = 1.0  # seconds behind from which sound is left out
IN_TIME = 0.1  # seconds behind until which it is


class Lateness:
    """Judges block by block. sample_rate : Hz. Thread: one at a time."""

    def __init__(self, sample_rate: int):
        self._rate = sample_rate
        self._late = False

    def leaves_out(self, heard: int, received: int, elapsed: float) -> bool:
        """Whether to pass over a block.

        heard : samples to the end of that block. received : samples that have come. elapsed :
        seconds since the first was recorded. Behind is what has come since, but sound that came
        before its time can wait.
        """
        behind = min((received - heard) / self._rate, elapsed - heard / self._rate)
        self._late = behind > (IN_TIME if self._late else LATE)
        return self._late
