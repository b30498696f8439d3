"""What ``rtbeat file`` can write about a song: one option each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rtbeat.beat import Beats


@dataclass(frozen=True)
class Tracked:
    """A song with its beats. path : of its audio file. sound, click_only : as the options say."""

    path: str
    beats: Beats
    sound: str
    click_only: bool

    @cached_property
    def audio(self) -> tuple[NDArray[np.float32], int]:
        """Samples float32 ``(frames, channels)`` and their rate in Hz; read only where they are
        asked for: beats alone need no song in memory."""
        from rtbeat.audio import read_audio

        return read_audio(self.path)


@dataclass(frozen=True)
class Output:
    """An option that names a file to write.

    suffix : of its files in a folder. help : what the file is. encode : the bytes of the file; of
    its name only the suffix counts. check : raises ``ValueError`` or ``ModuleNotFoundError`` where
    no file of this name can be written.
    """

    option: str
    suffix: str
    help: str
    encode: Callable[[Tracked, str], bytes]
    check: Callable[[str], object]

    @property
    def dest(self) -> str:
        """The option's name among the parsed arguments."""
        return self.option[2:].replace("-", "_")


def _format_of_suffix(song: Tracked, name: str) -> bytes:
    from rtbeat import formats

    return formats.find(name).encode(song.beats)


def _check_format(name: str) -> object:
    from rtbeat import formats

    return formats.find(name)


def _format(option: str, name: str, suffix: str, help: str) -> Output:
    """An option for one format, whatever the file's suffix."""

    def encode(song: Tracked, _: str) -> bytes:
        from rtbeat import formats

        return formats.find("", name).encode(song.beats)

    return Output(option, suffix, help, encode, lambda _: None)


def _plot(song: Tracked, name: str) -> bytes:
    from rtbeat.formats import plot

    return plot.draw(song.beats, *song.audio, os.path.splitext(name)[1])


def _check_plot(name: str) -> None:
    from rtbeat.formats import plot

    plot.check(os.path.splitext(name)[1])


def _clicks(song: Tracked) -> NDArray[np.float32]:
    from rtbeat.click import render_clicks

    samples, rate = song.audio
    beats = song.beats
    return render_clicks(beats.times, beats.numbers, rate, len(samples), song.sound)


def _audio(samples: NDArray[np.float32], rate: int, name: str) -> bytes:
    from rtbeat.audio import audio_bytes

    return audio_bytes(samples, rate, os.path.splitext(name)[1])


def _check_audio(name: str) -> object:
    from rtbeat.audio import check_writable

    return check_writable(os.path.splitext(name)[1])


def _click_track(song: Tracked, name: str) -> bytes:
    """Clicks alone, on every channel that the song has."""
    samples, rate = song.audio
    return _audio(_clicks(song)[:, None].repeat(samples.shape[1], axis=1), rate, name)


def _mix(song: Tracked, name: str) -> bytes:
    from rtbeat.click import mix_clicks

    samples, rate = song.audio
    return _audio(mix_clicks(samples, _clicks(song)), rate, name)


def _click(song: Tracked, name: str) -> bytes:
    """The mix, or with ``--click-only`` one channel of clicks."""
    return _audio(_clicks(song), song.audio[1], name) if song.click_only else _mix(song, name)


AUDIO = ".wav .flac .ogg .mp3"

OUTPUTS = (
    Output("--beats", ".beats", "beats, in the format of the suffix (.beats .txt .json .csv .jams "
           ".labels.txt .svl .mid .reaper.csv)", _format_of_suffix, _check_format),
    _format("--csv", "csv", ".csv", "a table: time, number, tempo, confidence"),
    _format("--jams", "jams", ".jams", "JAMS annotations"),
    _format("--audacity", "audacity", ".labels.txt", "labels for Audacity"),
    _format("--sv", "sv", ".svl", "a layer for Sonic Visualiser"),
    _format("--midi-file", "midi", ".mid", "MIDI tempo map, meters and markers, for a DAW"),
    _format("--reaper", "reaper", ".reaper.csv", "markers for REAPER"),
    Output("--plot", ".png", "a picture (.png .svg .pdf); needs rtbeat[plot]", _plot, _check_plot),
    Output("--click-track", ".click-track.wav", f"clicks alone, with the song's channels ({AUDIO})",
           _click_track, _check_audio),
    Output("--mix", ".mix.wav", f"the song with clicks ({AUDIO})", _mix, _check_audio),
    Output("--click", ".click.wav", "the same as --mix", _click, _check_audio),
)  # fmt: skip
