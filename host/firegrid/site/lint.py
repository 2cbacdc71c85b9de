"""Warnings about a site that is sound but unusual: staffing, blind spots, risky pins and levels.

The ratios are those of Zhengzhou's grid management. They warn and never refuse: the city itself
has fewer workers than its own rule asks for.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from firegrid import tables, words
from firegrid.site.delay import added_ms
from firegrid.site.model import Gateway, Level, Point, Site
from firegrid.site.rules import effects_on

__all__ = ["Finding", "warnings"]

OFFICER = "fire-safety-officer"
HOUSEHOLDS = range(300, 501)
RESIDENTS = range(1500, 2001)
WORKERS = range(2, 4)
STUDIOS_PER_STATION = range(4, 6)
GRIDS_PER_STUDIO = range(2, 3)
LAG_MAX_MS = 300  # what the gateway itself may take beside a hold time
ALARM_S = 30  # GB/T 45839-2025 5.4.1: detector to site platform
DESK_S = 1.3  # our own share: at most 0.3 s to the sounder, and 1 s to the desk with its link up
LEAKAGE_ALARM_MA = (300, 500)  # GB 50116-2013 9.2.2-9.2.3 notes


class Finding(NamedTuple):
    """One thing to look at: which rule, where, what was found and what is usual."""

    rule: str
    where: str
    text: str


def warnings(site: Site) -> list[Finding]:
    """Return everything unusual about a site, in the order of the file."""
    rules = (_tree, _grids, _blind_spots, _people, _gateways, _rules, _points, _alarms)
    return [finding for rule in rules for finding in rule(site)]


def _tree(site: Site) -> Iterator[Finding]:
    roots = [node.id for node in site.nodes if not node.parent]
    if len(roots) > 1:
        yield _finding("roots", site.id, count=len(roots), ids=words.listed(roots))
    studios = any(node.kind == "studio" for node in site.nodes)  # not every city has them
    for node in site.nodes:
        if node.kind == "station" and studios:
            count = sum(n.parent == node.id and n.kind == "studio" for n in site.nodes)
            yield from _ratio("studios", _place("station", node.id), count, STUDIOS_PER_STATION)
        if node.kind == "studio":
            count = sum(grid.parent == node.id for grid in site.grids)
            yield from _ratio("grids", _place("studio", node.id), count, GRIDS_PER_STUDIO)


def _grids(site: Site) -> Iterator[Finding]:
    officers = {person.id for person in site.people if OFFICER in person.roles}
    for grid in site.grids:
        where = _place("grid", grid.id)
        yield from _ratio("households", where, grid.households, HOUSEHOLDS)
        yield from _ratio("residents", where, grid.residents, RESIDENTS)
        yield from _ratio("workers", where, len(grid.workers), WORKERS)
        if not officers.intersection(grid.workers):
            yield _finding("officer", where)


def _blind_spots(site: Site) -> Iterator[Finding]:
    watched = {gateway.grid for gateway in site.gateways if site.points_of(gateway.id)}
    blind = [grid.id for grid in site.grids if grid.id not in watched]
    if blind:
        grids, ids = len(site.grids), words.listed(blind)
        yield _finding("blind-spots", site.id, count=len(blind), grids=grids, ids=ids)


def _ratio(rule: str, where: str, found: int | None, usual: range) -> Iterator[Finding]:
    if found is not None and found not in usual:
        low, high = usual[0], usual[-1]
        usual_is = low if low == high else words.tell("findings.between", low=low, high=high)
        what = words.word("findings", rule)
        text = words.tell("findings.ratio", count=found, what=what, usual=usual_is)
        yield Finding(rule, where, text)


def _people(site: Site) -> Iterator[Finding]:
    placed = {person for grid in site.grids for person in grid.workers}
    for person in site.people:
        in_grids = {"grid-leader", "grid-member"}.intersection(person.roles)
        if in_grids and person.id not in placed:
            yield _finding("idle", _place("person", person.id))


def _gateways(site: Site) -> Iterator[Finding]:
    for gateway in site.gateways:
        where = _place("gateway", gateway.id)
        if not site.points_of(gateway.id):
            yield _finding("no-points", where)
        for name, pin in _pins(site, gateway).items():
            if pin in tables.board().strapping:
                yield _finding("strapping-pin", where, name=name, pin=pin)


def _rules(site: Site) -> Iterator[Finding]:
    for gateway in site.gateways:
        kinds = {point.kind for point in site.points_of(gateway.id)}
        for rule in gateway.rules:
            if rule.kinds and not kinds.intersection(rule.kinds):
                heeded = words.listed(rule.kinds)
                where = _place("gateway", gateway.id)
                yield _finding("idle-rule", where, number=rule.number, kinds=heeded)


def _alarms(site: Site) -> Iterator[Finding]:
    """An alarm that comes late, or that nobody hears although people must flee from it."""
    for point in site.points:
        for level in point.levels.values():
            yield from _late(point, level)
        if point.table.sounds and not _sounds(site, point):
            yield _finding("silent-alarm", _name(point))


def _late(point: Point, level: Level) -> Iterator[Finding]:
    took_s = (level.hold_ms + point.period_ms) / 1000 + DESK_S
    if level.bit == tables.BITS["alarm"] and took_s > ALARM_S:
        took = f"{took_s:g}"
        yield _finding("slow-alarm", _name(point), level=level.name, took=took, most=ALARM_S)
    if level.hold_ms % point.period_ms:
        hold, period = level.hold_ms, point.period_ms
        yield _finding("hold-period", _name(point), level=level.name, hold=hold, period=period)


def _sounds(site: Site, point: Point) -> bool:
    rules = [effect.rule for effect in effects_on(site, site.gateway(point.gateway), point)]
    return any((rule.output, rule.when) == ("sounder", "alarm") for rule in rules)


def _pins(site: Site, gateway: Gateway) -> dict[str, int]:
    own = {name: getattr(gateway, name) for name in tables.board().pins}
    if site.stations_of(gateway.id):
        own |= {f"rs485_{name}": gateway.rs485[name] for name in tables.board().rs485}
    return own | {output.name: output.pin for output in gateway.outputs}


def _points(site: Site) -> Iterator[Finding]:
    low, high = LEAKAGE_ALARM_MA
    for point in site.points:
        if point.kind == "leakage" and not low <= (alarm := point.levels["alarm"].limit) <= high:
            limit = f"{alarm:g}"
            yield _finding("leakage-level", _name(point), limit=limit, low=low, high=high)
        if point.params.get("clean_air_ohm") == 0:
            yield _finding("clean-air", _name(point))
        lag_ms = added_ms(site, point)
        if point.table.sounds and lag_ms > LAG_MAX_MS:
            yield _finding("slow-sensor", _name(point), lag=f"{lag_ms / 1000:g}")


def _name(point: Point) -> str:
    return words.tell("places.point", number=point.number, id=point.id)


def _place(what: str, ident: str) -> str:
    return words.tell(f"places.{what}", id=ident)


def _finding(rule: str, where: str, **values: Any) -> Finding:
    return Finding(rule, where, words.tell(f"findings.{rule}", **values))
