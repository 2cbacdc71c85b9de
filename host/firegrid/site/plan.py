"""What has to be bought, labelled and still found out before a site can be mounted."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from firegrid import words
from firegrid.site.model import Gateway, Input, Point, Site
from firegrid.state import State

__all__ = ["site_plan"]

# Parameters of drivers that are resistors of ours beside the input; others are the sensor's own.
_RESISTORS = ("sense_ohm", "load_ohm", "burden_ohm", "pull_up_ohm", "end_ohm")

Row = dict[str, Any]


def site_plan(site: Site, state: State) -> dict[str, list[Row]]:
    """Return {"material": …, "labels": …, "missing": …}: an item of material has its count in all
    and by gateway; a label stands for a gateway or a point; what is missing has a rule and says
    where and what."""
    return {
        "material": _material(site),
        "labels": list(_labels(site)),
        "missing": list(_missing(site, state)),
    }


# ---- the bill of material ----


def _material(site: Site) -> list[Row]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for gateway in site.gateways:
        for item in _parts(site, gateway):
            counts[item][gateway.id] += 1
    return [
        {"item": item, "count": by.total(), "gateways": dict(by)} for item, by in counts.items()
    ]


def _parts(site: Site, gateway: Gateway) -> Iterator[str]:
    points = site.points_of(gateway.id)
    inputs = [Input.parse(point.input) for point in points]
    yield words.tell("plan.board")
    yield words.tell("plan.button")
    for output in gateway.outputs:
        yield words.word("outputs", output.name)
    for _ in {place.address for place in inputs if place.address is not None}:
        yield words.tell("plan.converter")
    if site.stations_of(gateway.id):
        yield words.tell("plan.transceiver")
    for _ in {place.wire for place in inputs if place.wire is not None}:
        yield words.tell("plan.pull_up")
    for point in points:
        yield _sensor(point)
    for point in points:
        for name in _RESISTORS:
            if name in point.params:
                yield words.tell("plan.resistor", ohm=point.params[name])


def _sensor(point: Point) -> str:
    kind, driver = words.kind(point.kind), words.word("drivers", point.driver)
    return words.tell("plan.sensor", kind=kind, driver=driver)


# ---- labels ----


def _labels(site: Site) -> Iterator[Row]:
    for gateway in site.gateways:
        path = " / ".join(site.place_names(gateway))
        yield {"what": "gateway", "id": gateway.id, "place": gateway.place, "path": path}
        for point in site.points_of(gateway.id):
            row = {"what": "point", "id": point.id, "place": point.place, "path": path}
            yield row | {"number": point.number, "kind": point.kind, "gateway": gateway.id}


# ---- what is missing ----


def _missing(site: Site, state: State) -> Iterator[Row]:
    if not site.gateways:
        yield _gap("no-gateways", site.id)
    for gateway in site.gateways:
        if not site.points_of(gateway.id):
            yield _gap("no-points", words.tell("places.gateway", id=gateway.id))
        if not gateway.wifi_ssid:
            yield _gap("no-wifi", words.tell("places.gateway", id=gateway.id))
    blind = [point for point in site.points if not point.photo]
    if blind:
        listed = words.listed(f"{point.number} {point.id}" for point in blind)
        yield _gap("no-photo", site.id, count=len(blind), ids=listed)
    if not any(person.number for person in site.people):
        yield _gap("no-numbers", site.id)
    if not state.ca.is_dir():
        yield _gap("no-ca", site.id, folder=state.ca)


def _gap(rule: str, where: str, **values: Any) -> Row:
    return {"rule": rule, "where": where, "text": words.tell(f"plan.{rule}", **values)}
