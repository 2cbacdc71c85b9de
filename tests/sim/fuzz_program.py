"""Runs in the VM: each point of a configuration on an input or a bus that answers anything.

Arguments: a JSON file (head, lines with the range of each), readings for each point, seed. Fails
where an exception leaves a driver, where a reading is neither plausible nor explained, and where
ALARM comes without readings beyond the limit for the whole hold time. Prints a JSON object for
each point: readings, of them with a value, alarms.
"""

import json
import random
import sys
from time import ticks_add, ticks_diff

import drivers.ads1115
from assembly import make_driver, make_point
from drivers.ads1115 import ADS1115
from drivers.esp32_adc import Esp32Adc
from drivers.rs485 import Rs485, crc16
from fakes import FakeProbe
from lib.service import reset

ALARM = 1
STEPS = 8  # of a bus between two readings
RISE_STEP_MS = 10_000  # a window moves on in steps
drivers.ads1115.sleep_us = lambda us: None


class Mess:
    """What an input is made to show: for a while good, still, noisy, wild, silent."""

    def __init__(self):
        self.left = 0
        self.how = "good"
        self.uv = 0

    def step(self):
        if not self.left:
            self.how = random.choice(("good", "good", "noisy", "wild", "edge", "silent", "mixed"))
            self.left = random.choice((1, 2, 30, 100, 300))
            self.uv = random.randint(-100_000, random.choice((2_000_000, 3_300_000, 5_500_000)))
        self.left -= 1

    def level_uv(self):
        how = self.how
        if how == "mixed":
            how = random.choice(("good", "noisy", "wild", "edge", "silent"))
        if how == "silent":
            raise OSError(5)
        if how == "wild":
            return random.randint(-6_000_000, 12_000_000)
        if how == "edge":
            return random.choice((-1, 0, 1, 150_000, 2_450_000, 2_450_001, 4_095_875, 5_000_000))
        if how == "noisy":
            return self.uv + random.randint(-300_000, 300_000)
        return self.uv + random.randint(-1000, 1000)


class Adc:
    def __init__(self, mess):
        self._mess = mess

    def read_uv(self):
        return max(self._mess.level_uv(), 0)


class I2C:
    """An ADS1115 that is there, or bytes from nowhere."""

    def __init__(self, mess):
        self._mess = mess
        self._config = 0

    def writeto_mem(self, address, register, data):
        self._mess.level_uv()
        self._config = data[0] << 8 | data[1]

    def readfrom_mem_into(self, address, register, data):
        uv = self._mess.level_uv()
        word = self._config if register else max(min(uv // 125, 0x7FFF), -0x8000) & 0xFFFF
        if self._mess.how in ("wild", "mixed") and random.getrandbits(3) == 0:
            word = random.getrandbits(16)
        data[0] = word >> 8
        data[1] = word & 0xFF


def junk(size):
    return bytes([random.getrandbits(8) for _ in range(size)])


class Uart:
    """A Modbus station whose registers follow the mess, or bytes from nowhere."""

    def __init__(self, mess, line):
        self._mess = mess
        self._span = line.get("span")
        self._swaps = line.get("low_word_first")
        self._coming = b""

    def write(self, request):
        try:
            uv = self._mess.level_uv()
        except OSError:
            if random.getrandbits(1):
                raise
            self._coming = b""
            return
        self._coming = self._answer(request, uv)
        if self._mess.how in ("wild", "mixed"):
            self._coming = random.choice(
                (self._coming, junk(random.getrandbits(9)), self._spoilt(), junk(3) + self._coming)
            )

    def _answer(self, request, uv):
        size = 2 * request[5]
        counts = self._span * uv // 4_000_000
        if self._mess.how == "edge":
            counts = random.choice((0, -1, 0x7FFF, 0x8000, 0x7FFFFFFF, -0x80000000, uv))
        if random.getrandbits(6) == 0:
            frame = bytes((request[0], request[1] | 0x80, random.getrandbits(8)))
        else:
            words = (counts & 0xFFFFFFFF).to_bytes(4, "big")
            words = words[2:] + words[:2] if self._swaps else words
            frame = request[:2] + bytes((size,)) + words[-size:]
        crc = crc16(frame, len(frame))
        return frame + bytes((crc & 0xFF, crc >> 8))

    def _spoilt(self):
        frame = bytearray(self._coming)
        frame[random.randint(0, len(frame) - 1)] ^= 1 << random.getrandbits(2)
        return bytes(frame)

    def flush(self):
        pass

    def readinto(self, buffer):
        if self._mess.how == "silent" and random.getrandbits(4) == 0:
            raise OSError(5)
        size = min(len(buffer), len(self._coming), random.randint(1, 40))
        buffer[:size] = self._coming[:size]
        self._coming = self._coming[size:]
        return size or None


class Pin:
    def value(self, level):
        pass


class Probe(FakeProbe):
    """A DS18B20 whose temperature follows the mess, or bits from nowhere."""

    def __init__(self, mess):
        super().__init__()
        self._mess = mess

    def reset(self, required=False):
        try:
            self.counts = self._mess.level_uv() * 16 // 30_000
            self.absent = False
        except OSError:
            self.absent = True
        self.grounded = self._mess.how == "edge" and random.getrandbits(2) == 0
        if self._mess.how == "edge" and random.getrandbits(2) == 0:
            self.lose_power()
        return super().reset(required)

    def readinto(self, buffer):
        super().readinto(buffer)
        if self._mess.how in ("wild", "mixed") and random.getrandbits(1):
            buffer[:] = junk(len(buffer))
            if random.getrandbits(1):
                buffer[4] = 0x7F
                buffer[8] = self.crc8(buffer, 8)


class Sounder:
    """What a supervised line leads to: on now and then."""

    @property
    def is_on(self):
        return random.getrandbits(4) == 0


class Board:
    def __init__(self, mess, line):
        self._mess = mess
        self._line = Rs485(Uart(mess, line), Pin())

    def step(self, now_ms):
        """Time passes on the line between two readings."""
        self._line.step(now_ms)

    def input(self, name, scl_pin, sda_pin):
        if name.startswith("onewire"):
            return Probe(self._mess), None
        if name.startswith("rs485"):
            return self._line.station(int(name[6:]))
        if name.startswith("gpio"):
            return Esp32Adc(Adc(self._mess))
        return ADS1115(I2C(self._mess)).input(int(name[-1]))


class Clock:
    now_us = 0

    def ticks_us(self):
        return ticks_add(0, self.now_us)

    def sleep_us(self, us):
        self.now_us += us + (random.getrandbits(10) if random.getrandbits(6) == 0 else 0)


class Judge:
    """Follows the ALARM level of a line: how long the readings have been beyond its limit."""

    def __init__(self, line):
        self._limit = line.get("alarm")
        self._hold_ms = line.get("alarm_hold_ms", 0)
        self._rise = line.get("rise", 0) - line.get("rise_hysteresis", 0)
        self._window_ms = line["window_ms"] + line.get("rise_hold_ms", 0) + RISE_STEP_MS
        self._seen = []  # (when, value) of at least a window
        self._above = line["above"]
        self._clear = line.get("alarm_hysteresis", 0)
        self._since = None

    def take(self, value, now_ms):
        if value is None or self._limit is None:
            return
        if self._rise:
            self._seen.append((now_ms, value))
            if ticks_diff(now_ms, self._seen[0][0]) > 2 * self._window_ms:
                self._seen = self._within(now_ms)
        far = value - self._limit if self._above else self._limit - 1 - value
        if far >= 0 and self._since is None:
            self._since = now_ms
        elif far < -self._clear:
            self._since = None

    def may_alarm(self, value, now_ms):
        if value is None:
            return False
        held = self._since is not None and ticks_diff(now_ms, self._since) >= self._hold_ms
        return held or self._has_risen(value, now_ms)

    def _within(self, now_ms):
        return [seen for seen in self._seen if ticks_diff(now_ms, seen[0]) <= self._window_ms]

    def _has_risen(self, value, now_ms):
        if not self._rise:
            return False
        return value - min([seen[1] for seen in self._within(now_ms)]) >= self._rise


def fuzz(head, line, count):
    mess = Mess()
    point = make_point(line)
    board = Board(mess, line)
    driver = make_driver(line, head, board, Clock(), {"sounder": Sounder()})
    judge = Judge(line)
    low, high = line["range"]
    now_ms = ticks_add(0, -30_000)
    steps = STEPS if line["input"].startswith("rs485") else 0
    step_ms = line["period_ms"] // STEPS
    left_ms = line["period_ms"] - steps * step_ms
    valued = alarms = 0
    for n in range(count):
        mess.step()
        for _ in range(steps):
            now_ms = ticks_add(now_ms, step_ms)
            board.step(now_ms)
        now_ms = ticks_add(now_ms, left_ms)
        value = driver.read(now_ms)
        code = driver.code
        what = (line["driver"], line["input"], n, value, code, mess.how)
        assert value is not None or code, what
        assert value is None or (type(value) is int and low <= value <= high), what
        judge.take(value, now_ms)
        before = point.conditions
        point.update(value, code, now_ms)
        if point.conditions & ~before & ALARM:
            assert judge.may_alarm(value, now_ms), what
            alarms += 1
        if random.getrandbits(10) == 0:
            reset(point)
        valued += value is not None
    key = line["kind"] + "/" + line["quantity"]
    return {"what": [line["driver"], key], "readings": count, "valued": valued, "alarms": alarms}


def main(about, count, seed):
    random.seed(int(seed))
    with open(about) as file:
        job = json.load(file)
    for line in job["lines"]:
        print(json.dumps(fuzz(job["head"], line, int(count))))


main(*sys.argv[1:])
