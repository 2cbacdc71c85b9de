"""DS18B20 thermometer on a 1-Wire bus (data sheet 19-7487, rev. 6): °C.

    supply ──[ 4.7 kOhm ]──┬── pin
                           └── DQ of one probe, or of several that are told apart by ROM id

A conversion of 12 bits takes 750 ms: it is begun at one reading and fetched at a later one; in
between, the last one stands. On an ESP32 both together take some 12 ms of the processor's time.

    no presence pulse            no answer
    all bits low                 short: the wire touches ground, and the CRC of nothing is right
    wrong CRC, wrong constants   rubbish
    85 °C after a power-on       rubbish: it has never measured
    beyond -55 to 125 °C         below or above range; colder than -25 °C reads as -25 °C
"""

from time import ticks_diff

from micropython import const

from lib.codes import ABOVE_RANGE, BELOW_RANGE, NO_ANSWER, RUBBISH, SHORT, STARTING

# Commands (data sheet, "DS18B20 Function Commands").
_SKIP_ROM = const(0xCC)
_MATCH_ROM = const(0x55)
_CONVERT = const(0x44)
_READ = const(0xBE)
_WRITE = const(0x4E)

_CONVERSION_MS = const(750)
_CONSTANTS = const(0x9F)  # bits of the configuration that never change, and what they are
_ONES = const(0x1F)
_TWELVE_BITS = const(0x7F)
_POWER_ON = const(85000)
_LOWEST = const(-55000)
_HIGHEST = const(125000)
_COLDEST = const(-25000)
# Two bytes that a probe keeps for its user and forgets without power: ours stand there since.
_MARK = b"FG"


class Ds18b20:
    """Delivers temperature.c; `input` is (bus, ROM id or None for the only probe)."""

    def __init__(self, input):
        self._bus, self._rom = input
        self._scratchpad = bytearray(9)
        self._reading = 0
        self._begun_ms = None  # None: no conversion is under way
        self.code = STARTING

    def read(self, now_ms):
        """Return the newest conversion in thousandths of a °C, else None with the reason in
        `code`."""
        if self._begun_ms is None:
            self._begin(now_ms)
        elif ticks_diff(now_ms, self._begun_ms) >= _CONVERSION_MS:
            self.code = self._fetch()
            self._begin(now_ms)
        return None if self.code else self._reading

    def _begin(self, now_ms):
        if self._select():
            self._bus.writebyte(_CONVERT)
            self._begun_ms = now_ms
        else:
            self._begun_ms = None
            self.code = NO_ANSWER

    def _fetch(self):
        """Take the finished conversion; return 0 or the trouble code."""
        if not self._select():
            return NO_ANSWER
        pad = self._scratchpad
        self._bus.writebyte(_READ)
        self._bus.readinto(pad)
        if self._bus.crc8(pad):
            return RUBBISH
        if pad[4] == 0:
            return SHORT
        if pad[4] & _CONSTANTS != _ONES:
            return RUBBISH
        return self._judge(pad)

    def _judge(self, pad):
        counts = pad[1] << 8 | pad[0]
        reading = (counts - 0x10000 if counts & 0x8000 else counts) * 125 // 2
        if pad[2] != _MARK[0] or pad[3] != _MARK[1]:
            self._mark()
            if reading == _POWER_ON:
                return RUBBISH
        if reading > _HIGHEST:
            return ABOVE_RANGE
        if reading < _LOWEST:
            return BELOW_RANGE
        self._reading = max(reading, _COLDEST)
        return 0

    def _mark(self):
        """Leave our mark, and ask for 12 bits."""
        if self._select():
            self._bus.writebyte(_WRITE)
            self._bus.write(_MARK)
            self._bus.writebyte(_TWELVE_BITS)

    def _select(self):
        """Wake the bus and address the probe; return whether anything is there."""
        if not self._bus.reset():
            return False
        if self._rom:
            self._bus.writebyte(_MATCH_ROM)
            self._bus.write(self._rom)
        else:
            self._bus.writebyte(_SKIP_ROM)
        return True
