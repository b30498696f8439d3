"""Everything about a live session, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rtbeat.live.audio import AudioStream
from rtbeat.live.clock_process import PortSpec
from rtbeat.live.engine import EngineOptions
from rtbeat.live.osc_target import OscTarget
from rtbeat.live.recorder import Recorder


@dataclass(frozen=True)
class MidiOptions:
    """MIDI clock: ports, and how it follows.

    bend : most that the tempo sent changes from one beat to the next, BPM. start, when_lost : see
    :class:`rtbeat.midi_clock.MidiClock` (its ``start`` and ``policy``).
    """

    ports: tuple[PortSpec, ...] = ()
    bend: float = 4.0
    start: str = "downbeat"
    when_lost: str = "stop"


@dataclass(frozen=True)
class LiveOptions:
    """Everything about a session.

    open_audio : opens the devices and gives the running stream; called again after a device was
    lost. Raises :class:`rtbeat.live.audio.AudioDeviceError`. osc : receivers of beats. link :
    offset in seconds of the Ableton Link session that is led, None = without Link. loop : seconds
    from output to input as measured by calibration, None = as the driver says.
    """

    open_audio: Callable[[], AudioStream]
    engine: EngineOptions = field(default_factory=EngineOptions)
    midi: MidiOptions = field(default_factory=MidiOptions)
    osc: tuple[OscTarget, ...] = ()
    link: float | None = None
    loop: float | None = None
    recorder: Recorder | None = None
