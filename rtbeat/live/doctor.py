"""What a machine can do for live music: figures into findings that a musician understands. Pure.

A measurement gives a figure, a function here says whether it is good, fair or bad, in words, and
what helps. The limits follow from what is asked of a session: beats are announced 0.2 s ahead, a
hop of the tracker is 20 ms, misplaced ticks are noticed from some milliseconds on.

Thread: any. Realtime-safe: no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rtbeat.live.devices import NO_AUDIO_DEVICE, AudioDevice
from rtbeat.live.loop_delay import LoopDelay
from rtbeat.live.midi_devices import MidiApi

ROUND_TRIP = (60.0, 150.0)  # ms: good, fair
QUICKER = "choose a smaller --block, or ALSA, JACK, ASIO, WASAPI or Core Audio by --host-api"
REAL_TIME = (
    "close other programs and allow real-time priority; on Linux join the group audio and let "
    "/etc/security/limits.d give it rtprio"
)

Verdict = Literal["good", "fair", "bad", "not measured"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    name : of the check. value, unit : the figure, None without one. words : one sentence. remedy :
    what helps, or empty. details : for reports of errors.
    """

    name: str
    verdict: Verdict
    words: str
    remedy: str = ""
    value: float | None = None
    unit: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


def grade(value: float, good: float, fair: float) -> Verdict:
    """Small is good. good, fair : greatest values that are still that."""
    return "good" if value <= good else "fair" if value <= fair else "bad"


def counted(number: int, noun: str) -> str:
    """As people say it: 1 port, 2 ports."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def not_measured(name: str, reason: str) -> Finding:
    """A check that could not be made."""
    return Finding(name, "not measured", reason)


def judge_devices(devices: Sequence[AudioDevice]) -> Finding:
    """Whether there is something to hear and to play with."""
    inputs = sum(device.inputs > 0 for device in devices)
    outputs = sum(device.outputs > 0 for device in devices)
    words = f"{counted(inputs, 'input')} and {counted(outputs, 'output')}; see `rtbeat devices`"
    if not inputs:
        remedy = "plug in a microphone or an interface" if devices else NO_AUDIO_DEVICE
        return Finding("audio devices", "bad", words, remedy, 0.0, "inputs")
    if not outputs:
        remedy = "without an output there are no clicks, only MIDI clock"
        return Finding("audio devices", "fair", words, remedy, float(inputs), "inputs")
    return Finding("audio devices", "good", words, "", float(inputs), "inputs")


def judge_midi(apis: Sequence[MidiApi]) -> Finding:
    """Whether MIDI works and where it could go."""
    working = [api for api in apis if not api.problem]
    details = {api.name: api.problem or counted(len(api.ports), "port") for api in apis}
    if not working:
        remedy = "; ".join(api.problem for api in apis) or "install a MIDI driver"
        return Finding("MIDI ports", "bad", "MIDI does not work here", remedy, details=details)
    count = sum(port.direction == "output" for api in working for port in api.ports)
    words = f"{counted(count, 'port')} to send to, by {' and '.join(api.name for api in working)}"
    return Finding("MIDI ports", "good", words, "", float(count), "ports", details)


def judge_loop(loop: LoopDelay) -> Finding:
    """Delay from loudspeaker to microphone as measured."""
    value = 1000.0 * loop.delay
    verdict = grade(value, *ROUND_TRIP)
    words = f"{value:.1f} ms from output to input, the same within {1000 * loop.spread:.2f} ms"
    return Finding("round trip", verdict, words, "" if verdict == "good" else QUICKER, value, "ms")


def judge_driver_loop(driver: float | None, reason: str) -> Finding:
    """The same by the driver's word, seconds, None where it has none; ``reason`` : why it could
    not be measured. Nobody knows whether it is true, so it is never good."""
    measure = "measure it by `rtbeat calibrate`"
    if driver is None:
        return Finding("round trip", "not measured", reason, measure)
    value = 1000.0 * driver
    words = f"{value:.1f} ms by the driver's word only, which may be wrong ({reason})"
    verdict = grade(value, *ROUND_TRIP)
    if verdict == "good":
        return Finding("round trip", "fair", words, measure, value, "ms")
    return Finding("round trip", verdict, words, f"{QUICKER}; {measure}", value, "ms")


def judge_xruns(count: int, seconds: float) -> Finding:
    """Sound lost because the computer was too late."""
    verdict = grade(count, 0, 1)
    words = f"sound was lost {counted(count, 'time')} in {seconds:.0f} s"
    remedy = (
        "close other programs, choose a larger --block, plug in the power supply, switch power "
        "saving off"
    )
    return Finding(
        "lost sound", verdict, words, "" if verdict == "good" else remedy, float(count), "times"
    )


def judge_hops(seconds: NDArray[np.float64], hop: float) -> Finding:
    """Work of the tracker: seconds for each hop, float64 ``(n,)``; hop : seconds it may take."""
    usual, worst = np.median(seconds), np.quantile(seconds, 0.99)
    share = 100.0 * float(seconds.mean()) / hop
    verdict = max(
        grade(share, 20.0, 60.0), grade(worst, 0.5 * hop, hop), key=("good", "fair", "bad").index
    )
    words = (
        f"the tracker takes {share:.0f} % of one processor core ({1000 * usual:.1f} ms a hop, "
        f"{1000 * worst:.1f} ms at worst, of {1000 * hop:.0f} ms)"
    )
    remedy = "close other programs, plug in the power supply, switch power saving off"
    return Finding(
        "processor", verdict, words, "" if verdict == "good" else remedy, share, "% of a core"
    )


def judge_cache(compiled: int, writable: bool, folder: str) -> Finding:
    """Compiled kernels: ``compiled`` had to be made just now; ``folder`` is where they are kept."""
    details = {"folder": folder}
    if not writable:
        words = f"compiled code cannot be kept in {folder}: every start takes 20 s or more"
        remedy = "set the environment variable NUMBA_CACHE_DIR to a folder that you may write to"
        return Finding("compiled code", "bad", words, remedy, float(compiled), "compiled", details)
    words = (
        f"{counted(compiled, 'function')} compiled just now; the next start is quick"
        if compiled
        else "everything is compiled already: starts are quick"
    )
    return Finding("compiled code", "good", words, "", float(compiled), "compiled", details)


def judge_ticks(usual: float, worst: float, real_time: bool) -> Finding:
    """MIDI clock: lateness of ticks, seconds: median, and what 99 of 100 keep below; real_time :
    whether priority was granted."""
    verdict = grade(worst, 0.001, 0.005)
    words = (
        f"ticks are late by {1000 * usual:.2f} ms, 99 of 100 by less than {1000 * worst:.2f} ms"
        + ("" if real_time else ", without real-time priority")
    )
    remedy = "" if verdict == "good" else "close other programs" if real_time else REAL_TIME
    return Finding("MIDI clock", verdict, words, remedy, 1000.0 * worst, "ms")
