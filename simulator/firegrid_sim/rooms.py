"""What happens at a point's place over days, from models with named sources; what is true of it.

A day has four stretches with one episode each: a cause, or an everyday nuisance that must not
alarm. A `Room` gives the signal that drives the point's `Sensor`, and when the cause stands beyond
the point's own levels. Figures that a source does not give are marked `assumed` in it.
"""

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from random import Random
from typing import TypeAlias

from firegrid.resources import examples_dir
from firegrid.site.model import Level, Point

from firegrid_sim.electrical import Sensor, sensor_for

DAY_S = 86400.0
MARGIN = 0.2  # of the way from peace to a limit, and of a hold time: within it nothing is certain

Truth: TypeAlias = tuple[float, float, str, int]
_Curve: TypeAlias = Callable[[float], float]

_CALM_S, _BUSY_S, _QUICK_S = 300.0, 2.0, 0.1
_QUICK_FOR_S = 20.0  # an episode as short as this moves within tenths of a second
_EPISODES_A_DAY = 4
_CAUSE_SHARE = 0.4
_PUFF_SHARE = 0.5
_CLEARING_S = 300.0  # assumed: a room with open door is aired 12 times an hour
_TAILS = 7.0  # so many time constants later nothing is left
_DETECTOR_TRIP_DB_M = 0.15
_HARMONICS = (1.0, 0.2, 0.08)  # 1st, 3rd, 5th
_WATER_KG_M3, _WAVE_M_S = 1000.0, 1200.0

CFAST = "NIST CFAST runs, examples/traces/fires; clearing by air change, assumed 12/h"
EPANET = "EPANET 2.2 runs, examples/traces/hydrants, scaled to the main's pressure in peace"
MIXING = "well-mixed zone, dC/dt = G/V - nC, as tracer gas tests use it; G, n assumed"
JOUKOWSKY = "water hammer by Joukowsky, dp = rho a dv, damped; dv assumed"
LOAD = "root of the sum of squares of 1st, 3rd, 5th harmonic, daily sine; amplitudes assumed"
HEATING = (
    "lumped heat balance, first-order rise to I2R/hA; temperatures and time constants assumed"
)
BATTERY = "line of discharge of a lead battery at constant load; figures assumed"
CONTACT = "durations of use, assumed"
STEAM = "half a hold time, assumed"


@dataclass(frozen=True, slots=True)
class Episode:
    """Something that happens: from when, how long, what, and by how much it moves the signal."""

    start_s: float
    lasts_s: float
    what: str
    source: str
    moves: _Curve

    @property
    def end_s(self) -> float:
        """Return when nothing of it is left."""
        return self.start_s + self.lasts_s


@dataclass(slots=True)
class Room:
    """The place of one point for so many days."""

    signal: str
    span_s: float
    base: _Curve
    low: float
    high: float
    episodes: list[Episode]
    truths: list[Truth] = field(default_factory=list)
    doubts: list[Truth] = field(default_factory=list)

    @property
    def sources(self) -> list[str]:
        """Return where its models come from."""
        return sorted({episode.source for episode in self.episodes})

    def signals_at(self, t_s: float) -> dict[str, float]:
        """Return what drives the point's sensor at this time."""
        value = self.base(t_s)
        for episode in self.episodes:
            if episode.start_s <= t_s < episode.end_s:
                value += episode.moves(t_s - episode.start_s)
        return {self.signal: round(min(max(value, self.low), self.high), 4)}

    def changes(self) -> Iterator[tuple[float, dict[str, float]]]:
        """Yield each step: seconds while something happens, minutes while nothing does."""
        last: dict[str, float] = {}
        for t_s in self._times():
            if (now := self.signals_at(t_s)) != last:
                yield t_s, now
            last = now

    def _times(self) -> list[float]:
        times = {n * _CALM_S for n in range(math.ceil(self.span_s / _CALM_S))}
        for episode in self.episodes:
            step_s = _QUICK_S if episode.lasts_s <= _QUICK_FOR_S else _BUSY_S
            steps = range(math.ceil(episode.lasts_s / step_s))
            times.update(round(episode.start_s + n * step_s, 3) for n in steps)
            times.add(episode.end_s)
        return sorted(t_s for t_s in times if t_s < self.span_s)


def room(point: Point, seed: int, days: float) -> Room:
    """Return the place of a point: the same for the same point, seed and days."""
    rng = Random(f"{seed}:{point.id}")
    sensor = sensor_for(point)
    signal = "smoke_db_m" if "smoke_db_m" in sensor.signals else sensor.rest
    known = sensor.signals[signal]
    span_s = days * DAY_S
    stretches = max(1, round(days * _EPISODES_A_DAY))
    episodes = []
    for n in range(stretches):
        moves = _episode(point, signal, known.rest, rng)
        if moves is None:
            continue
        what, source, lasts_s, curve = moves
        free_s = max(0.0, span_s / stretches - lasts_s)
        start_s = round(n * span_s / stretches + rng.uniform(0, free_s), 1)
        episodes.append(Episode(start_s, round(lasts_s, 1), what, source, curve))
    place = Room(signal, span_s, _base(signal, known.rest), known.low, known.high, episodes)
    _judge(place, point, sensor)
    return place


def _base(signal: str, rest: float) -> _Curve:
    if signal == "leakage_ma":
        rms = math.hypot(*_HARMONICS) / _HARMONICS[0]
        return lambda t_s: rest * rms * (1 + 0.3 * math.sin(2 * math.pi * t_s / DAY_S))
    if signal == "temperature_c":
        return lambda t_s: rest + 3 * math.sin(2 * math.pi * t_s / DAY_S)
    return lambda t_s: rest


_Moves: TypeAlias = tuple[str, str, float, _Curve]


def _episode(point: Point, signal: str, rest: float, rng: Random) -> _Moves | None:
    cause = rng.random() < _CAUSE_SHARE
    if signal == "contact":
        return _use(point, cause, rng)
    if signal in ("smoke_db_m", "temperature_c") and point.driver != "ntc":
        if not cause and signal == "smoke_db_m" and rng.random() < _PUFF_SHARE:
            return _puff(point, rng)
        return _fire(signal, rng) if cause else _pulse(signal, rng)
    models = {
        "temperature_c": _cable,
        "gas_pct_lel": _gas,
        "gas_co_ppm": _gas,
        "pressure_kpa": _water,
        "leakage_ma": _leakage,
        "battery_v": _battery,
    }
    return models[signal](signal, rest, cause, rng) if signal in models else None


def _cable(_signal: str, _rest: float, cause: bool, rng: Random) -> _Moves:
    rise_c = rng.uniform(90, 120) if cause else rng.uniform(8, 20)
    what = "charging cable overheats" if cause else "cable warms while charging"
    return what, HEATING, 5400.0, _warming(rise_c, 600.0 if cause else 1200.0, 2400.0)


def _gas(signal: str, _rest: float, cause: bool, rng: Random) -> _Moves:
    full = 100.0 if signal == "gas_pct_lel" else 500.0
    top = full * (rng.uniform(0.4, 0.7) if cause else rng.uniform(0.01, 0.04))
    what = "gas leak" if cause else "perfume, cooking"
    return what, MIXING, 8400.0, _warming(top, 3600 / rng.uniform(4, 10), 1800.0)


def _water(_signal: str, rest: float, cause: bool, rng: Random) -> _Moves:
    return _main(rest, rng) if cause else _hammer(rest)


def _leakage(_signal: str, _rest: float, cause: bool, rng: Random) -> _Moves:
    top = rng.uniform(550, 800)
    if cause:
        return "insulation fails", LOAD, 1800.0, lambda _: top
    return "inrush current", LOAD, 0.5, lambda t_s: top * math.exp(-t_s / 0.1)


def _battery(_signal: str, rest: float, cause: bool, _rng: Random) -> _Moves:
    fall_v = rest * (0.2 if cause else 0.02)
    what = "battery runs empty" if cause else "battery under test load"
    return what, BATTERY, 7200.0, lambda t_s: -fall_v * t_s / 7200.0


def _fire(signal: str, rng: Random) -> _Moves:
    name = f"{rng.choice(('flat', 'shop'))}-{rng.choice(('slow', 'medium', 'fast'))}"
    rows = _trace("fires", name, signal)
    peace, (burns_s, top) = rows[0][1], rows[-1]

    def moves(t_s: float) -> float:
        if t_s <= burns_s:
            return _between(rows, t_s) - peace
        return (top - peace) * math.exp(-(t_s - burns_s) / _CLEARING_S)

    return f"fire {name}", CFAST, burns_s + _TAILS * _CLEARING_S, moves


def _pulse(signal: str, rng: Random) -> _Moves:
    top = rng.uniform(0.01, 0.05) if signal == "smoke_db_m" else rng.uniform(2, 4)
    return "cooking", MIXING, 3600.0, _warming(top, _CLEARING_S, 1200.0)


def _puff(point: Point, rng: Random) -> _Moves | None:
    """Something thick that has gone before an alarm may come."""
    hold_s = min(level.hold_ms for level in point.levels.values()) / 1000
    top = rng.uniform(0.3, 1.0)
    return ("puff of steam", STEAM, hold_s * 0.5, lambda _: top) if hold_s else None


def _warming(top: float, tau_s: float, on_s: float) -> _Curve:
    """Return what a source of constant strength does for a while in a place that loses a share."""
    reached = top * (1 - math.exp(-on_s / tau_s))
    return lambda t_s: (
        top * (1 - math.exp(-t_s / tau_s))
        if t_s < on_s
        else reached * math.exp(-(t_s - on_s) / tau_s)
    )


def _main(rest: float, rng: Random) -> _Moves:
    name = rng.choice(("burst", "closed-valve"))
    rows = _trace("hydrants", name, "far_kpa")
    peace = rows[0][1]
    return name, EPANET, rows[-1][0], lambda t_s: (_between(rows, t_s) / peace - 1) * rest


def _hammer(rest: float) -> _Moves:
    swing = min(_WATER_KG_M3 * _WAVE_M_S * 0.08 / 1000, 0.3 * rest)
    return (
        "pressure transient",
        JOUKOWSKY,
        20.0,
        lambda t_s: -swing * math.exp(-t_s / 3) * math.sin(math.pi * t_s),
    )


def _use(point: Point, cause: bool, rng: Random) -> _Moves | None:
    hold_s = min(level.hold_ms for level in point.levels.values()) / 1000
    if cause:
        return f"{point.kind} active", CONTACT, hold_s * 2 + rng.uniform(60, 300), lambda _: 1.0
    if hold_s < 1:
        return None  # nothing is too short to count
    return f"{point.kind} briefly active", CONTACT, hold_s * 0.3, lambda _: 1.0


@cache
def _trace(folder: str, name: str, column: str) -> list[tuple[float, float]]:
    path = examples_dir() / "traces" / folder / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [(float(row["time_s"]), float(row[column])) for row in csv.DictReader(file)]


def _between(rows: list[tuple[float, float]], t_s: float) -> float:
    for (t0, v0), (t1, v1) in pairwise(rows):
        if t_s <= t1:
            return v0 + (v1 - v0) * (t_s - t0) / (t1 - t0)
    return rows[-1][1]


def _judge(place: Room, point: Point, sensor: Sensor) -> None:
    """Note when a cause stands beyond each level for as long as it must be held."""
    steps = [(t_s, now[place.signal]) for t_s, now in place.changes()]
    rest = sensor.signals[place.signal].rest
    for level in point.levels.values():
        sure, maybe = _strengths(place.signal, level, rest)
        values = _rises(steps, level.window_s) if level.window_s else steps
        hold_s = level.hold_ms / 1000
        true = list(_stretches(values, sure, place.span_s))
        certain = [(a, b) for a, b in true if b - a >= hold_s * (1 + MARGIN)]
        place.truths += [(a, b, _what(place, a), level.bit) for a, b in certain]
        for a, b in _stretches(values, maybe, place.span_s):
            if b - a >= hold_s * (1 - MARGIN):
                inside = [(c, d) for c, d in certain if a <= c and d <= b]
                edges = [a, *(t_s for pair in inside for t_s in pair), b]
                for c, d in zip(edges[::2], edges[1::2], strict=True):
                    if d > c:
                        place.doubts.append((c, d, _what(place, c), level.bit))
    place.truths.sort()
    place.doubts.sort()


def _strengths(
    signal: str, level: Level, rest: float
) -> tuple[Callable[[float], bool], Callable[[float], bool]]:
    """Return what is surely beyond a level, and what may be."""
    if signal == "contact":
        return (lambda value: value >= 0.5), (lambda value: value >= 0.5)
    limit = level.limit
    if signal == "smoke_db_m" and limit > 1:
        limit = _DETECTOR_TRIP_DB_M  # the level is of the loop's current: the detector decides
    band = MARGIN * abs(limit - (0.0 if level.window_s else rest))
    if level.above:
        return (lambda value: value >= limit + band), (lambda value: value > limit - band)
    return (lambda value: value <= limit - band), (lambda value: value < limit + band)


def _rises(steps: list[tuple[float, float]], window_s: float) -> list[tuple[float, float]]:
    rises, first = [], 0
    for n, (t_s, value) in enumerate(steps):
        while steps[first][0] < t_s - window_s and first < n:
            first += 1
        lowest = min(low for _, low in steps[max(0, first - 1) : n + 1])
        rises.append((t_s, value - lowest))
    return rises


def _stretches(
    steps: list[tuple[float, float]], holds: Callable[[float], bool], span_s: float
) -> Iterator[tuple[float, float]]:
    began: float | None = None
    for t_s, value in steps:
        if holds(value) and began is None:
            began = t_s
        elif not holds(value) and began is not None:
            yield began, t_s
            began = None
    if began is not None:
        yield began, span_s


def _what(place: Room, t_s: float) -> str:
    before = [episode for episode in place.episodes if episode.start_s <= t_s]
    return before[-1].what if before else "in peace"
