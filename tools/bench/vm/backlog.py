"""For `link`: the firmware's uplink with a full journal, on a board that has only a network."""

import asyncio
from time import ticks_us

import uplink
from clock import Clock
from lib import record
from lib.journal import EVENTS, Journal, Lane
from lib.point import Gateway as PanelOfGateway
from lib.ramflash import RamFlash

_POLL_MS = 2
SECTOR_BYTES = 4096


class Board:
    """A network that is always there."""

    send_buffer = None  # the client makes its own

    def join_network(self, ssid, key):
        pass

    def has_network(self):
        return True

    def network(self):
        return "127.0.0.1", -60


class Recorder:
    """Nothing else happens to this gateway."""

    def __init__(self):
        self.news = asyncio.Event()

    def trouble(self, code, stands):
        pass

    def note(self, event):
        pass


class Operation:
    """Nobody has bypassed anything."""

    restored = ()


class Report:
    """A state of one short part."""

    def __init__(self):
        self.units = {0: ""}

    def renew(self):
        return 1

    def put(self, number, message):
        message.put()


class Gateway:
    """The uplink of a gateway with a journal of `count` events, and its two tasks."""

    def __init__(self, port, count):
        self.clock = Clock(1)
        self.journal = Journal(RamFlash(), RamFlash(), 1)
        sectors = 4 + count * record.SIZE // SECTOR_BYTES
        self.journal.events = Lane(EVENTS, RamFlash(sectors, SECTOR_BYTES))
        self._packed = bytearray(record.SIZE)
        self._recorder = Recorder()
        for _ in range(count):
            self.happen()
        head = {
            "site": "bench", "gateway": "gw", "keepalive_s": 60, "broker_s": 10, "desk_s": 30,
            "wifi_ssid": "", "wifi_key": "",
            "broker_host": "127.0.0.1", "broker_port": port,
        }  # fmt: skip
        made = (head, Board(), self.clock, self.journal, self._recorder, Report(), Operation())
        self._uplink = uplink.Uplink(*made)

    def happen(self):
        """Append an event."""
        source = PanelOfGateway()
        source.value = 25100
        record.pack_event(self._packed, self.clock, record.CONDITION, source, 1, 15000)
        self.journal.events.append(self._packed)
        self._recorder.news.set()

    async def begin(self):
        """Start; return when the session stands."""
        carry = self._uplink
        self._tasks = [
            asyncio.create_task(run(lambda _: None)) for run in (carry.run, carry.listen)
        ]
        while not carry.connected:
            await asyncio.sleep_ms(_POLL_MS)

    async def done(self):
        """Return when every event is acknowledged by the broker."""
        cursor, client = self._uplink._events.cursor, self._uplink._client
        while cursor.next(1)[1] or client.in_flight:
            await asyncio.sleep_ms(_POLL_MS)

    async def end(self):
        """Stop."""
        for task in self._tasks:
            task.cancel()
        await self._uplink._client.close()


async def drain(port, count):
    """Publish a backlog of `count` events; return when the session stood, once all are
    acknowledged."""
    gateway = Gateway(port, count)
    await gateway.begin()
    begin_us = ticks_us()
    await gateway.done()
    await gateway.end()
    return begin_us
