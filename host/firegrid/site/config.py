"""Turns a checked site into the lines of one gateway's /etc/config.jsonl.

One flat object per line, every number whole: limits and hysteresis in thousandths of the unit.
Defaults are resolved here, so that the gateway only checks and obeys.
"""

from typing import Any

from firegrid.site.model import Gateway, Output, Point, Site
from firegrid.site.rules import Effect, effects
from firegrid.tables import thousandths

__all__ = ["FORMAT", "config_lines"]

FORMAT = 1


def config_lines(
    site: Site, gateway: Gateway, broker_host: str, broker_port: int, version: int = 1
) -> list[dict[str, Any]]:
    """Return the gateway line, then its RS-485 line, and one for each output, effect and point."""
    points = site.points_of(gateway.id)
    head = {
        "what": "gateway",
        "format": FORMAT,
        "version": version,
        "site": site.id,
        "gateway": gateway.id,
        "points": len(points),
        "broker_host": broker_host,
        "broker_port": broker_port,
        "wifi_ssid": gateway.wifi_ssid,
        "wifi_key": "",  # a secret: it never stands in a site file
        "keepalive_s": gateway.keepalive_s,
        "sample_s": gateway.sample_s,
        "broker_s": gateway.broker_s,
        "desk_s": gateway.desk_s,
        "taken_s": gateway.taken_s,
        "mains_hz": site.mains_hz,
        "button_pin": gateway.button_pin,
        "scl_pin": gateway.scl_pin,
        "sda_pin": gateway.sda_pin,
    }
    lines: list[dict[str, Any]] = [head]
    if site.stations_of(gateway.id):
        lines.append({"what": "rs485", **gateway.rs485})
    lines += map(_output_line, gateway.outputs)
    lines += map(_rule_line, effects(site, gateway))
    return [*lines, *map(_point_line, points)]


def _output_line(output: Output) -> dict[str, Any]:
    return {"what": "output", "name": output.name, "pin": output.pin, "active": output.active}


def _rule_line(effect: Effect) -> dict[str, Any]:
    where = {"point": effect.point} if effect.point else {"kind": effect.kind}
    rule = effect.rule
    return {
        "what": "rule",
        "output": rule.output,
        "when": rule.when,
        **where,
        "pattern": rule.pattern,
        "stays": int(rule.stays),
        "drills": int(rule.drills),
    }


def _point_line(point: Point) -> dict[str, Any]:
    line: dict[str, Any] = {
        "what": "point",
        "point": point.number,
        "kind": point.kind,
        "quantity": point.quantity,
        "driver": point.driver,
        "input": point.input,
        "period_ms": point.period_ms,
    }
    for name, level in point.levels.items():
        line[name] = thousandths(level.limit)
        line[f"{name}_hysteresis"] = thousandths(level.hysteresis)
        line[f"{name}_hold_ms"] = level.hold_ms
        line[f"{name}_clear_hold_ms"] = level.clear_hold_ms
    return line | point.params
