"""One TCP connection that never holds up the board: every call returns at once or gives way.

What goes wrong is a LinkLost, whatever the port, or later TLS, calls it.
"""

import asyncio
import errno
import select
import socket

from micropython import const

from lib.address import is_address

_POLL_MS = const(10)


class LinkLost(Exception):
    """There is no connection any more, or none came about; the text says why in a few words."""


class Link:
    """A connection to a numeric address: make it, await `open()`, and close it in any case."""

    def __init__(self, address, port):
        if not is_address(address):
            raise ValueError("not a numeric address: " + address)  # a name would block
        info = socket.getaddrinfo(address, port, 0, socket.SOCK_STREAM)[0]
        self._peer = info[-1]
        try:
            self._socket = socket.socket(info[0], info[1], info[2])
        except OSError as error:  # the port has no more of them
            raise LinkLost(str(error))
        self._stream = asyncio.StreamReader(self._socket)

    async def open(self):
        """Connect; TLS will wrap the socket at the end of this. The time limit is the caller's."""
        try:
            self._socket.setblocking(False)
            if hasattr(socket, "TCP_NODELAY"):  # not on every port
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.connect(self._peer)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise LinkLost(str(error))
        poller = select.poll()
        poller.register(self._socket, select.POLLOUT)
        while not poller.poll(0):
            await asyncio.sleep_ms(_POLL_MS)

    def write(self, data):
        """Return how many bytes the port took now."""
        try:
            return self._socket.write(data) or 0
        except Exception as error:  # OSError; TLS raises ValueError
            raise LinkLost(str(error))

    async def read(self, into):
        """Wait for bytes; return how many came, at most what fits into the buffer."""
        count = None
        while count is None:  # readable, and yet nothing for us: TLS does that
            try:
                count = await self._stream.readinto(into)
            except Exception as error:  # OSError; TLS raises ValueError
                raise LinkLost(str(error))
        if not count:
            raise LinkLost("closed by the broker")
        return count

    def close(self):
        """Let go of the connection."""
        self._socket.close()
