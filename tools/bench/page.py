"""docs/BENCH.md and the JSON object: what was measured, as people and as programs read it."""

import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from bench.result import Area, Result, Row

SCHEMA = "firegrid.bench/1"
WIDTH = 100
_HEAD = """\
# Bench

What a simulated gateway costs and how fast it is. Written by `make bench`, or for one area
`make bench AREA=heap`; do not edit. Machines differ and are noisy, so every figure stands beside a
yardstick from the same run, and the ratio is what counts: the median of the rounds' ratios, and
between which it lay. `n` is how many rounds. Nothing here ran on an ESP32.
"""
_COLUMNS = ("what", "figure", "yardstick", "its figure", "ratio", "from, to", "n", "held to")


class Measured(NamedTuple):
    """An area's result, and when it came about on what."""

    area: Area
    result: Result
    date: str
    commit: str
    machine: Mapping[str, object]


def as_json(measured: Iterable[Measured]) -> dict[str, Any]:
    """Return everything of one run; docs/schemas/bench.schema.json describes it."""
    return {
        "schema": SCHEMA,
        "areas": {
            one.area.name: {
                "date": one.date,
                "commit": one.commit,
                "machine": dict(one.machine),
                "rows": [asdict(row) for row in one.result.rows],
                "notes": one.result.notes,
            }
            for one in measured
        },
    }


def write(path: Path, measured: Measured, order: Iterable[str]) -> None:
    """Replace one area's section; the page is whole at any moment."""
    found = _sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    found[measured.area.name] = section(measured)
    text = "\n".join([_HEAD, *(found[name] for name in order if name in found)])
    part = path.with_name(path.name + ".new")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}


def section(measured: Measured) -> str:
    """Return one area as Markdown, plain enough to be read in a terminal."""
    lines = [
        f"## {measured.area.name}",
        "",
        textwrap.fill(measured.area.about, WIDTH),
        "",
        *_table([_cells(row) for row in measured.result.rows]),
        "",
        *(f"- {note}" for note in measured.result.notes),
        *([""] if measured.result.notes else []),
        textwrap.fill(_origin(measured), WIDTH, break_on_hyphens=False),
        "",
    ]
    return "\n".join(lines)


def _origin(measured: Measured) -> str:
    machine = measured.machine
    return (
        f"{measured.date}, commit {measured.commit}; {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}, {machine['vm']}; "
        f"load before it began: {machine['load']}"
    )


def _cells(row: Row) -> list[str]:
    return [
        row.what,
        f"{figure(row.value)} {row.unit}",
        row.yardstick,
        f"{figure(row.against)} {row.unit}",
        figure(row.ratio),
        f"{figure(row.low)}, {figure(row.high)}",
        str(row.n),
        row.held_to,
    ]


def figure(value: float) -> str:
    """Return a number with three digits that count."""
    if abs(value) >= 1000:
        digits = len(str(round(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def _table(rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table, its columns in line."""
    table = [list(_COLUMNS), *rows]
    widths = [max(len(row[at]) for row in table) for at in range(len(_COLUMNS))]
    table.insert(1, ["-" * width for width in widths])
    return [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in table
    ]
