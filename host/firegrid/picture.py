"""What the desk knows of a community: messages in, one state per point and gateway out.

A value that is old, or whose gateway is away, is not live, whatever it was.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

from firegrid import acts, tables, wire, words
from firegrid.site.model import Gateway, Point, Site

__all__ = ["DISABLED", "OFFLINE", "TEST", "Change", "GatewayView", "Open", "Picture", "PointView"]

LATE_S = 60  # what comes later than this after it happened is history
STALE_INTERVALS = 3  # a value older than this many of its sample intervals is not live
CHANGES_KEPT = 200
OFFLINE = 0  # stands where a condition's bit would: the gateway is away
DISABLED = -1  # stands where a condition's bit would: the point is bypassed
TEST = -2  # the same: the point is in a walk test or drill, and nothing stands
# The field's order: alarm, pre-alarm, supervisory, trouble, disabled, test.
RANKS = {bit: rank for rank, bit in enumerate((*wire.CONDITIONS, DISABLED, TEST))}
RANKS[OFFLINE] = RANKS[wire.TROUBLE]


@dataclass(slots=True)
class GatewayView:
    """A gateway as the desk knows it."""

    id: str
    place: str
    status: str = "unheard"  # unheard, online, offline
    since: float = 0.0  # when that began
    seen: float = 0.0  # when it made the newest of what came
    boot: int = 0
    epoch: int | None = None
    head: dict[str, Any] = field(default_factory=dict)
    parts: dict[int, wire.PointStates] = field(default_factory=dict)
    silenced_until: float = 0.0  # by the desk's clock
    first_alarm: int | None = None  # the point whose ALARM came first of those that stand
    state_made: float = 0.0  # when it made its newest state
    _started: float = float("inf")  # the desk's time at this boot's uptime 0

    def starts(self, boot: int) -> None:
        """After a restart, what was learned of the uptime is void."""
        if boot != self.boot:
            self.boot, self._started = boot, float("inf")

    def when(self, made: Any, now: float) -> float:
        """Return when a record was made, by the desk's clock and as well as can be told."""
        said = float(made.time_s or now)
        if made.boot > self.boot:
            self.starts(made.boot)
        if made.boot == self.boot:
            self._started = min(self._started, now - made.up_s)
            if made.time_quality not in ("desk", "ntp"):
                said = self._started + made.up_s
        when = min(now, said)
        self.seen = max(self.seen, when)
        return when


@dataclass(slots=True)
class PointView:
    """A point as the desk knows it; number 0 is a gateway itself."""

    number: int
    id: str
    kind: str
    place: str  # from the room outwards
    unit: str
    gateway: GatewayView
    decimals: int = 3
    interval_s: int = 60
    limits: dict[int, float] = field(default_factory=dict)  # by condition bit
    conditions: int = 0
    code: int = 0
    mode: str = "live"
    bypassed_until: float = 0.0  # by the desk's clock
    apart_since: float = 0.0  # when it was bypassed, or its test or drill began; 0: in service
    acknowledged: int = 0  # bits of the conditions that a person has taken
    value: float | None = None
    measured: float | None = None
    since: float = 0.0  # when the gravest condition came
    newest: tuple[int, ...] = (0, 0)  # boot, up_s, up_ms, n of what is known
    unheard: bool = False  # an ALARM stands that was told late, and has called nobody yet

    @property
    def gravest(self) -> int:
        """The bit of the gravest condition, 0 for none."""
        return next((bit for bit in wire.CONDITIONS if bit & self.conditions), 0)

    def becomes(self, said: wire.Event | wire.PointState, when: float) -> int:
        """Take conditions and value; return the bits that changed."""
        before, changed = self.gravest, self.conditions ^ said.conditions
        self.conditions, self.code, self.mode = said.conditions, said.code, said.mode
        self.acknowledged &= said.conditions & ~changed  # what comes again is new again
        self.value, self.measured = said.value, when
        if self.gravest != before:
            self.since = when
        self._stand_apart(when)
        return changed

    def bypass(self, until: float, when: float) -> None:
        """Take until when it is bypassed, 0 for not at all."""
        self.bypassed_until = until
        self._stand_apart(when)

    def _stand_apart(self, when: float) -> None:
        in_service = self.mode == "live" and not self.bypassed_until
        self.apart_since = 0.0 if in_service else self.apart_since or when

    @property
    def is_taken(self) -> bool:
        """Return whether a person has taken all that stands."""
        return bool(self.conditions) and not self.conditions & ~self.acknowledged

    def text(self, value: float | None) -> str:
        """Return a value as it is written for this kind, with its unit."""
        return "" if value is None else f"{value:.{self.decimals}f} {self.unit}".rstrip()


class Open(NamedTuple):
    """One thing that asks for a person; sorts as it is shown."""

    practice: bool  # a walk test or drill never stands above what is real
    rank: int
    since: float
    later: bool  # whether another alarm of its gateway came first
    point: PointView
    bit: int  # of the gravest condition, or OFFLINE, DISABLED, TEST


@dataclass(frozen=True, slots=True)
class Change:
    """Something that the desk did not know before, as it was when it came."""

    time_s: float
    what: str  # condition, value, act, or the news: online, boot, clock …
    point: PointView
    mode: str
    conditions: int
    changed: int
    value: float | None
    limit: float | None
    code: int
    act: wire.Act | None = None
    late: bool = False  # it came too late to be what holds now

    @property
    def calls(self) -> bool:
        """Return whether it is a new alarm in earnest that must be heard at the desk."""
        came = self.changed & self.conditions & wire.ALARM
        return self.what == "condition" and bool(came) and self.mode == "live" and not self.late

    def row(self, site: Site) -> dict[str, Any]:
        """Return it for a program to read."""
        point = self.point
        return {
            "time_s": round(self.time_s, 3),
            "what": self.what,
            "late": self.late,
            "gateway": point.gateway.id,
            "point": point.number,
            "id": point.id,
            "kind": point.kind,
            "place": point.place,
            "mode": self.mode,
            "conditions": wire.condition_words(self.conditions),
            "changed": wire.condition_words(self.changed),
            "value": self.value,
            "unit": point.unit,
            "limit": self.limit,
            "code": tables.codes().get(self.code, str(self.code)) if self.code else None,
            "act": acts.row(self.act, site) if self.act else None,
        }


class _Made(NamedTuple):
    """The stamp of a state's head, in the form of a record's."""

    boot: int
    up_s: int
    time_s: int | None
    time_quality: str


class Picture:
    """Feed it every message with `apply`; `on_change` hears each change, in the same thread."""

    def __init__(self, site: Site, on_change: Callable[[Change], None] | None = None) -> None:
        self.site = site
        self._now = 0.0  # when the message came that is being taken
        self.on_change = on_change
        self.changes: deque[Change] = deque(maxlen=CHANGES_KEPT)  # all but values
        self.lock = threading.RLock()
        self.gateways: dict[str, GatewayView] = {}
        self.boards: dict[str, PointView] = {}  # the gateways themselves, as points
        self.points: dict[tuple[str, int], PointView] = {}
        self.broker_lost: float | None = None  # since when the desk is cut off
        self.holes = 0  # in the store that nobody explains
        self._takers: dict[type, Callable[[GatewayView, Any, float], None]] = {
            wire.Status: self._status,
            wire.StateHead: self._head,
            wire.PointStates: self._part,
            wire.Events: self._events,
            wire.Samples: self._samples,
        }
        paths = [site.place_names(gateway) for gateway in site.gateways]
        levels = takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
        shared = len(list(levels))  # nobody needs the city's name beside each of its points
        for gateway in site.gateways:
            self._plan(gateway, shared)

    def apply(self, message: wire.Message, now: float) -> None:
        """Take what a gateway says; `now` is the desk's time, Unix seconds."""
        taker = self._takers.get(type(message))
        if taker and message.site == self.site.id:
            with self.lock:
                self._now = now
                taker(self._gateway(message.gateway), message, now)

    def link(self, stands: bool, now: float) -> None:
        """Say whether the desk has its broker: without it nothing here is live."""
        if stands:
            self.broker_lost = None
        elif self.broker_lost is None:
            self.broker_lost = now

    def open(self) -> list[Open]:
        """Return what stands open: the gravest first, of these the oldest."""
        found = [_open(point) for point in (*self.points.values(), *self.boards.values())]
        return sorted((item for item in found if item), key=lambda item: item[:4])

    def is_live(self, point: PointView, now: float) -> bool:
        """Return whether a point's value may be shown as what it is now."""
        return (
            point.value is not None
            and not self.is_stale(point, now)
            and self.broker_lost is None
            and point.gateway.status == "online"
        )

    def is_stale(self, point: PointView, now: float) -> bool:
        """Return whether a point was last heard of too long ago."""
        measured = point.measured
        return measured is None or now - measured > STALE_INTERVALS * point.interval_s

    @property
    def online(self) -> int:
        """How many gateways are online."""
        return sum(gateway.status == "online" for gateway in self.gateways.values())

    @property
    def alarms(self) -> int:
        """How many points are in ALARM."""
        return sum(bool(point.conditions & wire.ALARM) for point in self.points.values())

    @property
    def events_stored(self) -> int:
        """How many events are stored, as the gateways told last."""
        heads = [gateway.head for gateway in self.gateways.values()]
        return sum(head.get("events_stored", 0) for head in heads)

    # what the messages do

    def _status(self, gateway: GatewayView, said: wire.Status, now: float) -> None:
        if said.status == "online":
            gateway.starts(said.boot)
            gateway.seen = now
        if gateway.status != said.status:
            gateway.status, gateway.since = said.status, now
            self._tell(self.boards[gateway.id], said.status, now)

    def _head(self, gateway: GatewayView, said: wire.StateHead, now: float) -> None:
        gateway.head = said.fields
        self._journal(gateway, said.fields["epoch"])
        gateway.starts(said.fields["boot"])
        when = gateway.when(_made(gateway), now)
        gateway.silenced_until = _until(when, said.fields["silenced_s"])
        gateway.state_made = when
        gateway.first_alarm = said.fields["first_alarm"]
        for part in gateway.parts.values():
            self._states(gateway, part, now)

    def _part(self, gateway: GatewayView, said: wire.PointStates, now: float) -> None:
        gateway.parts[said.part] = said
        self._states(gateway, said, now)

    def _states(self, gateway: GatewayView, said: wire.PointStates, now: float) -> None:
        """Without its head nobody knows how old a part is: it waits."""
        if gateway.head.get("version") != said.version:
            return
        made = _made(gateway)
        when = gateway.when(made, now)
        for state in said.points:
            point = self._point(gateway, state.point, state.kind, state.unit)
            if (made.boot, made.up_s) < point.newest[:2]:
                continue
            point.newest = (made.boot, made.up_s)
            moved = state.value != point.value
            changed = point.becomes(state, when)
            if point.unheard and state.conditions & wire.ALARM:
                changed |= wire.ALARM  # it was told late, and stands still
            point.acknowledged = state.acknowledged
            point.bypass(_until(when, state.bypassed_s), when)
            if changed:
                self._tell(point, "condition", when, changed=changed)
            elif moved and point.number:
                self._tell(point, "value", when)

    def _events(self, gateway: GatewayView, said: wire.Events, now: float) -> None:
        for event in said.records:
            self._journal(gateway, event.epoch)
            when = gateway.when(event, now)
            point = self._point(gateway, event.point, "unknown", event.unit)
            if event.act:
                self._act(gateway, point, event.act, when)
                self._tell(point, "act", when, act=event.act)
                continue
            if event.event != "condition":
                self._tell(point, event.event, when)
                continue
            made = (event.boot, event.up_s, event.up_ms, event.n)
            if made >= point.newest:  # else from a backlog: news, but not what holds now
                point.newest = made
                point.becomes(event, when)
            self._tell(point, "condition", when, **{key: getattr(event, key) for key in _TOLD})

    def _act(self, gateway: GatewayView, point: PointView, act: wire.Act, when: float) -> None:
        """Take what an act has changed at once; the next state says it all."""
        ends = when + 60 * act.minutes if act.result == "done" else 0.0
        if act.result not in ("done", "ended") or when < gateway.state_made:
            return  # nothing was done, or it is old news
        if act.verb == "silence":
            gateway.silenced_until = ends
        elif act.verb == "bypass":
            point.bypass(ends, when)
        elif act.verb == "acknowledge":
            for one in [point] if point.number else self._all_of(gateway):
                one.acknowledged = one.conditions

    def _samples(self, gateway: GatewayView, said: wire.Samples, now: float) -> None:
        for sample in said.records:
            self._journal(gateway, sample.epoch)
            when = gateway.when(sample, now)
            point = self._point(gateway, sample.point, "unknown", sample.unit)
            point.interval_s = sample.interval_s
            if (sample.boot, sample.up_s, sample.up_ms) >= point.newest[:3]:
                point.value, point.measured = sample.last, when
            self._tell(point, "value", when, value=sample.last)

    # who is who

    def _plan(self, gateway: Gateway, shared: int) -> None:
        names = self.site.place_names(gateway)
        around = ", ".join(reversed(names[shared:] or names[-1:]))
        view = self._add(GatewayView(gateway.id, f"{gateway.place}, {around}"))
        for point in self.site.points_of(gateway.id):
            self.points[gateway.id, point.number] = _planned(
                point, f"{point.place}, {around}", view, gateway.sample_s
            )

    def _add(self, view: GatewayView) -> GatewayView:
        self.gateways[view.id] = view
        self.boards[view.id] = PointView(0, view.id, "gateway", view.place, "", view)
        return view

    def _gateway(self, name: str) -> GatewayView:
        """Return it; one that is not in the plan is shown all the same: it may have an alarm."""
        return self.gateways.get(name) or self._add(
            GatewayView(name, words.tell("view.unplanned"))
        )

    def _point(self, gateway: GatewayView, number: int, kind: str, unit: str) -> PointView:
        if number == 0:
            return self.boards[gateway.id]
        place = words.tell("view.unplanned")
        unplanned = PointView(number, str(number), kind, place, unit, gateway)
        return self.points.setdefault((gateway.id, number), unplanned)

    def _journal(self, gateway: GatewayView, epoch: int) -> None:
        """A new journal may count boots anew: what it says is newer than all before it."""
        if epoch != gateway.epoch:
            gateway.epoch = epoch
            gateway.starts(0)
            for point in self._all_of(gateway):
                point.newest = (0, 0)

    def _all_of(self, gateway: GatewayView) -> Iterator[PointView]:
        everything = (*self.points.values(), self.boards[gateway.id])
        return (point for point in everything if point.gateway is gateway)

    def _tell(self, point: PointView, what: str, when: float, **told: Any) -> None:
        state: dict[str, Any] = {
            "mode": point.mode,
            "conditions": point.conditions,
            "changed": 0,
            "value": point.value,
            "limit": point.limits.get(point.gravest),
            "code": point.code,
        }
        late = self._now - when > LATE_S
        change = Change(when, what, point, **state | told, late=late)
        if what == "condition":
            point.unheard = late and bool(point.conditions & wire.ALARM)
        if what != "value":
            self.changes.append(change)
        if self.on_change:
            self.on_change(change)


_TOLD = ("mode", "conditions", "changed", "value", "limit", "code")  # by an event about itself


def _made(gateway: GatewayView) -> _Made:
    return _Made(*[gateway.head[key] for key in _Made._fields])


def _planned(point: Point, place: str, gateway: GatewayView, sample_s: int) -> PointView:
    view = PointView(point.number, point.id, point.kind, place, point.unit, gateway)
    view.decimals, view.interval_s = point.table.decimals, sample_s
    view.limits = {level.bit: level.limit for level in point.levels.values()}
    return view


def _until(when: float, left_s: int) -> float:
    return when + left_s if left_s else 0.0


def _open(point: PointView) -> Open | None:
    gateway = point.gateway
    if not point.number and gateway.status == "offline":
        return Open(False, RANKS[OFFLINE], gateway.since, False, point, OFFLINE)
    practice = point.mode != "live"
    bit = point.gravest or (point.bypassed_until and DISABLED) or (practice and TEST)
    if not bit:
        return None
    later = point.number != gateway.first_alarm
    since = point.since if point.conditions else point.apart_since
    return Open(practice, RANKS[int(bit)], since, later, point, int(bit))
