"""The MIDI corpus: tempo maps to beats, messages to events, archives to files."""

from __future__ import annotations

import io
import json
import lzma
import tarfile

import numpy as np
import pytest

from tests.needs import require, require_data

mido = require("mido", 'pip install ".[train]"')

from tests.midi_pieces import TICKS, entry, metronome, save  # noqa: E402
from training.midi import Event, read_manifest, read_piece, unpack  # noqa: E402


def tempo(bpm, ticks=0):
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=ticks)


def note(ticks=0, velocity=64, **kind):
    return mido.Message("note_on", note=60, velocity=velocity, time=ticks, **kind)


def test_beats_are_the_quarter_notes_of_the_tempo_map(tmp_path):
    # 120 BPM for 2.5 quarters, then 60 BPM: the third interval is half of each
    conductor = mido.MidiTrack([tempo(120), tempo(60, TICKS * 5 // 2)])
    notes = mido.MidiTrack([note(), note(TICKS * 5, 0)])
    save(tmp_path / "a.mid", conductor, notes)
    piece = read_piece(tmp_path, entry("a.mid"))
    np.testing.assert_allclose(piece.beats, [0.0, 0.5, 1.0, 1.75, 2.75, 3.75])
    assert piece.numbers.tolist() == [1, 2, 3, 4, 1, 2]
    assert piece.span == (0.0, 3.75)


def test_two_changes_of_tempo_within_a_beat(tmp_path):
    track = mido.MidiTrack([tempo(120), tempo(60, TICKS // 4), tempo(240, TICKS // 4)])
    track.append(note(TICKS))
    save(tmp_path / "a.mid", track)
    piece = read_piece(tmp_path, entry("a.mid"))
    # 1/4 of 0.5 s, 1/4 of 1 s, 1/2 of 0.25 s
    np.testing.assert_allclose(piece.beats[:3], [0.0, 0.5, 0.75])


def test_without_a_tempo_the_standard_says_120(tmp_path):
    save(tmp_path / "a.mid", mido.MidiTrack([note(), note(TICKS * 2)]))
    np.testing.assert_allclose(read_piece(tmp_path, entry("a.mid")).beats, [0.0, 0.5, 1.0])


@pytest.mark.parametrize("meter", [2, 3, 5])
def test_numbers_follow_the_time_signature(tmp_path, meter):
    metronome(tmp_path / "a.mid", beats=12, meter=meter)
    numbers = read_piece(tmp_path, entry("a.mid")).numbers
    assert numbers[:11].tolist() == [i % meter + 1 for i in range(11)]


def test_bars_that_may_not_be_trusted_are_unknown(tmp_path):
    metronome(tmp_path / "a.mid", beats=12)
    piece = read_piece(tmp_path, entry("a.mid", downbeats_ok=False))
    assert len(piece.beats) >= 12
    assert not piece.numbers.any()


def test_a_beats_file_goes_before_the_tempo_map(tmp_path):
    metronome(tmp_path / "a.mid", beats=12)
    (tmp_path / "a.beats").write_text("0.100\t2\n0.700\t1\n")
    piece = read_piece(tmp_path, entry("a.mid", beats_file=True))
    assert (piece.beats.tolist(), piece.numbers.tolist()) == ([0.1, 0.7], [2, 1])


def test_messages_become_events_in_seconds(tmp_path):
    track = mido.MidiTrack([tempo(60)])
    track.append(mido.Message("program_change", channel=3, program=24))
    track.append(mido.Message("control_change", channel=3, control=64, value=127, time=TICKS))
    track.append(mido.Message("pitchwheel", channel=3, pitch=-100))
    track.append(note(TICKS, channel=3))
    track.append(note(TICKS, velocity=0, channel=3))  # a note-off in its short form
    save(tmp_path / "a.mid", track)
    assert read_piece(tmp_path, entry("a.mid")).events == [
        Event(0.0, "program", 3, 24),
        Event(1.0, "control", 3, 64, 127),
        Event(1.0, "bend", 3, -100),
        Event(2.0, "note_on", 3, 60, 64),
        Event(3.0, "note_off", 3, 60),
    ]


def archive(path, members):
    with tarfile.open(path, "w:xz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def file_member(name):
    return tarfile.TarInfo(name)


def link_member(name, kind, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_a_corpus_is_unpacked_and_read(tmp_path):
    metronome(tmp_path / "piece.mid", beats=8)
    content = (tmp_path / "piece.mid").read_bytes()
    corpus, target = tmp_path / "corpus", tmp_path / "unpacked"
    corpus.mkdir()
    archive(corpus / "corpus-folk.tar.xz", [(file_member("corpus/folk/piece.mid"), content)])
    lines = json.dumps(entry("corpus/folk/piece.mid")) + "\n"
    (corpus / "manifest.jsonl.xz").write_bytes(lzma.compress(lines.encode()))
    unpack(corpus, target)
    (line,) = read_manifest(corpus)
    events = read_piece(target, line).events
    assert sum(e.kind == "note_on" for e in events) == 16


def test_a_group_already_there_is_kept(tmp_path):
    archive(tmp_path / "corpus-folk.tar.xz", [(file_member("a.mid"), b"new")])
    unpack(tmp_path, tmp_path / "out")
    (tmp_path / "out" / "a.mid").write_bytes(b"kept")
    unpack(tmp_path, tmp_path / "out")
    assert (tmp_path / "out" / "a.mid").read_bytes() == b"kept"


def test_a_hostile_archive_writes_nothing_outside(tmp_path):
    outside = tmp_path / "outside.mid"
    outside.write_bytes(b"mine")
    members = [
        (file_member("../outside.mid"), b"hostile"),
        (file_member(str(tmp_path / "absolute.mid")), b"hostile"),
        (file_member("inner/../../other.mid"), b"hostile"),
        (link_member("link", tarfile.SYMTYPE, str(tmp_path)), b""),
        (file_member("link/through.mid"), b"harmless below a plain folder"),
        (link_member("hard.mid", tarfile.LNKTYPE, "../outside.mid"), b""),
        (file_member("good.mid"), b"good"),
    ]
    target = tmp_path / "box" / "target"
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    archive(corpus / "corpus-bad.tar.xz", members)
    unpack(corpus, target)
    written = {p for p in tmp_path.rglob("*") if p.is_file()} - {outside}
    written -= set(corpus.iterdir())
    assert written == {
        target / "good.mid",
        target / "link" / "through.mid",
        target / ".corpus-bad.tar.xz.done",
    }
    assert not (target / "link").is_symlink()
    assert outside.read_bytes() == b"mine"


def test_the_corpus_itself(tmp_path):
    data = require_data("midi")
    smallest = min(data.glob("corpus-*.tar.xz"), key=lambda p: p.stat().st_size)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / smallest.name).symlink_to(smallest)
    unpack(tmp_path / "data", tmp_path)
    group = smallest.name.split("-")[1].split(".")[0]
    entries = [e for e in read_manifest(data) if e["group"] == group]
    assert len(entries) > 100
    for line in entries[::50]:
        piece = read_piece(tmp_path, line)
        assert len(piece.beats) >= line["n_beats"]
        assert (np.diff(piece.beats) > 0).all()
        assert len(piece.numbers) == len(piece.beats)
