"""For `link`: what the client takes of the heap, and the bytes on the wire of an event.

Arguments: port, events. Prints {"heap_bytes", "live_bytes", "draining_bytes"}; bytes are those of
an event, both ways, above TCP; of a backlog with the beginning of the session.
"""

import asyncio
import gc
import json
import sys

import boot  # noqa: F401 the collector as on a gateway


def used():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


async def heap(port):
    """Return what is taken by the client's modules, its buffers and a session."""
    await asyncio.sleep_ms(0)  # asyncio itself is there
    before = used()
    from mqtt import Client

    client = Client("bench-heap", "topic", "", 60, lambda: 0)
    await client.connect("127.0.0.1", port)
    taken = used() - before
    await client.close()
    return taken


class Wire:
    """Counts what passes a link."""

    def __init__(self):
        from link import Link

        write, read = Link.write, Link.read
        self.bytes = 0

        def written(link, data):
            count = write(link, data)
            self.bytes += count
            return count

        async def received(link, into):
            count = await read(link, into)
            self.bytes += count
            return count

        Link.write, Link.read = written, received


async def carry(port, wire, backlog, live):
    """Return the bytes of an event in a backlog, then of one that is sent as it happens."""
    from backlog import Gateway

    gateway = Gateway(port, backlog)
    wire.bytes = 0
    await gateway.begin()
    await gateway.done()
    draining = wire.bytes / backlog
    wire.bytes = 0
    for _ in range(live):
        gateway.happen()
        await gateway.done()
    await gateway.end()
    return draining, wire.bytes / live


async def main(port, count):
    taken = await heap(port)
    draining, live = await carry(port, Wire(), count, count // 10)
    print(json.dumps({"heap_bytes": taken, "live_bytes": live, "draining_bytes": draining}))


asyncio.run(main(*map(int, sys.argv[1:])))
