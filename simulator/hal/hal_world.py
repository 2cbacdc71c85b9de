"""The line to a world that owns this board's time, network and power (FG_WORLD=1).

Nothing here reads a clock of the host. Time passes where the firmware sleeps or waits, and a
little at each look at the clock; the world is asked only when it has something to do by then. It
answers with the time, when it wants to be asked next, and what has come over the network.
"""

import errno
from random import getrandbits

import uos
import ustruct as struct
from micropython import const
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT

import hal
from hal_costs import COSTS_US, ERASE_US, PROGRAM_US

ADVANCE, CONNECT, SEND, CLOSE, TRAP = 0, 1, 2, 3, 4  # what is asked for, or told
CONNECTED, DATA, CLOSED = 1, 2, 3  # what comes
CUT = const(1)  # the power goes now
WATCHDOG = const(2)
RAISE = const(3)  # the next call of the network raises
HANG = const(4)  # it never returns
FILL = const(5)  # the heap is full
FREE = const(6)
TEAR = const(8)  # the power goes in the middle of the next write

_ASK = "<BHqI"
_ANSWER = "<qqBH"
_COMING = "<HBH"
_NOTHING = ()
_FAR_US = const(0x3FFFFFFFFFFFFFFF)
_LONGEST_US = const(0x3FFFFFFF)
_RESERVE_BYTES = const(2048)
_PAGE_BYTES = const(256)
_SELDOM = const(16)  # one in so many operations of the flash takes longer than usual

_MASK = const(0x3FFFFFFF)
_START_US = hal.START_MS * 1000
_LOOK_US = COSTS_US["look"]

us = 0  # since this start
next_us = 0  # when the world wants to be asked
_ask = _answer = _refresh = None
_ballast = _reserve = None  # while the heap is full
_inside = None  # what a world does in here
_head = bytearray(struct.calcsize(_ANSWER))
_coming = bytearray(struct.calcsize(_COMING))
_sockets = {}
_bad = b""  # sectors of the events' flash that have failed
_in_flash = False
_tear = 0  # 1: the next write is torn; more: the next one of so many bytes
_cut = False


def _exactly(size):
    data = _answer.read(size)
    while len(data) < size:
        data += _answer.read(size - len(data))
    return data


def ask(what, socket=0, argument=0, data=b""):
    """Ask the world, and take what it answers; return how much has come.

    What the chip's network takes of memory is not the interpreter's: it has a reserve.
    """
    global us, next_us, _cut, _reserve
    _reserve = None
    _ask.write(struct.pack(_ASK, what, socket, us, argument or len(data)) + data)
    us, next_us, verdict, count = struct.unpack(_ANSWER, _exactly(len(_head)))
    for _ in range(count):
        number, kind, size = struct.unpack(_COMING, _exactly(len(_coming)))
        if number in _sockets:
            _sockets[number].come(kind, size)
    if _refresh:
        _refresh()
    if verdict == CUT and _in_flash:
        _cut = True
    elif verdict == CUT or verdict == WATCHDOG:
        die()
    elif verdict:
        _inside(verdict)
    if _ballast is None:
        return count
    try:
        _reserve = bytearray(_RESERVE_BYTES)
    except MemoryError:
        pass  # the firmware has taken it
    return count


def die():
    """The chip stops here; the world knows why."""
    uos.system("kill -9 $PPID")


def advance(until_us, stops):
    """Let time pass until then, or, where `stops`, until something comes."""
    global us
    while us < until_us and not _cut:  # after a cut the world's time stands still
        if until_us < next_us:
            us = until_us
        elif ask(ADVANCE, int(stops), min(until_us - us, _LONGEST_US)) and stops:
            return


def spend(what, times=1):
    """Let pass what a call takes."""
    global us
    us += COSTS_US[what] * times
    if us >= next_us:
        ask(ADVANCE, 1, 0)


def now_us():
    """Return microseconds since this start; a look takes a little."""
    global us
    us += _LOOK_US
    if us >= next_us:
        ask(ADVANCE, 1, 0)
    return us


def ticks_ms():
    """Return a millisecond count that wraps at 2**30."""
    global us
    us += _LOOK_US
    if us >= next_us:
        ask(ADVANCE, 1, 0)
    return (us + _START_US) // 1000 & _MASK


def sleep_us(duration_us):
    """Do nothing for so long."""
    advance(us + max(0, duration_us), False)


def busy(cost, size):
    """The flash is at work on so many bytes; return whether the power goes before it is done."""
    global _in_flash, _tear
    duration_us, most_us = cost
    if not getrandbits(16) % _SELDOM:
        duration_us += getrandbits(30) % (most_us - duration_us)
    _in_flash = True
    if _tear == 1 or _tear == size:
        _tear = 0
        advance(us + getrandbits(30) % duration_us, False)
        ask(TRAP, TEAR)
    advance(us + duration_us, False)
    _in_flash = False
    return _cut


class Serial:
    """What came over the serial port: so many bytes wait there, of which a look takes one."""

    came = 0

    def come(self, kind, size):
        """Something has come."""
        self.came += size

    def events(self):
        """Return what poll finds."""
        if not self.came:
            return 0
        self.came -= 1
        return POLLIN


_sockets[0] = _serial = Serial()


class Poll:
    """select.poll over the sockets of the world; anything else is the serial port."""

    def __init__(self):
        self._sockets = []
        self._masks = []

    def register(self, thing, mask=POLLIN | POLLOUT):
        """Look at it, too."""
        if type(thing) is not Socket:
            thing = _serial
        mask |= POLLERR | POLLHUP
        if thing in self._sockets:
            self._masks[self._sockets.index(thing)] = mask
        else:
            self._sockets.append(thing)
            self._masks.append(mask)

    modify = register

    def unregister(self, thing):
        """Look at it no more."""
        if thing in self._sockets:
            self._masks.pop(self._sockets.index(thing))
            self._sockets.remove(thing)

    def poll(self, timeout_ms=-1, flags=0):
        """Return [(object, events)]."""
        spend("look")
        ready = self._ready()
        if timeout_ms == 0 or ready:
            return ready
        until_us = _FAR_US if timeout_ms < 0 else us + timeout_ms * 1000
        while not ready and us < until_us:
            advance(until_us, True)
            ready = self._ready()
        return ready

    ipoll = poll

    def _ready(self):
        ready = _NOTHING
        for at in range(len(self._sockets)):
            events = self._sockets[at].events() & self._masks[at]
            if events:
                ready += ((self._sockets[at], events),)
        return ready


class Socket:
    """A TCP socket of the world."""

    _count = 0

    def __init__(self, af=2, kind=1, proto=0):
        Socket._count += 1
        self._number = Socket._count
        self._came = 0  # bytes that wait in the network's own memory
        self._file = None
        self._connected = self._closed = False

    def connect(self, address):
        """Begin to connect."""
        spend("socket")
        import hal_io

        if not hal_io.link_up():
            raise OSError(errno.EHOSTUNREACH)
        _sockets[self._number] = self
        ask(CONNECT, self._number)
        raise OSError(errno.EINPROGRESS)

    def come(self, kind, size):
        """Something has come over the network."""
        if kind == CONNECTED:
            self._connected = True
        elif kind == DATA:
            self._came += size
        else:
            self._closed = True

    def events(self):
        """Return what poll finds."""
        if self._closed:
            return POLLIN | POLLHUP
        return (POLLOUT if self._connected else 0) | (POLLIN if self._came else 0)

    def readinto(self, buffer, size=-1):
        """Take what has come; None where there is nothing yet."""
        spend("socket")
        if not self._came:
            return 0 if self._closed else None
        if self._file is None:
            self._file = open(hal.path("down-" + str(self._number) + ".bin"), "rb")  # noqa: SIM115
        count = self._file.readinto(buffer, min(len(buffer), self._came))
        self._came -= count
        return count

    def write(self, data):
        """Send it all."""
        spend("socket")
        if self._closed:
            raise OSError(errno.ECONNRESET)
        ask(SEND, self._number, 0, bytes(data))
        return len(data)

    def close(self):
        """Let go of it."""
        spend("socket")
        if self._number in _sockets:
            del _sockets[self._number]
            if self._file:
                self._file.close()
            ask(CLOSE, self._number)

    def setblocking(self, on):
        """It never blocks."""

    def setsockopt(self, *option):
        """There is nothing to set."""


def take():
    """Take the place of the host's clock, network, chance and flash."""
    global _ask, _answer, _inside, _refresh
    import os
    import random
    import select
    import socket
    import time

    import hal_analog
    import virtual_asyncio
    from hal_drive import drive

    _ask = open(hal.path("world.ask"), "wb")  # noqa: SIM115 open as long as the board lives
    _answer = open(hal.path("world.answer"), "rb")  # noqa: SIM115
    random.seed(int(uos.getenv("FG_SEED")))
    drive(now_us, sleep_us)
    hal.spend = spend
    hal_analog.noise_uv = noise_uv
    time.ticks_ms = virtual_asyncio.ticks_ms = ticks_ms
    time.host_ns = host_ns
    select.poll = Poll
    socket.socket = Socket
    os.urandom = hal.rubbish  # as the seed says
    wear_flash(random)
    find_bad()
    import hal_faults

    _inside = hal_faults.take
    ask(ADVANCE, 1, 0)
    if uos.getenv("FG_WORLD") == "roomy":
        import hal_quick

        hal_quick.take()
        _refresh = hal_quick.refresh


def noise_uv(sigma_uv):
    """Return a random number as hal_analog's, for a quarter of the calls."""
    bits = getrandbits(32)
    four = (bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24)
    return (four - 510) * sigma_uv // 148


def host_ns():
    """Return what stands for the host's clock in the taps: this start's time."""
    return us * 1000


def find_bad():
    """Take in which sectors have failed."""
    global _bad
    try:
        with open(hal.path("bad.bin"), "rb") as file:
            _bad = file.read()
    except OSError:
        pass  # none


def wear_flash(random):
    """Let flash take its time, and a power cut tear what is being written."""
    from hal_partition import Partition

    program, ioctl = Partition._program, Partition.ioctl

    def programmed(self, at, data):
        if self._label == "events" and at // 4096 in _bad:
            raise OSError(errno.EIO)
        pages = -(-len(data) // _PAGE_BYTES)
        if busy((PROGRAM_US[0] * pages, PROGRAM_US[1] * pages), len(data)):
            part = random.randrange(len(data) + 1)
            torn = bytes([byte | random.getrandbits(8) for byte in data[part : part + 16]])
            program(self, at, bytes(data[:part]) + torn)
            die()
        program(self, at, data)

    def asked(self, operation, argument):
        if operation == 6 and self._label == "events" and argument in _bad:
            raise OSError(errno.EIO)
        if operation == 6 and busy(ERASE_US, 4096):
            for at in range(0, 4096, 64):
                if random.getrandbits(1):
                    self._file.seek(argument * 4096 + at)
                    self._file.write(b"\xff" * 64)
            die()
        return ioctl(self, operation, argument)

    Partition._program = programmed
    Partition.ioctl = asked
