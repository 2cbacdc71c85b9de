"""For `link`: the firmware's uplink with a full journal, on a board that has only a network."""

import asyncio
from time import ticks_us

import uplink
from clock import Clock
from lib import record
from lib.journal import EVENTS, Journal, Lane
from lib.point import Gateway
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

    def name_server(self):
        return "127.0.0.1"


class Recorder:
    """Nothing else happens to this gateway."""

    def trouble(self, code, stands):
        pass

    def note(self, event):
        pass


class Report:
    """A state of one short part."""

    def __init__(self):
        self.units = {0: ""}

    def renew(self):
        return 1

    def put(self, number, message):
        message.put()


def full_journal(clock, count):
    journal = Journal(RamFlash(), RamFlash(), 1)
    sectors = 4 + count * record.SIZE // SECTOR_BYTES
    journal.events = Lane(EVENTS, RamFlash(sectors, SECTOR_BYTES))
    packed = bytearray(record.SIZE)
    source = Gateway()
    source.value = 25100
    for _ in range(count):
        record.pack_event(packed, clock, record.CONDITION, source, 1, 15000)
        journal.events.append(packed)
    return journal


async def drain(port, count):
    """Publish a backlog of `count` events; return when the session stood, once all are
    acknowledged."""
    clock = Clock(1)
    journal = full_journal(clock, count)
    head = {
        "site": "bench", "gateway": "gw", "keepalive_s": 60, "broker_s": 10, "desk_s": 30,
        "wifi_ssid": "", "wifi_key": "",
        "broker_host": "127.0.0.1", "broker_port": port,
    }  # fmt: skip
    carrier = uplink.Uplink(head, Board(), clock, journal, Recorder(), Report(), None)
    client = carrier._client
    cursor = carrier._events.cursor
    tasks = [asyncio.create_task(task(lambda _: None)) for task in (carrier.run, carrier.listen)]
    while not carrier.connected:
        await asyncio.sleep_ms(_POLL_MS)
    begin_us = ticks_us()
    while cursor.next(1)[1] or client.in_flight:
        await asyncio.sleep_ms(_POLL_MS)
    for task in tasks:
        task.cancel()
    await client.close()
    return begin_us
