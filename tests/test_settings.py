"""The settings file: round trip, comments, errors with line and key, several writers."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as run
from hypothesis import strategies as st

from rtbeat.click import SOUNDS
from rtbeat.live.controls import NAMES as CONTROLS
from rtbeat.live.settings import (
    ENVIRONMENT,
    AudioChoice,
    Calibration,
    LiveDefaults,
    Offsets,
    Settings,
    SettingsError,
    settings_path,
    update,
)
from rtbeat.live.toml_file import only_writer

MEASURED = Calibration(
    "ALSA", "Mic", "Speaker", 48_000, 256, 0.0213, 0.0001, 41.5, "2026-01-31T12:00:00"
)

EDITED = """\
# my rig
[audio]
input = "Scarlett"   # the left one
output = "2"

[live]
lead = 0.25 # singers
tempo_range = [
  60, # ballads
  180,
]

[offsets.midi]
"Volca Beats" = -0.012 # it is slow

[midi_learn]
"note 36 ch 10" = "tap"
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "settings.toml"


# ---- reading ----


def test_no_file_means_defaults(file):
    assert Settings.load(file) == Settings()


def test_what_a_person_wrote_is_read(file):
    settings = Settings.load(write(file, EDITED))
    assert settings.audio == AudioChoice(input="Scarlett", output="2")
    assert settings.live == LiveDefaults(lead=0.25, tempo_range=(60.0, 180.0))
    assert settings.offsets == Offsets(0.0, {"Volca Beats": -0.012})
    assert settings.midi_learn == {"note 36 ch 10": "tap"}
    assert settings.unknown == ()


def test_the_file_is_chosen_by_argument_then_environment_then_platform(file, monkeypatch):
    assert settings_path(file) == file
    monkeypatch.setenv(ENVIRONMENT, "elsewhere.toml")
    assert settings_path() == Path("elsewhere.toml")
    monkeypatch.delenv(ENVIRONMENT)
    assert settings_path().parent.name == "rtbeat"


def test_unknown_keys_are_told_with_line_and_the_nearest_name_and_are_not_fatal(file):
    text = '[audio]\ninput = "a"\ninptu = "b"\n\n[lights]\nx = 1\n'
    settings = Settings.load(write(file, text))
    assert settings.audio.input == "a"
    inner, outer = sorted(settings.unknown)
    assert ":3: audio.inptu is not a setting; did you mean input?" in inner
    assert ":5: lights is not a setting; known are audio" in outer


WRONG = {
    "type": ("[audio]\n\nrate = 'fast'\n", ":3: audio.rate must be a number, not str"),
    "range": ("[live]\nlead = 1\nvolume = 3\n", ":3: live.volume is 3; it must be from 0 to 1"),
    "nan": ("[live]\nlead = nan\n", ":2: live.lead is nan; it must be from 0 to 1"),
    "switch": ("[live]\nclick = 1\n", ":2: live.click must be true or false, not 1"),
    "word": ("[live]\nsound = 'cow'\n", ":2: live.sound is 'cow'; it must be one of click, wood"),
    "pair": ("[live]\ntempo_range = [9, 80]\n", ":2: live.tempo_range: tempo_range[0] is 9"),
    "list": ("[live]\nmidi_ports = 'a'\n", ":2: live.midi_ports must be a list of texts"),
    "table": ("x = 1\naudio = 3\n", ":2: audio must be a table, not 3"),
    "several lines": ("[live]\nmidi_ports = [\n 'a',\n 3]\nlead = 1\n", ":2: live.midi_ports"),
    "free key": ('[offsets.midi]\n"My Port" = "x"\n', ':2: offsets.midi."My Port" must be a'),
    "message": ("[midi_learn]\n'note 1 ch 99' = 'tap'\n", ':2: midi_learn."note 1 ch 99": MIDI'),
    "no message": ("[midi_learn]\n'pad' = 'tap'\n", "'pad -> tap' is not understood; write it"),
    "control": ("[midi_learn]\n'note 1 ch 1' = 'jump'\n", "'jump'; it must be one of tap, double"),
    "value": ("[midi_learn]\n'note 1 ch 1' = 'nudge x'\n", "is not understood; write it like"),
    "rows": ("calibration = 3\n", ":1: calibration must be an array of tables"),
    "missing": ("[[calibration]]\nhost_api = 'x'\n", ":1: calibration[1].input is missing"),
    "not TOML": ("[audio]\ninput = Scarlett\n", ":2: Unexpected character: 'S' in `input = Scarl"),
    "twice": ("[audio]\nrate = 8000\nrate = 9000\n", ':3: Key "rate" already exists'),
    "unfinished": ("[audio\n", ":1: Unexpected"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_broken_file_is_told_with_line_and_key_and_never_overwritten(file, case):
    text, expected = WRONG[case]
    write(file, text)
    for attempt in (Settings.load, Settings().save, lambda path: update(lambda s: s, path)):
        with pytest.raises(SettingsError) as caught:
            attempt(file)
        assert str(file) in str(caught.value)
        assert expected in str(caught.value)
    assert file.read_text() == text


def test_text_that_is_not_utf8_is_told_with_its_line(file):
    file.write_bytes(b'[audio]\ninput = "M\xfcller"\n')
    with pytest.raises(SettingsError, match=r":2: is not UTF-8"):
        Settings.load(file)


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.load(tmp_path)


# ---- writing ----


def test_comments_order_and_unknown_keys_of_the_user_stay(file):
    write(file, EDITED + "\n[lights]\ncolour = 'red' # mine\n")
    settings = Settings.load(file)
    replace(
        settings,
        audio=replace(settings.audio, input="Fireface"),
        calibrations=(MEASURED,),
    ).save(file)
    text = file.read_text()
    assert text.startswith(EDITED.replace('"Scarlett"', '"Fireface"'))
    assert "colour = 'red' # mine" in text
    assert Settings.load(file).calibrations == (MEASURED,)


def test_saving_what_was_loaded_changes_no_byte(file):
    write(file, EDITED.replace("\n", "\r\n"))
    before = file.read_bytes()
    Settings.load(file).save(file)
    assert file.read_bytes() == before


def test_a_new_measurement_takes_the_place_of_the_old_one_for_the_same_devices(file):
    other = replace(MEASURED, block_size=512)
    newer = replace(MEASURED, loop=0.03)
    for measured in (MEASURED, other, newer):
        update(lambda settings, measured=measured: settings.with_calibration(measured), file)
    settings = Settings.load(file)
    assert settings.calibration("ALSA", "Mic", "Speaker", 48_000, 256) == newer
    assert settings.calibration("ALSA", "Mic", "Speaker", 48_000, 512) == other
    assert settings.calibration("ALSA", "Mic", "Speaker", 44_100, 256) is None
    assert len(settings.calibrations) == 2


def test_values_that_could_not_be_read_again_are_not_written(file):
    Settings(live=LiveDefaults(lead=0.1)).save(file)
    before = file.read_bytes()
    with pytest.raises(SettingsError, match=r"live\.lead is 7"):
        Settings(live=LiveDefaults(lead=7.0)).save(file)
    assert file.read_bytes() == before


def test_the_folder_is_made(tmp_path):
    path = tmp_path / "a" / "b" / "settings.toml"
    Settings(audio=AudioChoice(rate=44_100)).save(path)
    assert Settings.load(path).audio.rate == 44_100


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
offset = st.floats(-2.0, 2.0)
tempo = st.tuples(st.floats(20, 100), st.floats(150, 400))
rates = st.integers(8_000, 192_000)
blocks = st.integers(0, 4096)
calibrations = st.lists(
    st.builds(
        Calibration, text, text, text, rates, blocks, st.floats(0.0, 2.0), st.floats(0.0, 2.0),
        st.floats(-20.0, 100.0), st.datetimes().map(lambda when: when.isoformat()),
    ),
    max_size=3,
    unique_by=lambda row: row.key,
)  # fmt: skip
messages = st.builds(
    "{} {} ch {}".format,
    st.sampled_from(["note", "cc", "program"]),
    st.integers(0, 127),
    st.integers(1, 16),
)
maybe = st.none()
whole_settings = st.builds(
    Settings,
    st.builds(AudioChoice, maybe | text, maybe | text, maybe | text, maybe | rates, maybe | blocks),
    st.builds(Offsets, offset, st.dictionaries(text, offset, max_size=3)),
    calibrations.map(tuple),
    st.dictionaries(messages, st.sampled_from(sorted(CONTROLS)), max_size=3),
    st.builds(
        LiveDefaults,
        lead=maybe | st.floats(0.0, 1.0),
        tempo_range=maybe | tempo,
        beats_per_bar=maybe | st.integers(2, 12),
        click=maybe | st.booleans(),
        sound=maybe | st.sampled_from(SOUNDS),
        midi_ports=maybe | st.lists(text, max_size=3).map(tuple),
    ),
)


@run(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=whole_settings, second=whole_settings)
def test_whatever_is_saved_is_loaded_again_over_whatever_was_there(tmp_path, first, second):
    path = tmp_path / "settings.toml"
    path.unlink(missing_ok=True)
    for settings in (first, second):
        settings.save(path)
        loaded = Settings.load(path)
        assert sorted(loaded.calibrations, key=repr) == sorted(settings.calibrations, key=repr)
        assert replace(loaded, calibrations=()) == replace(settings, calibrations=())
        assert loaded.unknown == ()


def _measure_and_store(path: Path, block_sizes: range) -> None:
    for block_size in block_sizes:
        measured = replace(MEASURED, block_size=block_size)
        update(lambda settings, measured=measured: settings.with_calibration(measured), path)


def test_writers_at_the_same_time_lose_nothing(file):
    start = multiprocessing.get_context("spawn")
    ranges = [range(0, 8), range(100, 108)]
    writers = [start.Process(target=_measure_and_store, args=(file, sizes)) for sizes in ranges]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    stored = {row.block_size for row in Settings.load(file).calibrations}
    assert stored == {*ranges[0], *ranges[1]}


def test_a_writer_that_never_ends_is_told_and_not_waited_for_for_ever(file):
    clock = iter(range(100))
    with only_writer(file):  # noqa: SIM117
        with pytest.raises(SettingsError, match="another program is writing"):
            with only_writer(file, lambda: next(clock), lambda seconds: None):
                pass
