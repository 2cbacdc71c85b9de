"""For `link`: the firmware's uplink with a full journal, on a board that has only a network."""

import asyncio
from time import ticks_us

from clock import Clock
from lib import record
from lib.journal import Journal
from lib.point import Gateway
from uplink import Uplink

_POLL_MS = 2


class Board:
    """A network that is always there."""

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

    def losses(self):
        pass


class Report:
    """A state of one short part."""

    def __init__(self):
        self.units = {0: ""}

    def renew(self):
        return 1

    def part(self, number):
        return "{}"


def full_journal(clock, count):
    journal = Journal(1, count, 1)
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
    head = {
        "site": "bench", "gateway": "gw", "keepalive_s": 60, "wifi_ssid": "", "wifi_key": "",
        "broker_host": "127.0.0.1", "broker_port": port,
    }  # fmt: skip
    uplink = Uplink(head, Board(), clock, full_journal(clock, count), Recorder(), Report())
    tasks = [asyncio.create_task(task(lambda _: None)) for task in (uplink.run, uplink.listen)]
    while not uplink.connected:
        await asyncio.sleep_ms(_POLL_MS)
    begin_us = ticks_us()
    while uplink._events.next(1)[1] or uplink._client.in_flight:
        await asyncio.sleep_ms(_POLL_MS)
    for task in tasks:
        task.cancel()
    await uplink._client.close()
    return begin_us
