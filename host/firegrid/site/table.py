"""Reads gateways and points from a table (CSV), as it comes out of a spreadsheet.

One row a point; a row without a kind is a gateway without points. The columns are the keys of the
site file's [[point]], and of its [[gateway]] those in GATEWAY; the words of any language do, too
(编号, 类型 …). Text is UTF-8 with or without a byte order mark, else GB 18030; between the cells
stands a comma, a semicolon or a tab.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firegrid import tables, words
from firegrid.errors import FiregridError
from firegrid.site.document import read_limited, toml_table
from firegrid.site.fields import Problems, nearest, shown
from firegrid.site.model import Site

__all__ = ["Table", "added_text", "read_table"]

MIB_MAX = 4
ROWS_MAX = 20_000
GATEWAY = {"gateway": "id", "grid": "grid", "gateway_place": "place", "wifi_ssid": "wifi_ssid"}
TEXTS = ("id", "kind", "quantity", "gateway", "place", "input", "driver", "class", "photo")
_WHOLE = re.compile(r"[-+]?\d{1,15}")
_REAL = re.compile(r"[-+]?(\d{1,15}\.\d{0,9}|\.\d{1,9})")
_BOM_16 = (b"\xff\xfe", b"\xfe\xff")
_SIGNATURES = {b"PK\x03\x04": "an Excel workbook", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line where it begins, and what stands in it by column but for empty cells."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A whole table, and in what encoding it was."""

    path: Path
    encoding: str
    rows: tuple[Row, ...]


def read_table(path: Path, skip: tuple[str, ...] = ()) -> Table:
    """Return the rows of a table without the columns in `skip`; raise one FiregridError with a
    line for each mistake."""
    text, encoding = _decoded(path)
    problems = Problems(path)
    rows = _rows(text, skip, problems)
    problems.refuse_any()
    if not rows:
        raise FiregridError(f"{path}: holds no row below its header")
    return Table(path, encoding, tuple(rows))


def _decoded(path: Path) -> tuple[str, str]:
    content = read_limited(path, MIB_MAX, "table of points")
    for signature, what in _SIGNATURES.items():
        if content.startswith(signature):
            raise FiregridError(f"{path}: is {what}", "save it there as CSV, in UTF-8")
    if content.startswith(_BOM_16):
        raise FiregridError(f"{path}: is UTF-16 text", "save it as CSV in UTF-8")
    if not content.strip():
        raise FiregridError(f"{path}: is empty; a table begins with a line of column names")
    if b"\0" in content:
        raise FiregridError(f"{path}: is no text", "save the table as CSV, in UTF-8")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
    raise FiregridError(
        f"{path}: line {line}: is neither UTF-8 nor GB 18030", "save it as CSV in UTF-8"
    )


def _rows(text: str, skip: tuple[str, ...], problems: Problems) -> list[Row]:
    header = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    rows: list[Row] = []
    line = 1
    try:
        for raw in reader:
            cells = [cell.strip() for cell in raw]
            if not any(cells):
                pass
            elif columns is None:
                columns = _columns(cells, skip, problems)
                if problems.lines:
                    break
            elif len(rows) == ROWS_MAX:
                problems.add(f"line {line}", "", f"a table has at most {ROWS_MAX} rows")
                break
            else:
                _take(rows, line, cells, columns, problems)
            line = reader.line_num + 1
    except csv.Error as error:
        problems.add(f"line {line}", "", f"is no CSV: {error}")
    return rows


def _take(
    rows: list[Row], line: int, cells: list[str], columns: list[str], problems: Problems
) -> None:
    if any(cells[len(columns) :]):
        more = f"has {len(cells)} cells, the header {len(columns)}; put a text with a comma in"
        problems.add(f"line {line}", "", f'{more} "quotes"')
        return
    named = {column: cell for column, cell in zip(columns, cells, strict=False) if column and cell}
    for column, cell in named.items():
        if not cell.isprintable():
            problems.add(f"line {line}", column, "must be one line of printable characters")
    rows.append(Row(line, named))


def _columns(cells: list[str], skip: tuple[str, ...], problems: Problems) -> list[str]:
    """Return the key of each column, "" for one that is skipped."""
    known = _known_columns()
    spoken = words.keys_of("columns")
    columns = []
    for cell in cells:
        name = cell.lower().replace(" ", "_")
        key = name if name in known else spoken.get(cell.lower(), "")
        if not key and cell and cell not in skip:
            advice = nearest(name, known)
            text = f"{shown(cell)} is an unknown column; {advice}"
            problems.add("line 1", "", f"{text}; or leave it out with --skip {shown(cell)}")
        columns.append("" if cell in skip else key)
    for column, times in Counter(filter(None, columns)).items():
        if times > 1:
            problems.add("line 1", column, f"stands there {times} times; keep one of them")
    for column in ("gateway", "kind"):
        if column not in columns and not problems.lines:
            problems.add("line 1", column, "is a column that a table must have")
    return columns


def _known_columns() -> list[str]:
    """Return every key that a [[point]] may have, and those of its gateway."""
    quantities = [each for kind in tables.kinds().values() for each in kind.values()]
    levels = {level.name for quantity in quantities for level in quantity.levels}
    ends = ("", "_hysteresis", "_hold_ms", "_clear_hold_ms")
    params = {
        name
        for driver in tables.drivers().values()
        for key in driver.quantities
        for name in driver.params_for(key)
    }
    own = ["number", *TEXTS, *GATEWAY, "period_ms"]
    more = sorted(params | {level + end for level in levels for end in ends})
    return list(dict.fromkeys(own + more))


# ---- into a site file ----


@dataclass(frozen=True, slots=True)
class Added:
    """What a table adds to a site file: its text, and which line each thing came from."""

    text: str
    gateways: tuple[str, ...]
    points: tuple[tuple[int, int], ...]  # number, line
    lines: dict[str, int]  # by what the site file's mistakes are told of: `point 7 (smoke-7)`


def added_text(site: Site, table: Table) -> Added:
    """Return a table's rows as the site file wants them; raise where they contradict each other.

    A point without a number gets the next that is free in both.
    """
    problems = Problems(table.path)
    known = {gateway.id for gateway in site.gateways}
    gateways: dict[str, dict[str, str]] = {}
    points: list[tuple[int, dict[str, Any]]] = []
    lines: dict[str, int] = {}
    for row in table.rows:
        _meet_gateway(row, known, gateways, lines, problems)
        if "kind" in row.cells:
            points.append((row.line, _point(row)))
        elif set(row.cells) - set(GATEWAY):
            problems.add(f"line {row.line}", "kind", "is missing")
    _check_new(gateways, known, lines, problems)
    problems.refuse_any()
    _number(site, [point for _, point in points])
    for index, (line, point) in enumerate(points, len(site.points) + 1):
        lines[f"[[point]] no. {index}"] = line
        if isinstance(point.get("id"), str):
            lines[f"point {point['number']} ({point['id']})"] = line
            lines[f"point {point['id']}"] = line
        else:
            lines[f"point {point['number']}"] = line
    text = "\n".join(_text(table, gateways, [point for _, point in points]))
    numbers = tuple((point["number"], line) for line, point in points)
    return Added(text, tuple(gateways), numbers, lines)


def _meet_gateway(
    row: Row,
    known: set[str],
    gateways: dict[str, dict[str, str]],
    lines: dict[str, int],
    problems: Problems,
) -> None:
    """Take in what a row says of its gateway: each row may say it, none may say otherwise."""
    where = f"line {row.line}"
    said = {key: row.cells[column] for column, key in GATEWAY.items() if column in row.cells}
    ident = said.get("id")
    if ident is None:
        problems.add(where, "gateway", "is missing")
        return
    if ident in known:
        if len(said) > 1:
            more = ", ".join(column for column in GATEWAY if column in row.cells)
            text = f"{shown(ident)} is in the site file already; leave its columns empty"
            problems.add(where, more, text)
        return
    if ident not in gateways:
        lines[f"gateway {ident}"] = row.line
        if "place" in row.cells:
            said.setdefault("place", row.cells["place"])
    first = gateways.setdefault(ident, said)
    for key, value in said.items():
        if first.setdefault(key, value) != value:
            text = f"{shown(value)} for {ident}, but {shown(first[key])} in a row above"
            problems.add(where, key, text)


def _check_new(
    gateways: dict[str, dict[str, str]], known: set[str], lines: dict[str, int], problems: Problems
) -> None:
    """A gateway that is new names its grid; one that does not is most often misspelt."""
    whole = known | {ident for ident, said in gateways.items() if "grid" in said}
    for ident in sorted(gateways.keys() - whole):
        where = f"line {lines[f'gateway {ident}']}"
        text = f"{shown(ident)} is new and names no grid"
        problems.add(where, "gateway", f"{text}; {nearest(ident, sorted(whole))}")


def _point(row: Row) -> dict[str, Any]:
    kinds = words.keys_of("kinds") | words.keys_of("kinds_short")
    point: dict[str, Any] = {}
    for key, cell in row.cells.items():
        if key in GATEWAY and key != "gateway":
            continue
        if key == "kind":
            point[key] = kinds.get(cell.lower(), cell)
        else:
            point[key] = cell if key in TEXTS else _value(cell)
    return point


def _value(cell: str) -> int | float | str:
    """Return a number as one; anything else, "25 %LEL" too, is for the site file's reader."""
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return float(cell) if _REAL.fullmatch(cell) else cell


def _number(site: Site, points: list[dict[str, Any]]) -> None:
    taken = {point.number for point in site.points}
    taken.update(point["number"] for point in points if isinstance(point.get("number"), int))
    free = max(taken, default=0) + 1
    for point in points:
        if "number" not in point:
            point["number"] = free
            free += 1


def _text(
    table: Table, gateways: dict[str, dict[str, str]], points: list[dict[str, Any]]
) -> Iterator[str]:
    yield ""
    yield f"# From the table {json.dumps(table.path.name, ensure_ascii=False)}."
    for gateway in gateways.values():
        yield from toml_table("gateway", **gateway)
    for point in points:
        yield from toml_table("point", **{"number": point["number"]} | point)
