"""Options that choose audio devices, for the commands that measure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtbeat.live.audio import AudioStream
    from rtbeat.live.callback import Float32
    from rtbeat.live.devices import AudioDevice
    from rtbeat.live.settings import Settings


@dataclass(frozen=True)
class AudioSetup:
    """Devices, rate in Hz and frames a block (0 = as the device likes)."""

    input: AudioDevice
    output: AudioDevice
    rate: int
    block_size: int

    def open(self, sounds: Sequence[Float32]) -> AudioStream:
        """A running stream that can play ``sounds``. Raises ``AudioDeviceError``."""
        from rtbeat.live.audio import AudioStream

        return AudioStream(
            self.input.index,
            self.output.index,
            self.rate,
            input_channels=min(2, self.input.inputs),
            output_channels=min(2, self.output.outputs),
            block_size=self.block_size,
            sounds=sounds,
        )


def add_audio_options(parser: argparse.ArgumentParser) -> None:
    """Devices, rate, block size, settings file."""
    add = parser.add_argument
    add("--input", metavar="NAME", help="input device (default: the system's)")
    add("--output", metavar="NAME", help="output device (default: the system's)")
    add("--host-api", metavar="NAME", help="only devices of this audio system (ALSA, JACK, ...)")
    add("--rate", type=int, metavar="HZ", help="sample rate (default: the input's)")
    add("--block", type=int, metavar="N", help="frames a block (default: as the device likes)")
    add("--settings", metavar="FILE", help="settings file (default: the platform's folder)")


def check_audio_options(args: argparse.Namespace) -> None:
    """Wrong numbers end in ``SystemExit(2)``."""
    from rtbeat import options

    try:
        if args.rate is not None:
            options.sample_rate(args.rate)
        if args.block is not None:
            options.whole("--block", args.block, 0, 1 << 16)
    except ValueError as error:
        args.parser.error(str(error))


def choose_audio(args: argparse.Namespace, settings: Settings) -> AudioSetup:
    """What the command line says, else the settings, else the system. Raises ``DeviceError``."""
    from rtbeat.live.devices import choose

    audio = settings.audio
    host_api = args.host_api or audio.host_api
    source = choose("input", args.input or audio.input, host_api)
    target = choose("output", args.output or audio.output, host_api)
    block_size = args.block if args.block is not None else audio.block_size or 0
    return AudioSetup(source, target, args.rate or audio.rate or round(source.rate), block_size)
