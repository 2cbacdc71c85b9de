"""The log of a world as one page for a human eye: points as rows, conditions as coloured bars."""

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Event: TypeAlias = Mapping[str, Any]
_Bar: TypeAlias = tuple[int, float, float, str, str]  # row, from, to, class, tooltip

_BITS = {1: "alarm", 2: "pre_alarm", 4: "supervisory", 8: "trouble"}
_MARKS = ("fault", "verb", "reset", "stored", "failure")
_DAY_MS = 86_400_000
_ROW, _LEFT, _HEAD = 30, 190, 24  # pixels
_OFFSETS = {"alarm": 3, "pre_alarm": 9, "supervisory": 15, "trouble": 21}

# Colours of Okabe and Ito, told apart by those who see few colours; each condition has its own
# height in the row as well, so that a grey print can be read.
_STYLE = """
:root{color-scheme:light dark;--ink:#222;--paper:#fff;--line:#ccc}
@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#16181c;--line:#444}}
body{margin:1em;background:var(--paper);color:var(--ink);font:13px system-ui,sans-serif}
#view{overflow-x:auto;border:1px solid var(--line)}text{fill:var(--ink);font-size:12px}
.row{stroke:var(--line)}.alarm{fill:#d55e00}.pre_alarm{fill:#e69f00}.supervisory{fill:#0072b2}
.trouble{fill:#cc79a7}.sounder{fill:#d55e00}.lamp{fill:#f0e442}.gap{fill:#888}
.truth{fill:#009e73;opacity:.3}.fault{fill:#56b4e9}.verb,.reset,.stored{fill:#999}
.failure{fill:#f00}.fail{color:#d00;font-weight:bold}
.key{display:inline-block;width:1em;height:1em;margin:0 .3em 0 1em;vertical-align:middle}
@media print{#view{overflow:visible;border:0}button{display:none}svg{width:100%!important}}
"""
_SCRIPT = """
const s=document.getElementById('time'),v=document.getElementById('view');let z=1;
function zoom(f){const m=(v.scrollLeft+v.clientWidth/2)/(v.clientWidth*z);
z=Math.min(2000,Math.max(1,z*f));s.style.width=100*z+'%';v.scrollLeft=m*v.clientWidth*z-v.clientWidth/2}
document.getElementById('in').onclick=()=>zoom(2);document.getElementById('out').onclick=()=>zoom(.5);
v.addEventListener('wheel',e=>{if(e.ctrlKey){e.preventDefault();zoom(e.deltaY<0?1.3:1/1.3)}},{passive:false});
"""


def page(rows: Iterable[Event], points: Sequence[str], title: str, days: float) -> str:
    """Return one HTML file that asks for nothing else, with every event in its place."""
    events = sorted(rows, key=lambda event: event["t_ms"])
    end_ms = max(days * _DAY_MS, 1.0)
    lines = [*points, "sounder, lamp", "power, link", "faults, verbs"]
    height = _ROW * len(lines) + _HEAD
    shapes = [_bar(bar, end_ms) for bar in _bars(events, list(points), end_ms)]
    shapes += [_mark(event, len(lines) - 1, end_ms) for event in events if event["what"] in _MARKS]
    rules = "".join(
        f'<line class="row" x1="0" x2="1000" y1="{y}" y2="{y}"/>'
        for y in range(_HEAD, height + 1, _ROW)
    )
    names = "".join(
        f'<text x="4" y="{_HEAD + _ROW * n + 20}">{html.escape(name)}</text>'
        for n, name in enumerate(lines)
    )
    failures = "".join(
        f'<p class="fail">{html.escape(_told(event))}</p>'
        for event in events
        if event["what"] == "failure"
    )
    key = "".join(
        f'<span><svg class="key"><rect class="{name}" width="99" height="99"/></svg>{words}</span>'
        for name, words in _legend().items()
    )
    safe = html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{safe}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{safe}</h1>{failures}"
        f'<p><button id="in">+</button> <button id="out">-</button> {key}</p>'
        f'<div style="display:flex"><svg width="{_LEFT}" height="{height}">{names}</svg>'
        f'<div id="view" style="flex:1"><svg id="time" viewBox="0 0 1000 {height}" '
        f'preserveAspectRatio="none" style="width:100%;height:{height}px">'
        f"{rules}{''.join(shapes)}</svg></div></div>"
        f"<script>{_SCRIPT}</script>"
        "</body></html>\n"
    )


def _legend() -> dict[str, str]:
    conditions = {name: name.upper() for name in _BITS.values()}
    return conditions | {
        "truth": "true cause",
        "sounder": "sounder (its row)",
        "lamp": "lamp",
        "gap": "no power or link",
        "fault": "fault",
        "verb": "verb, reset, stored",
        "failure": "failure",
    }


def _bars(events: Sequence[Event], points: list[str], end_ms: float) -> list[_Bar]:
    """Return what lasts, truths first: they lie behind."""
    open_: dict[tuple[int, str, str], float] = {}
    bars: list[_Bar] = []
    for event in events:
        for row, name, about, on in _lasting(event, points):
            key = (row, name, about)
            if on:
                open_.setdefault(key, event["t_ms"])
            elif key in open_:
                bars.append((row, open_.pop(key), event["t_ms"], name, about))
    bars += [(row, start, end_ms, name, about) for (row, name, about), start in open_.items()]
    return sorted(bars, key=lambda bar: (bar[3] != "truth", bar))


def _lasting(event: Event, points: list[str]) -> list[tuple[int, str, str, bool]]:
    what, gateway = event["what"], event["gateway"]
    if what == "condition" and event["point"] in points:
        row = points.index(event["point"])
        return [(row, name, name, bool(event["bits"] & bit)) for bit, name in _BITS.items()]
    if what == "truth" and event["point"] in points:
        return [(points.index(event["point"]), "truth", event["cause"], event["on"])]
    if what in ("sounder", "lamp"):
        return [(len(points), what, f"{gateway} {what}", event["on"])]
    if what in ("power", "link"):
        there = event["on"] if what == "power" else event["up"]
        return [(len(points) + 1, "gap", f"{gateway} no {what}", not there)]
    return []


def _bar(bar: _Bar, end_ms: float) -> str:
    row, start, end, name, about = bar
    x, width = 1000 * start / end_ms, max(1000 * (end - start) / end_ms, 0.05)
    y = _HEAD + _ROW * row + _OFFSETS.get(name, 3)
    height = 6 if name in _OFFSETS else _ROW - 6
    said = html.escape(f"{about}, {start / 1000:.1f}…{end / 1000:.1f} s")
    return (
        f'<rect class="{name}" x="{x:.4f}" y="{y}" width="{width:.4f}" height="{height}">'
        f"<title>{said}</title></rect>"
    )


def _mark(event: Event, row: int, end_ms: float) -> str:
    failed = event["what"] == "failure"
    y, height = (0, _HEAD + _ROW * (row + 1)) if failed else (_HEAD + _ROW * row + 5, _ROW - 10)
    return (
        f'<rect class="{event["what"]}" x="{1000 * event["t_ms"] / end_ms:.4f}" y="{y}" '
        f'width="0.6" height="{height}"><title>{html.escape(_told(event))}</title></rect>'
    )


def _told(event: Event) -> str:
    rest = {k: v for k, v in event.items() if k not in ("t_ms", "gateway", "what")}
    said = ", ".join(f"{k} {v if isinstance(v, str) else json.dumps(v)}" for k, v in rest.items())
    return f"{event['t_ms'] / 1000:.1f} s {event['gateway']} {event['what']}: {said}"
