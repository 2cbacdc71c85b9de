"""False alarms on recorded clean air, perfume and dust: our logic beside a plain fixed limit."""

import csv
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from firegrid.errors import FiregridError
from firegrid.resources import checkout
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.tables import BITS
from firegrid_sim.board import compiled
from firegrid_sim.electrical import sensor_for

from bench import rig
from bench.judge import Verdict, judge
from bench.result import Area, Result, Row, Tell

ALARM = BITS["alarm"]
GAS, DUST = "gas-mq-elements.csv", "particulate-room.csv"
ELEMENTS = ("MQ2", "MQ5", "MQ6")  # for LPG and natural gas
CLASSES = ("NoGas", "Perfume")
GAS_ROW_S, DUST_ROW_S = 2.0, 1.0
LOAD_OHM = 10_000.0  # of the recorder's board, taken to be; only the ratio of resistances counts
OUR_LOAD_OHM = 1000  # a tenth of clean air, as the driver asks for
COUNTS_FULL = 1023
STEP_COUNTS = 100  # the plain limit of a gas element: so far above its first reading
LIMIT_UG_M3 = 10.0  # the plain limit of a particle counter
UG_M3_TO_DB_M = 10 / math.log(10) * 8.7e-6  # 8.7 m2/g, as electrical.py's smoke_ug_m3

GAS_POINT, SMOKE_POINT = 1, 2
POINTS = f"""
[[gateway]]
id = "gw"
grid = "grid"
place = "Bench"

[[point]]
number = {GAS_POINT}
id = "gas"
kind = "gas"
driver = "mq-element"
gateway = "gw"
place = "Bench"
input = "ads1115@0x48/0"
load_ohm = {OUR_LOAD_OHM}

[[point]]
number = {SMOKE_POINT}
id = "smoke"
kind = "smoke"
quantity = "db_m"
gateway = "gw"
place = "Bench"
input = "ads1115@0x48/1"
alarm = 0.05  # the most sensitive that the table allows
alarm_hysteresis = 0.01
pre_alarm = 0.03
pre_alarm_hysteresis = 0.01
"""
ABOUT = (
    "Recordings by others in a folder `shared/data` beside the checkout, which are not ours to "
    "ship: MQ2, MQ5 and MQ6 in clean air and in perfume, a particle counter in a room. Each is "
    "laid at the input of the compiled firmware as volts, every row held for as long as it took, "
    "and read as often as the kind says. The plain limit is what a sketch would do: "
    f"{STEP_COUNTS} counts above an element's first reading, {LIMIT_UG_M3:g} ug/m3. A figure is "
    "how often ALARM came in so many hours of one sensor; none in h hours means less than 3 / h "
    "an hour with 95 % confidence."
)


class Trace(NamedTuple):
    """A recording: what it is, its raw numbers, how long each holds, where a plain limit lies."""

    name: str
    raw: Sequence[float]
    row_s: float
    limit: float

    @property
    def hours(self) -> float:
        """Return how long one sensor was exposed."""
        return len(self.raw) * self.row_s / 3600


def recordings() -> Path:
    """Return the folder of recordings beside the checkout; raise where there is none."""
    folder = checkout().parent / "shared" / "data"
    if not (folder / GAS).is_file() or not (folder / DUST).is_file():
        raise FiregridError(f"no recordings in {folder}", f"put {GAS} and {DUST} there")
    return folder


def gas_traces(folder: Path) -> Iterator[Trace]:
    """Yield the raw counts of each element in clean air and in perfume."""
    with open(folder / GAS, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name, element in itertools.product(CLASSES, ELEMENTS):
        counts = [float(row[element]) for row in rows if row["Gas"] == name]
        yield Trace(f"{element} in {name}", counts, GAS_ROW_S, counts[0] + STEP_COUNTS)


def dust_trace(folder: Path) -> Trace:
    """Return the particle counter's PM2.5 in ug/m3."""
    with open(folder / DUST, encoding="utf-8", newline="") as file:
        ug_m3 = [float(row["PM2.5"]) for row in csv.DictReader(file)]
    return Trace("PM2.5 in a room", ug_m3, DUST_ROW_S, LIMIT_UG_M3)


def resistances(counts: Iterable[float]) -> Iterator[float]:
    """Yield the element's resistance behind each count."""
    for count in counts:
        yield LOAD_OHM * (COUNTS_FULL - count) / max(count, 1)


def site(directory: Path) -> Site:
    """Return a site with the points that the recordings are laid at."""
    return load_site(rig.write_site(directory, POINTS))


def gas_verdict(plan: Site, rs_ohm: Iterable[float], row_s: float = GAS_ROW_S) -> Verdict:
    """Return what the firmware makes of an element with these resistances."""
    return _verdict(plan, GAS_POINT, "rs_ohm", rs_ohm, row_s)


def smoke_verdict(plan: Site, db_m: Iterable[float], row_s: float = DUST_ROW_S) -> Verdict:
    """Return what the firmware makes of smoke of this density."""
    return _verdict(plan, SMOKE_POINT, "smoke_db_m", db_m, row_s)


def _verdict(
    plan: Site, number: int, signal: str, values: Iterable[float], row_s: float
) -> Verdict:
    volts = _volts(sensor_for(plan.point_by_number[number]).known(signal).volts, values)
    return judge(plan, number, volts, row_s, compiled(None))


def _volts(curve: Callable[[float], float], values: Iterable[float]) -> Iterator[float]:
    for row, value in enumerate(values):
        yield curve(value) + 0.0002 * (row % 2)  # a converter's last digit never rests


def plain_onsets(trace: Trace) -> int:
    """Return how often a plain limit on the raw numbers would have alarmed."""
    above = [value > trace.limit for value in trace.raw]
    return sum(now and not before for before, now in zip([False, *above], above, strict=False))


def our_onsets(plan: Site, trace: Trace) -> int:
    """Return how often the firmware has alarmed."""
    if trace.row_s == GAS_ROW_S:
        return gas_verdict(plan, resistances(trace.raw)).onsets(ALARM)
    return smoke_verdict(plan, [UG_M3_TO_DB_M * value for value in trace.raw]).onsets(ALARM)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Lay every recording at the firmware; `quick` takes its first tenth."""
    folder = recordings()
    plan = site(directory)
    traces = [*gas_traces(folder), dust_trace(folder)]
    if quick:
        traces = [trace._replace(raw=trace.raw[: len(trace.raw) // 10]) for trace in traces]
    rows, hours, alarms = [], 0.0, 0
    for trace in traces:
        tell(trace.name)
        ours, plain = our_onsets(plan, trace), plain_onsets(trace)
        rows.append(_row(trace.name, trace.hours, ours, plain))
        hours += trace.hours
        alarms += ours
    bound = f"less than {3 / hours:.2f} an hour" if not alarms else "no bound: it has alarmed"
    return Result(rows, [f"{alarms} false alarms in {hours:.1f} sensor-hours: {bound} (95 %)."])


def _row(name: str, hours: float, ours: int, plain: int) -> Row:
    ratio = ours / plain if plain else float(ours)
    return Row(
        what=f"{name}, {hours:.2f} sensor-hours",
        unit="false alarms",
        value=ours,
        yardstick="plain limit",
        against=plain,
        ratio=ratio,
        low=ratio,
        high=ratio,
        n=1,
        held_to="0",
    )


AREA = Area("nuisance", ABOUT, run)
