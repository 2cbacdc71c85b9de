"""Writes what follows from the tables: Python of firmware/lib, parts of a schema."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from firegrid import resources, tables, words
from firegrid.kinds_page import kinds_page

__all__ = ["firmware_files", "generated_files", "main", "site_schema_parts"]

_TUPLE_MAX = 90  # characters in a line of the firmware, less indent and comma

_HEADER = '''"""{what}

Generated from host/firegrid/{source} by `python -m firegrid.generate`: do not edit.{legend}
"""
'''

_KINDS_LEGEND = """

KINDS[kind/quantity] = (unit, sounds, period_ms min, max, levels)
level = (name, condition bit, above, latch, window_ms, limit min, max, hysteresis min, max,
         hold_ms min, max, clear_hold_ms min, max); with a window_ms it is a rise within that time
Limits and hysteresis are thousandths of the unit; above, latch and sounds are 1 or 0.
QUALIFY[kind/quantity] = (median of so many readings, stuck after so many seconds (0: never), in
         which the input moves by less than so many mV, 1 where dust is taken off)"""

_RULES_LEGEND = """

OUTPUTS names all there are (drivers.toml); ACTUATORS[output] for those that a rule can drive: 1
where it is switched and never pulsed. PATTERNS: (name, ms on and off in turn), urgent last."""

_VERBS_LEGEND = """

MINUTES[verb] = (default, most); VERBS, RESULTS and HOWS are their names on the wire."""

_WIRING_LEGEND = """

DRIVERS[driver] = (quantities as kind/quantity, inputs, {parameter: (min, max, default)},
                   {quantity: (min, max, default) of the parameter span})
GATEWAY = {setting: (min, max, default)}
RS485 = the same for the line that a gateway may have"""


def firmware_files() -> dict[str, str]:
    """Return what stands in firmware/lib for the tables: file name -> Python text."""
    return {
        "kinds.py": _kinds_py(),
        "codes.py": _codes_py(),
        "wiring.py": _wiring_py(),
        "rules.py": _rules_py(),
        "verbs.py": _verbs_py(),
    }


def _kinds_py() -> str:
    head = _HEADER.format(
        what="What each kind of point measures, and the bounds its levels must keep.",
        source="kinds.toml",
        legend=_KINDS_LEGEND,
    )
    rows = "".join(map(_kind_rows, tables.quantities().values()))
    qualify = "".join(map(_qualify_row, tables.quantities().values()))
    return f"{head}\nKINDS = {{\n{rows}}}\n\nQUALIFY = {{\n{qualify}}}\n"


def _qualify_row(quantity: tables.Quantity) -> str:
    numbers = [quantity.median.default, quantity.stuck_s.default, quantity.stuck_mv.default]
    row = ", ".join(map(str, [*map(int, numbers), int(quantity.soils)]))
    return f'    "{quantity.key}": ({row}),\n'


def _kind_rows(quantity: tables.Quantity) -> str:
    period = quantity.period_ms
    rows = [_level_row(level) for level in quantity.levels]
    levels = "".join(f"\n            {row}," for row in rows) + "\n        "
    if len(rows) < 2:  # as the formatter would write it
        levels = "".join(f"{row}," for row in rows)
    return (
        f'    "{quantity.key}": (\n'
        f'        "{quantity.unit}",\n'
        f"        {int(quantity.sounds)},\n"
        f"        {period.low},\n"
        f"        {period.high},\n"
        f"        ({levels}),\n"
        "    ),\n"
    )


def _level_row(level: tables.LevelTable) -> str:
    numbers = [level.bit, int(level.above), int(level.latch), level.window_s * 1000]
    for figure in (level.limit, level.hysteresis):
        numbers += [tables.thousandths(figure.low), tables.thousandths(figure.high)]
    for figure in (level.hold_ms, level.clear_hold_ms):
        numbers += [int(figure.low), int(figure.high)]
    return f'("{level.name}", {", ".join(map(str, numbers))})'


def _codes_py() -> str:
    head = _HEADER.format(
        what="Trouble codes: why a reading is missing, or what ails the gateway.",
        source="codes.toml",
        legend="",
    )
    return f"{head}\nfrom micropython import const\n\n{_constants(tables.codes())}"


def _verbs_py() -> str:
    head = _HEADER.format(
        what="What a person can do at the gateway, what comes of it, and who did it.",
        source="verbs.toml",
        legend=_VERBS_LEGEND,
    )
    numbered = (tables.verbs(), tables.results(), tables.hows())
    constants = "\n".join(map(_constants, numbered))
    minutes = "".join(
        f"    {verb.upper()}: ({figure.default}, {figure.high}),\n"
        for verb, figure in tables.verb_minutes().items()
    )
    names = "".join(
        f"{title} = {_names([of.get(number, '') for number in range(max(of) + 1)], indent=0)}\n"
        for title, of in zip(("VERBS", "RESULTS", "HOWS"), numbered, strict=True)
    )
    return (
        f"{head}\nfrom micropython import const\n\n{constants}\n"
        f"REASONS_MAX = const({max(tables.reasons())})\n"
        f"MINUTES = {{\n{minutes}}}\n\n{names}"
    )


def _constants(numbered: dict[int, str]) -> str:
    return "".join(f"{name.upper()} = const({number})\n" for number, name in numbered.items())


def _wiring_py() -> str:
    head = _HEADER.format(
        what="Which driver delivers which quantities, and the bounds of its parameters.",
        source="drivers.toml",
        legend=_WIRING_LEGEND,
    )
    rows = "".join(map(_driver_rows, tables.drivers().values()))
    settings, line = (
        "".join(_figure_row(*item, indent=4) for item in figures.items())
        for figures in (tables.gateway_figures(), tables.rs485_figures())
    )
    return (
        f"{head}\nDRIVERS = {{\n{rows}}}\n\nGATEWAY = {{\n{settings}}}\n\nRS485 = {{\n{line}}}\n"
    )


def _rules_py() -> str:
    head = _HEADER.format(
        what="Which outputs there are, what a rule can drive, and the patterns.",
        source="rules.toml",
        legend=_RULES_LEGEND,
    )
    names = "".join(f'    "{name}",\n' for name in tables.board().output_names)
    actuators = "".join(
        f'    "{name}": {int(is_one)},\n' for name, is_one in tables.actuators().items()
    )
    patterns = "".join(
        f'    ("{row.name}", {row.times_ms}),\n' for row in tables.patterns().values()
    )
    parts = (
        f"OUTPUTS = (\n{names})\n\nACTUATORS = {{\n{actuators}}}\n\nPATTERNS = (\n{patterns})\n"
    )
    return f"{head}\n{parts}"


def _driver_rows(driver: tables.Driver) -> str:
    params, spans = (_figure_rows(figures) for figures in (driver.params, driver.spans))
    return (
        f'    "{driver.name}": (\n'
        f"        {_names(driver.quantities)},\n"
        f"        {_names(driver.inputs)},\n"
        f"        {params},\n"
        f"        {spans},\n"
        "    ),\n"
    )


def _figure_rows(figures: dict[str, tables.Figure]) -> str:
    rows = "".join(_figure_row(*item, indent=12) for item in figures.items())
    return f"{{\n{rows}        }}" if rows else "{}"


def _names(names: Sequence[str], indent: int = 8) -> str:
    """Return a tuple of names as the formatter would write it."""
    quoted = [f'"{name}"' for name in names]
    if len(names) == 1:
        return f"({quoted[0]},)"
    line = f"({', '.join(quoted)})"
    rows = "".join(f"{' ' * indent}    {name},\n" for name in quoted)
    return line if len(line) < _TUPLE_MAX else f"(\n{rows}{' ' * indent})"


def _figure_row(name: str, figure: tables.Figure, indent: int) -> str:
    return f'{" " * indent}"{name}": ({figure.low}, {figure.high}, {figure.default}),\n'


def site_schema_parts() -> dict[str, Any]:
    """Return the `$defs` of the site file's JSON Schema that follow from the tables."""
    return {
        "kind": {"enum": list(tables.kinds())},
        "quantity": {
            "enum": list(dict.fromkeys(row.name for row in tables.quantities().values()))
        },
        "driver": {"enum": list(tables.drivers())},
        "output_name": {"enum": list(tables.board().output_names)},
        "driven_output": {"enum": list(tables.actuators())},
        "pattern": {"enum": list(tables.patterns())},
        "node_kind": {"enum": list(words.section("nodes"))},
        "role": {"enum": list(words.section("roles"))},
        "point_by_kind": {
            "allOf": [_schema_of(quantity) for quantity in tables.quantities().values()]
        },
        "point_by_driver": {
            "allOf": [part for driver in tables.drivers().values() for part in _by_driver(driver)]
        },
        "gateway_settings": {
            "properties": {name: _bounds(fig) for name, fig in tables.gateway_figures().items()}
        },
        "rs485_settings": {
            "properties": {
                f"rs485_{name}": _bounds(fig) for name, fig in tables.rs485_figures().items()
            }
        },
    }


def _schema_of(quantity: tables.Quantity) -> dict[str, Any]:
    properties = {"period_ms": _bounds(quantity.period_ms)}
    for level in quantity.levels:
        if not level.is_state:
            properties[level.name] = _amount(level.limit, quantity.unit)
            properties[f"{level.name}_hysteresis"] = _amount(level.hysteresis, quantity.unit)
        properties[f"{level.name}_hold_ms"] = _bounds(level.hold_ms)
        properties[f"{level.name}_clear_hold_ms"] = _bounds(level.clear_hold_ms)
    return {"if": _is_quantity(quantity), "then": {"properties": properties}}


def _is_quantity(quantity: tables.Quantity) -> dict[str, Any]:
    """What a point of this quantity looks like; the first one of its kind may go unsaid."""
    names = tables.kinds()[quantity.kind]
    looks: dict[str, Any] = {
        "properties": {"kind": {"const": quantity.kind}, "quantity": {"const": quantity.name}}
    }
    if quantity.name != next(iter(names)):
        looks["required"] = ["quantity"]
    return looks


def _by_driver(driver: tables.Driver) -> Iterator[dict[str, Any]]:
    uses = [_is_wired(driver, key) for key in driver.quantities]
    params = {name: _bounds(figure) for name, figure in driver.params.items()}
    yield {"if": {"anyOf": uses}, "then": {"properties": params}}
    for key, figure in driver.spans.items():
        span = _bounds(figure) | {"description": tables.quantities()[key].unit}
        yield {"if": _is_wired(driver, key), "then": {"properties": {"span": span}}}


def _is_wired(driver: tables.Driver, key: str) -> dict[str, Any]:
    """What a point of this quantity looks like with this driver; the usual one may go unsaid."""
    quantity = tables.quantities()[key]
    looks = _is_quantity(quantity)
    looks["properties"]["driver"] = {"const": driver.name}
    if quantity.driver != driver.name:
        looks["required"] = [*looks.get("required", []), "driver"]
    return looks


def _amount(figure: tables.Figure, unit: str) -> dict[str, Any]:
    """A number in the unit, or the same as text with the unit behind it."""
    text = {"type": "string", "pattern": rf"^\s*[-+]?[0-9]*\.?[0-9]+\s*{unit}\s*$"}
    return {"description": f"{unit}; {figure.source}", "anyOf": [_bounds(figure, "number"), text]}


def _bounds(figure: tables.Figure, kind: str = "integer") -> dict[str, Any]:
    return {
        "type": kind,
        "minimum": figure.low,
        "maximum": figure.high,
        "default": figure.default,
    }


def generated_files(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every generated file of the checkout at `root` with the text it must hold."""
    for name, text in firmware_files().items():
        yield root / "firmware" / "lib" / name, text
    path = root / "docs" / "schemas" / "site.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["$defs"] |= site_schema_parts()
    yield path, json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    yield root / "docs" / "KINDS.md", kinds_page()


def main() -> None:
    """Rewrite every generated file of this checkout."""
    for path, text in generated_files(resources.checkout()):
        path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
