"""Published collections, laid out as they unpack, to a folder of songs and on to a shard."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import soundfile

from tests.music import drum_loop
from training import collections, songs
from training.annotations import count_from_downbeats, read_beats_text, read_jams
from training.shards import read_shard

RATE = 22_050
AUDIO, BEATS = drum_loop(120.0, 4.0, RATE)
NUMBERS = [3, 4, 1, 2, 3, 4, 1, 2]


def sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, AUDIO, RATE)


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def jams(*layers):
    """A JAMS file with an annotation a layer: (namespace, type in the sandbox, [(time, value)])."""
    return json.dumps(
        {
            "annotations": [
                {
                    "namespace": namespace,
                    "sandbox": {"annotation_type": kind} if kind else {},
                    "data": [
                        {"time": t, "duration": 0.0, "value": v, "confidence": None}
                        for t, v in data
                    ],
                }
                for namespace, kind, data in layers
            ],
            "file_metadata": {"duration": 4.0},
            "sandbox": {},
        }
    )


def beat_lines(separator="\t"):
    return "".join(f"{t:.3f}{separator}{n}\n" for t, n in zip(BEATS, NUMBERS, strict=True))


def run(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
    main()


@pytest.fixture
def gtzan(tmp_path):
    """The original audio archive and GTZAN-Rhythm, with the holes such folders have."""
    for name in ("blues.00000.au", "blues.00001.au", "jazz.00054.au"):
        sound(tmp_path / "genres" / name.split(".")[0] / name)
    text(tmp_path / "genres" / "._blues.00000.au", "what an archive program leaves")
    rhythm = tmp_path / "gtzan-rhythm_v2_ismir2015_lbd" / "jams"
    positions = jams(("beat", None, list(zip(BEATS, NUMBERS, strict=True))))
    for name in ("blues.00000", "jazz.00054", "rock.00007"):
        text(rhythm / f"{name}.wav.jams", positions)
    return tmp_path


def test_gtzan_with_jams_goes_through_to_a_shard(gtzan, monkeypatch, capsys):
    out, work = gtzan / "prepared", gtzan / "work"
    folders = ("--audio", gtzan / "genres", "--annotations", gtzan)
    run(monkeypatch, collections.main, "gtzan", *folders, "--out", out)
    assert capsys.readouterr().out.splitlines() == [
        "skipped jazz.00054: its audio is damaged in the published collection",
        "skipped 1 with no beats: blues.00001",
        "skipped 1 with no audio: rock.00007",
        f"{out}: 1 songs",
    ]
    assert json.loads((out / "index.json").read_text()) == [{"id": "blues.00000", "genre": "blues"}]
    assert (out / "blues.00000.beats").read_text() == beat_lines()
    run(monkeypatch, songs.main, "--data", out, "--work", work, "--factors", 1)
    (excerpt,) = read_shard(work / "shards" / "prepared-0.npz")
    assert (excerpt.name, excerpt.group) == ("blues.00000", "blues.00000")
    assert excerpt.mel.shape == (200, 90)  # 4 s
    np.testing.assert_allclose(excerpt.beats, BEATS * 50, atol=0.05)
    assert excerpt.numbers.tolist() == NUMBERS


def test_gtzan_as_kaggle_has_it_with_beats_text(tmp_path):
    sound(tmp_path / "Data" / "genres_original" / "disco" / "disco.00003.wav")
    text(tmp_path / "beats" / "gtzan_disco_00003.beats", beat_lines())
    out = tmp_path / "out"
    layout = collections.LAYOUTS["gtzan"]
    assert collections.prepare(layout, tmp_path / "Data", tmp_path / "beats", out)["written"] == [
        "disco.00003"
    ]
    audio, labels = songs.song_files(out, "disco.00003")
    np.testing.assert_allclose(songs.read_beats(labels)[0], BEATS, atol=5e-4)
    assert songs.read_audio(audio)[1] == RATE


@pytest.mark.parametrize("prefix", ["", "ballroom_"])
def test_ballroom_keeps_the_songs_of_an_album_together(tmp_path, prefix):
    for name in (
        "ChaChaCha/Albums-Latin_Jam-06",
        "Samba/Albums-Latin_Jam-15",
        "Waltz/Media-103414",
    ):
        sound(tmp_path / "BallroomData" / f"{name}.wav")
        label = tmp_path / "BallroomAnnotations" / f"{prefix}{name.split('/')[1]}.beats"
        text(label, beat_lines(" "))
    out = tmp_path / "ballroom"
    layout = collections.LAYOUTS["ballroom"]
    collections.prepare(layout, tmp_path / "BallroomData", tmp_path / "BallroomAnnotations", out)
    index = {entry.pop("id"): entry for entry in json.loads((out / "index.json").read_text())}
    assert index == {
        "Albums-Latin_Jam-06": {"genre": "ChaChaCha", "group": "ballroom:Albums-Latin_Jam"},
        "Albums-Latin_Jam-15": {"genre": "Samba", "group": "ballroom:Albums-Latin_Jam"},
        "Media-103414": {"genre": "Waltz", "group": "ballroom:Media-103414"},
    }
    assert songs.song_excerpt(out, {"id": "Media-103414"}, 1.0).numbers.tolist() == NUMBERS


def test_preparing_again_replaces_what_was_there(gtzan):
    out, layout = gtzan / "out", collections.LAYOUTS["gtzan"]
    collections.prepare(layout, gtzan / "genres", gtzan, out)
    text(out / "blues.00000.beats", "stale")
    collections.prepare(layout, gtzan / "genres", gtzan, out)
    assert (out / "blues.00000.beats").read_text() == beat_lines()
    assert not list(out.glob(".*"))


def test_audio_is_copied_where_there_are_no_links(gtzan, monkeypatch):
    def refuse(self, target):
        raise OSError("no right to make links")

    monkeypatch.setattr(collections.Path, "symlink_to", refuse)
    out = gtzan / "out"
    collections.prepare(collections.LAYOUTS["gtzan"], gtzan / "genres", gtzan, out)
    copy = out / "blues.00000.au"
    assert not copy.is_symlink()
    assert copy.read_bytes() == (gtzan / "genres" / "blues" / "blues.00000.au").read_bytes()


def test_folders_that_do_not_go_together_are_named(gtzan, tmp_path):
    layout, empty = collections.LAYOUTS["gtzan"], tmp_path / "empty"
    with pytest.raises(SystemExit, match="empty is not a folder"):
        collections.prepare(layout, empty, gtzan, gtzan / "out")
    empty.mkdir()
    with pytest.raises(SystemExit, match=r"no song has both audio .* \(0 found\) .* \(3 found\)"):
        collections.prepare(layout, empty, gtzan, gtzan / "out")
    assert not (gtzan / "out" / "index.json").exists()


def test_a_damaged_annotation_ends_the_program_with_its_name(gtzan, monkeypatch):
    text(gtzan / "more" / "blues.00001.beats", "0.5\t1\nnonsense\n")
    folders = ("--audio", gtzan / "genres", "--annotations", gtzan, "--out", gtzan / "out")
    with pytest.raises(SystemExit, match=r"blues\.00001\.beats, line 2: expected 'seconds"):
        run(monkeypatch, collections.main, "gtzan", *folders)


@pytest.mark.parametrize(
    ("line", "beat"),
    [
        ("0.5", (0.5, 0)),
        ("0.5 3", (0.5, 3)),
        ("0.5\t3.000", (0.5, 3)),
        ("9.430022675\t9.3", (9.430022675, 3)),
        ("0.19\t0.4", (0.19, 4)),
        ("0.19\t12.10", (0.19, 10)),
    ],
)
def test_positions_are_read_in_every_spelling(tmp_path, line, beat):
    text(tmp_path / "a.beats", f"{line}\n\n")
    assert read_beats_text(tmp_path / "a.beats") == [beat]


@pytest.mark.parametrize("line", ["beat", "0.5 x", "nan 1"])
def test_a_line_that_is_no_beat_is_refused(tmp_path, line):
    text(tmp_path / "a.beats", line)
    with pytest.raises(ValueError, match="line 1: expected 'seconds position'"):
        read_beats_text(tmp_path / "a.beats")


@pytest.mark.parametrize("value", [float("nan"), None, 1.0], ids=["nan", "null", "all the same"])
def test_jams_beats_without_positions_are_counted_from_downbeats(tmp_path, value):
    beats = [(t, value) for t in BEATS]
    downbeats = [(t, value) for t in BEATS[2::4]]
    layers = (("beat", "downbeat", downbeats), ("beat", "beat", beats), ("tag_open", None, []))
    text(tmp_path / "a.jams", jams(*layers))
    assert read_jams(tmp_path / "a.jams") == list(zip(BEATS, NUMBERS, strict=True))


def test_jams_positions_may_be_tables(tmp_path):
    data = [(t, {"position": n, "measure": 1}) for t, n in zip(BEATS, NUMBERS, strict=True)]
    text(tmp_path / "a.jams", jams(("beat_position", None, data)))
    assert [n for _, n in read_jams(tmp_path / "a.jams")] == NUMBERS


@pytest.mark.parametrize("content", ["{", "[]", '{"annotations": [{}]}', '{"annotations": 3}'])
def test_what_is_not_jams_is_refused(tmp_path, content):
    text(tmp_path / "a.jams", content)
    with pytest.raises(ValueError, match="is not a JAMS file with beats"):
        read_jams(tmp_path / "a.jams")


def test_counting_needs_a_downbeat_and_follows_changes_of_meter():
    assert count_from_downbeats([1.0, 2.0], []) == [(1.0, 0), (2.0, 0)]
    beats = [float(t) for t in range(9)]
    counted = count_from_downbeats(beats, [1.0, 4.0, 6.0])
    assert [n for _, n in counted] == [3, 1, 2, 3, 1, 2, 1, 2, 3]


def test_songs_tell_what_a_folder_lacks(tmp_path, monkeypatch):
    arguments = ("--data", tmp_path, "--work", tmp_path / "work")
    with pytest.raises(SystemExit, match=r"has no index\.json"):
        run(monkeypatch, songs.main, *arguments)
    text(tmp_path / "index.json", "[]")
    with pytest.raises(SystemExit, match="lists no songs"):
        run(monkeypatch, songs.main, *arguments)
    text(tmp_path / "index.json", '[{"id": "a"}]')
    sound(tmp_path / "a.wav")
    with pytest.raises(SystemExit, match=r"song a needs a\.beats and an audio file"):
        run(monkeypatch, songs.main, *arguments)
    assert not (tmp_path / "work" / "shards").exists()


def test_a_folder_of_songs_cannot_pass_for_rendered_shards(tmp_path, monkeypatch):
    (tmp_path / "midi").mkdir()
    with pytest.raises(SystemExit, match='may not be named "midi"'):
        run(monkeypatch, songs.main, "--data", tmp_path / "midi", "--work", tmp_path)


def test_stretched_songs_keep_their_beats_on_the_sound(tmp_path):
    sound(tmp_path / "a.wav")
    text(tmp_path / "a.beats", beat_lines())
    entry = {"id": "a", "label_start": 1.0, "label_end": 3.0, "group": "g"}
    excerpt = songs.song_excerpt(tmp_path, entry, 1.19)
    assert len(excerpt.mel) == pytest.approx(200 * 1.19, abs=1)
    assert excerpt.labelled == (59, 178)
    assert excerpt.group == "g"
    mel = excerpt.mel.astype(float)
    rise = np.maximum(0.0, np.diff(mel, axis=0, prepend=mel[:1]))[:, 60:].sum(1)  # short window
    for beat in excerpt.beats[1:]:
        near = int(beat) - 5 + np.argmax(rise[int(beat) - 5 : int(beat) + 6])
        assert abs(near - int(beat)) <= 1
