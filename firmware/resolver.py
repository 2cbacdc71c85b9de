"""Host names to addresses without ever holding up the board: one UDP question, asked a few times.

The interpreter's own getaddrinfo() stops everything for up to five seconds when no name server
answers; here it sees numeric addresses only. Nothing is kept: whoever connects anew asks anew.
"""

import asyncio
import os
import select
import socket

from micropython import const

from lib import dns
from link import LinkLost

TRIES = const(3)
_POLL_MS = const(20)
_MESSAGE_BYTES = const(512)  # an answer over UDP is never longer


async def resolve(name, server, port=53, timeout_ms=4500):
    """Return the numeric address of `name`, asking the numeric `server`, or raise LinkLost."""
    try:
        query = dns.query(name, int.from_bytes(os.urandom(2), "little"))
        for _ in range(TRIES):
            try:
                return await asyncio.wait_for_ms(_ask(query, server, port), timeout_ms // TRIES)
            except asyncio.TimeoutError:
                pass  # UDP loses messages: ask again
    except (OSError, ValueError, dns.NoAddress) as error:
        raise LinkLost("name server: " + str(error))
    raise LinkLost("name server: no answer")


async def _ask(query, server, port):
    """Ask once; wait for as long as it takes."""
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        peer.setblocking(False)
        peer.connect(socket.getaddrinfo(server, port, 0, socket.SOCK_DGRAM)[0][-1])
        peer.send(query)  # connected: what anyone else sends is not delivered
        poller = select.poll()  # a stream would run several datagrams together
        poller.register(peer, select.POLLIN)
        while True:
            await asyncio.sleep_ms(_POLL_MS)
            try:
                if poller.poll(0):
                    return dns.answer(peer.recv(_MESSAGE_BYTES), query)
            except ValueError:
                pass  # not an answer to this question
    finally:
        peer.close()
