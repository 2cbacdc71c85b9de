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

from firegrid_sim import board as boards
from firegrid_sim import people
from firegrid_sim.board import EVENTS, I2C_OK, I2C_STUCK, POWER_ON, Bench, Board
from firegrid_sim.breakage import CUT, GO, HANG, RAISE, TEAR, WATCHDOG, Breakage
from firegrid_sim.electrical import Sensor, connect, sensor_for
from firegrid_sim.faults import planned
from firegrid_sim.forkserver import Vm
from firegrid_sim.modelbroker import BrokerError, ModelBroker, Session
from firegrid_sim.people import BEGIN_S, People
from firegrid_sim.rooms import Room, room

__all__ = ["GatewayWorld"]

S = 1_000_000  # microseconds
SETTLE_S = 900.0  # at the end nothing breaks, so that all can arrive
BOOT_S = 0.3  # from reset to boot.py
WORLD_KIB = 14  # what hal_world.py and hal_faults.py take of the heap
ROOMY_KIB = 1024  # more than a board has, where its heap is not what a world is about
LOOK_S = 1.0  # so often the witness reads pins and journal
BROKER_HOST, BROKER_PORT = "10.0.0.1", 1883
LATENCY_S = (0.002, 0.03)
COMMIT_S = (0.005, 0.05)
HANG_S = 60.0  # of the host: a VM that says nothing for so long hangs
STANDING_MAX = 100_000  # questions at one moment
WAIT_S = 0.5  # of the host, until we look whether it is gone
DEATHS_MAX = 20  # of itself: then it is no use to go on

_ASK = struct.Struct("<BHqI")
_ANSWER = struct.Struct("<qqBH")
_COMING = struct.Struct("<HBH")
_TRAPS = {RAISE: "raise", HANG: "hang"}
_ADVANCE, _CONNECT, _SEND, _CLOSE, _TRAP = range(5)
_CONNECTED, _DATA, _CLOSED = 1, 2, 3
_SERIAL = 0  # no connection: the serial port


@dataclass
class Connection:
    """A TCP connection of the gateway, as the network carries it."""

    number: int
    start: int  # of which start of the board
    session: Session | None = None
    up_us: int = 0  # when the last bytes arrive, each way
    down_us: int = 0
    parked: list[Callable[[], None]] = field(default_factory=list)  # until packets pass again
    brought: int = 0  # bytes, so far
    dead: bool = False  # nothing passes any more

    def carry(self, path: Path, data: bytes) -> None:
        """Lay bytes where the board's network has its memory: not in the interpreter's heap."""
        with path.open("ab" if self.brought else "wb") as file:
            file.write(data)
        self.brought += len(data)


class GatewayWorld:
    """One gateway for some days. `hear(what, **about)` gets everything that happens."""

    def __init__(  # noqa: PLR0913, PLR0915
        self,
        site: Site,
        gateway: Gateway,
        seed: int,
        days: float,
        rates: dict[str, float],
        bench: Bench,
        directory: Path,
        start_ms: int,
        tight: bool,
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
        self.late_s = self.lie_s = 0.0  # of each packet; of the desk's clock
        self.twice = False  # the broker hands everything on twice
        self.torn_s = 0.0  # for how long the power stays away that goes in a write
        self._stuck = False  # the I2C bus
        self.heads: list[tuple[float, dict[str, Any]]] = []
        self.hear = hear
        self._start_ms, self._tight = start_ms, tight
        self._board = Board(gateway.id, directory, bench)
        self._board.configure(config_lines(site, gateway, BROKER_HOST, BROKER_PORT))
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._coming: list[tuple[int, int, int]] = []  # connection, what, how many bytes
        self._connections: dict[int, Connection] = {}
        self.drifts: dict[str, float] = {}  # what is shown for what is true, by point
        self._true: dict[str, dict[str, float]] = {}
        self._verdict = GO
        self._told: list[int] = []  # to a board that lives on, and has to deal with it
        self._off_s = BOOT_S
        self._running = False
        self._broker = ModelBroker(self._published)
        self._store = Store(f"sqlite:///{directory / 'desk.db'}")
        self._intake = Intake(site.id, self._store, Counts())
        self.inbox: list[wire.Message] = []
        self.sensors = {point.id: sensor_for(point, site.mains_hz) for point in self.points}
        for sensor in self.sensors.values():
            self._wire(sensor)
        span_s = max(0.0, days * 86400 - SETTLE_S)
        for point in self.points:
            self._live(point.id, room(point, seed, days), span_s)
        breakage = Breakage(self, f"{seed}/{gateway.id}/breakage")
        for fault in planned(self.rng, rates, span_s):
            self.at(round(fault.at_s * S), partial(breakage.happens, fault))
        self._people = People(self, f"{seed}/{gateway.id}")
        self._every(LOOK_S, self._look)
        self._every(people.LOOK_S, self._people.look)

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
        while self.now_us < self.end_us and self.resets["other"] < DEATHS_MAX:
            cause = self._live_once(cause)
            off_us = self.now_us + round(self._off_s * S)
            self._off_s = BOOT_S
            self._coming.clear()
            self._told.clear()
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
        self.hear("power", on=True)
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
        verdict, self._verdict = self._verdict, GO
        for connection in list(self._connections.values()):
            self._forget(connection)
        self._connections.clear()
        if self.now_us >= self.end_us:
            return POWER_ON
        if verdict != CUT:
            self.hear("reset", by_watchdog=verdict == WATCHDOG, said=board.last_words())
        self.hear("power", on=False)
        if verdict == CUT:
            self.resets["power"] += 1
            return POWER_ON
        if verdict == WATCHDOG:
            self.resets["watchdog"] += 1
            return boards.WATCHDOG
        self.resets["other"] += 1
        return board.cause(status or 0)

    def _spawn(self, cause: int) -> Vm:
        return self._board.spawn(
            cause,
            lambda _: None,
            WORLD_KIB + (0 if self._tight else ROOMY_KIB),
            FG_WORLD="tight" if self._tight else "roomy",
            FG_SEED=str(self.rng.getrandbits(31)),
            FG_TICKS_START=str(self._start_ms if len(self.starts) == 1 else 0),
        )

    def _serve(self, asked: int, answered: int, vm: Vm) -> None:
        """Answer the VM until it is gone or the world ends."""
        rest = b""
        boot_us = self.starts[-1]
        before_us = standing = 0
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
            standing = standing + 1 if self.now_us == before_us else 0
            before_us = self.now_us
            if standing > STANDING_MAX:
                why = f"{self.gateway.id} asks and asks, and no time passes"
                raise FiregridError(f"{why} (world's time {self.now_us / S:.3f} s)")
            if not self._verdict:
                self._do(what, number, argument, body)
            self._answer(answered, boot_us)

    def _do(self, what: int, number: int, argument: int, body: bytes) -> None:
        if what == _ADVANCE:
            if argument and not (number and self._coming):
                self._pass(min(self.now_us + argument, self.end_us), bool(number))
        elif what == _CONNECT:
            self._connect(number)
        elif what == _TRAP and number == TEAR:
            self.cut(self.torn_s)
        elif what == _TRAP:
            self.hear("trap", trap=_TRAPS[number])
        elif number in self._connections:
            connection = self._connections[number]
            if what == _SEND:
                self._up(connection, lambda: self._arrive(connection, body))
            else:
                del self._connections[number]
                self._up(connection, lambda: self._forget(connection))

    def _answer(self, answered: int, boot_us: int) -> None:
        next_us = min(self._events[0][0] if self._events else self.end_us, self.end_us)
        verdict = self._verdict or (self._told.pop(0) if self._told else GO)
        head = _ANSWER.pack(self.now_us - boot_us, next_us - boot_us, verdict, len(self._coming))
        coming = [_COMING.pack(*came) for came in self._coming]
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
                if data:
                    connection.carry(self.directory / f"down-{connection.number}.bin", data)
                self._coming.append((connection.number, kind, len(data)))

        connection.down_us = max(connection.down_us + 1, self.now_us + self._delay_us())
        self.at(connection.down_us, lambda: self._through(connection, arrives))

    def _through(self, connection: Connection, arrives: Callable[[], None]) -> None:
        if connection.dead:
            return
        if self.link_up and self.passes:
            arrives()
        else:
            connection.parked.append(arrives)

    def _connect(self, number: int) -> None:
        if any(other.start == len(self.starts) for other in self._connections.values()):
            self.hear("failure", why="a second connection while the first is open")
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
            self.hear("failure", why=f"the gateway speaks no MQTT: {error}")
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
            self.hear("failure", why=f"the desk refuses a message: {error}")
            return
        if isinstance(said, wire.StateHead):
            self.heads.append((self.now_us / S, said.fields))
        if not self.inbox:
            self.after(self.rng.uniform(*COMMIT_S), self._commit)
        self.inbox.append(said)
        if self.twice:
            self.inbox.append(said)
            self.rng.shuffle(self.inbox)

    def _commit(self) -> None:
        if not self.desk_up:
            self.inbox.clear()
            return
        batch, self.inbox = self.inbox, []
        positions = self._intake.take(batch)
        for said in batch:
            if isinstance(said, wire.Events):
                for event in said.records:
                    self._stored(event)
            if isinstance(said, wire.Samples):
                for sample in said.records:
                    self.hear("sample", sample=sample)

        def answer() -> None:
            if self.desk_up:
                now_ns = self.now_us * 1000 + round((BEGIN_S + self.lie_s) * 10**9)
                for stored in answers(positions, now_ns):
                    self._broker.publish(*wire.encode(stored))

        self.after(self.rng.uniform(0.0005, 0.005), answer)

    def _stored(self, event: wire.Event) -> None:
        self._people.stored(event)
        self.hear("stored", n=event.n, boot=event.boot, event=event)

    # ---- what happens at the points ----

    def _wire(self, sensor: Sensor) -> None:
        connect(sensor, self.sensors.values(), self._board.io)
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
                tell = partial(self.hear, "truth", point=point, cause=cause, on=on)
                self.at(round(at_s * S), tell)

    def _drive(self, point: str, signals: dict[str, float]) -> None:
        """Let a sensor see what is true at its place, as far as it does not drift."""
        sensor = self.sensors[point]
        signals = signals or {sensor.rest: sensor.signals[sensor.rest].rest}
        self._true[point] = signals
        for signal, value in signals.items():
            known = sensor.signals[signal]
            shown = value * self.drifts.get(point, 1.0)
            sensor.set(signal, min(max(shown, known.low), known.high))
        self._wire(sensor)

    # ---- what can be broken: see breakage.py ----

    def cut(self, off_s: float) -> None:
        """Take the power away for a while."""
        if self._running:
            self._verdict = CUT
            self._off_s = off_s

    def tell(self, verdict: int) -> None:
        """Let something happen inside the board, where it runs."""
        if self._running:
            self._told.append(verdict)

    def set_link(self, up: bool) -> None:
        """Take the access point away, or give it back."""
        self.link_up = up
        self._board.io.set_link(up)
        self.hear("link", up=up)
        if up:
            self.heal()

    @property
    def can_pass(self) -> bool:
        """Whether what the gateway sends now reaches the broker."""
        dead = any(connection.dead for connection in self._connections.values())
        return self.link_up and self.passes and self.broker_up and not dead

    def heal(self) -> None:
        """Packets pass again: TCP sends once more what was lost."""
        for connection in self._connections.values():
            parked, connection.parked = connection.parked, []
            for n, arrives in enumerate(parked):
                self.at(self.now_us + S // 5 + n, arrives)

    def lose_connections(self) -> None:
        """Somebody between has forgotten them: nothing passes any more, and nobody says so."""
        for connection in self._connections.values():
            connection.dead = True
            connection.parked.clear()
            self._forget(connection)

    def drop_connections(self) -> None:
        """The broker forgets everybody."""
        self._broker.forget()
        for connection in self._connections.values():
            self._down(connection, _CLOSED)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send something from the desk."""
        for _ in range(1 + self.twice):
            self._broker.publish(topic, payload)

    def set_fault(self, point: str, kind: str | None, *, aloud: bool = True) -> None:
        """Break a sensor, or mend it; what is wrong with a converter is so for all at it."""
        sensor = self.sensors[point]
        before = sensor.chip_state()
        sensor.set_fault(kind)
        self._wire(sensor)
        shared = {before, sensor.chip_state()} != {I2C_OK}
        for one in self.sensors.values():
            beside = shared and one.address == sensor.address is not None
            if aloud and (one is sensor or beside):
                self.hear("sensor", point=one.point.id, fault=kind)

    def drift(self, point: str, factor: float | None) -> None:
        """Let a sensor show so many times what is true; None: it shows what is."""
        if factor is None:
            del self.drifts[point]
            self.hear("drift", point=point, on=False)
        else:
            self.drifts[point] = factor
        self._drive(point, self._true.get(point, {}))

    def send_serial(self, data: bytes) -> None:
        """Send bytes to the serial port, where the board runs."""
        if self._running and self._board.send(data):
            self._coming.append((_SERIAL, _DATA, len(data)))

    def set_stuck(self, stuck: bool) -> None:
        """Hold the I2C bus down, or let it go."""
        self._stuck = stuck
        for sensor in self.sensors.values():
            self._wire(sensor)
        self.hear("bus", stuck=stuck)

    # ---- the witness ----

    def _look(self) -> None:
        """Read what the pins did and what the journal took since the last look."""
        boot_us = self.starts[-1] if self.starts else 0
        for edge in self._board.edges.new():
            self.hear("edge", at_us=boot_us + edge.time_ns // 1000, edge=edge)
        for raised in self._board.seam.new():
            what = "durable" if raised.lane == EVENTS else "sampled"
            self.hear(what, at_us=boot_us + raised.time_ns // 1000, raised=raised)
        if self._running:
            timeout_ms, fed_ns = self._board.io.watchdog()
            silent_us = self.now_us - boot_us - fed_ns // 1000
            if timeout_ms and silent_us > timeout_ms * 1000:
                self._verdict = WATCHDOG
        self.hear("look")


def _more(rest: bytes) -> int:
    """Return how many bytes follow the head of what was asked."""
    if len(rest) < _ASK.size:
        return 0
    what, _, _, argument = _ASK.unpack_from(rest)
    return int(argument) if what == _SEND else 0
