"""How much the server takes: one value, so that tests can make everything small."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Everything that is bounded.

    upload_bytes : of one file. seconds : length of one song. songs : kept at a time, those that
    wait and are being received included. live : engines at a time. upload_seconds : for receiving a
    file. stall_seconds : without a byte of it. work_seconds : for decoding and tracking a song.
    memory_bytes : address space of the process that does this, where the system can limit it.
    keep_seconds : that a song is kept after it was asked for last. start_seconds : until a live
    connection says what it wants. quiet_seconds : without a sample from a browser's microphone.
    """

    upload_bytes: int = 200 * MEGABYTE
    seconds: float = 1200.0
    songs: int = 16
    live: int = 8
    upload_seconds: float = 300.0
    stall_seconds: float = 15.0
    work_seconds: float = 300.0
    memory_bytes: int = 3000 * MEGABYTE
    keep_seconds: float = 3600.0
    start_seconds: float = 10.0
    quiet_seconds: float = 60.0
