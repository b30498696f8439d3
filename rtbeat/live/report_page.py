"""A report as one HTML page that needs nothing else: no script, no request, light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from rtbeat.live.events import Event
from rtbeat.live.lines import words
from rtbeat.live.report import Report
from rtbeat.live.report_plots import confidence_plot, phase_plot, tempo_plot
from rtbeat.live.report_words import STATE_WORDS, Row, clock, rows

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --faint: #d5d9de; --soft: #667; --page: #fff;
  --line: #0b62c4; --other: #b05a00; --LISTENING: #e7eaee; --LOCKED: #dff2e1;
  --COASTING: #fdf0cd; --LOST: #f9dcdc; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --faint: #3a4048; --soft: #9aa3ad;
  --page: #15181b; --line: #6cb2ff; --other: #ffb066; --LISTENING: #24292e; --LOCKED: #16321d;
  --COASTING: #3a3010; --LOST: #401c1c; } }
body { background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { text-align: left; vertical-align: top;
  padding: .25rem 1.2rem .25rem 0; border-bottom: 1px solid var(--faint); }
th { font-weight: 600; white-space: nowrap; } td small, p, figcaption, time { color: var(--soft); }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 12px; }
figure { margin: 0; overflow-x: auto; } .numbers td { font-variant-numeric: tabular-nums; }
.key i { display: inline-block; width: 1em; height: 1em; margin: 0 .4em 0 1em;
  vertical-align: -.1em; border: 1px solid var(--faint); }
"""


def report_page(report: Report, title: str, started: str) -> str:
    """The page. title : of the session. started : its date and time."""
    parts = [
        f"<h1>{escape(title)}</h1>\n<p><time>{escape(started)}</time></p>",
        _table(rows(report)),
        _figure("Tempo", tempo_plot(report), _states_key(report)),
        _figure("Confidence", confidence_plot(report), "The chance that each beat is right."),
        *_phase(report),
        _lines("What happened to devices and ports", report.notes),
        _beats(report),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _table(found: Iterable[Row]) -> str:
    lines = [
        f"<tr><th>{escape(row.name)}</th><td>{escape(row.value)}"
        f"{f'<br><small>{escape(row.meaning)}</small>' if row.meaning else ''}</td></tr>"
        for row in found
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _figure(title: str, plot: str, caption: str) -> str:
    if not plot:
        return ""
    return (
        f"<h2>{escape(title)}</h2>\n<figure>\n{plot}\n<figcaption>{caption}</figcaption>\n</figure>"
    )


def _states_key(report: Report) -> str:
    used = [state for state in STATE_WORDS if report.seconds_in(state) > 0.0]
    keys = "".join(
        f'<i style="background: var(--{state})"></i>{STATE_WORDS[state]}' for state in used
    )
    other = " Thin line: the offline tracker." if report.phase is not None else ""
    return f'Tempo announced with each beat.{other} <span class="key">{keys}</span>'


def _phase(report: Report) -> list[str]:
    if report.phase is None:
        return []
    caption = (
        "Each announced beat against the nearest one of the offline tracker, which has heard "
        "everything; above the middle is late. Beats further away than the plot are not drawn."
    )
    return [_figure("Early and late", phase_plot(report), caption)]


def _lines(title: str, events: Iterable[Event]) -> str:
    items = [f"<li>{escape(words(event).strip())}</li>" for event in events]
    return f"<h2>{escape(title)}</h2>\n<ul>\n" + "\n".join(items) + "\n</ul>" if items else ""


def _beats(report: Report) -> str:
    """All beats, folded away."""
    if not report.beats:
        return ""
    lines = [
        f"<tr><td>{clock(beat['time'])}</td><td>{beat['time']:.3f}</td>"
        f"<td>{beat['number'] or '?'}</td><td>{beat['tempo']:.1f}</td>"
        f"<td>{beat['confidence']:.2f}</td>"
        f"<td>{1000.0 * (beat['time'] - beat['announced_at']):.0f}</td></tr>"
        for beat in (event.data for event in report.beats)
    ]
    head = "<tr><th></th><th>seconds</th><th>in the bar</th><th>BPM</th>" \
        "<th>confidence</th><th>ms ahead</th></tr>"  # fmt: skip
    return (
        f"<details>\n<summary>All {len(lines)} beats</summary>\n"
        f'<table class="numbers">\n{head}\n' + "\n".join(lines) + "\n</table>\n</details>"
    )
