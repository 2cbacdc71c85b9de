"""Where the wiring of a point says that its sensor cannot be believed: the drivers' bands.

The gateway's drivers decide; this tells a person the same figures. A test holds both together, on
both sides of every edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firegrid.site.model import Input, Point

__all__ = ["Band", "bands"]

FLOOR_V = {"gpio": 0.15, "ads1115": 0.0}  # an input cannot tell apart what lies at or below it
CEILING_V = {"gpio": 2.45, "ads1115": 4.095875}  # above it, an input is full

LOOP_OPEN_MA, LOOP_LOW_MA, LOOP_HIGH_MA = 0.5, 3.6, 21.0  # NAMUR NE 43
MQ_LOWEST_ALARM = 0.0757  # of clean air: 5 %LEL; a full input that means so much gas is read
BIAS_LOW_V, BIAS_HIGH_V = 1.15, 2.15  # half of 3.3 V, half a volt to either side


@dataclass(frozen=True, slots=True)
class Band:
    """A trouble code and where it begins: in the circuit's own unit, and as volts at the input."""

    code: str
    side: str  # below, above
    value: float
    unit: str
    input_v: float


def bands(point: Point) -> list[Band]:
    """Return the bands of a point's driver with its parameters and input, from low to high."""
    bus = Input.parse(point.input).bus
    if bus not in FLOOR_V:  # a number, not a voltage
        return []
    return list(_BANDS[point.driver](point.params, FLOOR_V[bus], CEILING_V[bus]))


def _detector_loop(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    ohm = params["sense_ohm"]
    yield _current("open", "below", max(params["open_below_ma"], floor_v / ohm * 1000), ohm)
    yield _current("short", "above", params["short_above_ma"], ohm)


def _current_loop(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    ohm = params["sense_ohm"]
    yield _current("open", "below", max(LOOP_OPEN_MA, floor_v / ohm * 1000), ohm)
    yield _current("below_range", "below", LOOP_LOW_MA, ohm)
    yield _current("above_range", "above", LOOP_HIGH_MA, ohm)


def _current(code: str, side: str, current_ma: float, ohm: int) -> Band:
    return Band(code, side, current_ma, "mA", current_ma * ohm / 1000)


def _mq_element(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    supply_v = params["supply_mv"] / 1000
    open_v, short_v = max(0.01 * supply_v, floor_v), 0.98 * supply_v
    yield Band("open", "below", open_v, "V", open_v)
    full_ohm = params["load_ohm"] * (supply_v / ceiling_v - 1)
    if short_v <= ceiling_v:
        yield Band("short", "above", short_v, "V", short_v)
    elif full_ohm > MQ_LOWEST_ALARM * params["clean_air_ohm"]:
        yield Band("saturated", "above", ceiling_v, "V", ceiling_v)


def _residual_current(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    yield Band("open", "below", BIAS_LOW_V, "V", BIAS_LOW_V)
    yield Band("short", "above", BIAS_HIGH_V, "V", BIAS_HIGH_V)


def _ratiometric(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    supply_v, divider = params["supply_mv"] / 1000, params["divider_permille"] / 1000
    full_v = supply_v * divider
    open_v, short_v = max(0.05 * full_v, floor_v), min(0.95 * full_v, ceiling_v)
    edges = [("open", "below", open_v)]
    if 0.08 * full_v > open_v:  # else the input cannot tell it from a broken wire
        edges.append(("below_range", "below", 0.08 * full_v))
    if 0.92 * full_v < short_v:
        edges.append(("above_range", "above", 0.92 * full_v))
    edges.append(("short", "above", short_v))
    for code, side, input_v in edges:
        yield Band(code, side, input_v / divider, "V", input_v)


def _ntc(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    supply_v = params["supply_mv"] / 1000
    for code, side, share in (("short", "below", 0.015), ("open", "above", 0.975)):
        yield Band(code, side, share * supply_v, "V", share * supply_v)


def _contact(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    lines = (params["rest_ohm"], params["active_ohm"])
    edges = [("short", "below", min(lines), -1), ("open", "above", max(lines), 1)]
    for code, side, line_ohm, sign in edges:
        ohm = line_ohm * (100 + sign * params["tolerance_pct"]) // 100
        input_v = params["supply_mv"] / 1000 * ohm / (ohm + params["pull_up_ohm"])
        yield Band(code, side, input_v, "V", input_v)


def _divider(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    divider = params["divider_permille"] / 1000
    open_v = max(params["open_below_mv"] / 1000 * divider, floor_v)
    high_v = min(params["above_range_mv"] / 1000 * divider, ceiling_v)
    yield Band("open", "below", open_v / divider, "V", open_v)
    yield Band("above_range", "above", high_v / divider, "V", high_v)


def _sounder_line(params: dict[str, int], floor_v: float, ceiling_v: float) -> Iterator[Band]:
    ends = {"rest_ohm": params["end_ohm"], "active_ohm": params["end_ohm"]}
    yield from _contact(params | ends, floor_v, ceiling_v)


_BANDS = {
    "detector-loop": _detector_loop,
    "current-loop": _current_loop,
    "mq-element": _mq_element,
    "residual-current": _residual_current,
    "ratiometric": _ratiometric,
    "ntc": _ntc,
    "contact": _contact,
    "divider": _divider,
    "sounder-line": _sounder_line,
}
