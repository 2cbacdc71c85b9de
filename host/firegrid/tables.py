"""The tables of kinds, drivers, rules, trouble codes and verbs, read for who needs a figure.

`kinds.toml`, `drivers.toml`, `rules.toml`, `codes.toml` and `verbs.toml` are the one source. After
a change run

    python -m firegrid.generate

which rewrites firmware/lib/{kinds,codes,wiring,rules,verbs}.py and the generated parts of the site
file's schema. A test compares them.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from firegrid.errors import FiregridError

__all__ = [
    "BITS",
    "Board",
    "Driver",
    "Figure",
    "LevelTable",
    "Pattern",
    "Quantity",
    "Rule",
    "actuators",
    "board",
    "codes",
    "default_rules",
    "driver_of",
    "drivers",
    "gateway_figures",
    "hows",
    "kinds",
    "patterns",
    "quantities",
    "reasons",
    "results",
    "rs485_figures",
    "thousandths",
    "verb_minutes",
    "verbs",
]

BITS = {"alarm": 1, "pre_alarm": 2, "supervisory": 4, "trouble": 8}
LEVELS = (*BITS, "high", "rise")
FORMAT = 1
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Figure:
    """A default and the bounds that a site file must keep; `source` says where they come from."""

    default: float
    low: float
    high: float
    source: str = ""
    status: str = ""


_ACTIVE = Figure(1, 1, 1, "ours: a contact is 0 at rest and 1 when active", "to-be-checked")
_ONE = Figure(1, 1, 1)
NEVER = Figure(0, 0, 0)
_HALF = Figure(0.5, 0.5, 0.5, "ours: between the two states of a contact", "to-be-checked")


@dataclass(frozen=True, slots=True)
class LevelTable:
    """One level of a quantity: when its condition comes and goes."""

    name: str
    bit: int
    above: bool
    latch: bool
    limit: Figure
    hysteresis: Figure
    hold_ms: Figure
    clear_hold_ms: Figure
    window_s: int  # 0, or the time in which the value may not rise by more than the limit

    @property
    def is_state(self) -> bool:
        """Return whether it is the state of a contact, where there is no limit to choose."""
        return self.limit is _ACTIVE


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is measured for a kind: unit, range, levels in the order of display."""

    kind: str
    name: str
    title: str
    unit: str
    decimals: int
    low: float
    high: float
    sounds: bool
    driver: str
    period_ms: Figure
    median: Figure  # readings, 1 for none
    stuck_s: Figure  # 0: its input may rest for ever
    stuck_mv: Figure
    soils: bool
    levels: tuple[LevelTable, ...]
    classes: dict[str, dict[str, Figure]]  # by class of a point: other defaults, by level

    @property
    def key(self) -> str:
        """The name under which the firmware knows it: `smoke/loop_ma`."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Driver:
    """How one kind of sensor is wired: its quantities, inputs and whole-number parameters."""

    name: str
    title: str
    quantities: tuple[str, ...]
    inputs: tuple[str, ...]
    params: dict[str, Figure]
    spans: dict[str, Figure]  # by quantity: the value at full scale
    source: str
    status: str

    def params_for(self, quantity: str) -> dict[str, Figure]:
        """Return its parameters where it delivers this quantity."""
        span = {"span": self.spans[quantity]} if quantity in self.spans else {}
        return self.params | span


@dataclass(frozen=True, slots=True)
class Board:
    """The pins of the ESP32 and where our wiring puts things by default."""

    source: str
    highest: int
    missing: tuple[int, ...]
    flash: tuple[int, ...]
    console: tuple[int, ...]
    strapping: tuple[int, ...]
    input_only: tuple[int, ...]
    adc: tuple[int, ...]
    adc_not_with_wifi: tuple[int, ...]
    ads1115_addresses: tuple[int, ...]
    ads1115_channels: int
    points_max: int
    outputs: dict[str, int]
    more_outputs: tuple[str, ...]
    pins: dict[str, int]
    rs485: dict[str, int]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Every output: those with a usual pin first, then those that a site has to wire."""
        return (*self.outputs, *self.more_outputs)


@dataclass(frozen=True, slots=True)
class Pattern:
    """How an output draws attention: ms on and off in turn."""

    name: str
    times_ms: tuple[int, ...]
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What an output does while a condition stands at a point of these kinds or of these ids."""

    output: str
    when: str  # a condition, as in BITS
    kinds: tuple[str, ...]
    pattern: str
    stays: bool  # until a local reset
    drills: bool  # whether it takes part in drills
    points: tuple[str, ...] = ()
    source: str = ""
    status: str = ""
    number: int = 0  # which of its gateway's; 0 for a default


def thousandths(value: float) -> int:
    """Return a number in the unit as the gateway's whole thousandths of it."""
    return round(value * 1000)


@cache
def quantities() -> dict[str, Quantity]:
    """Return every quantity under its key, `smoke/loop_ma` and so on."""
    found = (
        _quantity(kind, name, row)
        for kind, rows in _tables("kinds").items()
        for name, row in rows.items()
    )
    return {quantity.key: quantity for quantity in found}


@cache
def kinds() -> dict[str, dict[str, Quantity]]:
    """Return the quantities of each kind: kinds()["smoke"]["loop_ma"]."""
    by_kind: dict[str, dict[str, Quantity]] = {}
    for quantity in quantities().values():
        by_kind.setdefault(quantity.kind, {})[quantity.name] = quantity
    return by_kind


@cache
def drivers() -> dict[str, Driver]:
    """Return every driver under its name."""
    return {name: driver_of(name, row) for name, row in _tables("drivers")["drivers"].items()}


@cache
def board() -> Board:
    """Return the facts about the gateway's board."""
    row = _tables("drivers")["board"]
    facts: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
    }
    return Board(**facts)


@cache
def gateway_figures() -> dict[str, Figure]:
    """Return the settings of a whole gateway with their bounds."""
    return {name: _figure(row) for name, row in _tables("drivers")["gateway"].items()}


@cache
def rs485_figures() -> dict[str, Figure]:
    """Return the settings of a gateway's RS-485 line with their bounds."""
    return {name: _figure(row) for name, row in _tables("drivers")["rs485"].items()}


@cache
def actuators() -> dict[str, bool]:
    """Return the outputs that a rule can drive, and whether each is switched, never pulsed."""
    return {name: row["actuator"] for name, row in _tables("rules")["outputs"].items()}


@cache
def patterns() -> dict[str, Pattern]:
    """Return every pattern under its name, the most urgent last."""
    rows = _tables("rules")["patterns"].items()
    return {
        name: Pattern(name, tuple(row["times_ms"]), row["source"], row["status"])
        for name, row in rows
    }


@cache
def default_rules() -> tuple[Rule, ...]:
    """Return the rules of a site that has none of its own."""
    return tuple(map(_rule, _tables("rules")["default"]))


@cache
def codes() -> dict[int, str]:
    """Return the trouble codes: number -> key."""
    return _numbered("codes", "codes")


@cache
def verbs() -> dict[int, str]:
    """Return what a person can do at a gateway: number -> name."""
    return _numbered("verbs", "verbs")


@cache
def results() -> dict[int, str]:
    """Return what can come of a verb: number -> name."""
    return _numbered("verbs", "results")


@cache
def hows() -> dict[int, str]:
    """Return the ways on which a verb is given: number -> name."""
    return _numbered("verbs", "hows")


@cache
def reasons() -> dict[int, str]:
    """Return why a point may be bypassed: number -> name; 0 is no reason given."""
    return _numbered("verbs", "reasons")


@cache
def verb_minutes() -> dict[str, Figure]:
    """Return how long each timed verb lasts, in whole minutes: name -> default and bounds."""
    return {verb: _figure(row) for verb, row in _tables("verbs")["minutes"].items()}


def _numbered(table: str, section: str) -> dict[int, str]:
    return {int(number): name for number, name in _tables(table)[section].items()}


def _tables(name: str) -> dict[str, Any]:
    path = HERE / f"{name}.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    found = tables.pop("format", None)
    if found != FORMAT:
        raise FiregridError(f"{path}: format {found} is unknown; this firegrid reads {FORMAT}")
    return tables


def _figure(row: dict[str, Any]) -> Figure:
    low, high = row["bounds"]
    return Figure(row["default"], low, high, row.get("source", ""), row.get("status", ""))


def _fixed(row: dict[str, Any]) -> Figure:
    value = row["value"]
    return Figure(value, value, value, row["source"], row["status"])


def _class(row: dict[str, Any]) -> dict[str, Figure]:
    """Return the defaults of a class by level; bounds stay the level's own."""
    return {
        level: Figure(row[level], row[level], row[level], row["source"], row["status"])
        for level in LEVELS
        if level in row
    }


def _quantity(kind: str, name: str, row: dict[str, Any]) -> Quantity:
    low, high = row["range"]
    return Quantity(
        kind=kind,
        name=name,
        title=row["title"],
        unit=row["unit"],
        decimals=row["decimals"],
        low=low,
        high=high,
        sounds=row["sounds"],
        driver=row["driver"],
        period_ms=_figure(row["period_ms"]),
        median=_fixed(row["median"]) if "median" in row else _ONE,
        stuck_s=_fixed(row["stuck_s"]) if "stuck_s" in row else NEVER,
        stuck_mv=_fixed(row["stuck_mv"]) if "stuck_mv" in row else NEVER,
        soils=row.get("soils", False),
        levels=tuple(_level(name, row[name]) for name in row if name in LEVELS),
        classes={name: _class(limits) for name, limits in row.get("classes", {}).items()},
    )


def _level(name: str, row: dict[str, Any]) -> LevelTable:
    return LevelTable(
        name=name,
        bit=BITS[row.get("condition", name)],
        above=row["direction"] == "above",
        latch=row["latch"],
        limit=_figure(row["limit"]) if "limit" in row else _ACTIVE,
        hysteresis=_figure(row["hysteresis"]) if "limit" in row else _HALF,
        hold_ms=_figure(row["hold_ms"]),
        clear_hold_ms=_figure(row["clear_hold_ms"]),
        window_s=row.get("window_s", 0),
    )


def _rule(row: dict[str, Any]) -> Rule:
    actuator = actuators()[row["output"]]
    return Rule(
        output=row["output"],
        when=row["when"],
        kinds=tuple(row["kinds"]),
        pattern=row["pattern"],
        stays=row.get("stays", False),
        drills=row.get("drills", not actuator),
        source=row["source"],
        status=row["status"],
    )


def driver_of(name: str, row: dict[str, Any]) -> Driver:
    """Return what a driver's entry says.

    Raises KeyError, TypeError or ValueError where it is none.
    """
    spans = {key: _figure(figure) for key, figure in row.get("spans", {}).items()}
    return Driver(
        name=name,
        title=row["title"],
        quantities=tuple(row.get("quantities", spans)),
        inputs=tuple(row["inputs"]),
        params={param: _figure(figure) for param, figure in row["params"].items()},
        spans=spans,
        source=row["source"],
        status=row["status"],
    )
