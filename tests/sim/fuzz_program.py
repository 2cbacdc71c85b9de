"""Runs in the VM: each point of a configuration on an input that answers anything.

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

ALARM = 1
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


class Board:
    def __init__(self, mess):
        self._mess = mess

    def input(self, name, scl_pin, sda_pin):
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
        self._rises = "rise" in line
        self._above = line["above"]
        self._clear = line.get("alarm_hysteresis", 0)
        self._since = None

    def take(self, value, now_ms):
        if value is None or self._limit is None:
            return
        far = value - self._limit if self._above else self._limit - 1 - value
        if far >= 0 and self._since is None:
            self._since = now_ms
        elif far < -self._clear:
            self._since = None

    def may_alarm(self, value, now_ms):
        if value is None:
            return False
        held = self._since is not None and ticks_diff(now_ms, self._since) >= self._hold_ms
        return held or self._rises


def fuzz(head, line, count):
    mess = Mess()
    point = make_point(line)
    driver = make_driver(line, head, Board(mess), Clock())
    judge = Judge(line)
    low, high = line["range"]
    now_ms = ticks_add(0, -30_000)
    valued = alarms = 0
    for n in range(count):
        mess.step()
        now_ms = ticks_add(now_ms, line["period_ms"])
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
            point.reset()
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
