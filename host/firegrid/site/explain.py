"""What makes one point go into each of its conditions: every figure, its standard, its default.

`explanation` is for programs, `sentences` says the same in the reader's language. Sources stand as
the table of kinds has them: in English, with the number and clause of the standard.
"""

from collections.abc import Iterator
from typing import Any

from firegrid import tables, words
from firegrid.site.bands import Band, bands
from firegrid.site.delay import added_ms
from firegrid.site.model import Gateway, Input, Level, Point, Site
from firegrid.site.rules import effects_on

__all__ = ["TROUBLE_HOLD_MS", "explanation", "sentences"]

SCHEMA = "firegrid.site-explain/1"
TROUBLE_HOLD_MS = 2000  # as in firmware/lib/point.py: a single lost reading is skipped

# What shows a condition at the gateway whatever the rules say, and how; see firmware/outputs.py.
LAMPS = {
    "alarm": {"alarm_lamp": "flash"},
    "pre_alarm": {"alarm_lamp": "slow"},
    "supervisory": {},
    "trouble": {"trouble_lamp": "steady", "fail_safe": "off"},
}

# Why there is no reading, beside the bands of a voltage.
BUS_CAUSES = {
    "gpio": (),
    "ads1115": ("no_answer", "rubbish"),
    "rs485": ("bus_timeout", "bus_exception", "bad_frame", "below_range", "above_range"),
    "onewire": ("no_answer", "rubbish", "short", "below_range", "above_range"),
}

CONDITIONS = {bit: name for name, bit in tables.BITS.items()}

Row = dict[str, Any]


def explanation(site: Site, point: Point) -> Row:
    """Return everything that decides about a point."""
    gateway = site.gateway(point.gateway)
    return {
        "schema": SCHEMA,
        "site": site.id,
        "point": _point(point),
        "wiring": _wiring(point),
        "sampling": {
            "period_ms": _figure(point.period_ms, point.table.period_ms),
            "warm_up_s": point.params.get("warm_up_s", 0),
            "mains_hz": site.mains_hz if point.driver == "residual-current" else None,
            "median": _fixed(point.table.median),
            "stuck_s": _fixed(point.table.stuck_s if has_voltage(point) else tables.NEVER),
            "stuck_mv": _fixed(point.table.stuck_mv if has_voltage(point) else tables.NEVER),
            "soils": point.table.soils,
            "class": point.building or None,
            "added_ms": added_ms(site, point),
        },
        "levels": [_level(site, point, point.table_of(name), gateway) for name in point.levels],
        "trouble": {
            "hold_ms": TROUBLE_HOLD_MS,
            "outputs": _outputs("trouble", site, point, gateway),
            "causes": list(_causes(point)),
        },
    }


def _point(point: Point) -> Row:
    keys = ("number", "id", "kind", "quantity", "unit", "place", "gateway")
    return {key: getattr(point, key) for key in keys}


def _wiring(point: Point) -> Row:
    driver = tables.drivers()[point.driver]
    figures = driver.params_for(point.table.key)
    params = {name: _figure(point.params[name], figure) for name, figure in figures.items()}
    for figure in params.values():  # what has no source of its own has the driver's
        figure["source"] = figure["source"] or driver.source
    return {
        "driver": point.driver,
        "input": point.input,
        "params": params,
        "source": driver.source,
        "confirmed": driver.status == "confirmed",
    }


def _level(site: Site, point: Point, table: tables.LevelTable, gateway: Gateway) -> Row:
    level: Level = point.levels[table.name]
    condition = CONDITIONS[table.bit]
    return {
        "name": table.name,
        "condition": condition.upper(),
        "is_state": table.is_state,
        "window_s": table.window_s,
        "direction": "above" if level.above else "below",
        "limit": _figure(level.limit, table.limit),
        "hysteresis": _figure(level.hysteresis, table.hysteresis),
        "clears_at": level.clears_at,
        "hold_ms": _figure(level.hold_ms, table.hold_ms),
        "clear_hold_ms": _figure(level.clear_hold_ms, table.clear_hold_ms),
        "latch": level.latch,
        "outputs": _outputs(condition, site, point, gateway),
    }


def _figure(value: float, table: tables.Figure) -> Row:
    return {
        "value": value,
        "default": table.default,
        "bounds": [table.low, table.high],
        "changed": value != table.default,
        "source": table.source,
        "confirmed": table.status == "confirmed",
    }


def _fixed(table: tables.Figure) -> Row:
    """A figure that no site file sets."""
    row = _figure(table.default, table)
    return {key: row[key] for key in ("value", "source", "confirmed")}


def _outputs(condition: str, site: Site, point: Point, gateway: Gateway) -> list[Row]:
    """Return what a condition drives, in the order of the outputs: lamps, and by the rules."""
    lamps = LAMPS[condition]
    rules = {
        effect.rule.output: effect.rule
        for effect in effects_on(site, gateway, point)
        if effect.rule.when == condition
    }
    rows = []
    for output in gateway.outputs:
        rule = rules.get(output.name)
        if rule or output.name in lamps:
            rows.append(
                {
                    "name": output.name,
                    "pin": output.pin,
                    "pattern": rule.pattern if rule else lamps[output.name],
                    "stays": bool(rule and rule.stays),
                    "drills": rule.drills if rule else True,
                    "source": rule.source if rule else "",
                }
            )
    return rows


def has_voltage(point: Point) -> bool:
    """Return whether a stuck input shows: noise moves a voltage, a number on a bus may rest."""
    return Input.parse(point.input).bus in ("gpio", "ads1115")


def _causes(point: Point) -> Iterator[Row]:
    numbers = {key: number for number, key in tables.codes().items()}
    causes: list[tuple[str, Band | None]] = [("starting", None)]
    causes += [(band.code, band) for band in bands(point)]
    causes += [(code, None) for code in BUS_CAUSES[Input.parse(point.input).bus]]
    if point.params.get("clean_air_ohm") == 0:
        causes.append(("uncalibrated", None))
    if point.driver == "contact":
        causes.append(("between", None))
    if point.table.stuck_s.default and has_voltage(point):
        causes.append(("stuck", None))
    if point.table.soils:
        causes.append(("soiled", None))
    for code, band in causes:
        yield {
            "code": code,
            "words": words.code(numbers[code]),
            "side": band.side if band else None,
            "value": round(band.value, 4) if band else None,
            "unit": band.unit if band else None,
            "input_v": round(band.input_v, 4) if band else None,
        }


def sentences(row: Row) -> Iterator[str]:
    """Yield an explanation line by line, for a person."""
    yield from _head(row)
    for level in row["levels"]:
        yield ""
        yield from _told_level(level, row["point"]["unit"])
    yield ""
    yield from _told_trouble(row)
    yield ""
    yield from _told_figures(row)


def _head(row: Row) -> Iterator[str]:
    point, wiring, sampling = row["point"], row["wiring"], row["sampling"]
    kind, quantity = words.kind(point["kind"]), f"{point['kind']}/{point['quantity']}"
    yield words.tell(
        "explain.head",
        number=point["number"],
        id=point["id"],
        kind=kind,
        quantity=words.word("quantities", quantity),
    )
    yield f"  {point['place']}"
    wired = words.tell(
        "explain.wired",
        driver=words.word("drivers", wiring["driver"]),
        name=wiring["driver"],
        input=wiring["input"],
        gateway=point["gateway"],
        period=_said(sampling["period_ms"], "ms"),
    )
    yield f"  {wired}"
    if sampling["mains_hz"]:
        yield f"  {words.tell('explain.rms', mains_hz=sampling['mains_hz'])}"
    if sampling["added_ms"]:
        yield f"  {words.tell('explain.added', span=_seconds(sampling['added_ms']))}"
    if sampling["warm_up_s"]:
        span = _seconds(sampling["warm_up_s"] * 1000)
        yield f"  {words.tell('explain.warm_up', span=span)}"
    for line in _told_qualified(row):
        yield f"  {line}"


def _told_qualified(row: Row) -> Iterator[str]:
    """What is done to a reading before a level sees it."""
    sampling = row["sampling"]
    if sampling["median"]["value"] > 1:
        yield words.tell("explain.median", count=sampling["median"]["value"])
    if row["wiring"]["driver"] == "mq-element":
        yield words.tell("explain.clean_air")
    if sampling["soils"]:
        yield words.tell("explain.soils")
    if sampling["class"]:
        yield words.tell("explain.class", name=sampling["class"])


def _told_level(level: Row, unit: str) -> Iterator[str]:
    condition = words.word("conditions", level["condition"].lower())
    limit, hold = _said(level["limit"], unit), _hold(_said(level["hold_ms"], "ms"))
    clear_hold = _hold(_said(level["clear_hold_ms"], "ms"))
    clears_at = _amount(level["clears_at"], unit)
    above = level["direction"] == "above"
    if level["is_state"]:
        yield words.tell("explain.active", condition=condition, hold=hold)
        clears = words.tell("explain.clears_at_rest", hold=clear_hold)
    elif level["window_s"]:
        span = _seconds(level["window_s"] * 1000)
        yield words.tell("explain.rise", condition=condition, limit=limit, span=span, hold=hold)
        clears = words.tell("explain.clears_rise", clears_at=clears_at, span=span, hold=clear_hold)
    else:
        key = "explain.above" if above else "explain.below"
        yield words.tell(key, condition=condition, limit=limit, hold=hold)
        key = "explain.clears_below" if above else "explain.clears_above"
        clears = words.tell(key, clears_at=clears_at, hold=clear_hold)
    yield f"  {words.tell('explain.latched', clears=clears) if level['latch'] else clears}"
    yield f"  {_told_outputs(level['outputs'])}"


def _told_outputs(outputs: list[Row]) -> str:
    if not outputs:
        return words.tell("explain.no_outputs")
    return words.tell("explain.outputs", outputs=words.listed(map(_told_output, outputs)))


def _told_output(output: Row) -> str:
    name = words.word("outputs", output["name"])
    told = words.tell(f"explain.{output['pattern']}", output=name, pin=output["pin"])
    if output["stays"]:
        told = words.tell("explain.stays", told=told)
    return told if output["drills"] else words.tell("explain.no_drills", told=told)


def _told_trouble(row: Row) -> Iterator[str]:
    trouble = row["trouble"]
    condition = words.word("conditions", "trouble")
    hold = _hold(_seconds(trouble["hold_ms"]))
    yield words.tell("explain.trouble", condition=condition, hold=hold)
    for cause in row["trouble"]["causes"]:
        yield f"  - {_told_cause(cause, row['sampling'])}"
    yield f"  {words.tell('explain.trouble_clears', hold=hold)}"
    yield f"  {_told_outputs(trouble['outputs'])}"


def _told_cause(cause: Row, sampling: Row) -> str:
    if cause["code"] == "stuck":
        span, least_mv = sampling["stuck_s"]["value"], sampling["stuck_mv"]["value"]
        where = words.tell(
            "explain.moves" if least_mv else "explain.rests",
            span=_seconds(span * 1000),
            mv=least_mv,
        )
        return words.tell("explain.stuck", where=where, why=cause["words"])
    if cause["side"] is None:
        return str(cause["words"])
    value, volts = f"{cause['value']:.3g} {cause['unit']}", f"{cause['input_v']:.3g}"
    same = cause["unit"] == "V" and cause["value"] == cause["input_v"]
    key = "explain.at_input" if same else "explain.in_circuit"
    where = words.tell(key, value=value, volts=volts)
    return words.tell(f"explain.band_{cause['side']}", value=where, why=cause["words"])


def _told_figures(row: Row) -> Iterator[str]:
    yield words.tell("explain.figures")
    for level in row["levels"]:
        name, unit = level["name"], row["point"]["unit"]
        if not level["is_state"]:  # a contact has no limit to set
            yield _told_figure(name, level["limit"], unit)
            yield _told_figure(f"{name}_hysteresis", level["hysteresis"], unit)
        yield _told_figure(f"{name}_hold_ms", level["hold_ms"], "ms")
        yield _told_figure(f"{name}_clear_hold_ms", level["clear_hold_ms"], "ms")
    yield _told_figure("period_ms", row["sampling"]["period_ms"], "ms")
    for name in ("median", "stuck_s", "stuck_mv"):
        figure = row["sampling"][name]
        if figure["source"]:
            value = f"{figure['value']}"
            yield f"  {_sourced('explain.figure', figure, name=name, value=value)}"
    wiring = row["wiring"]
    for name, figure in wiring["params"].items():
        yield f"  {name} = {_told_value(figure, '')}"
    yield f"  {_sourced('explain.driver', wiring, name=wiring['driver'])}"
    yield f"  {words.tell('explain.tags')}"


def _told_figure(name: str, figure: Row, unit: str) -> str:
    return f"  {_sourced('explain.figure', figure, name=name, value=_told_value(figure, unit))}"


def _told_value(figure: Row, unit: str) -> str:
    said = _said(figure, unit)
    return said if figure["changed"] else words.tell("explain.default", value=said)


def _sourced(key: str, row: Row, **values: str) -> str:
    standing = words.tell("explain.confirmed" if row["confirmed"] else "explain.to_be_checked")
    return words.tell(key, standing=standing, source=row["source"], **values)


def _said(figure: Row, unit: str) -> str:
    """A figure's value, and beside it the default where the site file has changed it."""
    value, default = _amount(figure["value"], unit), _amount(figure["default"], unit)
    return (
        words.tell("explain.changed", value=value, default=default) if figure["changed"] else value
    )


def _amount(value: float, unit: str) -> str:
    return _seconds(value) if unit == "ms" else f"{value:g} {unit}".rstrip()


def _seconds(span_ms: float) -> str:
    return words.tell("spans.s", count=f"{span_ms / 1000:g}")


def _hold(span: str) -> str:
    return words.tell("explain.for", span=span)
