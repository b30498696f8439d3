"""The picture of the screen for the README, docs/live.svg: ``python docs/make_screenshot.py``.

Bundled music goes through the tracker and the level meter as it would from a sound card, in blocks
of 10 ms; every figure in the picture is from that run. There is no audio device in it, so nothing
is known of a device's latency and no click sounds.
"""

from __future__ import annotations

import io
import statistics
import time
from pathlib import Path

from rich.console import Console

import rtbeat
from rtbeat.audio import read_audio
from rtbeat.live.level import LevelMeter
from rtbeat.live.overview import RATIOS
from rtbeat.live.screen import Screen
from rtbeat.live.snapshot import Alternative, Latency, Snapshot

PICTURE = Path(__file__).with_name("live.svg")
MUSIC = Path(rtbeat.__file__).parent / "music" / "groove.ogg"
UNTIL = 14.3  # seconds of music heard in the picture
BLOCK = 0.01  # seconds
LEAD = 0.2  # seconds
FOLLOW = 0.5
TEMPO_RANGE = (40.0, 240.0)


def perform() -> Snapshot:
    """Run the music through and tell how things stand at ``UNTIL``."""
    audio, sample_rate = read_audio(MUSIC)
    tracker = rtbeat.BeatTracker(
        sample_rate, audio.shape[1], lead=LEAD, follow=FOLLOW, tempo_range=TEMPO_RANGE
    )
    meter = LevelMeter(sample_rate)
    size, hops, bar, costs = round(BLOCK * sample_rate), 0, 0, []
    cpu = time.process_time()
    for start in range(0, round(UNTIL * sample_rate), size):
        block, began = audio[start : start + size], time.perf_counter()
        bar = max([bar, *(beat.number for beat in tracker.process(block))])
        meter.process(block)
        if tracker.hops > hops:
            hops = tracker.hops
            costs.append(time.perf_counter() - began)
    cpu = time.process_time() - cpu
    return picture(tracker, meter, bar, statistics.median(costs), cpu / tracker.time)


def picture(
    tracker: rtbeat.BeatTracker, meter: LevelMeter, bar: int, compute: float, cpu: float
) -> Snapshot:
    """What the session would show. bar : beats in one. compute : seconds a hop. cpu : share of a
    core."""
    phase = tracker.phase()
    return Snapshot(
        time=tracker.time,
        state=str(tracker.state),
        tempo=tracker.tempo,
        number=int(phase) + 1 if phase is not None and bar else 0,
        beats_per_bar=bar,
        phase=phase,
        confidence=tracker.confidence,
        alternatives=tuple(
            Alternative(RATIOS[other.ratio], other.tempo, other.probability)
            for other in tracker.alternatives
        ),
        level=meter.level,
        peak=meter.peak,
        advice=meter.advice,
        held=False,
        locked=False,
        follow=FOLLOW,
        tempo_range=TEMPO_RANGE,
        click=False,
        volume=0.0,
        transport="",
        ports=((MUSIC.name, "open"),),
        xruns=0,
        skipped=0.0,
        cpu=cpu,
        latency=Latency(None, None, BLOCK, 1 / tracker.frame_rate, compute, 0.0, "assumed", LEAD),
        message="",
    )


def main() -> None:
    """Write the picture."""
    console = Console(file=io.StringIO(), record=True, width=80, height=24, force_terminal=True)
    console.print(Screen(perform()))
    PICTURE.write_text(
        console.export_svg(title="rtbeat live", unique_id="rtbeat"), encoding="utf-8"
    )
    print(f"{PICTURE} written")


if __name__ == "__main__":
    main()
