"""The line to a world that owns this board's time, network and power (FG_WORLD=1).

Nothing here reads a clock of the host. Time passes where the firmware sleeps or waits, and a
little at each look at the clock; the world is asked only when it has something to do by then. It
answers with the time, when it wants to be asked next, and what has come over the network.
"""

import errno

import uos
import ustruct as struct
from micropython import const
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT

import hal

ADVANCE, CONNECT, SEND, CLOSE = 0, 1, 2, 3  # what is asked for
CONNECTED, DATA, CLOSED = 1, 2, 3  # what comes
CUT = const(1)  # the power goes now; any other verdict is a reset

_ASK = "<BHqI"
_ANSWER = "<qqBH"
_COMING = "<HBH"
_FAR_US = const(0x3FFFFFFFFFFFFFFF)
_LONGEST_US = const(0x3FFFFFFF)

# What the chip takes, in microseconds. Flash: the data sheet of a usual 4 MiB chip (Winbond
# W25Q32JV, table of AC characteristics): page program 0.4 ms typical, sector erase 45 ms typical.
LOOK_US = const(2)  # a look at the clock, at 240 MHz; estimated
PROGRAM_US = const(400)
ERASE_US = const(45000)

us = 0  # since this start
next_us = 0  # when the world wants to be asked
_ask = _answer = None
_head = bytearray(struct.calcsize(_ANSWER))
_coming = bytearray(struct.calcsize(_COMING))
_sockets = {}
_in_flash = False
_cut = False


def _exactly(size):
    data = _answer.read(size)
    while len(data) < size:
        data += _answer.read(size - len(data))
    return data


def ask(what, socket=0, argument=0, data=b""):
    """Ask the world, and take what it answers; return how much has come."""
    global us, next_us, _cut
    _ask.write(struct.pack(_ASK, what, socket, us, argument or len(data)) + data)
    us, next_us, verdict, count = struct.unpack(_ANSWER, _exactly(len(_head)))
    for _ in range(count):
        number, kind, size = struct.unpack(_COMING, _exactly(len(_coming)))
        came = _exactly(size) if size else b""
        if number in _sockets:
            _sockets[number].come(kind, came)
    if verdict == CUT and _in_flash:
        _cut = True
    elif verdict:
        die()
    return count


def die():
    """The chip stops here; the world knows why."""
    uos.system("kill -9 $PPID")


def advance(until_us, stops):
    """Let time pass until then, or, where `stops`, until something comes."""
    global us
    while us < until_us:
        if until_us < next_us:
            us = until_us
        elif ask(ADVANCE, int(stops), min(until_us - us, _LONGEST_US)) and stops:
            return


def now_us():
    """Return microseconds since this start; a look takes a little."""
    global us
    us += LOOK_US
    if us >= next_us:
        ask(ADVANCE, 1, 0)
    return us


def sleep_us(duration_us):
    """Do nothing for so long."""
    advance(us + max(0, duration_us), False)


def busy(duration_us):
    """The flash is at work; return whether the power goes before it is done."""
    global _in_flash
    _in_flash = True
    advance(us + duration_us, False)
    _in_flash = False
    return _cut


class Poll:
    """select.poll over the sockets of the world."""

    def __init__(self):
        self._wanted = {}

    def register(self, thing, mask=POLLIN | POLLOUT):
        """Look at it, too."""
        self._wanted[id(thing)] = (thing, mask)

    modify = register

    def unregister(self, thing):
        """Look at it no more."""
        self._wanted.pop(id(thing), None)

    def poll(self, timeout_ms=-1):
        """Return [(object, events)]."""
        ready = self._ready()
        if timeout_ms == 0 or ready:
            return ready
        until_us = _FAR_US if timeout_ms < 0 else us + timeout_ms * 1000
        while not ready and us < until_us:
            advance(until_us, True)
            ready = self._ready()
        return ready

    def ipoll(self, timeout_ms=-1, flags=0):
        """Return an iterator over (object, events)."""
        return iter(self.poll(timeout_ms))

    def _ready(self):
        ready = []
        for thing, mask in self._wanted.values():
            events = thing.events() & (mask | POLLERR | POLLHUP) if type(thing) is Socket else 0
            if events:
                ready.append((thing, events))
        return ready


class Socket:
    """A TCP socket of the world."""

    _count = 0

    def __init__(self, af=2, kind=1, proto=0):
        Socket._count += 1
        self._number = Socket._count
        self._came = b""
        self._connected = self._closed = False

    def connect(self, address):
        """Begin to connect."""
        import hal_io

        if not hal_io.link_up():
            raise OSError(errno.EHOSTUNREACH)
        _sockets[self._number] = self
        ask(CONNECT, self._number)
        raise OSError(errno.EINPROGRESS)

    def come(self, kind, data):
        """Something has come over the network."""
        if kind == CONNECTED:
            self._connected = True
        elif kind == DATA:
            self._came += data
        else:
            self._closed = True

    def events(self):
        """Return what poll finds."""
        if self._closed:
            return POLLIN | POLLHUP
        return (POLLOUT if self._connected else 0) | (POLLIN if self._came else 0)

    def readinto(self, buffer, size=-1):
        """Take what has come; None where there is nothing yet."""
        if not self._came:
            return 0 if self._closed else None
        count = min(len(buffer), len(self._came))
        buffer[:count] = self._came[:count]
        self._came = self._came[count:]
        return count

    def write(self, data):
        """Send it all."""
        if self._closed:
            raise OSError(errno.ECONNRESET)
        ask(SEND, self._number, 0, bytes(data))
        return len(data)

    def close(self):
        """Let go of it."""
        if self._number in _sockets:
            del _sockets[self._number]
            ask(CLOSE, self._number)

    def setblocking(self, on):
        """It never blocks."""

    def setsockopt(self, *option):
        """There is nothing to set."""


def take():
    """Take the place of the host's clock, network, chance and flash."""
    global _ask, _answer
    import os
    import random
    import select
    import socket
    import time

    from hal_drive import drive

    _ask = open(hal.path("world.ask"), "wb")  # noqa: SIM115 open as long as the board lives
    _answer = open(hal.path("world.answer"), "rb")  # noqa: SIM115
    random.seed(int(uos.getenv("FG_SEED")))
    drive(now_us, sleep_us)
    time.host_ns = host_ns
    select.poll = Poll
    socket.socket = Socket
    os.urandom = hal.rubbish  # as the seed says
    wear_flash(random)
    ask(ADVANCE, 1, 0)


def host_ns():
    """Return what stands for the host's clock in the taps: this start's time."""
    return us * 1000


def wear_flash(random):
    """Let flash take its time, and a power cut tear what is being written."""
    from hal_partition import Partition

    program, ioctl = Partition._program, Partition.ioctl

    def programmed(self, at, data):
        if busy(PROGRAM_US):
            part = random.randrange(len(data) + 1)
            torn = bytes([byte | random.getrandbits(8) for byte in data[part : part + 16]])
            program(self, at, bytes(data[:part]) + torn)
            die()
        program(self, at, data)

    def asked(self, operation, argument):
        if operation == 6 and busy(ERASE_US):
            for at in range(0, 4096, 64):
                if random.getrandbits(1):
                    self._file.seek(argument * 4096 + at)
                    self._file.write(b"\xff" * 64)
            die()
        return ioctl(self, operation, argument)

    Partition._program = programmed
    Partition.ioctl = asked
