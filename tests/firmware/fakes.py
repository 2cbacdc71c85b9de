"""Small real objects in place of converters, buses, pins and clocks; none takes heap in use."""

import errno
from array import array
from math import pi, sin
from time import ticks_add

from lib.codes import SATURATED
from micropython import heap_lock, heap_unlock


def read_with_heap_locked(driver, now_ms=0):
    """Read twice, the second time with the heap locked; return the second reading."""
    driver.read(now_ms)
    heap_lock()
    try:
        return driver.read(now_ms)
    finally:
        heap_unlock()


class FakeDriver:
    """A driver that reads what it was set to: a number, or a trouble code below zero."""

    def __init__(self, reading=0):
        self.reading = reading
        self.code = 0

    def read(self, now_ms):
        self.code = -self.reading if self.reading < 0 else 0
        return None if self.code else self.reading


class FakeInput:
    """An input that shows one voltage, or fails with a trouble code."""

    floor_uv = 0
    ceiling_uv = 4_095_875

    def __init__(self, uv=0, floor_uv=0):
        self.uv = uv
        self.code = 0
        self.floor_uv = floor_uv

    def fail(self, code):
        self.uv = None
        self.code = code

    def read_uv(self):
        return self.uv


class FakeAdc:
    """A machine.ADC: shows its voltages one after the other, again and again."""

    def __init__(self, *uv):
        self._uv = uv
        self.reads = 0
        self.broken = False

    def read_uv(self):
        if self.broken:
            raise OSError(errno.ETIMEDOUT)
        uv = self._uv[self.reads % len(self._uv)]
        self.reads += 1
        return uv


class FakeClock:
    """Ticks in microseconds that only sleeping moves; `stall(n, us)` lengthens the n-th sleep."""

    def __init__(self, start_us=0):
        self._start_us = start_us
        self._stalls = {}
        self.elapsed_us = 0
        self.sleeps = 0

    def stall(self, sleep, us):
        self._stalls[sleep] = us

    def ticks_us(self):
        return ticks_add(self._start_us, self.elapsed_us)

    def sleep_us(self, us):
        assert us > 0, us
        self.elapsed_us += us + self._stalls.get(self.sleeps, 0)
        self.sleeps += 1


class FakeMains:
    """An ESP32 pin that sees a bias and a wave: fundamental and third harmonic, peak values."""

    floor_uv = 150_000
    ceiling_uv = 2_450_000
    STEPS = 1000  # in one cycle

    def __init__(self, clock, peak_uv, cycle_us=20_000, bias_uv=1_650_000, third_uv=0):
        self._clock = clock
        self._cycle_us = cycle_us
        self.wave = self.wave_of(peak_uv, bias_uv, third_uv)
        self.code = 0
        self.reads = 0
        self.fails_with = 0

    def wave_of(self, peak_uv, bias_uv=1_650_000, third_uv=0):
        wave = array("i", [0] * self.STEPS)
        for i in range(self.STEPS):
            angle = 2 * pi * i / self.STEPS
            wave[i] = int(bias_uv + peak_uv * sin(angle) + third_uv * sin(3 * angle))
        return wave

    def read_uv(self):
        self.reads += 1
        phase_us = self._clock.elapsed_us % self._cycle_us
        uv = self.wave[phase_us * self.STEPS // self._cycle_us]
        self.code = self.fails_with or (SATURATED if uv > self.ceiling_uv else 0)
        return None if self.code else max(uv, 142_000)


class FakeI2C:
    """A bus with one ADS1115 at 0x48: its config register, its inputs, its misbehaviour."""

    def __init__(self, *uv):
        self.uv = list(uv)
        self.absent = False
        self.config = 0x8583  # as after power-on
        self.echo = None  # what the config register claims instead
        self.busy = 3  # how many reads of the config register find a conversion under way
        self.polls = 0

    def writeto_mem(self, address, register, data):
        self._answer(address)
        assert register == 1, register
        self.config = data[0] << 8 | data[1]
        self.polls = 0

    def readfrom_mem_into(self, address, register, data):
        self._answer(address)
        value = self._conversion() if register == 0 else self._status()
        data[0] = value >> 8
        data[1] = value & 0xFF

    def _answer(self, address):
        if self.absent or address != 0x48:
            raise OSError(errno.ENODEV)

    def _status(self):
        self.polls += 1
        if self.echo is not None:
            return self.echo
        return self.config if self.polls > self.busy else self.config & 0x7FFF

    def _conversion(self):
        if self.polls <= self.busy:
            return 0x1234  # what the conversion before left behind
        raw = self.uv[(self.config >> 12 & 7) - 4] // 125
        return max(min(raw, 0x7FFF), -0x8000) & 0xFFFF


class FakePin:
    """An output pin that counts how often it is written."""

    def __init__(self):
        self.level = None
        self.writes = 0

    def value(self, level):
        self.level = level
        self.writes += 1


class FakeOutputs:
    """Outputs that keep what the panel wanted each time."""

    def __init__(self):
        self.panel = None  # the test says which
        self.followed = []  # whether it sounds
        self.self_tests = 0
        self.ruled = []  # what stays on until a local reset

    def follow(self, now_ms):
        self.followed.append(self.panel.sounding)

    def self_test(self, now_ms):
        self.self_tests += 1
        return True


class FakeRecorder:
    """A recorder that keeps what it was told, in order, with the mode at that moment.

    ("act", verb, result, point or 0, minutes, author) or ("went"|"came", point, bits, mode).
    """

    def __init__(self):
        self.told = []
        self.troubles = set()  # of the gateway, those that stand

    def trouble(self, code, stands):
        if stands:
            self.troubles.add(code)
        else:
            self.troubles.discard(code)

    def act(self, verb, result, author, point, minutes):
        self.told.append(("act", verb, result, point.number if point else 0, minutes, author))

    def condition(self, point, changed):
        word = "came" if changed & point.conditions else "went"
        self.told.append((word, point.number, changed, point.mode))

    def acts(self):
        return [told[1:4] for told in self.told if told[0] == "act"]


class FakeTime:
    """A clock in the test's hand: ticks across the wrap, a wall time if it is told one."""

    boot = 3
    quality = 3

    def __init__(self):
        self._start_ms = ticks_add(0, -700)
        self.up_s = self.up_ms = self.passed_ms = 0
        self.unix_s = 1_767_225_600

    def pass_ms(self, ms):
        self.passed_ms += ms

    def ms(self):
        return ticks_add(self._start_ms, self.passed_ms)

    def time_s(self):
        return self.unix_s


class FakeLine:
    """A UART with one Modbus station behind it: says what `answers` holds, one for each request.

    An answer is the bytes that come, all of them at the next look, or None for silence.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.drives = None  # the direction pin, looked at while something is sent
        self.broken = False
        self.chatter = b""  # what comes by itself
        self._waiting = b""
        self._at = 0

    def write(self, data):
        if self.broken:
            raise OSError(errno.EIO)
        self.sent.append((bytes(data), self.drives and self.drives.level))
        self._waiting = (self.answers.pop(0) if self.answers else None) or b""
        self._at = 0
        return len(data)

    def flush(self):
        pass

    def readinto(self, buffer):
        source = self._waiting if self._at < len(self._waiting) else self.chatter
        if source is self.chatter:
            self._at = len(self._waiting)
        at = self._at if source is self._waiting else 0
        size = min(len(buffer), len(source) - at)
        for i in range(size):
            buffer[i] = source[at + i]
        if source is self._waiting:
            self._at += size
        return size or None


class FakeProbe:
    """A 1-Wire bus with one DS18B20 on it: `counts` is what it measures, in 1/16 °C."""

    def __init__(self, counts=20 * 16, rom=None):
        self.counts = counts
        self.rom = rom
        self.absent = False
        self.rubbish = False
        self.grounded = False
        self.conversions = 0
        self._rest = [0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10, 0x1C]
        self._pad = bytearray(self._rest)
        self._taken = bytearray(16)
        self._count = 0

    def lose_power(self):
        self._pad[:] = bytes(self._rest)

    def reset(self, required=False):
        self._count = 0
        return self.grounded or not self.absent

    def writebyte(self, value):
        self._taken[self._count] = value
        self._count += 1
        if value == 0x44 and self._is_addressed(1):
            self.conversions += 1
            self._pad[0] = self.counts & 0xFF
            self._pad[1] = self.counts >> 8 & 0xFF
        if self._count == 5 and self._taken[1] == 0x4E:
            for i in range(3):
                self._pad[2 + i] = self._taken[2 + i]
        self._pad[8] = self.crc8(self._pad, 8)

    def write(self, data):
        for byte in data:
            self.writebyte(byte)

    def readinto(self, buffer):
        for i in range(len(buffer)):
            buffer[i] = self._pad[i]
            if self.absent:
                buffer[i] = 0xFF
            if self.grounded:
                buffer[i] = 0
        if self.rubbish:
            buffer[3] ^= 0x10

    def crc8(self, data, size=9):
        crc = 0
        for i in range(size):
            byte = data[i]
            for _ in range(8):
                crc = crc >> 1 ^ (0x8C if (crc ^ byte) & 1 else 0)
                byte >>= 1
        return crc

    def _is_addressed(self, after):
        if self._taken[0] == 0xCC:
            return self._count == after + 1
        for i in range(8):
            if self._taken[1 + i] != self.rom[i]:
                return False
        return self._count == 9 + after


class FakeFlash:
    """A partition by the rules of NOR flash, in RAM; sectors may be bad, or all of it.

    Counts what is done to it. Nothing in it takes heap once it is made.
    """

    def __init__(self, count=8, size=512):
        self.count = count
        self.size = size
        self.sectors = [bytearray(b"\xff" * size) for _ in range(count)]
        self.bad = set()  # sectors that cannot be erased or programmed
        self.broken = False
        self.erased = array("I", [0] * count)
        self.programs = self.reads = self.bytes_read = 0

    @property
    def erases(self):
        return sum(self.erased)

    def readblocks(self, block, buffer, offset):
        if self.broken:
            raise OSError(errno.EIO)
        self.reads += 1
        self.bytes_read += len(buffer)
        sector = self.sectors[block]
        for i in range(len(buffer)):
            buffer[i] = sector[offset + i]

    def writeblocks(self, block, buffer, offset):
        self._check(block)
        self.programs += 1
        sector = self.sectors[block]
        for i in range(len(buffer)):
            sector[offset + i] &= buffer[i]

    def ioctl(self, operation, argument):
        if operation == 6:
            self._check(argument)
            self.erased[argument] += 1
            sector = self.sectors[argument]
            for i in range(self.size):
                sector[i] = 0xFF
        return self.count if operation == 4 else self.size

    def _check(self, block):
        if self.broken or block in self.bad:
            raise OSError(errno.EIO)
