"""What must hold in a simulated world, told from the outside of the firmware.

Pins, records at the flash, the desk's store, and what was true at the points: never what the
firmware says of itself. Each checker has a name; what it finds is a Violation.
"""

import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from firegrid import wire
from firegrid.flashlog import read_image
from firegrid.site.model import Gateway, Point, Site
from firegrid.site.rules import effects_on

from firegrid_sim.board import EVENTS, NO_VALUE, Edge, Raised
from firegrid_sim.world import SETTLE_S, GatewayWorld, S

__all__ = ["Checkers", "Violation"]

SOUNDS_WITHIN_S = 0.3  # beyond the hold time, as the design promises
READING_S = 2.5  # a step of what happens at a place, and two readings
START_S = 4.0  # from power to the first reading that counts
TROUBLE_S = 12.0  # three times what a lost reading must last, and a stuck bus slows each try
CAUSE_S = 60.0  # hold time to clear, beyond the end of a cause
LAMP_S = 3.0  # as long as a lamp must stand to be called steady
LAMP_LIES_S = 65.0  # a silent link is noticed within a minute
WEAR = 1.1

_RECORD = struct.Struct("<IHHIHIBBii")
_CODES, _STARTING = 256, 1
_CONDITION, _LOST = wire.EVENTS.index("condition") + 1, wire.EVENTS.index("lost") + 1


class Violation(NamedTuple):
    """What did not hold: when, by which checker, and what was seen."""

    at_s: float
    checker: str
    what: str


class Record(NamedTuple):
    """An event as the flash took it."""

    at_s: float
    n: int
    boot: int
    point: int
    event: int
    conditions: int
    code: int  # why there is no reading, 0 where there is one


class Checkers:
    """`hear` is handed to a GatewayWorld; `finish` judges what can be judged at the end only."""

    NAMES = (
        "sounds",
        "no-cause",
        "trouble",
        "durable",
        "invented",
        "order",
        "lamp",
        "dies",
        "wear",
    )

    def __init__(self, site: Site, gateway: Gateway) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.log: list[dict[str, Any]] = []
        self.durable: dict[tuple[int, int], Record] = {}
        self._stored: dict[tuple[int, int], wire.Event] = {}
        self._points: dict[str, Point] = {p.id: p for p in site.points_of(gateway.id)}
        self._ids = {p.number: p.id for p in self._points.values()}
        pins = {output.name: output for output in gateway.outputs}
        self._sounder, self._lamp = pins.get("sounder"), pins.get("link_lamp")
        self._sounding = {p.id for p in self._points.values() if _sounds(site, gateway, p)}
        self._sounds: list[tuple[float, bool]] = []
        self._lamp_since: tuple[float, bool] = (0.0, False)
        self._power: list[tuple[float, bool]] = []
        self._faulty: list[tuple[float, float, str]] = []  # from, to, point
        self._open: dict[str, float] = {}
        self._bad_link_s: float | None = None
        self._told: set[str] = set()
        self.world: GatewayWorld | None = None

    # ---- while it goes on ----

    def hear(self, what: str, **about: Any) -> None:
        """Take what happens."""
        self.counts[what] += 1
        handler: Callable[..., None] | None = getattr(self, f"_{what}_heard", None)
        if handler:
            handler(**about)

    @property
    def now_s(self) -> float:
        """Return the time of the world."""
        return self.world.now_us / S if self.world else 0.0

    def fail(self, checker: str, what: str, at_s: float | None = None) -> None:
        """Note a violation."""
        self.violations.append(Violation(self.now_s if at_s is None else at_s, checker, what))

    def _row(self, what: str, at_s: float | None = None, **about: Any) -> None:
        at_ms = round((self.now_s if at_s is None else at_s) * 1000)
        gateway = self.world.gateway.id if self.world else ""
        self.log.append({"t_ms": at_ms, "gateway": gateway, "what": what} | about)

    def _failure_heard(self, why: str) -> None:
        self.fail("order", why)

    def _power_heard(self, on: bool) -> None:
        self._power.append((self.now_s, on))
        self._row("power", on=on)
        if not on:
            self._sounds.append((self.now_s, False))
            self._lamp_since = (self.now_s, False)

    def _died_heard(self, said: str) -> None:
        self.fail("dies", f"the firmware ended by itself: {said}")

    def _link_heard(self, up: bool) -> None:
        self._row("link", up=up)

    def _fault_heard(self, name: str, lasts_s: float) -> None:
        self.counts[f"fault {name}"] += 1
        self._row("fault", name=name, lasts_s=lasts_s)

    def _verb_heard(self, verb: str) -> None:
        self._row("verb", verb=verb)

    def _truth_heard(self, point: str, cause: str, on: bool) -> None:
        self._row("truth", point=point, cause=cause, on=on)

    def _sensor_heard(self, point: str, fault: str | None) -> None:
        if fault:
            self._open[point] = self.now_s
        else:
            self._faulty.append((self._open.pop(point), self.now_s, point))

    def _bus_heard(self, stuck: bool) -> None:
        for point in self._points.values():
            if point.input.startswith("ads1115"):
                key = f"bus {point.id}"
                if stuck:
                    self._open[key] = self.now_s
                elif key in self._open:
                    self._faulty.append((self._open.pop(key), self.now_s, point.id))

    def _edge_heard(self, at_us: int, edge: Edge) -> None:
        at_s = at_us / S
        if self._sounder and edge.pin == self._sounder.pin:
            on = edge.value == self._sounder.active
            self._sounds.append((at_s, on))
            self._row("sounder", at_s, on=on)
        if self._lamp and edge.pin == self._lamp.pin:
            self._lamp_since = (at_s, edge.value == self._lamp.active)

    def _durable_heard(self, at_us: int, raised: Raised) -> None:
        if raised.lane != EVENTS:
            return
        n, boot, point, _, _, _, event, bits, value, _ = _RECORD.unpack_from(raised.record)
        code = value - NO_VALUE if value < NO_VALUE + _CODES else 0
        record = Record(at_us / S, n, boot, point, event, bits & 15, code)
        before = self.durable.get((boot, n))
        if before:
            self.fail("order", f"number {n} of start {boot} was given out twice")
        self.durable[boot, n] = record
        if event == _CONDITION and point in self._ids:
            self._row("condition", record.at_s, point=self._ids[point], bits=record.conditions)

    def _stored_heard(self, n: int, boot: int, event: wire.Event) -> None:
        known = self._stored.setdefault((boot, n), event)
        if (known.point, known.event, known.conditions) != (
            event.point,
            event.event,
            event.conditions,
        ):
            self.fail("invented", f"event {n} of start {boot} came twice and differs")

    def _look_heard(self) -> None:
        """The link lamp never says that all is well while nothing can pass."""
        world = self.world
        assert world
        passes = world.link_up and world.passes and world.broker_up
        if passes:
            self._bad_link_s = None
        elif self._bad_link_s is None:
            self._bad_link_s = self.now_s
        since_s, on = self._lamp_since
        if (
            on
            and self._bad_link_s is not None
            and self.now_s - since_s > LAMP_S
            and self.now_s - self._bad_link_s > LAMP_LIES_S
            and "lamp" not in self._told
        ):
            self._told.add("lamp")
            bad_s = self.now_s - self._bad_link_s
            self.fail(
                "lamp", f"steady for {self.now_s - since_s:.0f} s, no link for {bad_s:.0f} s"
            )

    # ---- at the end ----

    def finish(self, world: GatewayWorld) -> None:
        """Judge what is complete only now."""
        for point, since_s in self._open.items():
            self._faulty.append((since_s, self.now_s, point.removeprefix("bus ")))
        self._judge_sounds(world)
        self._judge_causes(world)
        self._judge_trouble()
        self._judge_store(world)
        self._judge_wear(world)
        self.violations.sort()
        for violation in self.violations:
            self._row("failure", violation.at_s, checker=violation.checker, why=violation.what)

    def _is_powered(self, begin_s: float, end_s: float) -> bool:
        """Return whether the gateway ran from begin to end, with time to start before."""
        on_since = None
        for at_s, on in self._power:
            if at_s > begin_s and (on_since is None or at_s <= end_s):
                break
            on_since = at_s if on else None
        changes = [at_s for at_s, _ in self._power if begin_s < at_s <= end_s]
        return on_since is not None and on_since + START_S <= begin_s and not changes

    def _is_faulty(self, point: str, begin_s: float, end_s: float) -> bool:
        return any(
            p == point and a <= end_s and begin_s <= b + TROUBLE_S for a, b, p in self._faulty
        )

    def _is_sounding(self, begin_s: float, end_s: float) -> bool:
        """Return whether the sounder was on at any time between."""
        on = False
        for at_s, level in self._sounds:
            if at_s > end_s:
                break
            if at_s >= begin_s and level:
                return True
            on = level
        return on

    def _judge_sounds(self, world: GatewayWorld) -> None:
        """Every true fire sounds within its limit while there is power."""
        for name, place in world.rooms.items():
            point = self._points[name]
            for begin_s, end_s, cause, bit in place.truths:
                level = next(v for v in point.levels.values() if v.bit == bit)
                due_s = begin_s + level.hold_ms / 1000 * 1.2 + SOUNDS_WITHIN_S + READING_S
                if bit != wire.ALARM or end_s > world.end_us / S - SETTLE_S or due_s > end_s:
                    continue
                if not self._is_powered(begin_s, due_s) or self._is_faulty(name, begin_s, due_s):
                    self.counts["fires not judged"] += 1
                    continue
                self.counts["fires"] += 1
                if not self._stands(point.number, wire.ALARM, due_s):
                    self.fail("sounds", f"{name}: {cause}, and no ALARM by {due_s:.1f} s", begin_s)
                elif name in self._sounding and not self._is_sounding(
                    begin_s - CAUSE_S, due_s + 1
                ):
                    self.fail("sounds", f"{name}: {cause}, and no sounder", begin_s)

    def _stands(self, number: int, bit: int, at_s: float) -> bool:
        """Return whether a condition stands at a moment by the last record before it."""
        stands = False
        for record in self.durable.values():
            if record.at_s <= at_s and record.point == number and record.event == _CONDITION:
                stands = bool(record.conditions & bit)
        return stands

    def _judge_causes(self, world: GatewayWorld) -> None:
        """Nothing is raised, sound or trouble, without a cause."""
        before: dict[int, int] = {}
        for record in self.durable.values():
            if record.event != _CONDITION or record.point not in self._ids:
                continue
            came = record.conditions & ~before.get(record.point, 0)
            before[record.point] = record.conditions
            name = self._ids[record.point]
            well = record.code != _STARTING and not self._is_faulty(name, record.at_s, record.at_s)
            if came & wire.TROUBLE and well:
                self.fail("no-cause", f"{name}: TROUBLE without a cause", record.at_s)
            if not came & wire.ALARM:
                continue
            self.counts["alarms"] += 1
            place = world.rooms[name]
            causes = [*place.truths, *place.doubts]
            if not any(
                a <= record.at_s <= b + CAUSE_S for a, b, _, bit in causes if bit == wire.ALARM
            ):
                self.fail("no-cause", f"{name}: ALARM without a cause", record.at_s)

    def _judge_trouble(self) -> None:
        """A lost sensor is told in time."""
        for begin_s, end_s, name in self._faulty:
            due_s = begin_s + TROUBLE_S
            if due_s > end_s or not self._is_powered(begin_s, due_s):
                continue
            self.counts["lost sensors"] += 1
            if not self._stands(self._points[name].number, wire.TROUBLE, due_s):
                self.fail("trouble", f"{name}: lost for {TROUBLE_S:g} s, and no TROUBLE", begin_s)

    def _judge_store(self, world: GatewayWorld) -> None:
        """Nothing durable is lost, nothing invented, end to end; what was cut counts apart."""
        lost = any(record.event == _LOST for record in self.durable.values())
        for key, record in self.durable.items():
            stored = self._stored.get(key)
            if stored is None:
                if record.at_s < world.end_us / S - 30 and not lost:
                    self.fail(
                        "durable", f"event {key[1]} of start {key[0]} never came", record.at_s
                    )
            elif (stored.point, stored.conditions) != (record.point, record.conditions) and (
                record.event == _CONDITION
            ):
                self.fail("invented", f"event {key[1]} of start {key[0]} differs in the store")
        strangers = [key for key in self._stored if key not in self.durable]
        self.counts["cut appends"] = len(strangers)
        if len(strangers) > world.resets["power"]:
            self.fail("invented", f"{len(strangers)} events in the store that no flash has taken")
        if world.resets["watchdog"]:
            self.fail(
                "dies", f"{world.resets['watchdog']} resets by the watchdog, and nothing hung"
            )

    def _judge_wear(self, world: GatewayWorld) -> None:
        """Erases stay within 1.1 times what the records need, the first of each sector apart."""
        image = (world.directory / "partition-events.bin").read_bytes()
        found = read_image(image)
        erases = sum(sector.erases or 0 for sector in found.sectors)
        self.counts["erases"] = erases
        allowed = (
            WEAR * 32 * len(self.durable) / 4096 + len(found.sectors) / 8 + world.resets["power"]
        )
        if erases > allowed:
            self.fail("wear", f"{erases} erases for {len(self.durable)} events")


def _sounds(site: Site, gateway: Gateway, point: Point) -> bool:
    """Return whether an ALARM of this point switches the sounder on."""
    rules = (effect.rule for effect in effects_on(site, gateway, point))
    return any(rule.output == "sounder" and rule.when == "alarm" for rule in rules)
