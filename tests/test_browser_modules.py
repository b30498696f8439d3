"""The page's parts that need no song: editing beats, tempo, clicks, clocks, in a real browser."""

from __future__ import annotations

import pytest

from tests.browser import chromium, serving, tab


@pytest.fixture(scope="module")
def run():
    """Runs a script's body in the page; ``m`` imports a module of the page."""
    with serving() as address, chromium() as browser, tab(browser, address) as page:
        start = "const m = (name) => import(new URL(`page/${name}.js`, document.baseURI));"

        def evaluate(body, argument=None):
            return page.evaluate(f"async (given) => {{ {start} {body} }}", argument)

        yield evaluate


def beats(*pairs):
    return [{"time": time, "number": number, "confidence": 0.5} for time, number in pairs]


def pairs(result):
    return [(round(beat["time"], 6), beat["number"]) for beat in result]


WALTZ = beats((0.5, 3), (1.0, 1), (1.5, 2), (2.0, 3), (2.5, 1), (3.0, 2), (3.5, 3), (4.0, 1))


@pytest.fixture(scope="module")
def edit(run):
    """Calls a function of beats.js."""

    def call(name, *arguments):
        return run("return (await m('beats'))[given[0]](...given[1])", [name, arguments])

    return call


def test_the_nearest_beat_is_found_on_both_sides_and_at_the_ends(edit):
    nearest = [edit("nearest", WALTZ, time) for time in (0, 1.24, 1.26, 9)]
    assert nearest == [0, 1, 2, 7]
    assert edit("nearest", [], 1.0) == -1


@pytest.mark.parametrize(
    ("given", "bar"),
    [
        (WALTZ, 3),
        (beats((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)), 5),  # one bar, not known to be whole
        (beats((0, 0), (1, 0)), 4),
        ([], 4),
    ],
)
def test_beats_in_a_bar_are_the_commonest_distance_of_downbeats(edit, given, bar):
    assert edit("beatsPerBar", given) == bar


def test_a_beat_moves_no_farther_than_its_neighbours_and_the_song_let_it(edit):
    assert pairs(edit("move", WALTZ, 2, 1.6, 5.0))[1:4] == [(1.0, 1), (1.6, 2), (2.0, 3)]
    assert pairs(edit("move", WALTZ, 2, 9.0, 5.0))[2] == (1.98, 2)
    assert pairs(edit("move", WALTZ, 2, 0.1, 5.0))[2] == (1.02, 2)
    assert pairs(edit("move", WALTZ, 0, -1.0, 5.0))[0] == (0.0, 3)
    assert pairs(edit("move", WALTZ, 7, 9.0, 5.0))[7] == (4.999, 1)


def test_an_added_beat_is_counted_until_the_next_downbeat(edit):
    added = edit("add", WALTZ, 1.25, 5.0)
    assert pairs(added)[1:6] == [(1.0, 1), (1.25, 2), (1.5, 3), (2.0, 4), (2.5, 1)]
    assert pairs(edit("add", WALTZ, 0.75, 5.0))[:3] == [(0.5, 2), (0.75, 3), (1.0, 1)]
    assert pairs(edit("add", [], 0.75, 5.0)) == [(0.75, 0)]


def test_no_beat_is_added_upon_another_or_outside_the_song(edit):
    assert [edit("add", WALTZ, time, 5.0) for time in (1.0, 1.019, -0.1, 5.0)] == [None] * 4


def test_the_place_of_a_deleted_downbeat_is_taken_by_the_next_beat(edit):
    assert pairs(edit("remove", WALTZ, 2))[1:4] == [(1.0, 1), (2.0, 2), (2.5, 1)]
    assert pairs(edit("remove", WALTZ, 1))[:4] == [(0.5, 3), (1.5, 1), (2.0, 2), (2.5, 1)]


def test_twice_and_half_the_beats_keep_the_bar_and_are_inverse(edit):
    twice = edit("doubled", WALTZ)
    assert pairs(twice)[:6] == [(0.5, 2), (0.75, 3), (1.0, 1), (1.25, 2), (1.5, 3), (1.75, 1)]
    assert [time for time, _ in pairs(edit("halved", twice))] == [time for time, _ in pairs(WALTZ)]
    assert pairs(edit("halved", WALTZ)) == [(1.0, 1), (2.0, 2), (3.0, 3), (4.0, 1)]


def test_a_shift_puts_beats_between_and_drops_what_leaves_the_song(edit):
    shifted = edit("shifted", WALTZ, 4.1)
    assert pairs(shifted)[:2] == [(0.75, 3), (1.25, 1)]
    assert len(shifted) == 7


def test_this_is_one_counts_bars_both_ways_or_only_onward(edit):
    assert [n for _, n in pairs(edit("downbeatAt", WALTZ, 3))] == [1, 2, 3, 1, 2, 3, 1, 2]
    assert [n for _, n in pairs(edit("downbeatAt", WALTZ, 3, True))] == [3, 1, 2, 1, 2, 3, 1, 2]


def test_undo_and_redo_go_back_and_forth_and_a_new_value_ends_redo(run):
    seen = run(
        """
        const { History } = await m("history");
        const history = new History("a");
        const seen = [];
        const note = () => seen.push([history.value, history.canUndo, history.canRedo]);
        history.push("b"); history.push("c"); history.undo(); note();
        history.redo(); note();
        history.undo(); history.push("d"); note();
        history.undo(); history.undo(); history.undo(); note();
        return seen;
        """
    )
    assert seen == [
        ["b", True, True],
        ["c", True, False],
        ["d", True, False],
        ["a", False, True],
    ]


def test_one_missed_beat_does_not_move_the_tempo_curve(run):
    times = [0.5 * i for i in range(20) if i != 9]
    curve = run("return (await m('tempo')).tempoCurve(given)", beats(*((t, 0) for t in times)))
    assert [round(point["tempo"], 6) for point in curve] == [120.0] * 18


def test_the_tempo_curve_follows_a_new_tempo(run):
    times = [0.5 * i for i in range(10)] + [4.5 + 0.4 * i for i in range(1, 10)]
    curve = run("return (await m('tempo')).tempoCurve(given)", beats(*((t, 0) for t in times)))
    assert [round(point["tempo"]) for point in curve] == [120] * 9 + [150] * 9


def test_the_next_clicks_are_those_from_here_until_before_there(run):
    found = run("return (await m('clicks')).beatsBetween(given, 1.0, 2.5)", WALTZ)
    assert pairs(found) == [(1.0, 1), (1.5, 2), (2.0, 3)]


STEP = """
    const { Player } = await m("player");
    const { ClickTrack, clickSound } = await m("clicks");
    const context = new AudioContext();
    await context.audioWorklet.addModule(new URL("page/capture_worklet.js", document.baseURI));
    const heard = [];
    const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => heard.push(...data);
    Object.defineProperty(context, "destination", { value: capture });

    const rate = context.sampleRate;
    const song = context.createBuffer(1, rate, rate);
    const beats = [0.1, 0.35, 0.6, 0.85].map((time, i) => ({ time, number: i % 2 }));
    for (const { time, number } of beats) {
      const inverted = clickSound(rate, number === 1).map((sample) => -sample);
      song.copyToChannel(inverted, 0, Math.round(time * rate));
    }
    const player = new Player(context, song);
    const clicks = new ClickTrack(player);
    clicks.volume = given.volume;
    clicks.beats = beats;
    player.currentTime = given.from;
    const ended = new Promise((resolve) => player.addEventListener("ended", resolve));
    await player.play();
    if (given.seek !== null) player.currentTime = given.seek;
    await ended;
    await new Promise((resolve) => setTimeout(resolve, 100)); // blocks still on their way
    await context.close();
    return Math.max(...heard.map(Math.abs));
"""


@pytest.mark.parametrize(("start", "seek"), [(0, None), (0.2, None), (0, 0.5)])
def test_clicks_lie_on_the_song_to_the_sample(run, start, seek):
    """The song is made of the same clicks upside down: in step, both together are silent."""
    given = {"from": start, "seek": seek, "volume": 1}
    assert run(STEP, given) < 0.01
    assert run(STEP, given | {"volume": 0.5}) > 0.3


def test_stream_time_is_tied_to_the_news_that_came_with_the_least_delay(run):
    found = run(
        """
        const { StreamClock } = await m("stream_clock");
        const clock = new StreamClock();
        const delays = [0.05, 0.01, 0.2, 0.03];
        delays.forEach((delay, i) => clock.observe(i / 10, 100 + i / 10 + delay));
        return [clock.pageTime(5), clock.streamTime(105.0101)];
        """
    )
    assert found == pytest.approx([105.0101, 5.0], abs=2e-4)


def test_a_beat_is_shown_when_it_sounds_and_not_when_it_is_announced(run):
    shown = run(
        """
        const { BeatDisplay } = await m("beat_display");
        const number = document.getElementById("beat-number");
        const display = new BeatDisplay();
        display.start();
        const due = performance.now() / 1000 + 0.25;
        const seen = new Promise((resolve) => {
          new MutationObserver(() => resolve([number.textContent, performance.now() / 1000 - due]))
            .observe(number, { childList: true });
        });
        display.announce({ time: 1, number: 3, due });
        const found = await seen;
        display.stop();
        return found;
        """
    )
    assert shown[0] == "3"
    assert shown[1] >= 0


def test_only_the_newest_beats_are_saved_when_corrections_come_faster_than_the_server(run):
    sent = run(
        """
        const { Saver } = await m("saver");
        const sent = [];
        let fail = false;
        const saver = new Saver(async (beats) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          if (fail) throw new Error("no");
          sent.push(beats);
        });
        for (const beats of [1, 2, 3]) saver.save(beats);
        await saver.saved();
        fail = true;
        await saver.save(4).catch(() => {});
        fail = false;
        await saver.saved();
        return sent;
        """
    )
    assert sent == [1, 3, 4]
