"""The measurements of `rtbeat doctor`; what they mean is in :mod:`rtbeat.live.doctor`.

Thread: main. Realtime-safe: no.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from rtbeat import __version__
from rtbeat.live.audio import AudioStream
from rtbeat.live.audio_port import AudioDeviceError
from rtbeat.live.calibrate import measure_loop, record_input
from rtbeat.live.callback import Float32
from rtbeat.live.devices import DeviceError, audio_devices
from rtbeat.live.doctor import (
    Finding,
    counted,
    judge_cache,
    judge_devices,
    judge_driver_loop,
    judge_hops,
    judge_loop,
    judge_midi,
    judge_xruns,
    not_measured,
)
from rtbeat.live.loop_delay import LoopError
from rtbeat.live.midi_devices import midi_apis
from rtbeat.live.settings import Settings, SettingsError, settings_path

PACKAGES = ("numpy", "numba", "soundfile", "sounddevice", "python-rtmidi", "rich")
LISTEN = 10.0  # seconds in which lost sound is counted
TRACK = 6.0  # seconds of music that the tracker is given
RATE = 48_000
VOLUME = 0.3  # of the bursts


def check_versions() -> Finding:
    """What is installed."""
    details = {
        "rtbeat": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    for package in PACKAGES:
        try:
            details[package] = version(package)
        except PackageNotFoundError:
            details[package] = "missing"
    words = f"rtbeat {details['rtbeat']}, Python {details['python']}, {details['system']}"
    return Finding("versions", "good", words, details=details)


def check_settings(path: str | None) -> Finding:
    """Whether the settings file can be read."""
    try:
        settings = Settings.load(path)
    except SettingsError as error:
        return Finding("settings", "bad", str(error), "mend that line in a text editor")
    count = len(settings.calibrations)
    words = f"{settings_path(path)}, with {counted(count, 'calibration')}"
    if settings.unknown:
        return Finding("settings", "fair", "; ".join(settings.unknown), "mend these lines")
    return Finding("settings", "good", words, "", float(count), "calibrations")


def check_devices() -> Finding:
    """Audio devices."""
    try:
        return judge_devices(audio_devices())
    except DeviceError as error:
        return Finding("audio devices", "bad", "audio does not work here", str(error))


def check_midi() -> Finding:
    """MIDI ports."""
    try:
        return judge_midi(midi_apis())
    except DeviceError as error:
        return Finding("MIDI ports", "bad", "MIDI does not work here", str(error))


def check_stream(
    open_stream: Callable[[], AudioStream],
    bursts: Sequence[Float32],
    sleep: Callable[[float], None] = time.sleep,
) -> list[Finding]:
    """Round trip and lost sound, on a stream with input and output whose sounds are the bursts.
    Takes ten seconds."""
    try:
        stream = open_stream()
    except (AudioDeviceError, DeviceError) as error:
        return stream_not_opened(str(error))
    try:
        return _listen(stream, bursts, sleep)
    except AudioDeviceError as error:
        return [Finding("lost sound", "bad", str(error), "see that nothing is loose or asleep")]
    finally:
        stream.close()


def stream_not_opened(reason: str) -> list[Finding]:
    """What :func:`check_stream` would find, had there been a stream."""
    return [not_measured(name, reason) for name in ("round trip", "lost sound")]


def _listen(
    stream: AudioStream, bursts: Sequence[Float32], sleep: Callable[[float], None]
) -> list[Finding]:
    if stream.input is None:
        raise ValueError("stream must have an input")
    try:
        trip = judge_loop(measure_loop(stream, bursts, VOLUME, sleep))
    except LoopError as error:
        trip = judge_driver_loop(stream.driver_loop(), str(error))
    seconds = stream.input.shared.frames / stream.sample_rate
    if seconds < LISTEN:
        record_input(stream, stream.input, round((LISTEN - seconds) * stream.sample_rate), sleep)
    seconds = stream.input.shared.frames / stream.sample_rate
    lost = sum(stream.xruns.values())
    return [trip, judge_xruns(lost, seconds)]


def check_tracker(now: Callable[[], float] = time.perf_counter) -> list[Finding]:
    """Processor and compiled code: the tracker runs on made-up music, hop by hop."""
    from rtbeat import BeatTracker

    tracker = BeatTracker(sample_rate=RATE)
    hop = round(RATE / tracker.frame_rate)
    music = made_up_music(RATE, TRACK)
    taken = []
    for start in range(0, len(music) - hop, hop):
        begin = now()
        tracker.process(music[start : start + hop])
        taken.append(now() - begin)
    return [judge_hops(np.array(taken), hop / RATE), _cache()]


def made_up_music(sample_rate: int, seconds: float) -> Float32:
    """Decaying noise twice a second over a chord, float32 ``(frames,)``."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    noise = np.random.default_rng(0).standard_normal(len(time))
    hits = 0.15 * noise * np.exp(-(time % 0.5) / 0.05)
    chord = sum(0.1 * np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.2, 329.6))
    music: Float32 = (hits + chord).astype(np.float32)
    return music


def _cache() -> Finding:
    """Compiled functions of the package by numba's own counts."""
    from numba.core.registry import CPUDispatcher

    found = {
        id(value): value
        for name, module in list(sys.modules.items())
        if name.startswith("rtbeat.")
        for value in vars(module).values()
        if isinstance(value, CPUDispatcher)
    }
    stats = [value.stats for value in found.values()]
    folders = sorted({entry.cache_path for entry in stats if entry.cache_path})
    compiled = sum(sum(entry.cache_misses.values()) for entry in stats)
    writable = bool(folders) and all(os.access(folder, os.W_OK) for folder in folders)
    return judge_cache(compiled, writable, folders[0] if folders else "memory")
