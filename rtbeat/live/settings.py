"""Settings that outlive a session: devices, offsets, calibrations, MIDI mappings, defaults.

One TOML file in the platform's folder for settings, another one by ``--settings FILE`` or the
environment variable ``RTBEAT_SETTINGS``. Every value is checked when it is read; a wrong one is
named with its line and key. Keys that are not known are told in :attr:`Settings.unknown`, no more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

import platformdirs
import tomlkit

from rtbeat import options
from rtbeat.click import SOUNDS
from rtbeat.features import SAMPLE_RATE_RANGE
from rtbeat.live import settings_checks as check
from rtbeat.live.records import RecordReader, WrongValueError
from rtbeat.live.toml_file import (
    SettingsError,
    line_of,
    only_writer,
    read_document,
    set_rows,
    set_table,
    set_whole_table,
    write_document,
)

__all__ = ["AudioChoice", "Calibration", "LiveDefaults", "Offsets", "Settings", "SettingsError"]

ENVIRONMENT = "RTBEAT_SETTINGS"
FILE_NAME = "settings.toml"
LARGEST_OFFSET = 2.0  # seconds
LARGEST_BLOCK = 1 << 16  # frames


def _setting(test: check.Check, default: Any = None) -> Any:
    return field(default=default, metadata={"check": test})


@dataclass(frozen=True)
class AudioChoice:
    """Table ``audio``: devices by index or part of the name, None = the system's choice.

    rate : Hz, None = as the device likes. block_size : frames, 0 = as the device likes.
    """

    host_api: str | None = _setting(options.text)
    input: str | None = _setting(options.text)
    output: str | None = _setting(options.text)
    rate: int | None = _setting(check.whole(*SAMPLE_RATE_RANGE))
    block_size: int | None = _setting(check.whole(0, LARGEST_BLOCK))


@dataclass(frozen=True)
class Offsets:
    """Table ``offsets``: seconds by which each output is later; negative is really earlier.

    click : of the clicks. midi : of MIDI ports, by name.
    """

    click: float = _setting(check.within(-LARGEST_OFFSET, LARGEST_OFFSET), 0.0)
    midi: Mapping[str, float] = field(
        default_factory=dict,
        metadata={"each": check.within(-LARGEST_OFFSET, LARGEST_OFFSET)},
    )


@dataclass(frozen=True)
class Calibration:
    """One of ``calibration``: what was measured with these devices, rate and block size.

    loop : seconds from output to input, median of the bursts. spread : greatest less least of
    them, seconds. snr : dB. date : ISO 8601.
    """

    host_api: str = _setting(options.text, MISSING)
    input: str = _setting(options.text, MISSING)
    output: str = _setting(options.text, MISSING)
    rate: int = _setting(check.whole(*SAMPLE_RATE_RANGE), MISSING)
    block_size: int = _setting(check.whole(0, LARGEST_BLOCK), MISSING)
    loop: float = _setting(check.within(0.0, LARGEST_OFFSET), MISSING)
    spread: float = _setting(check.within(0.0, LARGEST_OFFSET), MISSING)
    snr: float = _setting(check.within(-200.0, 400.0), MISSING)
    date: str = _setting(check.date, MISSING)

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What it holds for."""
        return (self.host_api, self.input, self.output, self.rate, self.block_size)


CALIBRATION_KEY = ("host_api", "input", "output", "rate", "block_size")


@dataclass(frozen=True)
class LiveDefaults:
    """Table ``live``: options of ``rtbeat live`` where the command line does not say; None = the
    program's own default."""

    lead: float | None = _setting(check.within(0.0, 1.0))
    follow: float | None = _setting(check.within(0.0, 1.0))
    preset: str | None = _setting(check.one_of(*options.PRESETS))
    tempo_range: tuple[float, float] | None = _setting(check.tempo_range)
    beats_per_bar: int | None = _setting(check.whole(2, 12))
    click: bool | None = _setting(check.switch)
    sound: str | None = _setting(check.one_of(*SOUNDS))
    volume: float | None = _setting(check.within(0.0, 1.0))
    midi_api: str | None = _setting(options.text)
    midi_ports: tuple[str, ...] | None = _setting(check.texts)
    midi_virtual: str | None = _setting(options.text)


@dataclass(frozen=True)
class Settings:
    """Everything in the file. Values are never changed: make a new one, or see :func:`update`.

    calibrations : at most one for each ``CALIBRATION_KEY``. midi_learn : MIDI message
    (``note 36 ch 10``) -> what it does (``tap``, ``follow 0..1``), see
    :mod:`rtbeat.live.midi_map`. unknown : what the file had besides, each with line and key, for a
    warning.
    """

    audio: AudioChoice = field(default_factory=AudioChoice)
    offsets: Offsets = field(default_factory=Offsets)
    calibrations: tuple[Calibration, ...] = ()
    midi_learn: Mapping[str, str] = field(default_factory=dict)
    live: LiveDefaults = field(default_factory=LiveDefaults)
    unknown: tuple[str, ...] = field(default=(), compare=False)

    @staticmethod
    def load(path: str | PathLike[str] | None = None) -> Settings:
        """The settings of a file, :func:`settings_path` by default; without a file all defaults.

        Raises :class:`SettingsError`. Thread: any. Realtime-safe: no.
        """
        where = settings_path(path)
        return _read(where, read_document(where))

    def save(self, path: str | PathLike[str] | None = None) -> None:
        """Write all of it. Comments and unknown keys of the file stay.

        What another program wrote since :meth:`load` is lost, so a program that changes one thing
        uses :func:`update`. Raises :class:`SettingsError`, and then has changed nothing; a file
        that cannot be understood is never overwritten. Thread: any. Realtime-safe: no.
        """
        update(lambda _: self, path)

    def calibration(
        self, host_api: str, input: str, output: str, rate: int, block_size: int
    ) -> Calibration | None:
        """What was measured with just these, or None."""
        wanted = (host_api, input, output, rate, block_size)
        return next((row for row in self.calibrations if row.key == wanted), None)

    def with_calibration(self, measured: Calibration) -> Settings:
        """The same with a measurement in place of the one for the same devices."""
        others = [row for row in self.calibrations if row.key != measured.key]
        return replace(self, calibrations=(*others, measured))


def settings_path(path: str | PathLike[str] | None = None) -> Path:
    """The file: ``path``, or that of the environment variable, or the platform's."""
    if path is not None:
        return Path(path)
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen)
    return Path(platformdirs.user_config_dir("rtbeat", appauthor=False)) / FILE_NAME


def update(
    change: Callable[[Settings], Settings], path: str | PathLike[str] | None = None
) -> Settings:
    """Load, change and save with no other writer in between; returns what was saved.

    Raises :class:`SettingsError`, and then has changed nothing. Thread: any. Realtime-safe: no.
    """
    where = settings_path(path)
    with only_writer(where):
        document = read_document(where)
        settings = change(_read(where, document))
        _put(document, settings)
        _read(where, document)  # a value that could not be read again is not written
        write_document(where, document)
    return settings


def _put(document: tomlkit.TOMLDocument, settings: Settings) -> None:
    """Let the document have these settings."""
    for name in ("audio", "offsets", "live"):
        record = getattr(settings, name)
        values = {f.name: getattr(record, f.name) for f in fields(record)}
        defaults = {f.name: f.default for f in fields(record)}
        set_table(document, name, values, defaults)
    set_whole_table(document, "midi_learn", settings.midi_learn)
    rows = [{f.name: getattr(row, f.name) for f in fields(row)} for row in settings.calibrations]
    set_rows(document, "calibration", rows, CALIBRATION_KEY)


def _read(where: Path, document: tomlkit.TOMLDocument) -> Settings:
    reader = RecordReader()
    try:
        settings = _settings(reader, document.unwrap())
    except WrongValueError as wrong:
        line = line_of(document, wrong.key)
        raise SettingsError(f"{where}:{line}: {wrong}; the file was left as it is") from None
    told = [f"{where}:{line_of(document, key)}: {text}" for key, text in reader.unknown]
    return replace(settings, unknown=tuple(told))


def _settings(reader: RecordReader, content: Mapping[str, Any]) -> Settings:
    reader.note_unknown((), content, ("audio", "offsets", "live", "midi_learn", "calibration"))
    rows = reader.check(check.rows, ("calibration",), content.get("calibration", []))
    found = [reader.record(Calibration, row, ("calibration", i)) for i, row in enumerate(rows)]
    learnt = reader.free_table(options.text, content.get("midi_learn", {}), ("midi_learn",))
    for message, action in learnt.items():
        reader.check(check.binding, ("midi_learn", message), f"{message} -> {action}")
    return Settings(
        reader.record(AudioChoice, content.get("audio", {}), ("audio",)),
        reader.record(Offsets, content.get("offsets", {}), ("offsets",)),
        tuple({row.key: row for row in found}.values()),
        learnt,
        reader.record(LiveDefaults, content.get("live", {}), ("live",)),
    )
