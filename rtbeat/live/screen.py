"""The screen of a live session: a snapshot as lines of a terminal. Pure.

Everything is said in words as well as in colour. What does not fit is left out whole, the least
important first; from 40 columns and 8 lines on the tempo, the beat, the state, the input and the
newest message are there. Contents: :class:`Screen`, which rich can print, and :func:`lines`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from rtbeat.live.keys import KEYS
from rtbeat.live.layout import Piece, bar, flow, large, meter, paragraph, plain_ascii, row
from rtbeat.live.level import REMEDY
from rtbeat.live.snapshot import Latency, Snapshot
from rtbeat.options import PRESETS

ROOMY = 64  # columns from which labels and sentences are long
MOST = 110  # columns that are used; longer lines read badly
FLASH = 0.3  # of a beat in which its light is bright
KEY_LINES = 4
NARROWEST = 16  # columns that a key and its word take

STATES = {
    "LISTENING": ("yellow", "no beat yet: play, or tap the beat"),
    "LOCKED": ("green", "following the music"),
    "COASTING": ("magenta", "no beat heard: going on at the last tempo"),
    "LOST": ("red", "nothing heard for too long: play, or tap the beat"),
}
GOOD, BAD, PLAIN, QUIET = "green", "bold red", "", "dim"


@dataclass(frozen=True)
class Screen:
    """What is on the screen. rich prints it at the size of its console.

    snapshot : of the session. help : the list of keys instead of the details. prompt : what the
    performer is being asked (while learning), in the place of the message.
    """

    snapshot: Snapshot
    help: bool = False
    prompt: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.size.height
        for line in lines(self, options.max_width, height):
            line = plain_ascii(line) if options.ascii_only else line
            yield from line.render(console)
            yield Segment.line()


def lines(screen: Screen, width: int, height: int) -> list[Text]:
    """The screen as at most ``height`` lines of at most ``width`` cells.

    Thread: any. Realtime-safe: no.
    """
    width = min(width, MOST)
    head = list(_head(screen.snapshot, width))
    if screen.help:
        rows = [*head, (0, Text()), *((0, line) for line in _help(width, height - len(head) - 1))]
    else:
        rows = [*head, *_details(screen, width)]
    return [text for _, text in _fit(rows, height)]


Row = tuple[int, Text]
"""How soon a line is left out when there are too many (0: last), and the line."""


def _fit(rows: list[Row], height: int) -> list[Row]:
    while len(rows) > max(1, height):
        worst = max(range(len(rows)), key=lambda i: (rows[i][0], i))
        rows = rows[:worst] + rows[worst + 1 :]
    return rows


def _head(now: Snapshot, width: int) -> Iterator[Row]:
    """State, large tempo, beats of the bar."""
    colour, sentence = STATES.get(now.state, ("", ""))
    if now.held:
        sentence = "held: goes on at this tempo whatever is heard"
    state = [(f" {now.state} ", f"bold reverse {colour}"), (sentence, colour)]
    yield 1, row("rtbeat", [*state, (_clock(now.time), QUIET)], width, 8)
    yield 8, Text()
    tempo = "---.-" if now.tempo is None else f"{now.tempo:.1f}"
    for i, figure in enumerate(large(tempo)):
        line = Text("  ", no_wrap=True).append(figure, f"bold {colour}").append("  ")
        if i == 1:
            line.append_text(_beats(now, colour, width >= ROOMY))
        if i == 2:
            line.append("BPM", QUIET)
        line.truncate(width, overflow="ellipsis")
        yield 0 if i == 1 else 1, line
    yield 8, Text()


def _beats(now: Snapshot, colour: str, roomy: bool) -> Text:
    """A light for each beat of the bar, the one that sounds now filled, bright while it is new."""
    sounds = now.tempo is not None and now.phase is not None
    bright = sounds and now.phase is not None and now.phase % 1.0 < FLASH
    style = f"bold reverse {colour}" if bright else f"bold {colour}"
    if now.number == 0:
        lights = Text.assemble((" ● " if sounds else " ○ ", style if sounds else QUIET))
        return lights.append("   bar not known" if sounds else "", QUIET)
    lights = Text()
    for number in range(1, max(now.beats_per_bar, now.number) + 1):
        lit = sounds and number == now.number
        lights.append(" ● " if lit else " ○ ", style if lit else QUIET)
    place = f"   {now.number} of {now.beats_per_bar}"
    return lights.append(place if sounds and roomy else "", QUIET)


def _details(screen: Screen, width: int) -> Iterator[Row]:
    now, roomy = screen.snapshot, width >= ROOMY
    indent = 12 if roomy else 7
    cells = max(4, min(40, width - indent - 14))

    def line(label: str, short: str, pieces: list[Piece]) -> Text:
        return row(label if roomy else short, pieces, width, indent)

    yield 3, line("Confidence", "Sure", [(bar(now.confidence, cells), PLAIN), _percent(now)])
    yield 1, line("Input", "Input", _input(now, cells))
    for text in paragraph(REMEDY.get(now.advice, now.advice), width - indent, BAD):
        yield 2, Text(" " * indent, no_wrap=True).append_text(text)
    yield 3, line("Perhaps", "Maybe", _alternatives(now))
    yield 4, line("Tempo", "Tempo", _tempo(now))
    yield 4, line("Follow", "Follow", _follow(now))
    yield 4, line("Click", "Click", _click(now))
    yield 4, line("MIDI clock", "MIDI", _midi(now))
    yield 5, line("Ports", "Ports", _ports(now))
    yield 5, line("Machine", "CPU", _machine(now))
    yield 6, line("Latency", "Delay", _latency(now.latency, roomy))
    yield 8, Text()
    for text in paragraph(screen.prompt or now.message, width, "bold"):
        yield 1, text
    yield 8, Text()
    for i, text in enumerate(_key_lines(width)):
        yield 3 + i, text


@lru_cache(maxsize=4)
def _key_lines(width: int) -> tuple[Text, ...]:
    words = [((key.label, "bold"), (key.short, QUIET)) for key in KEYS]
    return tuple(flow(words, width, KEY_LINES))


def _percent(now: Snapshot) -> Piece:
    return f"{100 * now.confidence:.0f} %", PLAIN


def _input(now: Snapshot, cells: int) -> list[Piece]:
    style = BAD if now.advice else GOOD
    figures = (f"{now.level:.0f} dB", PLAIN), (f"peak {now.peak:.0f} dB", QUIET)
    return [(meter(now.level, now.peak, cells), style), *figures]


def _alternatives(now: Snapshot) -> list[Piece]:
    return [
        (f"{other.ratio} {other.tempo:.1f} ({100 * other.weight:.0f} %)", PLAIN)
        for other in now.alternatives
    ] or [("no other tempo", QUIET)]


def _tempo(now: Snapshot) -> list[Piece]:
    slowest, fastest = now.tempo_range
    lock = ("locked", "bold yellow") if now.locked else ("free", PLAIN)
    return [lock, (f"range {slowest:.0f} to {fastest:.0f} BPM", PLAIN)]


def _follow(now: Snapshot) -> list[Piece]:
    names = [name for name, follow in PRESETS.items() if abs(follow - now.follow) < 0.005]
    knob = f"steady {bar(now.follow, 10)} follow"
    hold = [("held", "bold yellow")] if now.held else []
    return [(f"{now.follow:.2f}", PLAIN), *hold, (knob, QUIET), *((n, PLAIN) for n in names)]


def _click(now: Snapshot) -> list[Piece]:
    on = ("on", PLAIN) if now.click else ("off", "bold yellow")
    return [on, (f"volume {100 * now.volume:.0f} %", PLAIN)]


def _midi(now: Snapshot) -> list[Piece]:
    return [(now.transport, PLAIN) if now.transport else ("none", QUIET)]


def _ports(now: Snapshot) -> list[Piece]:
    """Those in trouble first: what does not fit is left out."""
    ports = sorted(now.ports, key=lambda port: port[1] != "lost")
    return [
        (f"{name}: {status}", BAD if status == "lost" else PLAIN) for name, status in ports
    ] or [("none", QUIET)]


def _machine(now: Snapshot) -> list[Piece]:
    skipped = [(f"skipped {now.skipped:.1f} s of input", BAD)] if now.skipped else []
    xruns = (f"xruns {now.xruns}", BAD if now.xruns else PLAIN)
    return [(f"{100 * now.cpu:.0f} % of a core", PLAIN), xruns, *skipped]


def _latency(latency: Latency, roomy: bool) -> list[Piece]:
    """Whether what must happen between hearing and sounding fits into the lead."""
    needed = latency.loop + latency.block + latency.hop + latency.compute
    spare = round(1000 * (latency.lead - needed))
    lead = _ms(latency.lead)
    verdict = (f"{spare} ms spare of {lead}", GOOD)
    if spare < 0:
        verdict = (f"{-spare} ms too late for {lead}", BAD)
    parts = (
        f"loop {_ms(latency.loop)} {latency.loop_source}, block {_ms(latency.block)}, "
        f"hop {_ms(latency.hop)}, work {_ms(latency.compute)}"
    )
    return [verdict, (parts, QUIET)] if roomy else [verdict]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f}" if seconds >= 0.01 else f"{1000 * seconds:.1f}"


def _clock(time: float) -> str:
    return f"{int(time // 60)}:{int(time % 60):02d}"


def _help(width: int, height: int) -> list[Text]:
    """All keys, in as many columns as the height asks for."""
    columns = max(1, min(-(-len(KEYS) // max(1, height)), width // NARROWEST))
    share = width // columns
    each = -(-len(KEYS) // columns)
    longest = max(len(key.does) for key in KEYS)
    table = [Text(no_wrap=True) for _ in range(each)]
    for i, key in enumerate(KEYS):
        words = key.does if longest + 7 <= share else key.short
        entry = row(key.label, [(words, PLAIN)], share - 1, 6)
        entry.pad_right(share - entry.cell_len)
        table[i % each].append_text(entry)
    return table
