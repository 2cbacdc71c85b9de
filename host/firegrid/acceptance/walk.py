"""A walk test: what gateways say while somebody stands before their points.

It sends nothing: `hear` and `mark` take in what happens, `orders` says which commands are due. All
times are Unix seconds of this computer. The moment of a gateway's event is worked out from its
uptime: nothing is heard before it happened, no command is carried out before it was sent. Between
the two lies how exactly it is known, and that stands beside every time.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from firegrid import tables, wire, words
from firegrid.acceptance.results import Results, newest, utc
from firegrid.errors import FiregridError
from firegrid.orders import Order
from firegrid.site.model import Point, Site
from firegrid.store import Runs

__all__ = ["TESTS", "Walk", "wanted"]

ASK_AGAIN_S = 10.0
GREETING_S = 3.0  # how long what the broker retains of a gateway may take to come
MARK_S = 300.0  # a mark that is older belongs to another try
TESTS = ("power", "network")  # of every gateway, besides its points
# A fault that somebody makes at the wires, to check what cannot be stimulated.
ELECTRICAL = ("open", "short", "below_range", "above_range", "no_answer", "between", "bus_timeout")


def wanted(point: Point) -> int:
    """Return what a stimulus must bring: ALARM where the point has one, 0 where nothing can."""
    bits = {level.bit for level in point.levels.values()}
    return wire.ALARM if wire.ALARM in bits else sum(bits)


@dataclass
class _Clock:
    """Brings the uptime of one start of a gateway onto our time."""

    boot: int = -1
    low_s: float = -math.inf  # our time at its uptime 0: not before, not after
    high_s: float = math.inf

    def hear(self, event: wire.Event, now_s: float, sent_s: float | None) -> None:
        """An event has come; `sent_s` is when we sent the command that it answers."""
        if event.boot < self.boot:
            return
        if event.boot > self.boot:
            self.boot, self.low_s, self.high_s = event.boot, -math.inf, math.inf
        up_s = event.up_s + event.up_ms / 1000
        self.high_s = min(self.high_s, now_s - up_s)
        if sent_s is not None:
            self.low_s, self.high_s = sent_s - up_s, now_s - up_s  # anew: clocks drift
        self.low_s = min(self.low_s, self.high_s)

    def moment(self, event: wire.Event) -> tuple[float, float] | None:
        """Return when an event happened and how far off that may be, None where nobody knows."""
        if event.boot != self.boot or math.isinf(self.low_s):
            return None
        middle_s = (self.low_s + self.high_s) / 2
        return middle_s + event.up_s + event.up_ms / 1000, (self.high_s - self.low_s) / 2


@dataclass
class _Task:
    """One point to be tried."""

    point: Point
    wanted: int
    testing: bool = False  # the gateway has it in a walk test
    electrical: bool = False  # nothing can stimulate it: its wires are checked
    marked_s: float | None = None  # when somebody stimulated it
    photo: str | None = None
    broken: wire.Event | None = None  # an electrical fault that stands
    came: wire.Event | None = None  # what counts
    moment: tuple[float, float] | None = None
    passed: bool = False


@dataclass
class _Cut:
    """A gateway was without power or network, and is back."""

    what: str
    back_s: float
    since_s: float | None  # since when it was known to be away
    boot: int
    before: int  # the last record of before
    next: int | None = None  # the next record, when it was back: what lies between is the backlog
    cause: str = ""
    new_journal: bool = False  # what it held before is gone


@dataclass
class _Gateway:
    """What is known of one gateway."""

    id: str
    whole: bool  # all its points are to be tried: one command is enough
    todo: set[str] = field(default_factory=set)  # its tests that have not passed
    online: bool = False
    boot: int = -1
    away_s: float | None = None
    met_s: float | None = None  # when it was first heard to be online
    parts: set[int] = field(default_factory=set)  # of its state, that have come
    parts_all: int = 0
    left_over: set[int] = field(default_factory=set)  # points in test since an earlier walk
    asked_s: float = -math.inf
    sent: dict[int, float] = field(default_factory=dict)  # commands without an answer
    clock: _Clock = field(default_factory=_Clock)
    rssi_dbm: int | None = None
    epoch: int | None = None
    heard: Runs = field(default_factory=Runs)
    last: int = 0  # the highest number known
    stored: int = 0
    cut: _Cut | None = None


class Walk:
    """The points of an area and the gateways that they hang on; what has passed before is done."""

    def __init__(
        self,
        site: Site,
        points: Iterable[Point],
        by: str,
        minutes: int,
        results: Results,
        say: Callable[[str], None],
    ) -> None:
        self._site = site
        self._by = by
        self._minutes = minutes
        self._results = results
        self._say = say
        self.tasks = {(p.gateway, p.number): _Task(p, wanted(p)) for p in points}
        names = dict.fromkeys(gateway for gateway, _ in self.tasks)
        self.gateways = {name: self._meet(name) for name in names}
        self._resume()

    def _meet(self, name: str) -> _Gateway:
        whole = all((name, p.number) in self.tasks for p in self._site.points_of(name))
        return _Gateway(name, whole, set(TESTS))

    def _resume(self) -> None:
        found = newest(self._results.rows())
        for task in self.tasks.values():
            task.electrical = not task.wanted
            row = found.get(("point", task.point.gateway, task.point.id))
            task.passed = bool(row and row["passed"])
        for gateway in self.gateways.values():
            for what in TESTS:
                if found.get((what, gateway.id, ""), {}).get("passed"):
                    gateway.todo.discard(what)

    @property
    def open_points(self) -> list[str]:
        """The points that have not passed."""
        return [task.point.id for task in self.tasks.values() if not task.passed]

    @property
    def open_tests(self) -> list[tuple[str, str]]:
        """The tests that have not passed, with their gateways."""
        return [(g.id, what) for g in self.gateways.values() for what in TESTS if what in g.todo]

    def tell_todo(self) -> None:
        """Say what there is to do."""
        tests = [f"{words.word('walk_tests', what)} {name}" for name, what in self.open_tests]
        left = words.listed([*self.open_points, *tests]) or words.tell("walktest.nothing")
        self._say(words.tell("walktest.todo", left=left))

    def tell_silent(self) -> None:
        """Say which gateways are not there."""
        for gateway in self.gateways.values():
            if not gateway.online:
                self._say(words.tell("walktest.silent", gateway=gateway.id))

    # ---- what somebody does ----

    def mark(self, name: str, now_s: float) -> None:
        """Somebody stimulates a point now."""
        self._task(name).marked_s = now_s

    def check_wires(self, name: str, now_s: float) -> None:
        """Nothing can stimulate a point: somebody breaks its line now, and mends it."""
        task = self._task(name)
        task.electrical, task.marked_s = True, now_s

    def show(self, name: str, photo: str, now_s: float) -> None:
        """A photo shows a point."""
        task = self._task(name)
        task.photo = photo
        if task.passed:
            self._keep("photo", now_s, task.point.gateway, id=task.point.id, photo=photo)

    def _task(self, name: str) -> _Task:
        point = self._site.point(name)
        task = self.tasks.get((point.gateway, point.number))
        if task is None:
            raise FiregridError(f"{point.id} is not in this walk")
        return task

    # ---- what is to be sent ----

    def orders(self, now_s: float) -> Iterator[Order]:
        """Yield the commands that put into test what still has to be tried, one a gateway.

        What a walk that was broken off has left in test ends first: a condition that stands there
        since then cannot come.
        """
        for gateway in self.gateways.values():
            waiting = [t for t in self._of(gateway.id) if not t.passed and not t.testing]
            if not waiting or not self._may_ask(gateway, now_s):
                continue
            gateway.asked_s = now_s
            old = [t for t in waiting if t.point.number in gateway.left_over]
            point = "" if gateway.whole else (old or waiting)[0].point.id
            yield Order(gateway.id, "walk_test", self._by, point, 0 if old else self._minutes)

    def _may_ask(self, gateway: _Gateway, now_s: float) -> bool:
        if not gateway.online or gateway.met_s is None:
            return False
        met = len(gateway.parts) >= gateway.parts_all > 0 or now_s > gateway.met_s + GREETING_S
        return met and now_s >= gateway.asked_s + ASK_AGAIN_S

    def last_orders(self) -> Iterator[Order]:
        """Yield the commands that end every test."""
        for gateway in self.gateways.values():
            testing = [task for task in self._of(gateway.id) if task.testing]
            names = [task.point.id for task in testing]
            for point in [""] if gateway.whole and names else names:
                yield Order(gateway.id, "walk_test", self._by, point, 0)

    def sent(self, command: wire.Command, now_s: float) -> None:
        """A command went out."""
        self.gateways[command.gateway].sent[command.id] = now_s

    def _of(self, gateway: str) -> list[_Task]:
        return [task for (name, _), task in self.tasks.items() if name == gateway]

    # ---- what the gateways and the desk say ----

    def hear(self, message: wire.Message, now_s: float) -> None:
        """Take in a message of the broker."""
        gateway = self.gateways.get(message.gateway)
        if gateway is None:
            return
        if isinstance(message, wire.Status):
            self._status(gateway, message, now_s)
        elif isinstance(message, wire.StateHead):
            self._head(gateway, message.fields)
        elif isinstance(message, wire.PointStates):
            self._states(gateway, message)
        elif isinstance(message, wire.Events):
            for event in message.records:
                self._event(gateway, event, now_s)
        elif isinstance(message, wire.Stored) and message.epoch == gateway.epoch:
            gateway.stored = max(gateway.stored, message.events)
        self._settle(gateway, now_s)

    def _status(self, gateway: _Gateway, said: wire.Status, now_s: float) -> None:
        if said.status == "offline":
            gateway.online = False
            if gateway.away_s is None:
                gateway.away_s = now_s
            return
        rebooted = gateway.boot not in (-1, said.boot)
        if rebooted or (gateway.away_s is not None and gateway.boot == said.boot):
            what = "power" if rebooted else "network"
            gateway.cut = _Cut(what, now_s, gateway.away_s, said.boot, gateway.last)
        if rebooted:
            self._ended(gateway, 0)  # a walk test does not outlive a start
            gateway.left_over.clear()
        gateway.online, gateway.boot, gateway.away_s = True, said.boot, None
        if gateway.met_s is None:
            gateway.met_s = now_s
        gateway.asked_s = -math.inf

    def _states(self, gateway: _Gateway, said: wire.PointStates) -> None:
        gateway.parts.add(said.part)
        for state in said.points:
            task = self.tasks.get((gateway.id, state.point))
            if task and state.mode == "test" and not task.testing:
                gateway.left_over.add(state.point)

    def _head(self, gateway: _Gateway, head: dict[str, Any]) -> None:
        gateway.rssi_dbm = head.get("rssi_dbm")
        gateway.parts_all = head["parts"] - 1
        anew = gateway.epoch not in (None, head["epoch"])
        if anew:
            gateway.heard, gateway.last, gateway.stored = Runs(), 0, 0
        gateway.epoch = head["epoch"]
        gateway.last = max(gateway.last, head["events_next"] - 1)
        cut = gateway.cut
        if cut and cut.next is None and head["boot"] == cut.boot:
            cut.cause, cut.next = head["reset_cause"], head["events_next"]
            if anew:
                cut.new_journal, cut.before = True, 0

    def _event(self, gateway: _Gateway, event: wire.Event, now_s: float) -> None:
        if gateway.epoch is None:
            gateway.epoch = event.epoch
        if event.epoch == gateway.epoch:
            gateway.heard.add(event.n, event.n)
            gateway.last = max(gateway.last, event.n)
        act = event.act
        gateway.clock.hear(event, now_s, gateway.sent.pop(act.id, None) if act else None)
        if act and act.verb == "walk_test":
            self._act(gateway, event, act, now_s)
        task = self.tasks.get((gateway.id, event.point))
        if task and event.event == "condition" and event.mode == "test":
            self._condition(gateway, task, event)

    def _act(self, gateway: _Gateway, event: wire.Event, act: wire.Act, now_s: float) -> None:
        gateway.left_over -= {event.point} if event.point else set(gateway.left_over)
        if act.result == "done":
            for task in self._of(gateway.id):
                task.testing |= event.point in (0, task.point.number)
            gateway.asked_s = -math.inf
            self._say(words.tell("walktest.in_test", **self._named(gateway, event.point)))
        elif act.result == "ended":
            gateway.asked_s = -math.inf
            self._ended(gateway, event.point)
        else:
            gateway.asked_s = now_s
            self._refused(gateway, event, act)

    def _refused(self, gateway: _Gateway, event: wire.Event, act: wire.Act) -> None:
        """Say why; where a point stands in the way, the others are asked for one by one."""
        if act.result == "expired":
            self._say(words.tell("walktest.expired", gateway=gateway.id))
        elif event.time_s is None:
            self._say(words.tell("walktest.no_clock", gateway=gateway.id))
        else:
            gateway.whole = False
            self._say(words.tell("walktest.refused", **self._named(gateway, event.point)))

    def _named(self, gateway: _Gateway, number: int) -> dict[str, str]:
        point = self._site.point_by_number.get(number)
        return {"gateway": gateway.id, "point": point.id if point else words.tell("walktest.all")}

    def _ended(self, gateway: _Gateway, point: int) -> None:
        for task in self._of(gateway.id):
            task.testing &= point not in (0, task.point.number)

    def _condition(self, gateway: _Gateway, task: _Task, event: wire.Event) -> None:
        """A stimulus counts when its condition comes; a check of the wires when the fault goes."""
        if task.came or task.passed:
            return
        now, changed = event.conditions, event.changed
        if now & changed & task.wanted:
            task.came, task.electrical = event, False
        elif task.electrical and changed & wire.TROUBLE:
            if now & wire.TROUBLE and tables.codes().get(event.code) in ELECTRICAL:
                task.broken = event
            elif not now & wire.TROUBLE:
                task.came, task.broken = task.broken, None
        if task.came:
            task.moment = gateway.clock.moment(task.came)
            self._say(words.tell("walktest.seen", point=task.point.id))

    # ---- what came of it ----

    def _settle(self, gateway: _Gateway, now_s: float) -> None:
        for task in self._of(gateway.id):
            if task.came and not task.passed and task.came.n <= gateway.stored:
                self._pass(gateway, task, task.came, now_s)
        cut = gateway.cut
        if cut and cut.next is not None:
            last = cut.next - 1
            if gateway.stored >= last and not list(gateway.heard.gaps(cut.before + 1, last)):
                self._judge(gateway, cut, now_s)

    def _pass(self, gateway: _Gateway, task: _Task, event: wire.Event, now_s: float) -> None:
        task.passed = True
        point = task.point
        row: dict[str, Any] = {
            "id": point.id,
            "point": point.number,
            "kind": point.kind,
            "passed": True,
            "method": "electrical" if task.electrical else "stimulus",
            "conditions": wire.condition_words(event.conditions),
            "code": tables.codes().get(event.code),
            "value": event.value,
            "unit": event.unit,
            **self._times(gateway, task, now_s),
            "rssi_dbm": gateway.rssi_dbm,
            "photo": task.photo,
            "epoch": event.epoch,
            "boot": event.boot,
            "n": event.n,
        }
        self._keep("point", now_s, gateway.id, **row)
        self._say(words.tell("walktest.passed", point=point.id, **_shown(row)))

    def _times(self, gateway: _Gateway, task: _Task, now_s: float) -> dict[str, int | None]:
        """Return what can be measured; a stimulus that nobody marked has no beginning."""
        none: dict[str, int | None] = {"sounder_ms": None, "desk_ms": None, "within_ms": None}
        if task.moment is None:
            return none
        happened_s, within_s = task.moment
        outputs = self._site.gateway(gateway.id).outputs
        marked_s = task.marked_s
        heard = any(output.name == "sounder" for output in outputs) and not task.electrical
        if heard and marked_s is not None and 0 <= happened_s - marked_s <= MARK_S:
            none["sounder_ms"] = round(1000 * (happened_s - marked_s))
        return none | {
            "desk_ms": max(0, round(1000 * (now_s - happened_s))),
            "within_ms": math.ceil(1000 * within_s),
        }

    def _judge(self, gateway: _Gateway, cut: _Cut, now_s: float) -> None:
        """All that was raised during a cut has come and is stored."""
        gateway.cut = None
        assert cut.next is not None
        backlog = cut.next - 1 - cut.before
        why = ""
        if cut.new_journal:
            why = "new_journal"
        elif cut.what == "network" and not backlog:
            why = "too_short"
        elif cut.what == "power" and cut.cause != "power_on":
            why = "no_power_cut"
        self._finding(gateway, cut, now_s, why, backlog, [])

    def close(self, now_s: float) -> None:
        """The walk ends: a cut whose backlog has not all come has failed, and names what lacks."""
        for gateway in self.gateways.values():
            if cut := gateway.cut:
                last = gateway.last if cut.next is None else cut.next - 1
                missing = list(gateway.heard.gaps(cut.before + 1, last))
                self._finding(gateway, cut, now_s, "gap", last - cut.before, missing)

    def _finding(
        self,
        gateway: _Gateway,
        cut: _Cut,
        now_s: float,
        why: str,
        backlog: int,
        missing: list[tuple[int, int]],
    ) -> None:
        if not why:
            gateway.todo.discard(cut.what)
        elif cut.what not in gateway.todo:
            return  # a later cut that nobody asked for takes nothing back
        row = {
            "passed": not why,
            "why": why or None,
            "cause": cut.cause or None,
            "away_ms": None if cut.since_s is None else round(1000 * (cut.back_s - cut.since_s)),
            "backlog": backlog,
            "backlog_ms": round(1000 * (now_s - cut.back_s)),
            "missing": [list(run) for run in missing],
        }
        self._keep(cut.what, now_s, gateway.id, **row)
        told = {"test": words.word("walk_tests", cut.what), "gateway": gateway.id}
        if why:
            why = words.word("walk_faults", why)
            self._say(words.tell("walktest.test_failed", why=why, **told))
        else:
            self._say(words.tell("walktest.test_passed", backlog=backlog, **told))

    def _keep(self, what: str, now_s: float, gateway: str, **row: Any) -> None:
        head = {"at": utc(now_s), "what": what, "gateway": gateway, "by": self._by}
        self._results.add(head | row)


def _shown(row: dict[str, Any]) -> dict[str, str]:
    """Return the figures of a point as a line has them."""
    figures = {key: row[key] for key in ("sounder_ms", "desk_ms", "within_ms")}
    told = {key: "–" if value is None else str(value) for key, value in figures.items()}
    return told | {"method": words.word("walk_methods", row["method"])}
