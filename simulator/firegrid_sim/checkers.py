"""What must hold in a simulated world, told from the outside of the firmware.

`Checkers` hears all that happens and notes what is wrong at once; `judges.py` judges what can be
judged at the end only. Pins, records at the flash, the desk's store, and what was true at the
points count: never what the firmware says of itself. Each checker has a name; what it finds is a
Violation.
"""

import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from firegrid import wire
from firegrid.site.model import Gateway, Point, Site
from firegrid.site.rules import effects_on

from firegrid_sim.board import NO_VALUE, Edge, Raised
from firegrid_sim.world import GatewayWorld, S

__all__ = ["Checkers", "Record", "Span", "Violation"]

LAMP_S = 3.0  # as long as a lamp must stand to be called steady
LAMP_LIES_S = 65.0  # a silent link is noticed within a minute
HANG_S = 25.0  # the watchdog's 15 s, and what a start takes
SHAKEN_S = 60.0  # after a full heap: tasks start anew, or the board does
RAISES_MAX = 3  # so often a task is started again; then the watchdog takes the board

_RECORD = struct.Struct("<IHHIHIBBii")
_SAMPLE = struct.Struct("<IHHIHHBBihhh")
_EVENT = {name: number for number, name in enumerate(wire.EVENTS, 1)}
CONDITION, ACT, LOST = _EVENT["condition"], _EVENT["act"], _EVENT["lost"]
_CODES = 256
_NETWORK = (
    "link-down",
    "half-open",
    "slow-link",
    "broker-restart",
    "redelivered",
    "desk-dies",
    "heap-full",
    "task-raises",
)


class Violation(NamedTuple):
    """What did not hold: when, by which checker, and what was seen."""

    at_s: float
    checker: str
    what: str


class Record(NamedTuple):
    """An event as the flash took it; an act has its verb and result as the bits."""

    at_s: float
    n: int
    boot: int
    point: int
    event: int
    bits: int
    code: int  # why there is no reading, 0 where there is one
    value: int

    @property
    def conditions(self) -> int:
        """The conditions that stand from then on."""
        return self.bits & 15


class Measured(NamedTuple):
    """A sample: minimum, mean, maximum and last in thousandths."""

    at_s: float
    point: int
    interval_s: int
    levels: tuple[int, ...]


class Span(NamedTuple):
    """From when to when something was the case."""

    begin_s: float
    end_s: float
    about: str = ""


class Checkers:
    """`hear` is handed to a GatewayWorld."""

    NAMES = (
        "sounds",
        "no-cause",
        "latch",
        "silence",
        "trouble",
        "recovers",
        "durable",
        "arrives",
        "invented",
        "order",
        "lamp",
        "dies",
        "heap",
        "wear",
    )

    def __init__(self, site: Site, gateway: Gateway, hasty: bool = False) -> None:
        """`hasty`: the first violation that is seen at once ends the world."""
        self._hasty = hasty
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.log: list[dict[str, Any]] = []
        self.durable: dict[tuple[int, int], Record] = {}
        self.stored: dict[tuple[int, int], wire.Event] = {}
        self.stored_s: dict[tuple[int, int], float] = {}
        self.samples: dict[tuple[int, int], Measured] = {}  # in the flash, not yet in the store
        self.samples_early: dict[tuple[int, int], Measured] = {}  # the other way about
        self.points: dict[str, Point] = {p.id: p for p in site.points_of(gateway.id)}
        self.ids = {p.number: p.id for p in self.points.values()}
        pins = {output.name: output for output in gateway.outputs}
        self._sounder, self._lamp = pins.get("sounder"), pins.get("link_lamp")
        self.sounding = {p.id for p in self.points.values() if _sounds(site, gateway, p)}
        self.sounds: list[tuple[float, bool]] = []
        self.power: list[tuple[float, bool]] = []
        self.lost: list[Span] = []  # sensors that say nothing
        self.odd: list[Span] = []  # sensors that say what is not so
        self.blips: list[Span] = []  # lost for less than a gateway may tell
        self.broken: list[Span] = []  # between gateway and desk
        self.shaken: list[Span] = []  # the interpreter itself
        self.rotten: set[tuple[int, int]] = set()  # records that were hit
        self.verbs: list[tuple[float, str]] = []
        self._lamp_since: tuple[float, bool] = (0.0, False)
        self._open: dict[tuple[str, str], float] = {}
        self._bad_link_s: float | None = None
        self._lamp_told = False
        self._hangs_s: float | None = None
        self._raises = 0  # since the last start
        self._last = (0, 0)  # boot and number of the newest record
        self._answers: dict[tuple[int, int], tuple[int, int]] = {}  # commands: by what event
        self._samples_of: dict[int, range] = {}  # numbers that a start has given out
        self.world: GatewayWorld | None = None

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
        if self._hasty and self.world:
            self.world.stop()

    def row(self, what: str, at_s: float | None = None, **about: Any) -> None:
        """Write a line of the log."""
        at_ms = round((self.now_s if at_s is None else at_s) * 1000)
        gateway = self.world.gateway.id if self.world else ""
        self.log.append({"t_ms": at_ms, "gateway": gateway, "what": what} | about)

    def end(self) -> None:
        """What is open now stays so."""
        for (point, how), since_s in self._open.items():
            self._spans(how).append(Span(since_s, self.now_s, point))

    # ---- power and interpreter ----

    def _power_heard(self, on: bool) -> None:
        self.power.append((self.now_s, on))
        self.row("power", on=on)
        self._hangs_s = None
        if on:
            self._raises = 0
        else:
            self.sounds.append((self.now_s, False))
            self._lamp_since = (self.now_s, False)

    def _reset_heard(self, by_watchdog: bool, said: str) -> None:
        """The firmware ended, and nobody had cut its power."""
        if self._hangs_s is not None and by_watchdog:
            self.shaken.append(Span(self._hangs_s, self.now_s))
        elif by_watchdog and self._raises > RAISES_MAX:
            self.counts["given up"] += 1
        elif any(span.begin_s <= self.now_s <= span.end_s for span in self.shaken):
            self.counts["started anew"] += 1
        elif by_watchdog:
            self.fail("dies", "a reset by the watchdog, and nothing hung")
        else:
            self.fail("dies", f"the firmware ended by itself: {said}")
        self._hangs_s = None

    def _trap_heard(self, trap: str) -> None:
        """What a fault has laid has been stepped on."""
        self.row("fault", name=f"it {trap}s")
        if trap == "hang":
            self._hangs_s = self.now_s
        else:
            self._raises += 1

    def _fault_heard(self, name: str, lasts_s: float) -> None:
        self.counts[f"fault {name}"] += 1
        self.row("fault", name=name, lasts_s=lasts_s)
        if name in _NETWORK:
            self.broken.append(Span(self.now_s, self.now_s + lasts_s))
        if name == "heap-full":
            self.shaken.append(Span(self.now_s, self.now_s + lasts_s + SHAKEN_S))
            self._raises += RAISES_MAX  # each task may have used up its starts

    # ---- sensors ----

    def _truth_heard(self, point: str, cause: str, on: bool) -> None:
        self.row("truth", point=point, cause=cause, on=on)

    def _sensor_heard(self, point: str, fault: str | None) -> None:
        if fault:
            self._open[point, "lost" if fault in ("open", "short") else "odd"] = self.now_s
        else:
            self._close(point)

    def _drift_heard(self, point: str, on: bool) -> None:
        if on:
            self._open[point, "drift"] = self.now_s
        else:
            self._close(point, ("drift",))

    def _blip_heard(self, point: str, lasts_s: float) -> None:
        self.blips.append(Span(self.now_s, self.now_s + lasts_s, point))

    def _bus_heard(self, stuck: bool) -> None:
        for point in self.points.values():
            if not point.input.startswith("ads1115"):
                continue
            if stuck:
                self._open[point.id, "bus"] = self.now_s
            else:
                self._close(point.id, ("bus",))

    def _close(self, point: str, hows: tuple[str, ...] = ("lost", "odd")) -> None:
        for how in hows:
            since_s = self._open.pop((point, how), None)
            if since_s is not None:
                self._spans(how).append(Span(since_s, self.now_s, point))

    def _spans(self, how: str) -> list[Span]:
        return self.odd if how in ("odd", "drift") else self.lost

    # ---- outputs ----

    def _edge_heard(self, at_us: int, edge: Edge) -> None:
        at_s = at_us / S
        if self._sounder and edge.pin == self._sounder.pin:
            on = edge.value == self._sounder.active
            self.sounds.append((at_s, on))
            self.row("sounder", at_s, on=on)
        if self._lamp and edge.pin == self._lamp.pin:
            self._lamp_since = (at_s, edge.value == self._lamp.active)

    def _look_heard(self) -> None:
        """The link lamp never says that all is well while nothing passes; what hangs is reset."""
        world = self.world
        assert world
        if self._hangs_s is not None and self.now_s - self._hangs_s > HANG_S:
            self.fail("dies", f"it hangs since {self._hangs_s:.1f} s, and no watchdog resets it")
            self._hangs_s = None
        if world.can_pass:
            self._bad_link_s = None
        elif self._bad_link_s is None:
            self._bad_link_s = self.now_s
        since_s, on = self._lamp_since
        if (
            on
            and self._bad_link_s is not None
            and self._hangs_s is None
            and self.now_s - since_s > LAMP_S
            and self.now_s - self._bad_link_s > LAMP_LIES_S
            and not self._lamp_told
        ):
            self._lamp_told = True
            bad_s = self.now_s - self._bad_link_s
            self.fail(
                "lamp", f"steady for {self.now_s - since_s:.0f} s, no link for {bad_s:.0f} s"
            )

    # ---- flash, wire, desk ----

    def _durable_heard(self, at_us: int, raised: Raised) -> None:
        n, boot, point, _, _, _, event, bits, value, _ = _RECORD.unpack_from(raised.record)
        code = value - NO_VALUE if value < NO_VALUE + _CODES else 0
        record = Record(at_us / S, n, boot, point, event, bits, code, value)
        if (boot, n) in self.durable:
            self.fail("order", f"number {n} of start {boot} was given out twice")
        elif boot == self._last[0] and n != self._last[1] + 1:
            self.fail("order", f"number {n} of start {boot} came after {self._last[1]}")
        self._last = (boot, n)
        self.durable[boot, n] = record
        if event == CONDITION and point in self.ids:
            self.row("condition", record.at_s, point=self.ids[point], bits=record.conditions)

    def _sampled_heard(self, at_us: int, raised: Raised) -> None:
        fields = _SAMPLE.unpack_from(raised.record)
        n, boot, point, _, _, interval_s, shift, _, last, low, mean, high = fields
        run = self._samples_of.setdefault(boot, range(n, n))
        if n != run.stop:
            self.fail("order", f"sample {n} of start {boot} came after {run.stop - 1}")
        self._samples_of[boot] = range(run.start, n + 1)
        levels = tuple(last + (steps << shift) for steps in (low, mean, high, 0))
        measured = Measured(at_us / S, point, interval_s, levels)
        early = self.samples_early.pop((boot, n), None)
        if early:
            self._same_sample(n, boot, measured, early)
        else:
            self.samples[boot, n] = measured

    def _sample_heard(self, sample: wire.Sample) -> None:
        n, boot = sample.n, sample.boot
        levels = (sample.min, sample.mean, sample.max, sample.last)
        thousandths = tuple(round(level * 1000) for level in levels)
        measured = Measured(self.now_s, sample.point, sample.interval_s, thousandths)
        taken = self.samples.pop((boot, n), None)
        if taken:
            self._same_sample(n, boot, taken, measured)
        elif n not in self._samples_of.get(boot, ()):  # else it came twice
            self.samples_early[boot, n] = measured

    def _same_sample(self, n: int, boot: int, taken: Measured, stored: Measured) -> None:
        if taken[1:] != stored[1:]:
            self.fail("invented", f"sample {n} of start {boot} differs in the store")

    def _rot_heard(self, keys: list[tuple[int, int]]) -> None:
        self.rotten.update(keys)

    def _stored_heard(self, n: int, boot: int, event: wire.Event) -> None:
        known = self.stored.setdefault((boot, n), event)
        self.stored_s.setdefault((boot, n), self.now_s)
        if (known.point, known.event, known.conditions) != (
            event.point,
            event.event,
            event.conditions,
        ):
            self.fail("invented", f"event {n} of start {boot} came twice and differs")

        act = event.act
        if act and act.how == "console":
            self.fail("invented", f"{act.verb} at the console, where nobody was")
        if act and act.id and act.result in ("done", "refused"):
            first = self._answers.setdefault((act.id, event.point), (boot, n))
            if first != (boot, n):
                self.fail("invented", f"command {act.id} ({act.verb}) was carried out twice")

    def _failure_heard(self, why: str) -> None:
        self.fail("order", why)

    def _link_heard(self, up: bool) -> None:
        self.row("link", up=up)

    def _verb_heard(self, verb: str) -> None:
        self.row("verb", verb=verb)
        self.verbs.append((self.now_s, verb))


def _sounds(site: Site, gateway: Gateway, point: Point) -> bool:
    """Return whether an ALARM of this point switches the sounder on."""
    rules = (effect.rule for effect in effects_on(site, gateway, point))
    return any(rule.output == "sounder" and rule.when == "alarm" for rule in rules)
