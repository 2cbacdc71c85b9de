"""For `link`: QoS 1 publishes a second, by the firmware's client and by loops that know no better.

Arguments: port, window, messages a round, rounds, then the sides to run in turn. Prints one JSON
list of rates for each side.
"""

import asyncio
import json
import socket
import sys
from time import ticks_diff, ticks_us

import boot  # noqa: F401 the collector as on a gateway
from mqtt import Client

ADDRESS = "127.0.0.1"
TOPIC = "firegrid/1/bench/gw/up/event"
PAYLOAD = b"." * 200
_ACKS = 1024  # bytes of PUBACKs read at once: many windows


class Done(Exception):
    """All messages of a round are acknowledged."""


def rate(count, begin_us):
    return count * 1000000 / ticks_diff(ticks_us(), begin_us)


async def client(port, window, count):
    """The firmware's client: one write for whatever there was room for."""
    sent = 0
    mqtt = Client("bench-client", TOPIC, "", 60, lambda: ticks_us() // 1000, window)

    def feed():
        nonlocal sent
        while sent < count and mqtt.publish(TOPIC, PAYLOAD):
            sent += 1
        if sent == count and not mqtt.in_flight:
            raise Done

    await mqtt.connect(ADDRESS, port)
    begin_us = ticks_us()
    feed()
    await mqtt.flush()
    try:
        await mqtt.serve(lambda *_: None, lambda _: None, feed)
    except Done:
        return rate(count, begin_us)


# What follows are the ceilings: ready packets, acknowledgements counted by their length.


def hello(name):
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
    return b"\x10" + bytes([len(body)]) + body


def packet(number):
    body = len(TOPIC).to_bytes(2, "big") + TOPIC.encode() + number.to_bytes(2, "big") + PAYLOAD
    return b"\x32" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


class Ready:
    """Two windows of packets end to end, so that any run of up to a window is one view."""

    def __init__(self, window):
        self._window = window
        self._size = len(packet(1))
        self._bytes = memoryview(b"".join([packet(1 + n % window) for n in range(2 * window)]))
        self._at = 0

    def next(self, count):
        begin = self._at * self._size
        self._at = (self._at + count) % self._window
        return self._bytes[begin : begin + count * self._size]


async def streams(port, window, count):
    """asyncio's streams: each read of PUBACKs is answered by one write of as many packets."""
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(hello(b"bench-streams"))
    await writer.drain()
    await reader.readexactly(4)
    ready = Ready(window)
    begin_us = ticks_us()
    writer.write(ready.next(window))
    sent, got = window, 0
    while got < 4 * count:
        before = got >> 2
        got += len(await reader.read(_ACKS))
        fresh = min((got >> 2) - before, count - sent)
        if fresh > 0:
            writer.write(ready.next(fresh))
            sent += fresh
    result = rate(count, begin_us)
    writer.close()
    await writer.wait_closed()
    return result


async def blocking(port, window, count):
    """A plain socket; the same otherwise."""
    peer = socket.socket()
    peer.connect(socket.getaddrinfo(ADDRESS, port)[0][-1])
    peer.write(hello(b"bench-blocking"))
    peer.read(4)
    ready = Ready(window)
    begin_us = ticks_us()
    peer.write(ready.next(window))
    sent, got = window, 0
    while got < 4 * count:
        before = got >> 2
        got += len(peer.recv(_ACKS))
        fresh = min((got >> 2) - before, count - sent)
        if fresh > 0:
            peer.write(ready.next(fresh))
            sent += fresh
    result = rate(count, begin_us)
    peer.close()
    return result


async def journal(port, window, count):
    """The gateway's uplink with a backlog of events: read, checked, written as JSON, published."""
    from backlog import drain

    begin_us = await drain(port, count)
    return rate(count, begin_us)


async def public(name, port, window, count):
    import public

    return await getattr(public, name)(port, window, count, TOPIC, PAYLOAD)


async def aiomqttc(port, window, count):
    return await public("aiomqttc", port, window, count)


async def chumicro(port, window, count):
    return await public("chumicro", port, window, count)


SIDES = {
    "client": client,
    "streams": streams,
    "blocking": blocking,
    "journal": journal,
    "aiomqttc": aiomqttc,
    "chumicro": chumicro,
}


def main(port, window, count, rounds, *names):
    rates = {name: [] for name in names}
    for _ in range(int(rounds)):
        for name in names:
            side = SIDES[name](int(port), int(window), int(count))
            rates[name].append(asyncio.run(side))
    print(json.dumps(rates))


main(*sys.argv[1:])
