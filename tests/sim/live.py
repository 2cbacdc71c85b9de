"""A small community for live tests: real firmware, real broker, real desk, and their witness.

Use:

    with Live("yard", tmp_path) as live:
        live.until_settled()
        live.smoke("smoke-gate")
        ...

What the gateways did is read at their journals and pins, never from MQTT. Every message on the
broker is tapped: leaving the `with` fails on any that docs/asyncapi.yaml does not allow.
"""

import os
import signal
import struct
import threading
import time
from binascii import crc32
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from firegrid import ingest, wire
from firegrid.mqtt import Address
from firegrid.resources import hal_dir
from firegrid.site.config import config_lines
from firegrid.site.load import load_site
from firegrid.store import Store
from firegrid_sim.board import EVENTS, NO_VALUE, Bench, compiled
from firegrid_sim.broker import Broker
from firegrid_sim.fleet import Fleet
from firegrid_sim.forkserver import ForkServer
from tap import Tap

SITES = Path(__file__).parent / "sites"
WAIT_S = 40  # twice what a gateway waits between two attempts, or one lasts: a machine is busy
ON_THE_WAY_S = 3  # what was raised a moment ago is on its way
POLL_S = 0.01
RELEASED_S = 0.5  # a button that is let go for less may bounce
TOLD = 40  # events shown with a failure

TROUBLE = wire.TROUBLE
TASK_FAILED = 24

_RECORD = struct.Struct("<IHHIHIBBii")
_CODES = 256


class Happened(NamedTuple):
    """An event, alike whether the journal took it or the desk stored it."""

    gateway: str
    boot: int
    n: int
    up_s: int
    up_ms: int
    time_s: int | None
    time_quality: str
    point: int
    mode: str
    event: str
    conditions: int
    changed: int
    value: float | None
    limit: float | None
    code: int
    act: wire.Act | None = None


class Taken(NamedTuple):
    """An event at the journal's seam, and when it was taken (Unix time in ns)."""

    time_ns: int
    event: Happened


def unpacked(gateway, record):
    """Read a 32-byte record; the layout is written a second time here, to check the first."""
    assert struct.unpack_from("<I", record, 28)[0] == crc32(record[:28]), record.hex()
    n, boot, point, up_s, flags, time_s, event, bits, value, limit = _RECORD.unpack_from(record)
    act = None
    if wire.EVENTS[event - 1] == "act":
        act = unpacked_act(bits, value, limit)
        bits, value, limit = 0, NO_VALUE, NO_VALUE
    code = value - NO_VALUE
    lost = 0 <= code < _CODES
    return Happened(
        gateway,
        boot,
        n,
        up_s,
        flags & 0x3FF,
        time_s or None,
        wire.TIME_QUALITIES[flags >> 12 & 3],
        point,
        wire.MODES[flags >> 10 & 3],
        wire.EVENTS[event - 1],
        bits & 15,
        bits >> 4,
        None if lost else value / 1000,
        None if limit == NO_VALUE else limit / 1000,
        code if lost else 0,
        act,
    )


def unpacked_act(bits, value, limit):
    """Read what an act has in place of conditions, value and limit."""
    said = value & 0xFFFFFFFF
    return wire.Act(
        wire.VERBS[(bits & 15) - 1],
        wire.RESULTS[bits >> 4 & 3],
        wire.HOWS[bits >> 6],
        said & 0x3FFF,
        said >> 14 & 31,
        said >> 19,
        limit & 0xFFFFFFFF,
    )


class Hurried:
    """The time module for a desk whose clock runs as fast as the gateways'."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, speed):
        self._speed = speed
        self._begin_ns = time.time_ns()

    def time_ns(self):
        """Return the desk's Unix time."""
        return self._begin_ns + (time.time_ns() - self._begin_ns) * self._speed


class Live:
    """The community of tests/sim/sites/NAME.toml. `speed`: how fast its time passes; `broker` is
    the class of one: Broker, or Mosquitto where that is installed."""

    def __init__(self, name, directory, speed=1, dns_port=0, firmware=None, broker=Broker):
        self.site = load_site(SITES / f"{name}.toml")
        self.speed = speed
        self.broker = broker(directory / "broker")
        self.taken = []  # Taken, in the order of each journal
        self.readings = []  # Reading of every point of every board
        self.stored_states = []  # StateHead, as the desk took them
        self._edges = {gateway.id: [] for gateway in self.site.gateways}
        self._directory = directory
        self._server = ForkServer()
        firmware = compiled(firmware)
        self._bench = Bench(
            self._server, firmware, hal_dir(), speed=speed, tap_readings=True, dns_port=dns_port
        )
        self._stack = ExitStack()

    def __enter__(self):
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, failure, *_):
        with self._stack:
            self.collect()
            if failure:
                self._tell()
        if not failure:
            self._judge()

    def _start(self, stack):
        stack.enter_context(mock.patch.object(ingest, "time", Hurried(self.speed)))
        self._server.start()
        stack.callback(self._server.stop)
        self.broker.start()
        stack.callback(self.broker.stop)
        self.tap = stack.enter_context(Tap("127.0.0.1", self.broker.port))
        self.store = Store(f"sqlite:///{self._directory / 'desk.db'}")
        stack.callback(self.store.close)
        self.start_desk()
        stack.callback(self.stop_desk)
        address = Address.parse(self.broker.url)
        self.fleet = Fleet(self.site, self._directory / "boards", self._bench, address)
        stack.callback(self.fleet.stop)
        self.fleet.start()
        stack.callback(self.wake_broker)  # first of all: nobody can say good-bye to a stopped one

    # ---- the desk, the broker, the gateways ----

    def start_desk(self):
        """Begin to store."""
        self.ingest = ingest.Ingest(self.broker.url, self.site.id, self.store, self._stored)
        self.ingest.start()

    def stop_desk(self):
        """Store no more; the broker stays."""
        self.ingest.stop()

    def stop_broker(self):
        """Let the broker fall silent with all its connections open."""
        os.kill(self.broker.pid, signal.SIGSTOP)

    def wake_broker(self):
        """Let a silent broker go on."""
        if self.broker.is_running:
            os.kill(self.broker.pid, signal.SIGCONT)

    def board(self, gateway=None):
        """Return a gateway's board, the first one's where none is named."""
        return self.fleet.boards[gateway or self.site.gateways[0].id]

    def link(self, gateway=None):
        """Return what stands between a gateway and the broker."""
        return self.fleet.link(gateway or self.site.gateways[0].id)

    def config_path(self, gateway=None):
        """Return where a gateway's configuration lies."""
        return self.board(gateway).directory / "flash" / "etc" / "config.jsonl"

    def restart(self, broker_host="127.0.0.1"):
        """Cut the power of the first gateway; it comes back with another broker's host."""
        gateway = self.site.gateways[0]
        board = self.board()
        port = self.link().port
        board.configure(config_lines(self.site, gateway, broker_host, port))
        self.cut_power()

    def cut_power(self, gateway=None):
        """Cut a gateway's power; return when it has booted again, with its record of that."""
        board = self.board(gateway)
        self.collect()
        boots = len(self.boots(board.gateway))
        board.power_cut(0)
        self.until(lambda: len(self.boots(board.gateway)) > boots, "the gateway boots again")
        return self.boots(board.gateway)[-1].event

    def smoke(self, point, there=True):
        """Blow smoke into a detector, or clean air; return when that was (Unix time in ns)."""
        time_ns = time.time_ns()
        self.fleet.drive(point, "smoke", float(there))
        return time_ns

    def clear(self, point):
        """Blow clean air into a detector and reset its gateway; return when that is silent."""
        since_ns = self.smoke(point, there=False)
        self.until_clean(point, since_ns)
        gateway = self.site.point(point).gateway
        before = len(self.acts(gateway))
        self.fleet.press(gateway, True)  # for as long as a reset takes
        self.until(lambda: not self.is_sounding(gateway), "a reset silences the sounder")
        self.until(lambda: len(self.acts(gateway)) > before, "the flash has the reset")
        self.until(lambda: not self._is_in_alarm(point), "the flash has that it is over")
        self.fleet.press(gateway, False)

    def until_clean(self, point, since_ns):
        """Wait until a detector has read clean air."""
        self.until(lambda: self._is_clean(point, since_ns), "the detector reads clean air")

    def press(self, for_s, gateway=None):
        """Press a gateway's button for so many of its own seconds."""
        name = gateway or self.site.gateways[0].id
        self.fleet.press(name, True)
        time.sleep(for_s / self.speed)
        self.fleet.press(name, False)
        time.sleep(RELEASED_S)

    def _is_clean(self, name, since_ns):
        point = self.site.point(name)
        last = next(r for r in reversed(self.readings) if r.point == point.number)
        return last.time_ns > since_ns and last.value < point.levels["alarm"].clears_at * 1000

    # ---- what they did ----

    def collect(self):
        """Take in what the boards have done since the last call."""
        for name, board in self.fleet.boards.items():
            self.taken += [
                Taken(took.time_ns, unpacked(name, took.record))
                for took in board.seam.new()
                if took.lane == EVENTS
            ]
            self._edges[name] += board.edges.new()
            self.readings += board.readings.new()

    def until(self, is_so, what, timeout_s=WAIT_S):
        """Wait until something is so; return what it then is."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.collect()
            found = is_so()
            if found:
                return found
            assert time.monotonic() < deadline, self._in_vain(what, timeout_s)
            time.sleep(POLL_S)

    def _in_vain(self, what, timeout_s):
        missing = "\n".join(map(str, sorted(self.missing())[:TOLD]))
        return f"waited {timeout_s} s until {what}; online {self.online()}; missing:\n{missing}"

    def sounder(self, gateway=None):
        """Return the edges of a gateway's sounder: (time in ns, whether it sounds from then)."""
        name = gateway or self.site.gateways[0].id
        outputs = self.site.gateway(name).outputs
        sounder = next(output for output in outputs if output.name == "sounder")
        return [
            (edge.time_ns, edge.value == sounder.active)
            for edge in self._edges[name]
            if edge.pin == sounder.pin
        ]

    def is_sounding(self, gateway=None):
        """Return whether a gateway's sounder sounds now."""
        edges = self.sounder(gateway)
        return bool(edges) and edges[-1][1]

    def boots(self, gateway=None):
        """Return the starts of a gateway, as its journal took them."""
        name = self.board(gateway).gateway
        return [t for t in self.taken if t.event.gateway == name and t.event.event == "boot"]

    def alarms(self, point):
        """Return when a point went into ALARM, as the journal took it."""
        number = self.site.point(point).number
        return [
            t
            for t in self.taken
            if t.event.point == number and t.event.conditions & t.event.changed & wire.ALARM
        ]

    def _is_in_alarm(self, name):
        number = self.site.point(name).number
        last = next(t.event for t in reversed(self.taken) if t.event.point == number)
        return last.conditions & wire.ALARM

    def acts(self, gateway=None):
        """Return (verb, result, point) of what was done at a gateway, in order."""
        name = self.board(gateway).gateway
        return [
            (t.event.act.verb, t.event.act.result, t.event.point)
            for t in self.taken
            if t.event.gateway == name and t.event.act
        ]

    def until_act(self, *act):
        """Wait until the first gateway's last act is (verb, result, point); return its event."""
        self.until(lambda: self.acts()[-1:] == [act], f"{act}")
        return [t.event for t in self.taken if t.event.act][-1]

    def troubles(self, code, stands=True):
        """Return when a gateway's own trouble came, or went, as the journal took it."""
        return [
            t
            for t in self.taken
            if (t.event.event, t.event.point, t.event.code) == ("condition", 0, code)
            and self._came(t.event) is stands
        ]

    def _came(self, event):
        """A trouble comes and goes in turn, whatever others stand."""
        same = [
            t.event
            for t in self.taken
            if (t.event.gateway, t.event.boot) == (event.gateway, event.boot)
            and (t.event.event, t.event.code) == ("condition", event.code)
            and t.event.point == 0
        ]
        return same.index(event) % 2 == 0

    # ---- what the desk has ----

    def stored(self):
        """Return the events of the store, as the journals took them."""
        return [
            Happened(*[getattr(event, field) for field in Happened._fields])
            for event in self.store.events(self.site.id)
        ]

    def missing(self):
        """Return what the journals took and the store does not have, each field compared."""
        return {t.event for t in self.taken} - set(self.stored())

    def until_settled(self, timeout_s=WAIT_S):
        """Wait until every gateway is online and knows that all it has raised is stored."""
        self.until(self._settled, "everything raised is stored", timeout_s)

    def _settled(self):
        return all(
            name in self.online() and self._knows_the_time(name) and self.is_confirmed(name)
            for name in self.fleet.boards
        )

    def _knows_the_time(self, gateway):
        """A gateway hears the time with its first answer from the desk; that is an event, too."""
        return any(event.event == "clock" for event in self._journal(gateway))

    def _journal(self, gateway):
        """Return what a gateway has raised since its last start."""
        boot = self.boots(gateway)[-1].event
        return [t.event for t in self.taken if t.event[:2] == boot[:2]]

    def is_confirmed(self, gateway=None):
        """Return whether the desk's last word to a gateway covers all that it has raised."""
        name = self.board(gateway).gateway
        topic = wire.topic(self.site.id, name, "down", "stored")
        said = [seen.payload for seen in list(self.tap.seen) if seen.topic == topic]
        if not said or not self.boots(name):
            return False
        last = self._journal(name)[-1]
        return last in self.stored() and wire.parse(topic, said[-1]).events == last.n

    def online(self):
        """Return the gateways whose last word on the broker is that they are online."""
        said = {}
        for seen in list(self.tap.seen):
            if seen.topic.endswith("/up/status"):
                message = wire.parse(seen.topic, seen.payload)
                said[message.gateway] = message.status
        return [gateway for gateway, status in said.items() if status == "online"]

    def heads(self, gateway=None):
        """Return the heads of a gateway's states, as the desk took them."""
        name = self.board(gateway).gateway
        return [head.fields for head in list(self.stored_states) if head.gateway == name]

    def assert_stored_once(self, lost=()):
        """Fail unless the store has all that was raised but `lost`, once, without a gap."""

        def all_is_there():
            return set(self.stored()) == {t.event for t in self.taken} - set(lost)

        self.until(all_is_there, "the store has what was raised, and no more", ON_THE_WAY_S)
        records = list(self.store.events(self.site.id))
        stored = self.stored()
        assert len(stored) == len(set(stored))
        assert self.store.duplicates() == 0
        numbers = {}
        for event in {*stored, *lost}:
            numbers.setdefault(event.gateway, set()).add(event.n)
        for gateway, found in numbers.items():
            assert found == set(range(1, max(found) + 1)), gateway
        journals = {(record.gateway, record.epoch) for record in records}
        assert len(journals) == len(numbers), "a journal was begun anew"

    def _stored(self, message):
        """In the ingest's thread."""
        if isinstance(message, wire.StateHead):
            self.stored_states.append(message)

    def _judge(self):
        """What no live test may show, whatever it tests."""
        assert not self.troubles(TASK_FAILED), self._consoles()
        assert not self.ingest.rejects, self.ingest.rejects
        self.tap.assert_clean()

    def _tell(self):
        """Print what helps to understand a failure."""
        for taken in self.taken[-TOLD:]:
            print(f"{taken.time_ns / 1e9:.3f} {taken.event}")
        print(self._consoles())

    def _consoles(self):
        return "\n".join(
            f"{name} (resets {dict(board.resets)}) said:\n{board.console()}"
            for name, board in self.fleet.boards.items()
        )


class Heartbeat:
    """Notices when this machine stands still: then nobody's timing means anything."""

    EVERY_S = 0.01
    STILL_S = 0.1

    def __init__(self):
        self._stills = []  # (from, to) in ns
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def stood_still(self, from_ns, to_ns):
        """Return whether the machine stood still in between."""
        return any(begin < to_ns and end > from_ns for begin, end in self._stills)

    def _run(self):
        last_ns = time.time_ns()
        while not self._stop.wait(self.EVERY_S):
            now_ns = time.time_ns()
            if now_ns - last_ns > self.STILL_S * 1e9:
                self._stills.append((last_ns, now_ns))
            last_ns = now_ns
