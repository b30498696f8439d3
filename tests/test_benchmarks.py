"""The benchmark commands: folders in, figures and tables out. The engine is a small fake."""

import inspect
import json
import math
import os
import types

import numpy as np
import pytest

import rtbeat
from benchmarks import accuracy, decoders, report, speed, stages, tables
from benchmarks.collections import Clip, DataError, find_clips, read_beats, read_collection, spread
from benchmarks.engine import Run, run_blocks
from benchmarks.scores import by_group, score
from benchmarks.workers import run_all
from rtbeat import options
from rtbeat.decoder import Prediction
from tests.needs import require
from training.windows import keeps_out

TRUE = np.arange(0.5, 20.0, 0.5)
KEPT = next(name for name in map(str, range(100)) if keeps_out(name))
USED = next(name for name in map(str, range(100)) if not keeps_out(name))


def clip_of(name="a", genre="blues", collection="test_x"):
    positions = np.arange(len(TRUE)) % 4 + 1
    return Clip(collection, name, genre, None, TRUE, positions)


def run_of(times, lead=0.2):
    times = np.asarray(times, float)
    numbers = np.arange(len(times)) % 4 + 1
    announced = None if lead is None else times - lead
    return Run(20.0, times, numbers, np.full(len(times), 0.9), announced)


@pytest.fixture
def folder(tmp_path):
    """A data folder of four clips, one with a dot in its id and no positions."""
    root = tmp_path / "test_spcup"
    root.mkdir()
    names = ["blues.00040", "b", "c", "d"]
    index = [{"id": name, "genre": "blues"} for name in names[:2]] + [{"id": "c"}, {"id": "d"}]
    (root / "index.json").write_text(json.dumps(index))
    for name in names:
        lines = [f"{t:.3f}" if "." in name else f"{t:.3f}\t1" for t in TRUE]
        (root / f"{name}.beats").write_text("\n".join(lines) + "\n")
        (root / f"{name}.opus").write_bytes(b"")
    return root


# ---- data folders


def test_read_collection_takes_ids_with_dots_and_beats_without_positions(folder):
    clips = read_collection(folder)
    assert [clip.id for clip in clips] == ["blues.00040", "b", "c", "d"]
    assert [clip.genre for clip in clips] == ["blues", "blues", "", ""]
    assert clips[0].audio.name == "blues.00040.opus"
    assert clips[0].collection == "test_spcup"
    assert np.array_equal(clips[0].beats, TRUE)
    assert set(clips[0].positions) == {0}
    assert set(clips[1].positions) == {1}


def test_a_folder_that_lacks_something_is_named(folder, tmp_path):
    (folder / "c.opus").unlink()
    with pytest.raises(DataError, match=r"clip c needs an audio file and c\.beats"):
        read_collection(folder)
    with pytest.raises(DataError, match=r"no index\.json"):
        read_collection(tmp_path)


def test_a_bad_line_of_beats_is_named(tmp_path):
    path = tmp_path / "x.beats"
    path.write_text("0.5\t1\none\t2\n")
    with pytest.raises(DataError, match=r"x\.beats, line 2"):
        read_beats(path)


def test_spread_takes_every_kth():
    assert spread([0, 1, 2, 3, 4, 5], 2) == [0, 3]
    assert spread([0, 1, 2, 3, 4], 2) == [0, 3]
    assert spread([0, 1], 5) == spread([0, 1], None) == [0, 1]


def test_validation_takes_only_what_training_keeps_out(folder):
    index = [
        {"id": name, "group": group} for name, group in (("b", KEPT), ("c", KEPT), ("d", USED))
    ]
    (folder / "index.json").write_text(json.dumps(index))
    found = find_clips(folder.parent, [folder.name], None, validation=True)
    assert [clip.id for clip in found] == ["b", "c"]
    (folder / "index.json").write_text(json.dumps([index[-1]]))
    with pytest.raises(DataError, match="none of the songs of test_spcup for validation"):
        find_clips(folder.parent, [folder.name], None, validation=True)


# ---- several processes


@pytest.mark.parametrize("jobs", [1, 2])
def test_run_all_gives_results_in_the_order_of_the_tasks(jobs):
    assert list(run_all(math.sqrt, [9.0, 1.0, 4.0], jobs)) == [3.0, 1.0, 2.0]


# ---- running and scoring


def test_run_blocks_feeds_ten_ms_and_drops_beats_past_the_end():
    sizes = []

    def process(block):
        sizes.append(len(block))
        now = sum(sizes) / 1000
        late = [rtbeat.Beat(now + 0.2, 1, 120.0, 0.5, now)] if now >= 0.9 else []
        return [*late, rtbeat.Beat(0.3, 2, 120.0, 0.5, 0.1)] if len(sizes) == 1 else late

    run = run_blocks(process, np.zeros((1005, 2), np.float32), 1000)
    assert sizes == [10] * 100 + [5]
    assert run.duration == 1.005
    assert list(run.times) == [0.3]
    assert run.events.tolist() == [[0.3, 0.1]]


def test_score_of_a_perfect_run():
    result = score(run_of(TRUE), clip_of(), "online fake")
    perfect = ("F", "F_no5", "F@25", "F_first5", "downF", "cF@0", "cF@200", "heardF", "locked")
    assert {result.values[name] for name in perfect} == {1.0}
    assert result.values["lock_s"] == 0.5
    assert result.values["bias_ms"] == pytest.approx(0.0)
    assert result.right.all()


def test_score_of_an_offline_run_says_nothing_about_announcements():
    result = score(run_of(TRUE, lead=None), clip_of(), "offline fake")
    assert result.values["F"] == 1.0
    assert "cF@0" not in result.values
    assert result.curve is None


def test_score_of_silence_is_zero_and_never_locked():
    result = score(run_of([]), clip_of(), "online fake")
    assert result.values["F"] == result.values["heardF"] == result.values["cF@0"] == 0.0
    assert result.values["lock_s"] == 20.0  # the whole clip
    assert result.values["locked"] == 0.0


def test_by_group_averages_by_collection_system_and_genre():
    clips = [
        score(run_of(TRUE), clip_of("a", "blues"), "online fake"),
        score(run_of([]), clip_of("b", "jazz"), "online fake"),
        score(run_of(TRUE), clip_of("c", "", "test_y"), "online fake"),
    ]
    groups = by_group(clips)
    both = groups["test_x"]["online fake"]
    assert both["n"] == 2
    assert both["mean"]["F"] == 0.5
    assert both["genres"]["blues"]["mean"]["F"] == 1.0
    assert both["genres"]["jazz"]["mean"]["F"] == 0.0
    assert both["calibration_error"] == pytest.approx(0.1)  # sure to 0.9, right always
    assert [lead for lead, _ in both["lead_curve"]] == list(range(-200, 201, 20))
    assert {value for _, value in both["lead_curve"]} == {0.5}
    assert "genres" not in groups["test_y"]["online fake"]


# ---- the accuracy command


def fake_run(lead):
    def run(clip, options):
        times = clip.beats if options["decoder"] == "filter" else clip.beats[::2]
        return run_of(times, lead)

    return run


@pytest.fixture
def fake_engine(monkeypatch):
    monkeypatch.setattr(rtbeat, "AudioFileError", OSError, raising=False)
    monkeypatch.setattr(accuracy, "run_online", fake_run(0.2))
    monkeypatch.setattr(accuracy, "run_offline", fake_run(None))


def test_accuracy_writes_figures_and_tables(folder, fake_engine, tmp_path, capsys):
    out = tmp_path / "results"
    command = ["--data", str(folder.parent), "--decoder", "both", "--worst", "1"]
    assert accuracy.main([*command, "--out", str(out)]) == 0
    results = json.loads((out / "accuracy.json").read_text())
    systems = results["sets"]["test_spcup"]
    assert list(systems) == [
        "online filter",
        "online search",
        "offline filter",
        "offline search",
    ]
    assert systems["online filter"]["mean"]["F"] == 1.0
    assert len(results["clips"]) == 16
    assert results["version"] == rtbeat.__version__
    assert results["clips"][0]["downF"] is None  # nan is not JSON
    page = (out / "accuracy.md").read_text()
    assert capsys.readouterr().out.strip() == page.strip()
    assert "madmom_on" in page  # the peers stand beside
    assert "not of these 4 alone" in page
    assert "| test_spcup/blues.00040 | online search |" in page


def test_accuracy_can_be_cut_short(folder, fake_engine, tmp_path, capsys):
    command = ["--data", str(folder.parent), "--online", "--limit", "2", "--out", str(tmp_path)]
    assert accuracy.main(command) == 0
    results = json.loads((tmp_path / "accuracy.json").read_text())
    assert [clip["id"] for clip in results["clips"]] == ["blues.00040", "c"]
    assert list(results["sets"]["test_spcup"]) == ["online filter"]


def test_accuracy_says_what_is_missing(folder, fake_engine, tmp_path, capsys):
    assert accuracy.main(["--data", str(folder), "--out", str(tmp_path)]) == 1
    assert "holds none of test_gtzan" in capsys.readouterr().err
    plot = ["--data", str(folder.parent), "--plot", "nobody", "--out", str(tmp_path)]
    assert accuracy.main(plot) == 1
    assert "--plot nobody: no such clip" in capsys.readouterr().err


def test_accuracy_names_audio_that_cannot_be_read(folder, monkeypatch, capsys):
    def broken(clip, options):
        raise rtbeat.AudioFileError("no sound in it")

    monkeypatch.setattr(rtbeat, "AudioFileError", OSError, raising=False)
    monkeypatch.setattr(accuracy, "run_online", broken)
    assert accuracy.main(["--data", str(folder.parent), "--online"]) == 1
    assert "blues.00040.opus: no sound in it" in capsys.readouterr().err


def test_gtzan_figures_say_that_training_songs_are_of_the_same_collection():
    clips = [score(run_of(TRUE), clip_of(collection="test_gtzan"), "online fake")]
    section = tables.collection_section("test_gtzan", by_group(clips)["test_gtzan"], {})
    assert "trained on other songs of GTZAN" in section


def test_plot_draws_a_clip(tmp_path):
    require("matplotlib", 'pip install "rtbeat[dev]"')
    from benchmarks.plot import figure

    beats = rtbeat.Beats(
        TRUE, np.ones(len(TRUE), int), 120.0, np.zeros(1000, np.float32), 20.0, announced_at=TRUE
    )
    axes = figure(clip_of(), beats).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["activation", "true beats", "announced beats"]


def test_curves_are_drawn_of_what_announces(folder, fake_engine, tmp_path, capsys):
    require("matplotlib", 'pip install "rtbeat[bench]"')
    command = ["--data", str(folder.parent), "--decoder", "both", "--curve"]
    assert accuracy.main([*command, "--out", str(tmp_path)]) == 0
    path = tmp_path / "lead_curve_test_spcup.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 60_000
    assert str(path) in capsys.readouterr().err
    with pytest.raises(SystemExit):
        accuracy.main([*command, "--offline"])


def test_a_curve_goes_from_late_to_early():
    require("matplotlib", 'pip install "rtbeat[bench]"')
    from benchmarks.plot import curve_figure

    late = [score(run_of(TRUE, lead=-0.05), clip_of(), "late")]
    axes = curve_figure("test_x", by_group(late)["test_x"]).axes[0]
    leads, values = axes.lines[0].get_data()
    assert leads.tolist() == list(range(-200, 201, 20))
    assert values.tolist() == [100.0] * 8 + [0.0] * 13
    assert axes.get_title() == "test_x, 1 clips"


# ---- results on disk


def test_write_text_leaves_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "x.md"
    report.write_text(path, "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_plain_makes_json_of_anything_measured():
    value = {"a": [math.nan, math.inf, 0.123456], "b": (np.float64(0.5), 3, "x", None)}
    expected = {"a": [None, None, 0.1235], "b": [0.5, 3, "x", None]}
    assert report.plain(value) == expected
    assert json.loads(json.dumps(report.plain(value), allow_nan=False)) == expected


def test_provenance_names_versions_and_the_model(tmp_path):
    model = tmp_path / "m.npz"
    model.write_bytes(b"weights")
    made = report.provenance(str(model))
    assert made["model"]["name"] == "m.npz"
    assert len(made["model"]["sha256"]) == 64
    assert set(made["machine"]) == {"python", "system", "numpy", "numba", "cpu", "cores"}
    assert report.provenance("no such model")["model"]["sha256"] is None


# ---- decoders alone


class Metronome:
    """A decoder that knows beats to be every ``period`` frames and believes in nothing else."""

    def __init__(self, period=25.0):
        self.period = period
        self.windows = []

    def update(self, window, newest):
        self.windows.append((len(window), newest))

    def predict(self, after):
        beat = (math.floor(after / self.period) + 1) * self.period
        return Prediction(beat, self.period, 0, 1.0)


def test_announce_speaks_at_the_first_hop_after_which_the_lead_would_be_too_short():
    metronome = Metronome()
    events = decoders.announce(metronome, np.zeros((600, 2), np.float32), lead=0.21)
    assert events[:, 0].tolist() == pytest.approx(np.arange(0.5, 12.0, 0.5))
    leads = events[:, 0] - events[:, 1]
    assert np.all(leads >= 0.21)
    assert np.all(leads < 0.21 + 0.02)
    assert metronome.windows[:2] == [(1, 0), (2, 1)]
    assert metronome.windows[-1] == (500, 599)


def test_announce_gives_nothing_out_while_nothing_is_predicted():
    silent = Metronome()
    silent.predict = lambda after: None
    assert decoders.announce(silent, np.zeros((50, 2), np.float32), 0.2).shape == (0, 2)


def test_halve_rate_keeps_peaks_where_they_are():
    stored = np.zeros(200, np.uint8)
    stored[101] = 255  # 1.01 s, the middle of frame 50
    stored[60] = 51  # 0.60 s, between frames 29 and 30
    beat, downbeat = decoders.halve_rate(stored).T
    assert beat.shape == (100,)
    assert list(np.flatnonzero(beat)) == [29, 30, 50]
    assert beat[50] == 1.0
    assert beat[29] == beat[30] == pytest.approx(0.04)
    assert np.allclose(downbeat, beat / 4)


def test_decoders_command_scores_by_data_set(tmp_path, monkeypatch, capsys):
    arrays = {}
    for name in ("smc_1", "smc_2", "hjdb_1"):
        arrays[f"{name}/activation"] = np.zeros(2000, np.uint8)
        arrays[f"{name}/beats"] = np.column_stack((TRUE, np.ones(len(TRUE)))).astype(np.float32)
    path = tmp_path / "stored.npz"
    np.savez(path, **arrays)

    def named(target):
        if "Decoder" in target:
            return lambda frame_rate: Metronome(frame_rate / 2)
        return lambda activations, frame_rate: (TRUE[::2] * frame_rate, None, None)

    monkeypatch.setattr(decoders, "named", named)
    command = ["--activations", str(path), "--decoder", "filter", "--out", str(tmp_path)]
    assert decoders.main(command) == 0
    sets = json.loads((tmp_path / "decoders.json").read_text())["sets"]
    assert {name: sets[name]["online filter"]["n"] for name in sets} == {"hjdb": 1, "smc": 2}
    assert sets["smc"]["online filter"]["mean"]["cF@0"] == 1.0
    assert sets["smc"]["offline filter"]["mean"]["F"] == pytest.approx(40 / 59, abs=1e-4)
    assert "cF@0" not in sets["smc"]["offline filter"]["mean"]
    assert sets["smc"]["true, from the third on"]["mean"]["F"] == pytest.approx(74 / 76, abs=1e-4)
    page = capsys.readouterr().out
    assert "| hjdb | online filter | 1 | 100.0" in page
    assert "| smc | 2 | 120.0 | 120.0 | 0.0 | 0.0 |" in page


def test_tempi_outside_of_a_range_are_shares_of_the_pieces_with_a_tempo():
    pieces = [decoders.Piece("smc", tempo, {}) for tempo in (38.0, 40.0, 240.0, 410.0, math.nan)]
    tempi = decoders.tempi_of(pieces)
    assert tempi["n"] == 4
    assert (tempi["slowest"], tempi["fastest"]) == (38.0, 410.0)
    assert tempi["outside"] == {"default": 0.5, "wide": 0.25}
    assert "| smc | 4 | 38.0 | 410.0 | 50.0 | 25.0 |" in decoders.tempi_table({"smc": tempi})
    assert tables.percent(decoders.tempi_of(pieces[-1:])["outside"]["wide"]) == "-"


def test_default_range_of_tempi_is_that_of_the_tracker():
    parameters = inspect.signature(rtbeat.BeatTracker).parameters
    assert parameters["tempo_range"].default == decoders.RANGES["default"]
    assert options.tempo_range(decoders.RANGES["wide"]) == decoders.RANGES["wide"]


def test_decoders_command_gives_the_same_in_any_number_of_processes(tmp_path):
    arrays = {}
    for name in ("hjdb_1", "hjdb_2"):
        arrays[f"{name}/activation"] = np.zeros(600, np.uint8)
        arrays[f"{name}/activation"][50::50] = 250  # a beat each half second
        arrays[f"{name}/beats"] = np.column_stack((TRUE[:11], np.ones(11)))
    path = tmp_path / "stored.npz"
    np.savez(path, **arrays)
    found = []
    for jobs in ("1", "2"):
        command = ["--activations", str(path), "--decoder", "search", "--jobs", jobs]
        assert decoders.main([*command, "--out", str(tmp_path)]) == 0
        found.append(json.loads((tmp_path / "decoders.json").read_text())["sets"])
    assert found[0]["hjdb"]["offline search"]["mean"]["F"] == 1.0
    assert found[0] == found[1]


def test_decoders_command_says_when_there_is_no_file(tmp_path, capsys):
    assert decoders.main(["--activations", str(tmp_path / "none.npz")]) == 1
    assert "none.npz does not exist" in capsys.readouterr().err


# ---- speed


def test_stage_clock_gives_nested_time_to_the_innermost_stage():
    now = iter([0.0, 1.0, 4.0, 6.0])  # outer opens, inner opens, inner closes, outer closes
    clock = stages.StageClock(lambda: next(now))
    with clock.stage("outer"), clock.stage("inner"):
        pass
    assert clock.seconds == {"outer": 3.0, "inner": 3.0}


def test_instrumented_wraps_public_methods_and_puts_them_back(monkeypatch):
    class Network:
        def step(self, value):
            return self._inner(value)

        def _inner(self, value):
            return value + 1

    module = types.ModuleType("fake_network")
    Network.__module__ = "fake_network"
    module.Network = Network
    monkeypatch.setattr(stages.importlib, "import_module", lambda name: module)
    before = vars(Network)["step"]
    clock = stages.StageClock()
    with stages.instrumented(clock, {"network": ("fake_network",)}):
        assert Network().step(1) == 2
    assert list(clock.seconds) == ["network"]
    assert vars(Network)["step"] is before


def test_every_hop_is_one_block_and_no_sample_is_lost():
    audio = speed.noise(1.0, 22_050)
    blocks = list(speed.hops(audio, 22_050))
    assert len(blocks) == 50
    assert sum(map(len, blocks)) == len(audio)
    assert {len(block) for block in blocks} <= {441}
    assert {len(block) for block in speed.hops(audio, 22_030)} == {440, 441}


def test_shares_add_up_and_what_nobody_claims_is_the_rest():
    result = speed.shares({"features": 1.0, "network": 2.0}, 4.0)
    assert result == {"features": 0.25, "network": 0.5, "decoder": 0.0, "rest": 0.25}


def test_percentiles_are_in_ms():
    result = speed.percentiles(np.arange(101) / 1000)
    assert result == pytest.approx({"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0})


def test_verdict_says_whether_the_budget_is_kept():
    assert speed.verdict("hop", 1.2, 1.5, "ms").endswith("WITHIN BUDGET")
    assert speed.verdict("hop", 1.6, 1.5, "ms").endswith("EXCEEDS BUDGET")


def test_speed_command_writes_figures_and_verdicts(tmp_path, monkeypatch, capsys):
    class Tracker:
        def __init__(self, **options):
            assert options["decoder"] in ("filter", "search")

        def process(self, block):
            return []

    monkeypatch.setattr(rtbeat, "BeatTracker", Tracker, raising=False)
    monkeypatch.setattr(speed, "instrumented", lambda clock: stages.instrumented(clock, {}))
    monkeypatch.setattr(speed, "start_times", lambda *_: {"cold": 9.0, "warm": math.nan})
    monkeypatch.setattr(speed, "MUSIC", tmp_path / "none")
    assert speed.main(["--seconds", "2", "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "speed.json").read_text())
    assert results["material"] == "noise"
    assert results["decoders"]["filter"]["hops"] == 100
    assert results["decoders"]["search"]["stage_share"]["rest"] == 1.0
    assert len(results["verdicts"]) == 4
    assert "cold 9.0 s (kernels compiled), warm - s" in capsys.readouterr().out
