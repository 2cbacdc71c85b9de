"""The acceptance report as data: every point and test of a site, with what became of it."""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

from firegrid.acceptance.results import Key, newest
from firegrid.acceptance.walk import TESTS
from firegrid.errors import FiregridError
from firegrid.site.model import Gateway, Point, Site

__all__ = ["SCHEMA", "Waiver", "build", "read_exceptions"]

SCHEMA = "firegrid.acceptance/1"


@dataclass(frozen=True, slots=True)
class Waiver:
    """Something that has not passed, for which somebody answers until a day."""

    key: Key
    owner: str
    until: str
    why: str


def read_exceptions(
    given: tuple[tuple[str, str, str, str], ...], site: Site, today: date
) -> list[Waiver]:
    """Read (what, owner, date, why); what is a point, or GATEWAY/power, GATEWAY/network."""
    found = []
    for what, owner, until, why in given:
        if owner not in {person.id for person in site.people}:
            raise FiregridError(
                f"{what}: {owner} is nobody in the site file", "name a person by id"
            )
        if not why.strip():
            raise FiregridError(f"{what}: no reason", "say in a few words why it is not done")
        found.append(Waiver(_key(what, site), owner, _day(what, until, today), why.strip()))
    return found


def _key(what: str, site: Site) -> Key:
    gateway, _, test = what.partition("/")
    if test:
        if test not in TESTS:
            raise FiregridError(
                f"{what}: there is no test {test}", f"there are: {', '.join(TESTS)}"
            )
        return test, site.gateway(gateway).id, ""
    point = site.point(what)
    return "point", point.gateway, point.id


def _day(what: str, text: str, today: date) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise FiregridError(f"{what}: {text} is no date", "write it as 2026-12-24") from None
    if day < today:
        raise FiregridError(f"{what}: {text} has passed", f"today is {today}")
    return day.isoformat()


def build(
    site: Site,
    rows: list[dict[str, Any]],
    exceptions: list[Waiver],
    by: str,
    at: str,
    exchanged: dict[str, list[dict[str, Any]]] | None = None,
    names: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the report; `exchanged`: what stood in the place of a gateway before; `names`: of
    people, by their ids.

    What nobody tried, and nobody answers for, keeps the site open.
    """
    found = newest(rows)
    excepted = {one.key: one for one in exceptions}
    for key in excepted:
        if found.get(key, {}).get("passed"):
            raise FiregridError(f"{_name(key)} has passed", "take the exception out")
    gateways = [
        _gateway(site, gateway, found, excepted)
        | {"before": [_before(row) for row in (exchanged or {}).get(gateway.id, [])]}
        for gateway in site.gateways
    ]
    entries = [entry for row in gateways for entry in (*row["tests"], *row["points"])]
    counts = {
        status: sum(entry["status"] == status for entry in entries)
        for status in ("passed", "excepted", "open")
    }
    return {
        "schema": SCHEMA,
        "site": site.id,
        "name": site.name,
        "timezone": site.timezone,
        "at": at,
        "by": by,
        "names": names or {},
        "site_sha256": hashlib.sha256(site.path.read_bytes()).hexdigest(),
        "accepted": not counts["open"],
        "counts": {"points": len(site.points)} | counts,
        "gateways": gateways,
    }


def _gateway(
    site: Site, gateway: Gateway, found: dict[Key, dict[str, Any]], excepted: dict[Key, Waiver]
) -> dict[str, Any]:
    return {
        "gateway": gateway.id,
        "where": list(site.place_names(gateway)),
        "grid": gateway.grid,
        "place": gateway.place,
        "tests": [
            {"test": test} | _entry((test, gateway.id, ""), found, excepted) for test in TESTS
        ],
        "points": [
            _point(point) | _entry(("point", gateway.id, point.id), found, excepted)
            for point in site.points_of(gateway.id)
        ],
    }


def _before(row: dict[str, Any]) -> dict[str, Any]:
    return {"gateway": row["old"], "until": row["at"], "by": row["by"], "why": row["why"]}


def _point(point: Point) -> dict[str, Any]:
    return {
        "id": point.id,
        "point": point.number,
        "kind": point.kind,
        "place": point.place,
        "hold_ms": max((level.hold_ms for level in point.levels.values()), default=0),
    }


def _entry(
    key: Key, found: dict[Key, dict[str, Any]], excepted: dict[Key, Waiver]
) -> dict[str, Any]:
    finding = found.get(key)
    exception = excepted.get(key)
    passed = finding is not None and finding["passed"]
    return {
        "status": "passed" if passed else "excepted" if exception else "open",
        "finding": finding,
        "exception": exception
        and {"owner": exception.owner, "until": exception.until, "why": exception.why},
    }


def _name(key: Key) -> str:
    what, gateway, point = key
    return point or f"{gateway}/{what}"
