"""Rendering MIDI pieces to excerpts: beats stay on the sound, a seed gives the same music."""

from __future__ import annotations

import numpy as np
import pytest

from tests.needs import SOUNDFONTS, require, require_soundfont

INSTALL = 'pip install ".[train]"'
require("mido", INSTALL)
require("pedalboard", INSTALL)
require("fluidsynth", f"{INSTALL} and apt install libfluidsynth3")
SOUNDFONT = require_soundfont()

from rtbeat.features import FeatureConfig  # noqa: E402
from tests.midi_pieces import entry, metronome  # noqa: E402
from training import render  # noqa: E402
from training.midi import Event, Piece  # noqa: E402
from training.shards import read_shard  # noqa: E402

CONFIG = FeatureConfig()


@pytest.fixture(scope="module", autouse=True)
def keeper():
    """While it lives the soundfont stays loaded, and others are made at once."""
    synth = render.Synth({SOUNDFONT: 1.0})
    yield
    synth.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("pieces")
    metronome(path / "a.mid", beats=60, tempo=100.0)
    metronome(path / "short.mid", beats=12, tempo=120.0)
    return path


def rendered(root, seed, name="a.mid"):
    """An excerpt from a synthesizer of its own."""
    synth = render.Synth({SOUNDFONT: 1.0})
    rng = np.random.default_rng(seed)
    excerpt = render.render_excerpt(synth, root, entry(name), CONFIG, rng)
    synth.close()
    return excerpt


# every kind of warp there is, and what is heard through rooms, loudspeakers and codecs among them
STEADY, WARPED = (2, 3, 4, 5), (1, 8, 12, 15, 18, 34, 53, 66, 100)


@pytest.mark.parametrize("seed", STEADY + WARPED)
def test_beats_lie_on_the_rises_of_the_sound(root, seed, monkeypatch):
    warps, time_warp = [], render.time_warp

    def seen(*args):
        warps.append(time_warp(*args))
        return warps[-1]

    monkeypatch.setattr(render, "time_warp", seen)
    excerpt = rendered(root, seed)
    ((before, after),) = warps
    assert (abs(np.diff(after) / np.diff(before) - 1.0).max() > 0.02) == (seed in WARPED)
    assert after[-1] <= 40 if seed in STEADY else 12 <= after[-1] <= 40 * np.exp(0.2)
    assert len(excerpt.mel) == pytest.approx(after[-1] * 50, abs=2)
    assert len(excerpt.mel) >= 12 * 50
    assert len(excerpt.beats) >= 40
    level = np.log1p(1e4 * np.exp(excerpt.mel.astype(float) / 2))
    rise = np.maximum(0.0, np.diff(level, axis=0, prepend=level[:1])).sum(1)
    for beat in excerpt.beats.astype(int):
        first = max(0, beat - 8)  # half of the shortest beat is 12 frames
        onset = first + np.argmax(rise[first : beat + 9])
        assert abs(onset - beat) <= 2
    bar = np.flatnonzero(excerpt.numbers == 1)
    assert (np.diff(bar) == 4).all()


def test_the_first_beat_is_kept_where_the_warp_hurries(monkeypatch):
    times = np.arange(48) * 0.6 + 1.0
    notes = [Event(at, "note_on", c, 60, 100) for at in times for c in (0, 1, render.DRUMS)]
    steps = Piece(notes, times, np.arange(48) % 4 + 1)
    monkeypatch.setattr(render, "read_piece", lambda root, entry: steps)
    monkeypatch.setattr(
        render, "time_warp", lambda end, rng: (np.array([0, end]), np.array([0, 0.8 * end]))
    )
    for seed in (0, 2, 10):  # where it lies furthest from the start of the excerpt
        assert rendered(None, seed).numbers[0] == 1


def test_another_tempo_for_each_excerpt_never_too_far_from_the_piece(root):
    tempi = [60 * 50 / np.median(np.diff(rendered(root, seed).beats)) for seed in range(1, 6)]
    assert len({round(tempo, 3) for tempo in tempi}) == 5
    assert min(tempi) > 100 / 1.2
    assert max(tempi) < 100 / 0.83


def test_a_seed_gives_the_same_excerpt(root):
    first, again, other = (rendered(root, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.mel, again.mel)
    np.testing.assert_array_equal(first.beats, again.beats)
    assert first.mel.shape != other.mel.shape or (first.mel != other.mel).any()


def test_a_piece_too_short_to_learn_from_gives_nothing(root):
    assert all(rendered(root, seed, "short.mid") is None for seed in range(3))


def test_a_shard_does_not_hang_on_those_rendered_before(root, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "SOUNDFONTS", {SOUNDFONT: 1.0})
    monkeypatch.setattr(render, "PIECES_A_SHARD", 2)
    # a corpus of other groups than the usual ones is as good
    manifest = [entry("a.mid", group="folk"), entry("a.mid", group="my own")]
    for folder, numbers in (("one", [0, 1]), ("two", [1])):
        render._start(root, tmp_path / folder, manifest)
        for number in numbers:
            assert render._render_shard(number).startswith(f"midi-{number:04d}.npz ")
    one, two = (read_shard(tmp_path / folder / "midi-0001.npz") for folder in ("one", "two"))
    assert len(one) == len(two) == 2
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.mel, b.mel)
        np.testing.assert_array_equal(a.beats, b.beats)
    assert render._render_shard(1) == "midi-0001.npz kept"


def piece():
    """A held programme and pedal, then two notes on a drum and two on a flute."""
    events = [
        Event(0.0, "program", 0, 73),
        Event(1.0, "control", 0, 64, 127),
        *(Event(t, "note_on", c, 60, 100) for t in (2.0, 4.0) for c in (0, render.DRUMS)),
        *(Event(t, "note_off", c, 60) for t in (3.0, 5.0) for c in (0, render.DRUMS)),
    ]
    return Piece(sorted(events, key=lambda e: e.time), np.array([2.0, 4.0]), np.array([1, 2]))


@pytest.mark.parametrize("seed", range(5))
def test_an_excerpt_keeps_what_was_set_before_it_and_stretches_the_rest(seed):
    rng = np.random.default_rng(seed)
    events = render.excerpt_events(piece(), 3.5, 2.0, rng, quicken=False)
    assert [(e.time, e.kind) for e in events[:2]] == [(0.0, "program"), (0.0, "control")]
    notes = [e for e in events if e.kind.startswith("note")]
    assert {round(e.time, 1) for e in notes} <= {1.0, 3.0}  # (4 - 3.5) * 2, (5 - 3.5) * 2
    assert len({e.channel for e in notes}) >= 1
    assert events == sorted(events, key=lambda e: e.time)
    assert all(e.a == 60 for e in notes if e.channel == render.DRUMS)  # a drum has no pitch
    assert all(56 <= e.a <= 64 for e in notes if e.channel == 0)


def test_slow_instruments_give_way_where_nothing_else_marks_the_beat():
    programs = {
        e.a
        for seed in range(20)
        for e in render.excerpt_events(piece(), 0.0, 1.0, np.random.default_rng(seed), quicken=True)
        if e.kind == "program"
    }
    assert programs
    assert programs <= set(render.QUICK_PROGRAMS)


@pytest.mark.parametrize("seed", range(8))
def test_a_loose_beginning_leaves_each_note_before_the_next_of_its_key(seed):
    """Repeated notes without a gap, and hits shorter than players are loose."""
    notes = []
    for n in range(60):
        notes += [Event(n * 0.25, "note_on", 0, 60, 100), Event(n * 0.25 + 0.25, "note_off", 0, 60)]
        drum = [Event(n * 0.25, "note_on", render.DRUMS, 38, 100)]
        notes += [*drum, Event(n * 0.25 + 0.004, "note_off", render.DRUMS, 38)]
    # as in a file: at one time the end of a note comes before the next
    notes.sort(key=lambda e: (e.time, e.kind))
    steps = Piece(notes, np.arange(0, 15, 0.5), np.zeros(30, np.int64))
    events = render.excerpt_events(steps, 0.0, 1.0, np.random.default_rng(seed), quicken=False)
    for channel in {e.channel for e in events if e.kind == "note_on"}:
        mine = [e for e in events if e.channel == channel]
        assert [e.kind for e in mine] == ["note_on", "note_off"] * 60
        lengths = [off.time - on.time for on, off in zip(mine[::2], mine[1::2], strict=True)]
        assert min(lengths) > 0.009
        assert max(abs(e.time - n * 0.25) for n, e in enumerate(mine[::2])) < 0.04


# ---- tempi that are not steady ----


def test_time_is_warped_forwards_and_mildly():
    steady, kinds = 0, set()
    for seed in range(400):
        seconds = float(np.random.default_rng(seed).uniform(5.0, 40.0))
        before, after = render.time_warp(seconds, np.random.default_rng(seed))
        assert before.shape == after.shape
        assert (before[0], after[0], before[-1]) == (0.0, 0.0, seconds)
        assert (np.diff(before) > 0).all()
        rates = np.diff(after) / np.diff(before)
        assert np.exp(-0.35) < rates.min()
        assert rates.max() < np.exp(0.35)
        if np.allclose(after, before, rtol=0, atol=1e-9):
            steady += 1
        elif len(np.unique(rates.round(9))) <= 3:
            kinds.add("step")
        elif len(np.unique(np.sign(np.diff(rates.round(9))))) == 1:
            kinds.add("ramp")
        else:
            kinds.add("sway")
    assert steady == pytest.approx(0.65 * 400, abs=30)
    assert kinds == {"step", "ramp", "sway"}


# ---- doubled instruments ----


def band():
    """Two instruments and drums with overlapping notes; channel 1 is set and plays nothing."""
    events = [
        Event(0.0, "program", 0, 24),
        Event(0.0, "program", 1, 73),
        Event(0.5, "control", 1, 7, 20),
        Event(1.0, "note_off", 1, 60),
    ]
    for n in range(16):
        for channel, key in ((0, 50 + n), (2, 20), (render.DRUMS, 38)):
            events.append(Event(n * 0.5, "note_on", channel, key, 90 + n))
            events.append(Event(n * 0.5 + 0.4, "note_off", channel, key))
    return sorted(events, key=lambda e: e.time)


def test_an_instrument_is_doubled_on_a_channel_that_plays_nothing():
    doubled, octaves = 0, set()
    for seed in range(200):
        events = render.layered(band(), np.random.default_rng(seed))
        if events == band():
            continue
        doubled += 1
        assert events == sorted(events, key=lambda e: e.time)
        (target,) = {e.channel for e in events if e.kind == "note_on"} - {0, 2, render.DRUMS}
        kept = [e for e in events if e.channel != target]
        assert kept == [e for e in band() if e.channel != target]
        double = [e for e in events if e.channel == target]
        assert [e.kind for e in double[:2]] == ["program", "bend"]
        assert double[0].a in render.LAYERS
        assert abs(double[1].a) <= 800  # of 4096 a semitone
        notes = double[2:]
        octave = {e.a for e in notes if e.kind == "note_on"}
        source = 2 if len(octave) == 1 else 0
        original = [e for e in band() if e.channel == source and e.kind.startswith("note")]
        late, up = notes[0].time - original[0].time, notes[0].a - original[0].a
        assert 0 <= late <= 0.012
        octaves.add(up)
        for note, other in zip(notes, original, strict=True):
            assert note.time == pytest.approx(other.time + late)
            assert (note.kind, note.a, note.b) == (other.kind, other.a + up, other.b)
    assert doubled == pytest.approx(0.25 * 200, abs=20)
    assert octaves == {-12, 0, 12}


def test_without_a_free_channel_or_an_instrument_nothing_is_doubled():
    full = [Event(0.1 * c, "note_on", c, 60, 90) for c in range(16)]
    drums = [Event(0.1 * n, "note_on", render.DRUMS, 38, 90) for n in range(16)]
    for seed in range(30):
        for events in (full, drums, []):
            assert render.layered(events, np.random.default_rng(seed)) == events


# ---- soundfonts ----


def loaded(folder, shares):
    """A synthesizer with the same soundfont loaded once for each share."""
    links = [folder / f"{number}.sf2" for number in range(len(shares))]
    for link in links:
        link.symlink_to(SOUNDFONT)
    return render.Synth({str(link): share for link, share in zip(links, shares, strict=True)})


def instruments(synth, seed=0):
    """Soundfont and program of every channel after a piece that sets two of them."""
    events = [Event(0.0, "program", 0, 24), Event(0.01, "program", 3, 33)]
    synth.play(events, 0.05, np.random.default_rng(seed))
    found = [synth._synth.channel_info(channel)[:3] for channel in range(16)]
    return [(synth._fonts.index(font), bank, program) for font, bank, program in found]


@pytest.mark.parametrize("number", [0, 1])
def test_a_program_is_taken_from_the_soundfont_of_its_channel(tmp_path, number):
    synth = loaded(tmp_path, [1.0 - number, float(number)])
    found = instruments(synth)
    synth.close()
    assert {font for font, _, _ in found} == {number}
    assert [program for _, _, program in found[:4]] == [24, 0, 0, 33]
    assert {bank for _, bank, _ in found[: render.DRUMS]} == {0}
    assert found[render.DRUMS][1] == 128


def test_soundfonts_are_drawn_by_their_shares_one_for_most_channels(tmp_path):
    synth = loaded(tmp_path, [0.7, 0.3])
    found = [instruments(synth, seed) for seed in range(60)]
    synth.close()
    first = np.array([[font == 0 for font, _, _ in channels] for channels in found])
    assert first.mean() == pytest.approx(0.7, abs=0.12)
    main = np.maximum(first.mean(1), 1 - first.mean(1))
    assert main.mean() > 0.75


def test_a_kit_that_a_soundfont_lacks_gives_way_to_its_first(monkeypatch):
    monkeypatch.setattr(render, "DRUM_KITS", (126,))
    synth = render.Synth({SOUNDFONT: 1.0})
    assert instruments(synth)[render.DRUMS] == (0, 128, 0)
    synth.close()


# ---- what a mix is heard through ----


CLICKS = np.arange(1, 12) * render.SAMPLE_RATE // 2 + 77


def click_train():
    """Short decaying tones, at silence between."""
    time = np.arange(480)
    audio = np.zeros(6 * render.SAMPLE_RATE + 321, np.float32)
    for click in CLICKS:
        audio[click : click + 480] = 0.5 * np.sin(time * 0.4) * np.exp(-time / 60)
    return audio


def shifts(audio):
    """Samples by which each click comes late, by correlation with the click."""
    click, reach = click_train()[CLICKS[0] : CLICKS[0] + 480], 2000
    return [
        int(np.argmax(abs(np.correlate(audio[at - reach : at + 480 + reach], click)))) - reach
        for at in CLICKS
    ]


@pytest.mark.parametrize("quality", [4.0, 6.5, 9.5])
def test_a_codec_keeps_sounds_in_place(quality):
    chain = render.Pedalboard([render.MP3Compressor(quality)])
    out = chain(click_train(), render.SAMPLE_RATE)
    assert out.shape == click_train().shape
    assert max(map(abs, shifts(out))) <= 3


def test_whatever_music_is_heard_through_keeps_it_in_place_and_about_as_loud():
    met = set()
    for seed in range(120):
        chain = render.heard_through(np.random.default_rng(seed))
        if not chain:
            continue
        met |= {type(effect).__name__ for effect in chain}
        out = render.Pedalboard(chain)(click_train(), render.SAMPLE_RATE)
        assert out.shape == click_train().shape
        assert max(map(abs, shifts(out))) <= 3
        assert 0.1 < np.abs(out).max() < 1.0
    assert met >= {"Convolution", "HighpassFilter", "LowpassFilter", "MP3Compressor"}


def test_mastering_keeps_sounds_in_place():
    for seed in range(40):
        out = render.master(click_train(), np.random.default_rng(seed))
        assert out.shape == click_train().shape
        assert max(map(abs, shifts(out))) <= 3


def test_a_room_begins_with_the_direct_sound():
    for seed in range(20):
        response = render.room_response(np.random.default_rng(seed))
        assert response.dtype == np.float32
        assert response[0] == 1.0
        quiet = int(0.002 * render.SAMPLE_RATE)
        assert not response[1:quiet].any()
        assert 0.05 < np.linalg.norm(response[1:]) <= 1.0
        assert np.linalg.norm(response[len(response) // 2 :]) < 0.3


def test_mastering_keeps_length_and_stays_finite():
    audio = np.sin(np.arange(24_000) / 10).astype(np.float32)
    for seed in range(20):
        out = render.master(audio, np.random.default_rng(seed))
        assert out.shape == audio.shape
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert 0.01 < np.abs(out).max() < 4.0


def test_any_soundfont_that_rendering_knows_is_enough_for_these_tests():
    assert set(map(str, SOUNDFONTS)) == set(render.SOUNDFONTS)
    assert sum(render.SOUNDFONTS.values()) == pytest.approx(1.0)


def test_without_a_soundfont_it_is_said_which_to_install():
    with pytest.raises(SystemExit, match="install fluid-soundfont-gm or timgm6mb-soundfont"):
        render.Synth({"/nowhere/none.sf2": 1.0})
