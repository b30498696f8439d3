"""``rtbeat devices``: audio devices and MIDI ports, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rtbeat.cli.terminal import Terminal

if TYPE_CHECKING:
    from rtbeat.live.devices import AudioDevice
    from rtbeat.live.midi_devices import MidiApi

EPILOG = """\
A device or port is chosen by its index or any part of its name; without a choice the system's
default is taken.

--json prints one object a line. An audio device has the keys type ("audio"), index, name,
host_api, inputs, outputs (channels), rate (Hz), defaults (the directions in which it is the
system's choice) and host_api_defaults (that of its host API); a MIDI port has type ("midi"),
api, direction ("input" is heard by rtbeat), index, name.

Exit codes: 0 done; 1 there is no audio device, or a library is missing; 2 wrong usage.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand and its options."""
    parser = commands.add_parser(
        "devices",
        help="list audio devices and MIDI ports",
        description="List audio devices and MIDI ports.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """List everything; 1 where there is no audio device or a library is missing."""
    from rtbeat.live.devices import NO_AUDIO_DEVICE, DeviceError, audio_devices
    from rtbeat.live.midi_devices import midi_apis

    terminal = Terminal()
    complete = True
    try:
        devices = audio_devices()
        if not devices:
            raise DeviceError(NO_AUDIO_DEVICE)
        terminal.result(_as_json("audio", devices) if args.json else audio_table(devices))
    except DeviceError as error:
        terminal.error(str(error))
        complete = False
    try:
        apis = midi_apis()
        for api in apis:
            if api.problem:
                terminal.note(f"MIDI by {api.name}: {api.problem}")
        ports = [port for api in apis for port in api.ports]
        terminal.result(_as_json("midi", ports) if args.json else midi_table(apis))
    except DeviceError as error:
        terminal.error(str(error))
        complete = False
    return 0 if complete else 1


def _as_json(kind: str, items: Sequence[Any]) -> str:
    return "".join(json.dumps({"type": kind, **asdict(item)}) + "\n" for item in items)


def audio_table(devices: Sequence[AudioDevice]) -> str:
    """One line a device."""
    head = ("audio", "name", "host API", "in", "out", "rate", "default")
    rows = [
        (
            str(device.index),
            device.name,
            device.host_api,
            str(device.inputs),
            str(device.outputs),
            f"{device.rate:.0f}",
            ", ".join(device.defaults),
        )
        for device in devices
    ]
    return _table([head, *rows], right=(0, 3, 4, 5))


def midi_table(apis: Sequence[MidiApi]) -> str:
    """One line a port."""
    ports = [port for api in apis for port in api.ports]
    if not ports:
        return "no MIDI ports\n"
    words = {"input": "in", "output": "out"}
    rows = [(str(port.index), port.name, port.api, words[port.direction]) for port in ports]
    return _table([("MIDI", "name", "API", "direction"), *rows], right=(0,))


def _table(rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    """Columns two spaces apart; those in ``right`` to the right. An empty line before it."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if i in right else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "\n" + "".join(lines)
