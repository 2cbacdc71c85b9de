"""Modbus RTU master on an RS-485 line (Modbus over Serial Line V1.02, Application Protocol
V1.1b3).

    request    station, function 3 or 4, register, count of registers, CRC
    answer     station, function, count of bytes, registers, CRC
    refusal    station, function + 0x80, why, CRC

Nothing here waits for a station: `step` asks for one register at a time, in turn, and takes what
has come by then. Only the sending of 8 bytes is waited for, because the line must be let go of
before the station answers: 8 ms at 9600 baud.

Use:

    bus = Rs485(uart, direction, baud=9600, timeout_ms=200)
    query = bus.station(17).query(3, 107, 2)
    bus.step(now_ms)             every 20 ms
    if not query.trouble(now_ms):
        query.first, query.second
"""

from time import ticks_add, ticks_diff

from micropython import const

from lib.codes import BAD_FRAME, BUS_EXCEPTION, BUS_TIMEOUT, STARTING

STALE_MS = const(1500)  # an answer that is older is none
_EVERY_MS = const(100)  # from one answer of a register to the next request for it
_FAILED_EVERY_MS = const(2000)  # what is silent must not slow down the others
_TRIES = const(2)
_REFUSED = const(0x80)
_REFUSAL_SIZE = const(5)
_FRAME_MAX = const(9)
_PIECE = const(32)
_PIECES = const(8)  # all that an ESP32 keeps of what it has received: 256 bytes
_SILENCE_BITS = const(39)  # 3.5 characters of 11 bits


def crc16(data, size):
    """Return the CRC of the first bytes; 0 where their own CRC stands behind them."""
    crc = 0xFFFF
    for i in range(size):
        crc ^= data[i]
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


class Rs485:
    """One line with all its stations; `direction` is a pin that is 1 while we drive the line."""

    def __init__(self, uart, direction, baud=9600, timeout_ms=200):
        self._uart = uart
        self._direction = direction
        self._silence_ms = _SILENCE_BITS * 1000 // baud + 1
        self._timeout_ms = timeout_ms
        self._queries = []
        self._at = 0
        self._asked = None  # the query whose answer is awaited
        self._asked_ms = 0
        self._paused_ms = 0
        self._pause_ms = 0  # how long the line must be left alone since then
        self._piece = bytearray(_PIECE)
        self._frame = bytearray(_FRAME_MAX)
        self._have = 0
        self._heard = False

    def station(self, number):
        """Return a station, 1 to 247."""
        return _Station(self._queries, number)

    def step(self, now_ms):
        """Ask, or take what has come; call it often."""
        try:
            if self._asked:
                self._collect(now_ms)
            elif not self._pause_ms or ticks_diff(now_ms, self._paused_ms) >= self._pause_ms:
                self._ask(now_ms)
        except OSError:  # the port itself
            self._fail(BUS_TIMEOUT, now_ms)

    def _ask(self, now_ms):
        """Send the next request that is due, if one is."""
        self._pause_ms = 0
        for _ in range(len(self._queries)):
            query = self._queries[self._at]
            if query.is_due(now_ms):
                break
            self._at = (self._at + 1) % len(self._queries)
        else:
            return
        self._asked = query
        self._asked_ms = now_ms
        self._have = 0
        self._heard = False
        for _ in range(_PIECES):  # what came too late is nobody's answer
            if not self._uart.readinto(self._piece):
                break
        self._direction.value(1)
        try:
            self._uart.write(query.request)
            self._uart.flush()
        finally:
            self._direction.value(0)

    def _collect(self, now_ms):
        for _ in range(_PIECES):
            size = self._uart.readinto(self._piece)
            if not size:
                break
            self._heard = True
            for i in range(size):
                if self._take(self._piece[i]):
                    self._answered(now_ms)
                    return
        if ticks_diff(now_ms, self._asked_ms) >= self._timeout_ms:
            self._fail(BAD_FRAME if self._heard else BUS_TIMEOUT, now_ms)

    def _take(self, byte):
        """Add one byte; return whether the answer is whole. What cannot begin one is dropped: a
        line that changes direction rings, some adapters echo the request."""
        frame = self._frame
        frame[self._have] = byte
        self._have += 1
        query = self._asked
        while self._have:
            size = query.fits(frame, self._have)
            if size > self._have:
                return False
            if size and not crc16(frame, size):
                return True
            self._have -= 1
            for i in range(self._have):
                frame[i] = frame[i + 1]
        return False

    def _answered(self, now_ms):
        query = self._asked
        query.take(self._frame, now_ms)
        self._next(now_ms, self._silence_ms)
        query.rest(now_ms, _FAILED_EVERY_MS if query.code else _EVERY_MS)

    def _fail(self, code, now_ms):
        """Ask once more, then give up for a while. An answer that is late must not be taken for
        the next one: the line is left alone for as long again."""
        query = self._asked
        if query:
            query.failed += 1
            if query.failed < _TRIES:
                self._pause(now_ms, self._timeout_ms)
                return
            query.code = code
            query.rest(now_ms, _FAILED_EVERY_MS)
            self._next(now_ms, self._timeout_ms)

    def _next(self, now_ms, pause_ms):
        self._at = (self._at + 1) % len(self._queries)
        self._pause(now_ms, pause_ms)

    def _pause(self, now_ms, pause_ms):
        self._asked = None
        self._paused_ms = now_ms
        self._pause_ms = pause_ms


class _Station:
    """The input that a driver is handed."""

    def __init__(self, queries, number):
        self._queries = queries
        self._number = number

    def query(self, function, register, words):
        """Ask for one or two registers from now on; return where the answers stand."""
        query = Query(self._number, function, register, words)
        self._queries.append(query)
        return query


class Query:
    """A register that is asked for again and again: its newest answer, or why there is none."""

    def __init__(self, station, function, register, words):
        request = bytearray((station, function, register >> 8, register & 0xFF, 0, words, 0, 0))
        crc = crc16(request, 6)
        request[6] = crc & 0xFF
        request[7] = crc >> 8
        self.request = request
        self.first = 0
        self.second = 0
        self.code = STARTING
        self.failed = 0
        self._words = words
        self._answered_ms = 0
        self._due_ms = None

    def trouble(self, now_ms):
        """Return 0 where there is a fresh answer, else the trouble code."""
        if self.code == 0 and ticks_diff(now_ms, self._answered_ms) > STALE_MS:
            return BUS_TIMEOUT
        return self.code

    def is_due(self, now_ms):
        """Return whether it is to be asked for again."""
        return self._due_ms is None or ticks_diff(now_ms, self._due_ms) >= 0

    def rest(self, now_ms, rest_ms):
        """Not before this time."""
        self._due_ms = ticks_add(now_ms, rest_ms)

    def fits(self, frame, have):
        """Return how long an answer is that begins so, 0 where none does; 5 at the least."""
        request = self.request
        if frame[0] != request[0]:
            return 0
        if have == 1:
            return _REFUSAL_SIZE
        if frame[1] == request[1] | _REFUSED:
            return _REFUSAL_SIZE
        if frame[1] != request[1] or (have > 2 and frame[2] != 2 * self._words):
            return 0
        return _REFUSAL_SIZE + 2 * self._words

    def take(self, frame, now_ms):
        """Take an answer whose CRC is right."""
        self.failed = 0
        self._answered_ms = now_ms
        if frame[1] & _REFUSED:
            self.code = BUS_EXCEPTION
            return
        self.code = 0
        self.first = frame[3] << 8 | frame[4]
        self.second = frame[5] << 8 | frame[6]
