"""Cause and effect: reads [[gateway.rule]], and tells what is in force at a gateway.

Of several rules for one output and condition the nearest to a point counts: a rule that names it,
then one of the site that names its kind, then a default of rules.toml.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from firegrid import tables
from firegrid.site.fields import Fields, Problems, nearest
from firegrid.site.model import Gateway, Point, Site

__all__ = ["Effect", "check_rules", "effects", "effects_on", "read_rules"]

OFF = "off"


class Effect(NamedTuple):
    """A rule in force, for one kind or for one point."""

    rule: tables.Rule
    kind: str = ""
    point: int = 0


def read_rules(fields: Fields) -> tuple[tables.Rule, ...]:
    """Return a gateway's own rules, as far as they can be read."""
    rows = fields.tables("rule")
    rules = (_read(row, index, fields) for index, row in enumerate(rows, 1))
    return tuple(rule for rule in rules if rule)


def _read(row: dict[str, Any], index: int, gateway: Fields) -> tables.Rule | None:
    fields = Fields(row, f"{gateway.where}: rule {index}", gateway.problems)
    output = fields.choice("output", tables.actuators())
    actuator = tables.actuators().get(output, False)
    rule = tables.Rule(
        output=output,
        when=fields.choice("when", tables.BITS),
        kinds=fields.idents("kinds", ()),
        points=fields.idents("points", ()),
        pattern=fields.choice("pattern", tables.patterns(), "steady"),
        stays=_flag(fields, "stays", False),
        drills=_flag(fields, "drills", not actuator),
        source="the site file",
        status="to-be-checked",
        number=index,
    )
    fields.end()
    known = [fields.known(kind, "kinds", tables.kinds()) for kind in rule.kinds]
    if bool(rule.kinds) == bool(rule.points):
        fields.problem("", 'needs either kinds = ["gas"] or points = ["id"], and not both')
        return None
    if rule.stays and not actuator:
        fields.problem("stays", f"{output} never stays; a person can silence it")
    if actuator and rule.pattern not in (OFF, "steady", ""):
        fields.problem("pattern", f"{output} is switched, never pulsed; write steady or off")
    return rule if output and rule.when and rule.pattern and all(known) else None


def _flag(fields: Fields, key: str, usual: bool) -> bool:
    value = fields.take(key, usual)
    if not isinstance(value, bool):
        fields.problem(key, "is neither true nor false")
        return usual
    return value


def check_rules(site: Site, problems: Problems) -> None:
    """Note every rule that drives or heeds what its gateway does not have, or stands twice."""
    for gateway in site.gateways:
        wired = {output.name for output in gateway.outputs}
        seen: dict[tuple[str, str, str], int] = {}
        for rule in gateway.rules:
            where = f"gateway {gateway.id}: rule {rule.number}"
            if rule.output not in wired:
                text = f"{rule.output} has no pin at this gateway; write one in [gateway.outputs]"
                problems.add(where, "output", text)
            for ident in rule.points:
                _check_point(site, gateway, rule, ident, where, problems)
            for kind in rule.kinds:
                _check_reaches(rule, kind, [*tables.kinds()[kind].values()], where, problems)
            for target in (*rule.kinds, *rule.points):
                first = seen.setdefault((rule.output, rule.when, target), rule.number)
                if first != rule.number:
                    text = f"{rule.output} at {rule.when} of {target} is in rule {first} already"
                    problems.add(where, "", text)


def _check_point(
    site: Site, gateway: Gateway, rule: tables.Rule, ident: str, where: str, problems: Problems
) -> None:
    own = {point.id: point for point in site.points_of(gateway.id)}
    elsewhere = {point.id: point.gateway for point in site.points}
    if ident in own:
        _check_reaches(rule, ident, [own[ident].table], where, problems)
    elif ident in elsewhere:
        text = f'"{ident}" hangs on gateway {elsewhere[ident]}; a rule sees its own gateway only'
        problems.add(where, "points", text)
    else:
        text = f'"{ident}" is not in the file; {nearest(ident, sorted(own))}'
        problems.add(where, "points", text)


def _check_reaches(
    rule: tables.Rule,
    name: str,
    quantities: list[tables.Quantity],
    where: str,
    problems: Problems,
) -> None:
    if not any(_comes(rule.when, quantity) for quantity in quantities):
        conditions = sorted(
            {bit for bit in tables.BITS if any(_comes(bit, q) for q in quantities)}
        )
        text = f"{name} never comes into {rule.when}; it knows {', '.join(conditions)}"
        problems.add(where, "when", text)


def _comes(condition: str, quantity: tables.Quantity) -> bool:
    bits = {level.bit for level in quantity.levels} | {tables.BITS["trouble"]}
    return tables.BITS[condition] in bits


def effects(site: Site, gateway: Gateway) -> list[Effect]:
    """Return what is in force at a gateway, one for each output, condition and kind or point."""
    points = site.points_of(gateway.id)
    wired = {output.name for output in gateway.outputs}
    kinds = dict.fromkeys(point.kind for point in points)
    found: dict[tuple[str, str, str | int], Effect] = {}
    for rule in (*tables.default_rules(), *gateway.rules):
        if rule.output in wired:
            for kind in rule.kinds:
                if kind in kinds:
                    found[rule.output, rule.when, kind] = Effect(rule, kind=kind)
            for point in points:
                if point.id in rule.points:
                    found[rule.output, rule.when, point.number] = Effect(rule, point=point.number)
    return list(found.values())


def effects_on(site: Site, gateway: Gateway, point: Point) -> Iterator[Effect]:
    """Yield what one point drives."""
    every = effects(site, gateway)
    own = {(e.rule.output, e.rule.when) for e in every if e.point == point.number}
    for effect in every:
        of_kind = effect.kind == point.kind
        nearer = of_kind and (effect.rule.output, effect.rule.when) in own
        if (of_kind or effect.point == point.number) and not nearer and effect.rule.pattern != OFF:
            yield effect
