"""One gateway in one size of heap, through a scenario in fast motion, and whether it survived."""

import struct
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from firegrid import wire
from firegrid.ingest import Ingest
from firegrid.mqtt import Address
from firegrid.resources import hal_dir
from firegrid.site.model import Gateway, Point, Site
from firegrid.store import Store
from firegrid.tables import codes
from firegrid_sim.board import EVENTS, NO_VALUE, Bench, Raised, compiled
from firegrid_sim.broker import Broker
from firegrid_sim.fleet import Fleet, Key
from firegrid_sim.forkserver import ForkServer
from firegrid_sim.scenario import Action, Break, Drive, Player, Press, Scenario, Step

from bench import rig

CYCLE_S = 120  # first-alarm, and a little peace at its end
_PRESSES_S = (0, 3, 6)
_SETTLE_S = 5.0  # for what was raised last to be stored
_EVENT = struct.Struct("<HHIHIBBi")  # of a journal record, from its boot number to its value
_EVENT_AT = 4
_CONDITION = 1
_READ_FAILED = next(code for code, key in codes().items() if key == "read_failed")
_BAD_WORDS = ("MemoryError", "memory allocation failed", "task failed")


@dataclass(frozen=True)
class Play:
    """What a trial plays: one gateway's site and its steps, at this speed, for so long."""

    site: Site
    scenario: Scenario
    alarming: frozenset[int]  # the points that must raise an alarm in every cycle
    simulated_s: int
    speed: int


def play(site: Site, scenario: Scenario, simulated_s: int, speed: int) -> Play:
    """Return the scenario as it happens to the largest gateway alone, over and over."""
    gateway = largest_gateway(site)
    points = site.points_of(gateway.id)
    steps = [
        replace(step, at_s=step.at_s + begin_s + later_s, action=action)
        for begin_s in range(0, simulated_s, CYCLE_S)
        for step in scenario.steps
        for later_s, action in _actions(step, site, gateway)
    ]
    kinds = {
        site.point(expect.source).kind
        for step in scenario.steps
        for expect in step.expect
        if expect.conditions & wire.ALARM
    }
    return Play(
        site=replace(site, gateways=(gateway,), points=points),
        scenario=replace(scenario, steps=tuple(steps)),
        alarming=frozenset(point.number for point in points if point.kind in kinds),
        simulated_s=simulated_s,
        speed=speed,
    )


def largest_gateway(site: Site) -> Gateway:
    """Return the gateway with the most points; of several, the one with the most drivers."""

    def size(gateway: Gateway) -> tuple[int, int]:
        points = site.points_of(gateway.id)
        return len(points), len({point.driver for point in points})

    return max(site.gateways, key=size)


def _actions(step: Step, site: Site, gateway: Gateway) -> Iterator[tuple[int, Action]]:
    """Yield what the step does to one gateway, and how much later: what was done to a point is
    done to every point of its kind; the button is pressed again, in case fast motion missed it."""
    action = step.action
    match action:
        case Drive() | Break():
            origin = site.point(action.point)
            for point in site.points_of(gateway.id):
                if point.kind == origin.kind:
                    yield 0, _moved(action, origin, point)
        case Press():
            for later_s in _PRESSES_S:
                yield later_s, Press(gateway.id)
        case _:
            yield 0, replace(action, gateway=gateway.id)


def _moved(action: Drive | Break, origin: Point, point: Point) -> Action:
    """Return the action at another point, as far past that one's limit as it was at the first."""
    if isinstance(action, Break):
        return replace(action, point=point.id)
    scale = point.levels["alarm"].limit / origin.levels["alarm"].limit
    return replace(action, point=point.id, value=action.value * scale)


class Trial:
    """One run of a play, from `with` to its end; call `step` often until it returns True."""

    def __init__(self, heap_kib: int, play: Play, directory: Path) -> None:
        self.heap_kib = heap_kib
        self.death = ""  # why it did not survive, once it is over
        self.free_bytes: list[int] = []  # as the gateway says in each of its states
        self.low_bytes: list[int] = []
        self._play = play
        self._directory = directory
        self._raised: set[Key] = set()
        self._stored: set[Key] = set()
        self._alarms: defaultdict[int, set[int]] = defaultdict(set)  # point -> cycles
        self._failed_reads: set[int] = set()
        self._stack = ExitStack()

    def __enter__(self) -> "Trial":
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        self._begin_s = time.monotonic()
        self._begin_ns = time.time_ns()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        play = self._play
        server = rig.started(stack, ForkServer())
        broker = rig.started(stack, Broker(self._directory / "broker"))
        self._store = Store(f"sqlite:///{self._directory / 'desk.db'}")
        stack.callback(self._store.close)
        rig.started(stack, Ingest(broker.url, play.site.id, self._store, self._take))
        bench = Bench(server, compiled(None), hal_dir(), f"{self.heap_kib}K", play.speed)
        fleet = Fleet(play.site, self._directory / "boards", bench, Address.parse(broker.url))
        rig.started(stack, fleet)
        self._board = fleet.boards[play.site.gateways[0].id]
        self._player = Player(play.scenario, fleet, lambda _: None, lambda *_: None)

    def _take(self, message: wire.Message) -> None:
        """In a thread of the ingest's: what the message brings is stored."""
        if isinstance(message, wire.Events):
            self._stored.update(Key(e.gateway, e.boot, e.n) for e in message.records)
        elif isinstance(message, wire.StateHead):
            self.free_bytes.append(message.fields["heap_free_bytes"])
            self.low_bytes.append(message.fields["heap_low_bytes"])

    def step(self) -> bool:
        """Let happen what is due; return whether the trial is over."""
        now_s = (time.monotonic() - self._begin_s) * self._play.speed
        self._player.advance(now_s)
        for took in self._board.seam.new():
            if took.lane == EVENTS:
                self._see(took)
        if self._board.resets or self._is_over(now_s):
            self.death = self._judge()
            return True
        return False

    def _is_over(self, now_s: float) -> bool:
        late_s = now_s - self._play.simulated_s
        return late_s > _SETTLE_S * self._play.speed or (
            late_s > 0 and self._raised <= self._stored
        )

    def _see(self, took: Raised) -> None:
        self._raised.add(Key(self._board.gateway, took.boot, took.n))
        fields = _EVENT.unpack_from(took.record, _EVENT_AT)
        point, event, bits, value = fields[1], *fields[5:]
        if event != _CONDITION:
            return
        if bits & bits >> 4 & wire.ALARM:
            at_s = (took.time_ns - self._begin_ns) / 1e9 * self._play.speed
            self._alarms[point].add(int(at_s // CYCLE_S))
        if value == NO_VALUE + _READ_FAILED:
            self._failed_reads.add(point)

    def _judge(self) -> str:
        """Return why it did not survive, or ""."""
        lines = self._board.console().splitlines()
        bad = [line for line in lines if any(word in line for word in _BAD_WORDS)]
        cycles = set(range(self._play.simulated_s // CYCLE_S))
        silent = [n for n in sorted(self._play.alarming) if cycles - self._alarms[n]]
        if self._board.resets:
            return f"reset, last it said: {self._board.last_words()}"
        if bad:
            return bad[0]
        if self._failed_reads:
            return f"readings failed: points {sorted(self._failed_reads)}"
        if silent:
            return f"no alarm in some cycle: points {silent}"
        stored = {Key(e.gateway, e.boot, e.n) for e in self._store.events(self._play.site.id)}
        missing = len(self._raised - stored)
        return f"{missing} events not stored" if missing else ""
