"""What a performer's controls come from in ``rtbeat live`` beside the keyboard: MIDI and OSC."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtbeat.cli.terminal import Terminal
    from rtbeat.live.midi_map import MidiMap
    from rtbeat.live.session import Session
    from rtbeat.live.settings import Settings


@contextlib.contextmanager
def midi_controls(
    args: argparse.Namespace, session: Session, settings: Settings
) -> Iterator[MidiMap | None]:
    """Controls from MIDI inputs while the context lasts; gives the mapping, None without."""
    if not args.controls and args.controls_virtual is None:
        yield None
        return
    from rtbeat.live.midi_controls import MidiControls
    from rtbeat.live.midi_map import MidiMap, parse
    from rtbeat.live.midi_ports import rtmidi_api

    mapping = MidiMap(
        parse(f"{message} -> {action}") for message, action in settings.midi_learn.items()
    )
    api = rtmidi_api(args.midi_api or "auto")
    with MidiControls(session.post, mapping, args.controls, args.controls_virtual, api) as inputs:
        session.watch_inputs(inputs.check)
        yield mapping
        session.watch_inputs(lambda: [])


@contextlib.contextmanager
def osc_controls(args: argparse.Namespace, session: Session, terminal: Terminal) -> Iterator[None]:
    """Controls over OSC while the context lasts; what was not understood is counted at its end."""
    if args.osc_in is None:
        yield
        return
    from rtbeat.live.osc_controls import OscControls
    from rtbeat.live.osc_target import parse_listening

    host, port = parse_listening(args.osc_in)
    with OscControls(session.post, session.note, host, port) as inputs:
        try:
            yield
        finally:
            if inputs.wrong:
                terminal.note(f"OSC messages that were not understood: {inputs.wrong}")
