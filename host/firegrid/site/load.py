"""Reads a community's site file and refuses it whole, with every mistake named, or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firegrid import tables, wire, words
from firegrid.site.document import read_document
from firegrid.site.fields import Fields, Problems
from firegrid.site.gateways import read_gateway
from firegrid.site.model import Grid, Node, Person, Site
from firegrid.site.points import read_point
from firegrid.site.relations import check_relations

__all__ = ["FORMAT", "load_site"]

FORMAT = 1
TIMEZONE = "Asia/Shanghai"
_PERSON_NUMBER = tables.Figure(0, 1, wire.PERSON_MAX)


def load_site(path: Path | str) -> Site:
    """Return the site that a file describes; raise one FiregridError with a line per mistake."""
    path = Path(path)
    row = read_document(path, FORMAT, "site file")
    problems = Problems(path)
    site = _site(path, row, problems)
    check_relations(site, problems)
    problems.refuse_any()
    return site


def _site(path: Path, row: dict[str, Any], problems: Problems) -> Site:
    fields = Fields(row, "", problems)
    site = Site(
        path=path,
        id=fields.ident("id"),
        name=fields.text("name"),
        timezone=_timezone(fields),
        mains_hz=_mains_hz(fields),
        nodes=tuple(_node(*item, problems) for item in _numbered(fields, "node")),
        grids=tuple(_grid(*item, problems) for item in _numbered(fields, "grid")),
        people=tuple(_person(*item, problems) for item in _numbered(fields, "person")),
        gateways=(
            gateways := tuple(
                read_gateway(*item, problems) for item in _numbered(fields, "gateway")
            )
        ),
        points=tuple(
            filter(
                None,
                (read_point(*item, problems, gateways) for item in _numbered(fields, "point")),
            )
        ),
    )
    fields.end()
    return site


def _numbered(fields: Fields, key: str) -> list[tuple[dict[str, Any], int]]:
    return [(row, index) for index, row in enumerate(fields.tables(key), 1)]


def _timezone(fields: Fields) -> str:
    name = fields.text("timezone", TIMEZONE)
    try:
        ZoneInfo(name or TIMEZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fields.problem("timezone", f'"{name}" is no time zone; write one such as "{TIMEZONE}"')
    return name


def _mains_hz(fields: Fields) -> int:
    figure = tables.gateway_figures()["mains_hz"]
    mains_hz = fields.whole("mains_hz", figure)
    if mains_hz not in (figure.low, figure.high):
        fields.problem("mains_hz", f"{mains_hz} is no mains frequency; write 50 or 60")
    return mains_hz


def _node(row: Mapping[str, Any], index: int, problems: Problems) -> Node:
    fields = Fields(row, _label("node", row, index), problems)
    node = Node(
        id=fields.ident("id"),
        kind=fields.choice("kind", words.section("nodes")),
        name=fields.text("name"),
        parent=fields.ident("parent", ""),
    )
    fields.end()
    return node


def _grid(row: Mapping[str, Any], index: int, problems: Problems) -> Grid:
    fields = Fields(row, _label("grid", row, index), problems)
    grid = Grid(
        id=fields.ident("id"),
        name=fields.text("name"),
        parent=fields.ident("parent"),
        leader=fields.ident("leader"),
        members=fields.idents("members", ()),
        households=fields.count("households", 0, 1_000_000, None),
        residents=fields.count("residents", 0, 10_000_000, None),
    )
    fields.end()
    return grid


def _person(row: Mapping[str, Any], index: int, problems: Problems) -> Person:
    fields = Fields(row, _label("person", row, index), problems)
    person = Person(
        id=fields.ident("id"),
        roles=fields.idents("roles"),
        number=fields.whole("number", _PERSON_NUMBER) if "number" in row else 0,
    )
    for role in person.roles:
        fields.known(role, "roles", words.section("roles"))
    fields.end()
    return person


def _label(what: str, row: Mapping[str, Any], index: int) -> str:
    ident = row.get("id")
    return (
        f"{what} {ident}"
        if isinstance(ident, str) and ident.isprintable()
        else f"[[{what}]] no. {index}"
    )
