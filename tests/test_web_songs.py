"""Songs through the server of ``rtbeat web``: every endpoint of the contract with the page."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile

import rtbeat
from rtbeat.click import mix_clicks, render_clicks
from rtbeat.formats import FORMATS
from tests.music import drum_loop
from tests.needs import require

require("aiohttp", 'pip install "rtbeat[web]"')

from rtbeat.web.names import download_name, shown_name  # noqa: E402
from tests.web_server import PATIENCE, serving  # noqa: E402

RATE = 22_050
SECONDS = 8.0


def wav(samples, rate=RATE, **options):
    """A wav file's bytes."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def music():
    """Stereo, float32 ``(n, 2)``."""
    audio, _ = drum_loop(120.0, SECONDS, RATE)
    return np.stack([audio, 0.5 * audio], axis=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def song(server, music):
    """Path of a song that is done."""
    id = server.send_song(wav(music, subtype="FLOAT"), "dir/Stück ✨.wav")
    assert server.finished(id)["state"] == "done"
    return f"/api/songs/{id}"


@pytest.fixture(scope="module")
def spare(server, music):
    """Path of another one, whose beats may be changed."""
    id = server.send_song(wav(music))
    assert server.finished(id)["state"] == "done"
    return f"/api/songs/{id}"


@pytest.fixture(scope="module")
def truth(music):
    return rtbeat.track(music, RATE)


def test_what_the_page_asks_first(server):
    info = server.ask("GET", "/api/info").json
    assert info["version"] == rtbeat.__version__
    assert info["limits"] == {
        "upload_bytes": 200_000_000,
        "seconds": 1200.0,
        "songs": 16,
        "live": 8,
    }
    formats = {known["name"]: known["suffix"] for known in info["formats"]}
    beats = {known.name: known.suffixes[0] for known in FORMATS}
    sounds = {"click-track": ".click-track.wav", "mix": ".mix.wav"}
    picture = {"plot": ".png"} if find_spec("matplotlib") else {}
    assert formats == {**beats, **sounds, **picture}
    inputs = server.ask("GET", "/api/devices").json["inputs"]
    assert info["devices"] == bool(inputs)


def test_the_beats_are_those_of_file_mode(server, song, truth):
    told = server.ask("GET", song).json
    assert (told["name"], told["state"], told["progress"]) == ("Stück ✨.wav", "done", 1.0)
    result = told["result"]
    assert result["duration"] == SECONDS
    assert result["tempo"] == pytest.approx(truth.tempo, abs=1e-3)
    assert [beat["number"] for beat in result["beats"]] == truth.numbers.tolist()
    times = [beat["time"] for beat in result["beats"]]
    np.testing.assert_allclose(times, truth.times, atol=1e-6)
    sure = [beat["confidence"] for beat in result["beats"]]
    np.testing.assert_allclose(sure, truth.confidences, atol=1e-4)
    np.testing.assert_allclose(result["activation"], truth.activation, atol=6e-4)


def test_the_sound_is_kept_as_16_bit_wav_and_the_file_sent_is_not(server, song, music):
    answer = server.ask("GET", f"{song}/audio")
    assert answer.headers["Content-Type"] == "audio/wav"
    samples, rate = soundfile.read(io.BytesIO(answer.body))
    assert rate == RATE
    np.testing.assert_allclose(samples, music, atol=1e-4)
    part = server.ask("GET", f"{song}/audio", headers={"Range": "bytes=100-199"})
    assert (part.status, part.body) == (206, answer.body[100:200])
    assert {path.name for path in server.files()} == {"song.wav"}


def test_a_song_of_many_channels_is_kept_in_mono(server, music):
    id = server.send_song(wav(np.repeat(music, 3, axis=1)))
    assert server.finished(id)["state"] == "done"
    samples, _ = soundfile.read(io.BytesIO(server.ask("GET", f"/api/songs/{id}/audio").body))
    np.testing.assert_allclose(samples, music.mean(axis=1), atol=1e-3)
    assert server.ask("DELETE", f"/api/songs/{id}").status == 204


def test_downloads_have_names_for_every_system(server, song):
    for known in server.ask("GET", "/api/info").json["formats"]:
        answer = server.ask("GET", f"{song}/download/{known['name']}")
        assert answer.status == 200
        name = answer.headers["Content-Disposition"].partition("filename=")[2].strip('"')
        assert name.startswith("Stuck")
        assert name.endswith(known["suffix"])
        assert answer.body
    assert server.ask("GET", f"{song}/download/exe").status == 404


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_beats_are_downloaded_as_the_command_line_writes_them(server, song, truth, format):
    rounded = np.round(truth.activation.astype(np.float64), 3).astype(np.float32)
    expected = format.encode(replace(truth, activation=rounded))
    assert server.ask("GET", f"{song}/download/{format.name}").body == expected


def test_the_plot_is_a_picture_of_the_corrected_beats(server, spare):
    require("matplotlib", 'pip install "rtbeat[plot]"')
    before = server.ask("GET", f"{spare}/download/plot").body
    assert before.startswith(b"\x89PNG")
    server.ask("PUT", f"{spare}/beats", b'{"beats": [{"time": 0.5, "number": 4}]}')
    assert server.ask("GET", f"{spare}/download/plot").body != before
    assert {file.name for file in server.files()} == {"song.wav"}


@pytest.mark.parametrize(
    "beats",
    [
        [],
        [{"time": 0, "number": 0}],
        [{"time": 7.999, "number": 64}],
        [{"time": i / 50, "number": i % 3} for i in range(400)],
        [{"time": 1 + i * 1e-6, "number": 1} for i in range(9)],
    ],
    ids=["none", "one at 0", "one at the end", "50 a second", "a microsecond apart"],
)
def test_whatever_beats_a_person_sets_can_be_downloaded(server, spare, beats):
    assert server.ask("PUT", f"{spare}/beats", json.dumps({"beats": beats})).status == 204
    assert len(server.ask("GET", spare).json["result"]["beats"]) == len(beats)
    for known in FORMATS:
        answer = server.ask("GET", f"{spare}/download/{known.name}")
        assert answer.status == 200, answer.error


def test_the_song_with_clicks_is_that_of_the_command_line(server, song, music, truth):
    clicks = render_clicks(truth.times, truth.numbers, RATE, len(music))
    alone, _ = soundfile.read(io.BytesIO(server.ask("GET", f"{song}/download/click-track").body))
    np.testing.assert_allclose(alone, np.clip(clicks, -1, 1)[:, None].repeat(2, 1), atol=1e-4)
    mixed, _ = soundfile.read(io.BytesIO(server.ask("GET", f"{song}/download/mix").body))
    np.testing.assert_allclose(mixed, mix_clicks(music, clicks), atol=2e-4)


def test_corrected_beats_are_what_is_downloaded(server, music):
    id = server.send_song(wav(music))
    path = f"/api/songs/{id}"
    server.finished(id)
    body = b'{"beats": [{"time": 0.5, "number": 4}, {"time": 1.25, "number": 1}]}'
    answer = server.ask("PUT", f"{path}/beats", body, {"Content-Type": "application/json"})
    assert answer.status == 204
    assert server.ask("GET", f"{path}/download/beats").body == b"0.500\t4\n1.250\t1\n"
    result = server.ask("GET", path).json["result"]
    assert result["beats"][1] == {"time": 1.25, "number": 1, "confidence": None}
    assert result["tempo"] == 80.0
    assert server.ask("PUT", f"{path}/beats", b'{"beats": []}').status == 204
    assert server.ask("GET", f"{path}/download/beats").body == b""
    server.ask("DELETE", path)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", 'key "beats"'),
        (b'{"beats": 3}', 'key "beats"'),
        (b'{"beats": [3]}', "beat 1"),
        (b'{"beats": [{"number": 1}]}', "beat 1: its time"),
        (b'{"beats": [{"time": NaN, "number": 1}]}', "beat 1: its time"),
        (b'{"beats": [{"time": Infinity, "number": 1}]}', "beat 1: its time"),
        (b'{"beats": [{"time": -0.1, "number": 1}]}', "beat 1: its time"),
        (b'{"beats": [{"time": 8.0, "number": 1}]}', "from 0 to 8.000 seconds"),
        (b'{"beats": [{"time": true, "number": 1}]}', "beat 1: its time"),
        (b'{"beats": [{"time": "1", "number": 1}]}', "beat 1: its time"),
        (b'{"beats": [{"time": 1}]}', "beat 1: its number"),
        (b'{"beats": [{"time": 1, "number": 1.5}]}', "beat 1: its number"),
        (b'{"beats": [{"time": 1, "number": -1}]}', "beat 1: its number"),
        (b'{"beats": [{"time": 1, "number": 1}, {"time": 1, "number": 2}]}', "does not rise"),
        (b'{"beats": [' + b'{"time": 1, "number": 1},' * 500 + b"0]}", "400 at most"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_beats_that_make_no_sense_change_nothing(server, song, body, told):
    before = server.ask("GET", f"{song}/download/beats").body
    answer = server.ask("PUT", f"{song}/beats", body)
    assert answer.status == 400
    assert told in answer.error
    assert server.ask("GET", f"{song}/download/beats").body == before


def test_a_huge_body_of_beats_is_refused(server, song):
    assert server.ask("PUT", f"{song}/beats", b" " * 5_000_000).status == 413


def test_a_deleted_song_is_gone_with_its_files(server, music, song):
    before = server.files()
    id = server.send_song(wav(music))
    server.finished(id)
    assert server.ask("DELETE", f"/api/songs/{id}").status == 204
    assert server.files() == before
    for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/audio"), ("PUT", "/beats")):
        answer = server.ask(method, f"/api/songs/{id}{rest}")
        assert answer.status == 404
        assert "send it again" in answer.error


def test_a_song_deleted_while_it_is_worked_on_frees_the_place(tmp_path, music):
    with serving(tmp_path, songs=1) as server:
        id = server.send_song(wav(music))
        assert server.ask("GET", f"/api/songs/{id}").json["state"] in ("queued", "working")
        early = server.ask("GET", f"/api/songs/{id}/download/beats")
        assert early.status == 409
        assert "not known yet" in early.error
        refused = server.ask("POST", "/api/songs?name=b.wav", wav(music))
        assert refused.status == 503
        assert "keeps 1 songs" in refused.error
        server.ask("DELETE", f"/api/songs/{id}")
        assert server.files() == []
        server.finished(server.send_song(wav(music)))


def test_songs_wait_for_their_turn(tmp_path, music):
    with serving(tmp_path) as server:
        ids = [server.send_song(wav(music), f"{i}.wav") for i in range(2)]
        states = [server.ask("GET", f"/api/songs/{id}").json["state"] for id in ids]
        assert states[1] == "queued"
        assert [server.finished(id)["state"] for id in ids] == ["done"] * 2


def test_a_song_that_nobody_asks_for_any_more_is_forgotten(tmp_path, music):
    with serving(tmp_path, keep_seconds=0.2) as server:
        id = server.send_song(wav(music))
        end = time.monotonic() + PATIENCE
        while server.files() and time.monotonic() < end:
            time.sleep(0.1)
        assert server.files() == []
        assert server.ask("GET", f"/api/songs/{id}").status == 404


def test_a_song_that_takes_too_long_is_given_up(tmp_path, music):
    with serving(tmp_path, work_seconds=0.05) as server:
        song = server.finished(server.send_song(wav(music), "slow.wav"))
        assert song["error"] == "slow.wav: it took longer than 0.05 s; send a shorter song"
        assert server.files() == []


RESTRAINED = """
from rtbeat.web.restraint import restrain
restrain(60.0, 60.0, 2_000_000_000)
try:
    bytearray(2_000_000_000)
except MemoryError:
    print("no more")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to this limit")
def test_the_process_of_a_song_gets_no_more_memory_than_allowed():
    done = subprocess.run(
        [sys.executable, "-c", RESTRAINED], capture_output=True, text=True, check=True
    )
    assert done.stdout == "no more\n"


@pytest.mark.parametrize(
    ("sent", "shown", "saved"),
    [
        ("song.mp3", "song.mp3", "song.beats"),
        ("../../etc/passwd", "passwd", "passwd.beats"),
        ("C:\\Windows\\win.ini", "win.ini", "win.beats"),
        ("/dev/sda", "sda", "sda.beats"),
        ("CON.mp3", "CON.mp3", "song.beats"),
        ("", "song", "song.beats"),
        ("..", "..", "song.beats"),
        ("evil\u202e3pm.exe", "evil3pm.exe", "evil3pm.beats"),
        ("a\x00b\r\nSet-Cookie: x=1.wav", "abSet-Cookie: x=1.wav", "abSet-Cookie_x_1.beats"),
        ('"; rm -rf "~".wav', '"; rm -rf "~".wav', "rm_-rf.beats"),
        ("Dvořák.flac", "Dvořák.flac", "Dvorak.beats"),
        ("日本.ogg", "日本.ogg", "song.beats"),
        ("x" * 5000 + ".wav", "x" * 120, "x" * 120 + ".beats"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_names_are_shown_and_saved_without_harm(sent, shown, saved):
    assert shown_name(sent) == shown
    assert download_name(shown_name(sent), ".beats") == saved
