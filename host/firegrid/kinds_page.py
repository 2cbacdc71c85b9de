"""The page docs/KINDS.md: every kind with its limits and times, from the table of kinds."""

from collections.abc import Iterator

from firegrid import tables

__all__ = ["kinds_page"]

_HEAD = """# What is monitored, and at which level

Every kind with its limits, times and bounds, as `host/firegrid/kinds.toml` has them; do not edit:
`python -m firegrid.generate` writes this page. A site file may change a figure within its bounds;
`firegrid site explain SITE POINT` says what holds for one point.

Tags in a source: [P] standard read, [R] clause seen reproduced, [T] secondary text, [U] recalled
without a text. "Confirmed" where all of a source is [P] or [R]; our own choices are "to be
checked".
"""


def kinds_page() -> str:
    """Return the page of all kinds, for whoever inspects a site."""
    parts = [_HEAD]
    for quantity in tables.quantities().values():
        parts.append(f"\n## {quantity.kind}: {quantity.title}\n\n{_about(quantity)}\n\n")
        parts.append("| figure | default | bounds | source | |\n|---|---|---|---|---|\n")
        parts += [f"| {' | '.join(row)} |\n" for row in _figures_of(quantity)]
    return "".join(parts)


def _about(quantity: tables.Quantity) -> str:
    unit = f"in {quantity.unit}" if quantity.unit else "0 at rest, 1 when active"
    shown = f"`{quantity.name}`, {unit}, {quantity.low:g} to {quantity.high:g}"
    places = {0: "shown without decimals", 1: "shown with 1 decimal"}
    decimals = places.get(quantity.decimals, f"shown with {quantity.decimals} decimals")
    heard = "sounds the sounder" if quantity.sounds else "sounds nothing"
    dust = "; dust is taken off and told" if quantity.soils else ""
    return f"{shown}, {decimals}; usual driver `{quantity.driver}`; {heard}{dust}."


def _figures_of(quantity: tables.Quantity) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a quantity's table: name, default, bounds, source, status."""
    yield _row_of("sampling period", quantity.period_ms, "ms")
    for name, figure, unit in (
        ("median of", quantity.median, "readings"),
        ("stuck after", quantity.stuck_s, "s"),
        ("stuck within", quantity.stuck_mv, "mV"),
    ):
        if figure.source:
            yield _row_of(name, figure, unit)
    for level in quantity.levels:
        condition = next(name for name, bit in tables.BITS.items() if bit == level.bit)
        over = "above" if level.above else "below"
        name = f"**{level.name}** ({condition.upper()}{', latched' if level.latch else ''})"
        if level.is_state:
            yield (f"{name}: the contact", "active", "", "", "")
        else:
            window = f" within {level.window_s} s" if level.window_s else ""
            yield _row_of(f"{name}: {over}{window}", level.limit, quantity.unit)
            yield _row_of(f"{level.name}: hysteresis", level.hysteresis, quantity.unit)
        yield _row_of(f"{level.name}: hold time", level.hold_ms, "ms")
        yield _row_of(f"{level.name}: hold time until it clears", level.clear_hold_ms, "ms")
        for building, limits in quantity.classes.items():
            if level.name in limits:
                given = limits[level.name]
                source = (given.source, given.status.replace("-", " "))
                limit = f"{given.default:g} {quantity.unit}"
                yield (f"{level.name} in class `{building}`", limit, "", *source)


def _row_of(name: str, figure: tables.Figure, unit: str) -> tuple[str, ...]:
    bounds = "" if figure.low == figure.high else f"{figure.low:g} to {figure.high:g}"
    status = figure.status.replace("-", " ")
    return name, f"{figure.default:g} {unit}".strip(), bounds, figure.source, status
