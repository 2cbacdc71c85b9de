"""The network between gateways and broker, to be broken: a TCP proxy on 127.0.0.1 for each.

What each mode shows to the gateway:

    up        bytes flow, later by half of `rtt_ms` each way
    refused   nobody listens: a connection is refused, those that stand are reset
    swallow   packets vanish: no connection comes about, those that stand go silent but stay open
    mute      a connection is accepted, then nothing is ever said
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

UP = "up"
REFUSED = "refused"
SWALLOW = "swallow"
MUTE = "mute"
MODES = (UP, REFUSED, SWALLOW, MUTE)

_CHUNK = 65536
_QUEUE_CHUNKS = 64
_FILLERS = 4  # connections that fill the accept queue of a listener that swallows


class Link:
    """One proxy; made by `Links.add`. `up_bytes` and `down_bytes` count what got through."""

    def __init__(self, links: "Links", upstream: tuple[str, int]) -> None:
        self.rtt_ms = 0
        self.up_bytes = 0
        self.down_bytes = 0
        self.mode = UP
        self._links = links
        self._upstream = upstream
        self._reserved = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self._flows = asyncio.Event()
        self._listener: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._new: set[socket.socket] = set()  # accepted, and not carried yet

    def set_mode(self, mode: str) -> None:
        """Change over at once, also for the connections that stand."""
        assert mode in MODES, mode
        self._links.call(self.change(mode))

    async def change(self, mode: str) -> None:
        """`set_mode` inside the loop of the links."""
        self._close_listener()
        self.mode = mode
        if mode == UP:
            self._flows.set()
        else:
            self._flows.clear()
        if mode == REFUSED:
            self._reset()
        elif mode == SWALLOW:
            self._listen_full()
        else:
            self._listen()

    async def close(self) -> None:
        """End the proxy and what goes through it."""
        self._close_listener()
        self._reset()
        self._reserved.close()

    def _listen(self) -> None:
        self._listener = _bound(self.port)
        self._listener.listen(64)
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _listen_full(self) -> None:
        """Listen with a queue that is full: the kernel then drops every further SYN."""
        self._listener = _bound(self.port)
        self._listener.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fillers.append(filler)

    def _close_listener(self) -> None:
        if self._listener:
            asyncio.get_running_loop().remove_reader(self._listener)
        for sock in (self._listener, *self._fillers):
            if sock:
                sock.close()
        self._listener = None
        self._fillers = []

    def _accept(self) -> None:
        """Take a connection that waits; in one go, so that none is lost between two steps."""
        assert self._listener
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it has gone again
        client.setblocking(False)
        self._new.add(client)
        task = asyncio.create_task(self._carry(client))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, client))

    def _done(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if client in self._new:  # cancelled before it began
            self._new.remove(client)
            client.close()

    def _reset(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _carry(self, client: socket.socket) -> None:
        """Carry one connection until both ways have ended; a cancelled one is reset."""
        self._new.discard(client)
        with contextlib.ExitStack() as ends:
            try:
                await self._join(client, ends)
            except asyncio.CancelledError:
                _reset_on_close(client)
                raise

    async def _join(self, client: socket.socket, ends: contextlib.ExitStack) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=client)
            ends.callback(writer.close)
            await self._flows.wait()
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
            ends.callback(up_writer.close)
            async with asyncio.TaskGroup() as ways:
                self._pump(ways, reader, up_writer, "up")
                self._pump(ways, up_reader, writer, "down")
        except* OSError:
            pass  # refused or reset by one side: the other sees its end close

    def _pump(
        self,
        ways: asyncio.TaskGroup,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: str,
    ) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE_CHUNKS)
        ways.create_task(self._take(reader, queue))
        ways.create_task(self._give(queue, writer, way))

    async def _take(
        self, reader: asyncio.StreamReader, queue: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        loop = asyncio.get_running_loop()
        data = b"."
        while data:  # the end travels as empty data, behind what came before it
            data = await reader.read(_CHUNK)
            await queue.put((loop.time() + self.rtt_ms / 2000, data))

    async def _give(
        self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, way: str
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await queue.get()
            await asyncio.sleep(due - loop.time())
            await self._flows.wait()
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            self._count(way, len(data))

    def _count(self, way: str, size: int) -> None:
        if way == "up":
            self.up_bytes += size
        else:
            self.down_bytes += size


class Links:
    """All proxies of a run, in one asyncio loop in one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)
        self._links: list[Link] = []

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, host: str, port: int) -> Link:
        """Make a proxy to the broker at host:port, in mode up."""
        link = Link(self, (host, port))
        self._links.append(link)
        link.set_mode(UP)
        return link

    def stop(self) -> None:
        """Close every proxy and end the thread."""
        for link in self._links:
            self.call(link.close())
        self.call(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def _bound(port: int) -> socket.socket:
    """A socket bound to `port`, or to a free one. Several may share it, so that a port stays ours
    while nobody listens there."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def _reset_on_close(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _settle() -> None:
    """Let cancelled tasks come to their end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 2)
