"""`firegrid replay`: a recorded trace, fed to one simulated board as the volts of a sensor."""

import csv
import io
import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import click
from firegrid import words
from firegrid.errors import FiregridError
from firegrid.options import lang_option
from firegrid.resources import hal_dir, site_path
from firegrid.site.config import config_lines
from firegrid.site.fields import nearest
from firegrid.site.load import load_site
from firegrid.site.model import Point, Site
from firegrid.tables import codes
from firegrid.wire import CONDITIONS, condition_words
from rich.console import Console
from rich.progress import Progress

from firegrid_sim.board import I2C_OK, Bench, Board, Reading, compiled
from firegrid_sim.electrical import Sensor, sensor_for
from firegrid_sim.forkserver import ForkServer, require_vm

SCHEMA = "firegrid.replay/1"
INTERVAL_S = 1.0
SPEED_MAX = 1000
PROBLEMS_SHOWN = 10

_Numbers: TypeAlias = tuple[int, dict[str, float]]  # line, number by column

_READ_WAIT_S = 10.0  # in the host's time: the board boots, or has missed a reading
_POLL_S = 0.0005
_TICKS = 2**30  # the board's milliseconds wrap
_NO_BROKER_PORT = 9  # nobody is asked: the board has no network


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a trace: its number from 1, how long it lasts, what was recorded."""

    number: int
    lasts_s: float
    raw: dict[str, float]


@dataclass(frozen=True, slots=True)
class Request:
    """What to take from a trace: signals by column, the time column if there is one, how much."""

    signals: dict[str, str]
    time_column: str | None
    interval_s: float
    limit: int | None

    @property
    def columns(self) -> list[str]:
        """Return every column that must be there and hold numbers."""
        return [*self.signals, *([self.time_column] if self.time_column else [])]


def read_trace(path: Path, request: Request, sensor: Sensor) -> list[Row]:
    """Return the rows of a CSV file; raise with a line per mistake where it is not sound."""
    table = _table(path)
    header = _header(path, table, request)
    rows: list[_Numbers] = []
    problems: list[str] = []
    for line, cells in table:
        if request.limit is not None and len(rows) == request.limit:
            break
        try:
            rows.append((line, _numbers(line, header, cells, request.columns)))
            _check(rows[-1], request, sensor)
        except FiregridError as error:
            problems.append(f"{path}: {error}")
    if len(problems) > PROBLEMS_SHOWN:
        problems[PROBLEMS_SHOWN:] = [f"{path}: and {len(problems) - PROBLEMS_SHOWN} more"]
    if problems:
        raise FiregridError("\n".join(problems))
    if not rows:
        raise FiregridError(f"{path}: holds column names but no row")
    return _timed(path, rows, request)


def _header(path: Path, table: Iterator[tuple[int, list[str]]], request: Request) -> list[str]:
    """Return the column names once all that were asked for are among them."""
    line, header = next(table, (0, []))
    if not header:
        raise FiregridError(f"{path}: is empty", "a trace begins with a line of column names")
    for column in request.columns:
        if column not in header:
            raise FiregridError(
                f'{path}: line {line}: no column "{column}"', nearest(column, header)
            )
    return header


def _table(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield every line that is not blank, with its number."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True, skipinitialspace=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise FiregridError(f"{path}: line {reader.line_num}: is not CSV: {error}") from None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise FiregridError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{content[error.start]:02x}"
        raise FiregridError(
            f"{path}: line {line}: {found} is not UTF-8", "save it as UTF-8"
        ) from None


def _numbers(
    line: int, header: Sequence[str], cells: Sequence[str], columns: Sequence[str]
) -> dict[str, float]:
    if len(cells) != len(header):
        raise FiregridError(
            f"line {line}: has {len(cells)} columns", f"the first line names {len(header)}"
        )
    return {column: _number(line, column, cells[header.index(column)]) for column in columns}


def _number(line: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FiregridError(f'line {line}: column {column}: "{cell}" is not a number')
    return value


def _check(row: _Numbers, request: Request, sensor: Sensor) -> None:
    line, numbers = row
    for column, signal in request.signals.items():
        try:
            sensor.check(signal, numbers[column])
        except FiregridError as error:
            raise FiregridError(f"line {line}: column {column}: {error}") from None


def _timed(path: Path, rows: list[_Numbers], request: Request) -> list[Row]:
    lasts_s = [request.interval_s] * len(rows)
    column = request.time_column
    if column:
        for at, ((_, now), (line, then)) in enumerate(pairwise(rows)):
            lasts_s[at] = then[column] - now[column]
            if lasts_s[at] < 0:
                raise FiregridError(
                    f"{path}: line {line}: column {column}: {then[column]:g} goes back in time",
                    f"the row before it has {now[column]:g}",
                )
    return [
        Row(number, lasts_s[number - 1], {name: numbers[name] for name in request.signals})
        for number, (_, numbers) in enumerate(rows, 1)
    ]


class Replay:
    """One board with one sensor, driven row by row.

    Time is the board's own, counted by its readings: a slow host makes a replay longer, never
    what the board sees of it.
    """

    def __init__(self, board: Board, sensor: Sensor, signals: dict[str, str], speed: int) -> None:
        self._board = board
        self._sensor = sensor
        self._signals = signals
        self._speed = speed
        self._period_ms = sensor.point.period_ms
        self._reading: Reading | None = None
        self._now_ms = 0  # of the board, at the last reading

    def start(self, first: Row) -> None:
        """Let the board boot with the first row at its input; return once it reads."""
        self._drive(first)
        self._board.start()
        self._read(after_ns=0)

    def rows(self, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        """Yield what the board made of each row, at the end of its time."""
        end_ms = self._now_ms
        for row in rows:
            changed_ns = self._drive(row)
            self._read(changed_ns)
            began_ms = max(end_ms, self._now_ms - self._period_ms)  # its first reading may lag
            end_ms = began_ms + round(1000 * row.lasts_s)
            self._read(changed_ns, end_ms - self._period_ms)
            yield self._result(row)

    def _drive(self, row: Row) -> int:
        """Set the input as the strongest of the row's signals asks, return the time in ns."""
        strongest = max(self._signals, key=lambda column: self._strength(row, column))
        self._set(row, strongest)
        self._sensor.wire(self._board.io)
        return time.time_ns()

    def _strength(self, row: Row, column: str) -> float:
        self._set(row, column)
        return self._sensor.strength()

    def _set(self, row: Row, column: str) -> None:
        self._sensor.set(self._signals[column], row.raw[column])

    def _read(self, after_ns: int, from_ms: int = 0) -> None:
        """Wait for a reading that began after one moment, and was due from another on."""
        patience_s = _READ_WAIT_S + self._period_ms / 1000 / self._speed
        deadline = time.monotonic() + patience_s
        while not self._has_read(after_ns, from_ms):
            if self._take():
                deadline = time.monotonic() + patience_s
            elif time.monotonic() > deadline:
                said = self._board.last_words()
                raise FiregridError(f"the simulated board takes no readings; it says: {said}")
            else:
                time.sleep(_POLL_S)

    def _has_read(self, after_ns: int, from_ms: int) -> bool:
        reading = self._reading
        return reading is not None and reading.time_ns > after_ns and self._now_ms >= from_ms

    def _take(self) -> bool:
        """Take in new readings of the point; return whether there was one."""
        new = [r for r in self._board.readings.new() if r.point == self._sensor.point.number]
        for reading in new:
            if self._reading:
                self._now_ms += (reading.ticks_ms - self._reading.ticks_ms) % _TICKS
            self._reading = reading
        return bool(new)

    def _result(self, row: Row) -> dict[str, Any]:
        reading = self._reading
        assert reading, "start() has waited for one"
        return {
            "row": row.number,
            "raw": row.raw,
            "value": None if reading.value is None else reading.value / 1000,
            "unit": self._sensor.point.unit,
            "conditions": condition_words(reading.conditions),
            "code": codes()[reading.code] if reading.code else None,
        }


@click.command()
@click.argument("trace", metavar="TRACE.csv")
@click.option("--site", "site_name", required=True, help="Site file, or a shipped example.")
@click.option("--point", required=True, metavar="ID", help="The point whose sensor it was.")
@click.option(
    "--map",
    "maps",
    required=True,
    multiple=True,
    metavar="COLUMN=SIGNAL",
    help="What a column drives. Of several, the strongest counts.",
)
@click.option(
    "--interval-s",
    type=click.FloatRange(min=0, min_open=True),
    default=INTERVAL_S,
    show_default=True,
    help="Time from row to row.",
)
@click.option("--time", "time_column", metavar="COLUMN", help="Take the time in s from there.")
@click.option(
    "--speed",
    type=click.IntRange(1, SPEED_MAX),
    default=1,
    show_default=True,
    help="How much faster than it was recorded; a leakage's waveform needs 1.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="ROWS", help="Stop after so many.")
@click.option("--firmware", metavar="DIR", help="Boot this compiled firmware.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@lang_option
def command(trace: str, site_name: str, point: str, maps: Sequence[str], **given: Any) -> None:
    """Feed a recorded trace to a simulated gateway, at the electrical level.

    The firmware cannot tell it from a sensor. The trace is CSV with a line of column names; the
    signals of a point's sensor are named when an unknown one is asked for.
    """
    require_vm()
    site = load_site(site_path(site_name))
    sensor = sensor_for(site.point(point), site.mains_hz)
    request = Request(
        _signals(maps, sensor), given["time_column"], given["interval_s"], given["limit"]
    )
    path = Path(trace)
    rows = read_trace(path, request, sensor)
    firmware = compiled(given["firmware"])
    results = _replay(site, sensor, rows, request, firmware, given["speed"])
    summary = summarise(path, site, sensor.point, results)
    if given["as_json"]:
        click.echo(json.dumps(summary, ensure_ascii=False))
    else:
        _tell(summary)


def _signals(maps: Sequence[str], sensor: Sensor) -> dict[str, str]:
    signals = {}
    for text in maps:
        column, equals, signal = text.rpartition("=")
        if not equals or not column:
            raise click.UsageError(f"--map {text}: write COLUMN=SIGNAL")
        sensor.known(signal)
        signals[column] = signal
    return signals


def _replay(
    site: Site,
    sensor: Sensor,
    rows: Sequence[Row],
    request: Request,
    firmware: Path,
    speed: int,
) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        server = ForkServer()
        server.start()
        stack.callback(server.stop)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firegrid-")))
        bench = Bench(server, firmware, hal_dir(), speed=speed, tap_readings=True)
        board = _board(site, sensor, directory, bench)
        stack.callback(board.stop)
        replay = Replay(board, sensor, request.signals, speed)
        progress = stack.enter_context(Progress(console=Console(stderr=True)))
        task = progress.add_task(f"{sensor.point.id}", total=len(rows))
        replay.start(rows[0])
        results = []
        for result in replay.rows(rows):
            results.append(result)
            progress.advance(task)
        return results


def _board(site: Site, sensor: Sensor, directory: Path, bench: Bench) -> Board:
    """Return the point's gateway with that one point on it, and without a network."""
    point = sensor.point
    board = Board(point.gateway, directory / point.gateway, bench)
    alone = replace(site, points=(point,))
    gateway = site.gateway(point.gateway)
    board.configure(config_lines(alone, gateway, "127.0.0.1", _NO_BROKER_PORT))
    board.io.set_link(False)
    if sensor.address is not None:
        board.io.set_i2c(sensor.address, I2C_OK)
    return board


def summarise(
    path: Path, site: Site, point: Point, results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what the firmware made of a trace, as one JSON object."""
    conditions = Counter(word for result in results for word in result["conditions"])
    return {
        "schema": SCHEMA,
        "trace": str(path),
        "site": site.id,
        "point": point.id,
        "counts": {
            "rows": len(results),
            "without_value": sum(result["value"] is None for result in results),
            **{word: conditions[word] for word in CONDITIONS.values()},
        },
        "rows": results,
    }


def _tell(summary: dict[str, Any]) -> None:
    counts = summary["counts"]
    head = {"point": summary["point"], "count": counts["rows"], "trace": summary["trace"]}
    click.echo(words.tell("replay.rows", **head))
    for word in (*CONDITIONS.values(), "without_value"):
        if counts[word]:
            first = next(row["row"] for row in summary["rows"] if _has(row, word))
            seen = words.tell("replay.seen", what=_called(word), count=counts[word], first=first)
            click.echo(f"  {seen}")


def _called(word: str) -> str:
    if word == "without_value":
        return words.tell("replay.without_value")
    return words.word("conditions", word.lower())


def _has(row: dict[str, Any], word: str) -> bool:
    return row["value"] is None if word == "without_value" else word in row["conditions"]
