"""Reads one [[point]] of a site file: what is measured, through which wires, at which levels."""

import re
from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import Any

from firegrid import tables
from firegrid.errors import FiregridError
from firegrid.site.bands import CEILING_V
from firegrid.site.contact import states_fault
from firegrid.site.fields import Fields, Problems
from firegrid.site.model import Gateway, Input, Level, Point, level_in_class
from firegrid.site.pins import input_fault

__all__ = ["read_point"]

POINT_NUMBER_MAX = 65535
NTC_HOTTEST_C = 150
DS18B20_HOTTEST_C = 125
NTC_SHORT = 0.015  # share of the supply below which an NTC counts as shorted
BIAS_ROOM_MV = 800  # from half of the 3.3 V supply up to 2.45 V, where the converter ends

# What people put behind the name of a level when they mean a unit.
_UNITS = {
    "v": "V",
    "mv": "mV",
    "a": "A",
    "ma": "mA",
    "ua": "µA",
    "pa": "Pa",
    "kpa": "kPa",
    "mpa": "MPa",
    "bar": "bar",
    "ppm": "ppm",
    "pct": "%",
    "lel": "%LEL",
    "pct_lel": "%LEL",
    "db_m": "dB/m",
    "c": "°C",
}
_LEVEL = re.compile(rf"(pre_alarm|alarm|supervisory|high|trouble|rise)(?:_({'|'.join(_UNITS)}))?")


def read_point(
    row: Mapping[str, Any], index: int, problems: Problems, gateways: Sequence[Gateway] = ()
) -> Point | None:
    """Return the point, or None where it cannot even be told what it measures.

    Without an id it is called by its kind and number. Where there is only one gateway, a point
    need not name it; its place is the gateway's, unless it has a better one.
    """
    fields = Fields(row, _label(row, index), problems)
    number = fields.count("number", 1, POINT_NUMBER_MAX)
    ident = fields.ident("id", *_usual_id(row))
    gateway = fields.ident("gateway", *[only.id for only in gateways if len(gateways) == 1])
    place = fields.text("place", *[one.place for one in gateways if one.id == gateway][:1])
    quantity = _quantity(fields)
    if quantity is None:
        return None
    driver = _driver(fields, quantity)
    where = _input(fields, driver)
    classed = _class(fields, quantity)
    levels = {
        level.name: _level(
            fields, level_in_class(level, quantity.classes.get(classed, {})), quantity
        )
        for level in quantity.levels
    }
    figures = driver.params_for(quantity.key) if driver else {}
    params = {name: fields.whole(name, figure) for name, figure in figures.items()}
    point = Point(
        number=number or 0,
        id=ident,
        kind=quantity.kind,
        quantity=quantity.name,
        gateway=gateway,
        place=place,
        driver=driver.name if driver else "",
        input=where,
        period_ms=fields.whole("period_ms", quantity.period_ms),
        levels=levels,
        params=params,
        building=classed,
        photo=fields.text("photo", ""),
    )
    _check_levels(fields, point)
    if point.driver == "contact" and where and (fault := states_fault(point)):
        fields.problem("active_ohm", fault)
    if driver:  # without one, its parameters would all be called unknown
        _end(fields, quantity)
    return point


def _usual_id(row: Mapping[str, Any]) -> list[str]:
    """Return what a point is called that has no id: smoke-101; nothing where that is unknown."""
    kind, number = row.get("kind"), row.get("number")
    known = isinstance(kind, str) and kind in tables.kinds() and isinstance(number, int)
    return [f"{kind}-{number}".replace("_", "-")] if known else []


def _label(row: Mapping[str, Any], index: int) -> str:
    number, ident = row.get("number"), row.get("id")
    if isinstance(number, int) and isinstance(ident, str):
        return f"point {number} ({ident})" if ident.isprintable() else f"point {number}"
    return f"[[point]] no. {index}"


def _quantity(fields: Fields) -> tables.Quantity | None:
    kind = fields.choice("kind", tables.kinds())
    if not kind:
        return None
    names = tables.kinds()[kind]
    name = fields.choice("quantity", names, next(iter(names)))
    return names.get(name)


def _driver(fields: Fields, quantity: tables.Quantity) -> tables.Driver | None:
    name = fields.choice("driver", tables.drivers(), quantity.driver)
    driver = tables.drivers().get(name)
    if driver and quantity.key not in driver.quantities:
        fitting = [d.name for d in tables.drivers().values() if quantity.key in d.quantities]
        text = f"{name} delivers {', '.join(driver.quantities)}, not {quantity.key}"
        fields.problem("driver", f"{text}; choose {' or '.join(fitting)}")
        return None
    return driver


def _input(fields: Fields, driver: tables.Driver | None) -> str:
    text = fields.text("input")
    if not text:
        return ""
    try:
        where = Input.parse(text)
    except FiregridError as error:
        fields.problem("input", str(error))
        return ""
    fault = input_fault(where, driver) if driver else ""
    if fault:
        fields.problem("input", fault)
    return "" if fault else str(where)


def _class(fields: Fields, quantity: tables.Quantity) -> str:
    """Return the class of the point, where its quantity has any."""
    return fields.choice("class", quantity.classes, "") if quantity.classes else ""


def _level(fields: Fields, level: tables.LevelTable, quantity: tables.Quantity) -> Level:
    name = level.name
    limit, hysteresis = level.limit.default, level.hysteresis.default
    if not level.is_state:
        limit = fields.amount(name, level.limit, quantity.unit)
        hysteresis = fields.amount(f"{name}_hysteresis", level.hysteresis, quantity.unit)
    return Level(
        name=name,
        bit=level.bit,
        above=level.above,
        latch=level.latch,
        limit=limit,
        hysteresis=hysteresis,
        hold_ms=fields.whole(f"{name}_hold_ms", level.hold_ms),
        clear_hold_ms=fields.whole(f"{name}_clear_hold_ms", level.clear_hold_ms),
        window_s=level.window_s,
    )


def _check_levels(fields: Fields, point: Point) -> None:
    for level in point.levels.values():
        if not level.window_s:
            _check_clears(fields, point, level)
            _check_reach(fields, point, level)
    _check_order(fields, point)


def _check_clears(fields: Fields, point: Point, level: Level) -> None:
    if not point.table.low < level.clears_at < point.table.high:
        text = f"{level.limit:g} {point.unit} would clear only at {level.clears_at:g} {point.unit}"
        fields.problem(level.name, f"{text}; choose a smaller {level.name}_hysteresis")


def _check_reach(fields: Fields, point: Point, level: Level) -> None:
    reach = _reach(point)
    above_all = level.name == "high" and level.limit == point.table_of("high").limit.default
    if level.limit > reach and not above_all:  # what nobody has asked for may be out of reach
        text = f"{level.limit:g} {point.unit} is beyond what {point.driver} can measure here"
        advice = f"at most {reach:.0f} {point.unit}; choose a lower level or other parameters"
        fields.problem(level.name, f"{text}: {advice}")


def _reach(point: Point) -> float:
    """Return the greatest value that the wiring can carry, in the quantity's unit."""
    params = point.params
    match point.driver:
        case "current-loop" | "modbus":
            return params["span"]
        case "ds18b20":
            return DS18B20_HOTTEST_C
        case "ratiometric":
            return params["span_kpa"]
        case "residual-current":
            return BIAS_ROOM_MV / sqrt(2) / params["burden_ohm"] * params["ratio"]
        case "divider":
            return _highest_v(point)
    return min(_hottest_c(params), NTC_HOTTEST_C) if point.driver == "ntc" else point.table.high


def _highest_v(point: Point) -> float:
    """Return the voltage before a divider at which the input is full, or that is out of range."""
    highest_v = CEILING_V[Input.parse(point.input).bus] if point.input else 0
    permille = point.params["divider_permille"]
    return min(point.params["above_range_mv"] / 1000, highest_v * 1000 / permille)


def _hottest_c(params: dict[str, int]) -> float:
    """Return the temperature at which an NTC has all but shorted its pull-up."""
    ohm = params["pull_up_ohm"] * NTC_SHORT / (1 - NTC_SHORT)
    return 1 / (log(ohm / params["r25_ohm"]) / params["beta_k"] + 1 / 298.15) - 273.15


def _check_order(fields: Fields, point: Point) -> None:
    """The lesser condition must be reached before the alarm."""
    alarm = point.levels.get("alarm")
    if alarm is None:
        return
    for level in point.levels.values():
        late = level.limit >= alarm.limit if alarm.above else level.limit <= alarm.limit
        if level is not alarm and late and not level.window_s:
            side = "below" if alarm.above else "above"
            text = (
                f"{level.limit:g} {point.unit} does not come before the alarm at {alarm.limit:g}"
            )
            fields.problem(level.name, f"{text}; choose a value {side} it")


def _end(fields: Fields, quantity: tables.Quantity) -> None:
    for key in fields.left():
        if found := _LEVEL.fullmatch(key):
            fields.refuse(key, _level_advice(found[1], found[2], quantity))
    fields.end()


def _level_advice(level: str, unit: str | None, quantity: tables.Quantity) -> str:
    names = [level.name for level in quantity.levels]
    if level in names and not quantity.unit:
        return f"{quantity.kind} is a contact, which has no limit; leave it out"
    if level not in names or unit is None:
        return f"{quantity.kind} has no such level; its levels are {', '.join(names)}"
    measured = f"levels of {quantity.kind} are in {quantity.unit}"
    wrong = "" if _UNITS[unit] == quantity.unit else f", not in {_UNITS[unit]}"
    return f"{measured}{wrong}; write {level} = a number of {quantity.unit}"
