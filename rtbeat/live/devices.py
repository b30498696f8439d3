"""Audio devices of this machine, and choosing one by index or part of its name.

Choosing gives PortAudio's index and never its name: PortAudio's JACK part takes names for regular
expressions. With JACK every client that has audio ports is a device.

Thread: main, all of it. Realtime-safe: no.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rtbeat.live.chatter import without_chatter
from rtbeat.live.matching import DeviceError, best_matches, listed, pick

__all__ = ["AudioDevice", "DeviceError", "audio_devices", "choose", "choose_from", "refresh_audio"]

Direction = Literal["input", "output"]
DIRECTIONS: tuple[Direction, ...] = ("input", "output")

NO_PORTAUDIO = (
    "the audio library PortAudio was not found; on Linux run `sudo apt install libportaudio2`, "
    "elsewhere `pip install --force-reinstall sounddevice`"
)
NO_AUDIO_DEVICE = (
    "there is no audio device; plug one in and switch it on, or start the audio server (JACK, "
    "PipeWire)"
)


@dataclass(frozen=True)
class AudioDevice:
    """index : by PortAudio, valid until the devices are listed anew. inputs, outputs : channels.
    rate : default sample rate, Hz. defaults : for which directions it is the system's choice.
    host_api_defaults : for which that of its host API."""

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    rate: float
    defaults: tuple[Direction, ...] = ()
    host_api_defaults: tuple[Direction, ...] = ()

    def channels(self, direction: Direction) -> int:
        """Channels that way."""
        return self.inputs if direction == "input" else self.outputs


def audio_devices() -> list[AudioDevice]:
    """All audio devices, by index; none is an empty list. Raises :class:`DeviceError`.

    The list is made once in the life of the program, see :func:`refresh_audio`.
    """
    sd = _sounddevice()
    chosen = dict(zip(DIRECTIONS, sd.default.device, strict=True))
    apis = sd.query_hostapis()
    devices = []
    for index, info in enumerate(sd.query_devices()):
        api = apis[info["hostapi"]]
        devices.append(
            AudioDevice(
                index,
                info["name"],
                api["name"],
                info["max_input_channels"],
                info["max_output_channels"],
                info["default_samplerate"],
                tuple(way for way in DIRECTIONS if chosen[way] == index),
                tuple(way for way in DIRECTIONS if api[f"default_{way}_device"] == index),
            )
        )
    return devices


def refresh_audio() -> None:
    """Let PortAudio look for devices anew. No stream may be open. Raises :class:`DeviceError`."""
    sd = _sounddevice()
    with without_chatter():
        sd._terminate()
        sd._initialize()


def choose(
    direction: Direction, which: str | int | None = None, host_api: str | None = None
) -> AudioDevice:
    """The device meant by an index, a name or a part of one; None is the system's choice.

    The case of letters does not matter, and a whole name wins over parts. Where several host APIs
    have one, as on Windows, that of the system's choice counts. host_api : only devices of this
    one, by name or a part of it.

    Raises :class:`DeviceError` in one sentence with the candidates.
    """
    return choose_from(audio_devices(), direction, which, host_api)


def choose_from(
    every: Sequence[AudioDevice],
    direction: Direction,
    which: str | int | None = None,
    host_api: str | None = None,
) -> AudioDevice:
    """The same from a list of devices."""
    found = [device for device in every if device.channels(direction) > 0]
    if not found:
        raise DeviceError(f"there is no audio {direction} device" if every else NO_AUDIO_DEVICE)
    if host_api is not None:
        apis = sorted({device.host_api for device in found})
        api = pick(f"host API with an {direction} device", apis, host_api, str)
        found = [device for device in found if device.host_api == api]
    usual = _usual(direction, found)
    if which is None:
        return usual
    text = str(which)
    names = [device.name for device in found]
    if text.isdecimal() and text not in names:
        return _by_index(direction, found, int(text))
    best = [found[i] for i in best_matches(names, text)]
    same_api = [device for device in best if device.host_api == usual.host_api]
    if len(same_api) == 1:
        return same_api[0]
    return pick(f"audio {direction} device", found, text, _label, lambda device: device.name)


def _usual(direction: Direction, found: Sequence[AudioDevice]) -> AudioDevice:
    """The system's choice, or that of the first host API with one, or the first of these."""
    for device in found:
        if direction in device.defaults:
            return device
    own = (device for device in found if direction in device.host_api_defaults)
    return next(own, found[0])


def _by_index(direction: Direction, found: Sequence[AudioDevice], index: int) -> AudioDevice:
    for device in found:
        if device.index == index:
            return device
    raise DeviceError(
        f"there is no audio {direction} device {index}; there are {listed(map(_label, found))}"
    )


def _label(device: AudioDevice) -> str:
    return f"{device.index} {device.name} ({device.host_api})"


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # without the Python package, without PortAudio
        raise DeviceError(NO_PORTAUDIO) from error
    return sounddevice
