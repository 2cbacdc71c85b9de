"""A seeded world around one gateway: it owns time, network, flash, sensors and power.

The gateway is the real firmware in the real VM. It runs until it waits, then time jumps to the
next moment at which anything happens; nothing here or there reads a clock. Same seed, same run.
"""

import heapq
import os
import select
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from firegrid import wire
from firegrid.errors import FiregridError
from firegrid.ingest import Counts, Intake, answers
from firegrid.site.config import config_lines
from firegrid.site.model import Gateway, Point, Site
from firegrid.store import Store

from firegrid_sim.board import I2C_STUCK, POWER_ON, WATCHDOG, Bench, Board
from firegrid_sim.electrical import Sensor, connect, sensor_for
from firegrid_sim.faults import Planned, planned
from firegrid_sim.forkserver import Vm
from firegrid_sim.modelbroker import BrokerError, ModelBroker, Session
from firegrid_sim.rooms import Room, room

__all__ = ["GatewayWorld"]

S = 1_000_000  # microseconds
BEGIN_S = 1_798_761_600  # the world's first second: 2027-01-01, UTC
SETTLE_S = 900.0  # at the end nothing breaks, so that all can arrive
BOOT_S = 0.3  # from reset to boot.py
WORLD_KIB = 10  # what hal_world.py takes of the heap
LOOK_S = 1.0  # so often the witness reads pins and journal
BROKER_HOST, BROKER_PORT = "10.0.0.1", 1883
LATENCY_S = (0.002, 0.03)
COMMIT_S = (0.005, 0.05)
PERSON_S = 30.0  # so often somebody looks at the desk
HANG_S = 60.0  # of the host: a VM that says nothing for so long hangs
WAIT_S = 0.5  # of the host, until we look whether it is gone
DOWN_SIGNAL = ("open", "short")

_ASK = struct.Struct("<BHqI")
_ANSWER = struct.Struct("<qqBH")
_COMING = struct.Struct("<HBH")
_ADVANCE, _CONNECT, _SEND, _CLOSE = range(4)
_CONNECTED, _DATA, _CLOSED = 1, 2, 3
_GO, _CUT, _WATCHDOG = range(3)
_WELL = {"passes": True, "broker_up": True, "desk_up": True, "late_s": 0.0}  # nothing is broken


@dataclass
class Connection:
    """A TCP connection of the gateway, as the network carries it."""

    number: int
    start: int  # of which start of the board
    session: Session | None = None
    up_us: int = 0  # when the last bytes arrive, each way
    down_us: int = 0
    parked: list[Callable[[], None]] = field(default_factory=list)  # until packets pass again


class GatewayWorld:
    """One gateway for some days. `hear(what, **about)` gets everything that happens."""

    def __init__(  # noqa: PLR0913
        self,
        site: Site,
        gateway: Gateway,
        seed: int,
        days: float,
        rates: dict[str, float],
        bench: Bench,
        directory: Path,
        start_ms: int,
        hear: Callable[..., None],
    ) -> None:
        self.site, self.gateway = site, gateway
        self.points: list[Point] = list(site.points_of(gateway.id))
        self.directory = directory
        self.now_us = 0
        self.end_us = round(days * 86400 * S)
        self.rng = Random(f"{seed}/{gateway.id}")
        self.rooms: dict[str, Room] = {}
        self.starts: list[int] = []  # when (us) the board began to run
        self.resets: dict[str, int] = {"power": 0, "watchdog": 0, "other": 0}
        self.link_up = self.passes = self.broker_up = self.desk_up = True
        self.late_s = 0.0
        self._stuck = False  # the I2C bus
        self.heads: list[dict[str, Any]] = []
        self._hear = hear
        self._start_ms = start_ms
        self._board = Board(gateway.id, directory, bench)
        self._board.configure(config_lines(site, gateway, BROKER_HOST, BROKER_PORT))
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._coming: list[tuple[int, int, bytes]] = []
        self._connections: dict[int, Connection] = {}
        self._verdict = _GO
        self._off_s = BOOT_S
        self._running = False
        self._broker = ModelBroker(self._published)
        self._store = Store(f"sqlite:///{directory / 'desk.db'}")
        self._intake = Intake(site.id, self._store, Counts())
        self._inbox: list[wire.Message] = []
        self._conditions: dict[int, int] = {}
        self._acknowledged: set[int] = set()
        self._sequence = 0
        self._sensors = {point.id: sensor_for(point, site.mains_hz) for point in self.points}
        for sensor in self._sensors.values():
            self._wire(sensor)
        span_s = max(0.0, days * 86400 - SETTLE_S)
        for point in self.points:
            self._live(point.id, room(point, seed, days), span_s)
        for fault in planned(self.rng, rates, span_s):
            self.at(round(fault.at_s * S), partial(self._break, fault))
        self._every(LOOK_S, self._look)
        self._every(PERSON_S, self._somebody_looks)

    # ---- time ----

    def at(self, when_us: int, happens: Callable[[], None]) -> None:
        """Let something happen then."""
        heapq.heappush(self._events, (max(when_us, self.now_us), next(self._order), happens))

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let something happen so much later."""
        self.at(self.now_us + round(seconds * S), happens)

    def _every(self, seconds: float, happens: Callable[[], None]) -> None:
        def again() -> None:
            happens()
            self.after(seconds, again)

        self.after(seconds, again)

    def _pass(self, until_us: int, stops: bool) -> None:
        """Let time pass: everything that is due until then happens."""
        while self._events and self._events[0][0] <= until_us:
            when_us, _, happens = heapq.heappop(self._events)
            self.now_us = when_us
            happens()
            if self._verdict or (stops and self._coming):
                return
        self.now_us = max(self.now_us, until_us)

    # ---- the board ----

    def run(self) -> None:
        """Live to the end."""
        cause = POWER_ON
        while self.now_us < self.end_us:
            cause = self._live_once(cause)
            off_us = self.now_us + round(self._off_s * S)
            self._off_s = BOOT_S
            self._coming.clear()
            self._pass(min(off_us, self.end_us), False)  # what is off cannot be cut
        self._store.close()
        self._board.io.close()

    def stop(self) -> None:
        """End it now; from any thread."""
        self.end_us = 0

    def _live_once(self, cause: int) -> int:
        """Run from power-on to whatever ends it; return the cause of the next start."""
        board = self._board
        ask, answer = board.directory / "world.ask", board.directory / "world.answer"
        for path in (ask, answer):
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        asked = os.open(ask, os.O_RDONLY | os.O_NONBLOCK)
        answered = os.open(answer, os.O_RDWR)
        self.starts.append(self.now_us)
        self._running = True
        self._hear("power", on=True)
        vm = self._spawn(cause)
        status = None
        try:
            self._serve(asked, answered, vm)
            status = vm.status  # None: we end it
        finally:
            vm.kill()
            vm.wait(10)
            os.close(asked)
            os.close(answered)
        self._running = False
        self._look()
        verdict, self._verdict = self._verdict, _GO
        for connection in list(self._connections.values()):
            self._forget(connection)
        self._connections.clear()
        if self.now_us >= self.end_us:
            return POWER_ON
        self._hear("power", on=False)
        if verdict == _CUT:
            self.resets["power"] += 1
            return POWER_ON
        if verdict == _WATCHDOG:
            self.resets["watchdog"] += 1
            return WATCHDOG
        self.resets["other"] += 1
        self._hear("died", said=board.last_words())
        return board.cause(status or 0)

    def _spawn(self, cause: int) -> Vm:
        return self._board.spawn(
            cause,
            lambda _: None,
            WORLD_KIB,
            FG_WORLD="1",
            FG_SEED=str(self.rng.getrandbits(31)),
            FG_TICKS_START=str(self._start_ms if len(self.starts) == 1 else 0),
        )

    def _serve(self, asked: int, answered: int, vm: Vm) -> None:
        """Answer the VM until it is gone or the world ends."""
        rest = b""
        boot_us = self.starts[-1]
        while self.now_us < self.end_us:
            while len(rest) < _ASK.size or len(rest) < _ASK.size + _more(rest):
                data = self._read(asked, vm)
                if not data:
                    return
                rest += data
            what, number, us, argument = _ASK.unpack_from(rest)
            body = rest[_ASK.size : _ASK.size + _more(rest)]
            rest = rest[_ASK.size + len(body) :]
            self._pass(boot_us + us, False)
            if not self._verdict:
                self._do(what, number, argument, body)
            self._answer(answered, boot_us)

    def _do(self, what: int, number: int, argument: int, body: bytes) -> None:
        if what == _ADVANCE:
            if argument and not (number and self._coming):
                self._pass(min(self.now_us + argument, self.end_us), bool(number))
        elif what == _CONNECT:
            self._connect(number)
        elif number in self._connections:
            connection = self._connections[number]
            if what == _SEND:
                self._up(connection, lambda: self._arrive(connection, body))
            else:
                del self._connections[number]
                self._up(connection, lambda: self._forget(connection))

    def _answer(self, answered: int, boot_us: int) -> None:
        next_us = min(self._events[0][0] if self._events else self.end_us, self.end_us)
        head = _ANSWER.pack(
            self.now_us - boot_us, next_us - boot_us, self._verdict, len(self._coming)
        )
        coming = [_COMING.pack(n, kind, len(data)) + data for n, kind, data in self._coming]
        self._coming.clear()
        os.write(answered, head + b"".join(coming))

    def _read(self, asked: int, vm: Vm) -> bytes:
        """Return what the VM asks, nothing where it is gone; raise where it hangs."""
        waited_s = 0.0
        while waited_s < HANG_S:
            ready, _, _ = select.select([asked], [], [], WAIT_S)
            if ready and (data := os.read(asked, 65536)):
                return data
            if vm.status is not None or not self.end_us:
                return b""
            if ready:  # not opened yet, or closed: the end is told in a moment
                vm.wait(0.001)
                continue
            waited_s += WAIT_S
        raise FiregridError(
            f"the firmware of {self.gateway.id} does not come to wait for anything "
            f"(world's time {self.now_us / S:.3f} s)",
            f"the last that it said: {self._board.last_words()}",
        )

    # ---- the network ----

    def _delay_us(self) -> int:
        return round((self.rng.uniform(*LATENCY_S) + self.rng.uniform(0, self.late_s)) * S)

    def _up(self, connection: Connection, arrives: Callable[[], None]) -> None:
        """Carry something to the broker, in order; it waits while nothing passes."""
        connection.up_us = max(connection.up_us + 1, self.now_us + self._delay_us())
        self.at(connection.up_us, lambda: self._through(connection, arrives))

    def _down(self, connection: Connection, kind: int, data: bytes = b"") -> None:
        def arrives() -> None:
            if self._running and connection.start == len(self.starts):
                self._coming.append((connection.number, kind, data))

        connection.down_us = max(connection.down_us + 1, self.now_us + self._delay_us())
        self.at(connection.down_us, lambda: self._through(connection, arrives))

    def _through(self, connection: Connection, arrives: Callable[[], None]) -> None:
        if self.link_up and self.passes:
            arrives()
        else:
            connection.parked.append(arrives)

    def _heal(self) -> None:
        """Packets pass again: TCP sends once more what was lost."""
        for connection in self._connections.values():
            parked, connection.parked = connection.parked, []
            for n, arrives in enumerate(parked):
                self.at(self.now_us + S // 5 + n, arrives)

    def _connect(self, number: int) -> None:
        connection = self._connections[number] = Connection(number, len(self.starts))

        def arrives() -> None:
            if not self.broker_up:
                self._down(connection, _CLOSED)
                return
            connection.session = self._broker.open(
                lambda data: self._down(connection, _DATA, data)
            )
            self._down(connection, _CONNECTED)

        self._up(connection, arrives)

    def _arrive(self, connection: Connection, data: bytes) -> None:
        session = connection.session
        if session is None or session not in self._broker.sessions:
            self._down(connection, _CLOSED)
            return
        try:
            self._broker.receive(session, data)
        except BrokerError as error:
            self._hear("failure", why=f"the gateway speaks no MQTT: {error}")
            self._broker.close(session)
            self._down(connection, _CLOSED)

    def _forget(self, connection: Connection) -> None:
        if connection.session:
            self._broker.close(connection.session)

    # ---- the desk ----

    def _published(self, topic: str, payload: bytes) -> None:
        if not self.desk_up:
            return
        try:
            said = wire.parse(topic, payload)
        except wire.WireError as error:
            self._hear("failure", why=f"the desk refuses a message: {error}")
            return
        if isinstance(said, wire.StateHead):
            self.heads.append(said.fields)
        if not self._inbox:
            self.after(self.rng.uniform(*COMMIT_S), self._commit)
        self._inbox.append(said)

    def _commit(self) -> None:
        if not self.desk_up:
            self._inbox.clear()
            return
        batch, self._inbox = self._inbox, []
        positions = self._intake.take(batch)
        for said in batch:
            if isinstance(said, wire.Events):
                for event in said.records:
                    self._stored(event)

        def answer() -> None:
            if self.desk_up:
                for stored in answers(positions, self.now_us * 1000 + BEGIN_S * 10**9):
                    self._broker.publish(*wire.encode(stored))

        self.after(self.rng.uniform(0.0005, 0.005), answer)

    def _stored(self, event: wire.Event) -> None:
        if event.event == "condition":
            self._conditions[event.point] = event.conditions
        self._hear("stored", n=event.n, boot=event.boot, event=event)

    def _somebody_looks(self) -> None:
        """A duty officer acknowledges what stands, and resets once the cause is gone."""
        if not (self.desk_up and self.broker_up):
            return
        alarms = {n for n, bits in self._conditions.items() if n and bits & wire.ALARM}
        if alarms and not any(self._true_now(point.id) for point in self.points):
            self._order_to("reset")
        elif alarms - self._acknowledged:
            self._order_to("acknowledge")
        self._acknowledged = alarms

    def _order_to(self, verb: str) -> None:
        self._sequence += 1
        now_s = self.now_us // S + BEGIN_S
        command = wire.Command(
            self.site.id,
            self.gateway.id,
            self._sequence,
            verb,
            1,
            now_s + 60,
            now_s * 8 % 2**32,
            0,
        )
        self._hear("verb", verb=verb)
        self._broker.publish(*wire.encode(command))

    def _true_now(self, point: str) -> bool:
        now_s = self.now_us / S
        place = self.rooms[point]
        return any(a <= now_s <= b + 60 for a, b, *_ in [*place.truths, *place.doubts])

    # ---- what happens at the points ----

    def _wire(self, sensor: Sensor) -> None:
        connect(sensor, self._sensors.values(), self._board.io)
        if self._stuck and sensor.address is not None:
            self._board.io.set_i2c(sensor.address, I2C_STUCK)

    def _live(self, point: str, place: Room, span_s: float) -> None:
        self.rooms[point] = place
        for at_s, signals in place.changes():
            if at_s < span_s:
                self.at(round(at_s * S), partial(self._drive, point, signals))
        self.at(round(span_s * S), partial(self._drive, point, {}))
        for begin_s, end_s, cause, _ in place.truths:
            for at_s, on in ((begin_s, True), (end_s, False)):
                tell = partial(self._hear, "truth", point=point, cause=cause, on=on)
                self.at(round(at_s * S), tell)

    def _drive(self, point: str, signals: dict[str, float]) -> None:
        sensor = self._sensors[point]
        if not signals:
            sensor.set(sensor.rest, sensor.signals[sensor.rest].rest)
        for signal, value in signals.items():
            sensor.set(signal, value)
        self._wire(sensor)

    # ---- faults ----

    def _break(self, fault: Planned) -> None:
        self._hear("fault", name=fault.name, lasts_s=fault.lasts_s)
        name = fault.name.replace("-", "_")
        getattr(self, f"_{name}")(fault.lasts_s)

    def _power_cut(self, lasts_s: float) -> None:
        if self._running:
            self._verdict = _CUT
            self._off_s = lasts_s

    def _brown_out(self, lasts_s: float) -> None:
        for n in range(3):
            self.after(n * lasts_s, lambda: self._power_cut(0.2))

    def _set_link(self, up: bool) -> None:
        self.link_up = up
        self._board.io.set_link(up)
        self._hear("link", up=up)
        if up:
            self._heal()

    def _link_down(self, lasts_s: float) -> None:
        self._set_link(False)
        self.after(lasts_s, lambda: self._set_link(True))

    def _half_open(self, lasts_s: float) -> None:
        self._for_a_while("passes", False, lasts_s)
        self.after(lasts_s, self._heal)

    def _broker_restart(self, lasts_s: float) -> None:
        self._for_a_while("broker_up", False, lasts_s)
        self._broker.forget()
        for connection in self._connections.values():
            self._down(connection, _CLOSED)

    def _desk_dies(self, lasts_s: float) -> None:
        self._for_a_while("desk_up", False, lasts_s)
        self._inbox.clear()

    def _slow_link(self, lasts_s: float) -> None:
        self._for_a_while("late_s", 2.0, lasts_s)

    def _for_a_while(self, name: str, value: bool | float, lasts_s: float) -> None:
        """Let one of these be otherwise, and then as it is when nothing is broken."""
        setattr(self, name, value)
        self.after(lasts_s, partial(setattr, self, name, _WELL[name]))

    def _sensor_cut(self, lasts_s: float) -> None:
        point = self.rng.choice(self.points)
        sensor = self._sensors[point.id]
        kinds = [kind for kind in DOWN_SIGNAL if kind in sensor.faults]
        if not kinds or sensor.fault:
            return
        kind = self.rng.choice(kinds)
        self._set_fault(point.id, kind)
        self.after(lasts_s, lambda: self._set_fault(point.id, None))

    def _set_fault(self, point: str, kind: str | None) -> None:
        sensor = self._sensors[point]
        sensor.set_fault(kind)
        self._wire(sensor)
        self._hear("sensor", point=point, fault=kind)

    def _bus_stuck(self, lasts_s: float) -> None:
        self._set_stuck(True)
        self.after(lasts_s, partial(self._set_stuck, False))

    def _set_stuck(self, stuck: bool) -> None:
        self._stuck = stuck
        for sensor in self._sensors.values():
            self._wire(sensor)
        self._hear("bus", stuck=stuck)

    # ---- the witness ----

    def _look(self) -> None:
        """Read what the pins did and what the journal took since the last look."""
        boot_us = self.starts[-1] if self.starts else 0
        for edge in self._board.edges.new():
            self._hear("edge", at_us=boot_us + edge.time_ns // 1000, edge=edge)
        for raised in self._board.seam.new():
            self._hear("durable", at_us=boot_us + raised.time_ns // 1000, raised=raised)
        if self._running:
            timeout_ms, fed_ns = self._board.io.watchdog()
            silent_us = self.now_us - boot_us - fed_ns // 1000
            if timeout_ms and silent_us > timeout_ms * 1000:
                self._verdict = _WATCHDOG
        self._hear("look")


def _more(rest: bytes) -> int:
    """Return how many bytes follow the head of what was asked."""
    if len(rest) < _ASK.size:
        return 0
    what, _, _, argument = _ASK.unpack_from(rest)
    return int(argument) if what == _SEND else 0
