"""What a driver under trial is connected to: a voltage, a Modbus station, a probe on 1-Wire.

Each world has `input` for the driver, and can be mended, made absent, noisy or extreme.
"""

import random
from array import array
from math import pi, sin
from time import ticks_add

from drivers.rs485 import Rs485, crc16
from fakes import FakePin, FakeProbe

_STEPS = 256
_CYCLE_US = 20_000  # 50 Hz


class _Clock:
    """Ticks that sleeping moves."""

    def __init__(self):
        self.elapsed_us = 0

    def ms(self):
        return ticks_add(0, self.elapsed_us // 1000)

    def ticks_us(self):
        return ticks_add(0, self.elapsed_us)

    def sleep_us(self, us):
        self.elapsed_us += us


class Volts:
    """An analog input: a voltage with a mains wave on top, or what fails."""

    extremes = 8
    floor_uv = 0
    ceiling_uv = 4_095_875

    def __init__(self, good):
        self.input = self
        self.clock = _Clock()
        self.good = good  # (microvolts, amplitude of the wave)
        self.code = 0
        self._wave = array("i", [int(1000 * sin(2 * pi * i / _STEPS)) for i in range(_STEPS)])
        self.mend()

    @staticmethod
    def guesses():
        """Yield what a sound sensor might show."""
        yield 1_650_000, 100_000  # a transformer: half of the supply with a wave on top
        for step in range(2, 80):
            yield step * 50_000, 0

    def read_uv(self):
        """As a converter: microvolts, else None with a code."""
        if self.code:
            return None
        phase = self.clock.elapsed_us % _CYCLE_US * _STEPS // _CYCLE_US
        return self._uv + self._amplitude // 1000 * self._wave[phase]

    def pass_time(self, now_ms, for_ms):
        self.clock.elapsed_us += for_ms * 1000

    def mend(self):
        self.code = 0
        self._uv, self._amplitude = self.good

    def absent(self, code):
        self.code = code

    def noise(self):
        self.code = 0
        self._uv = random.getrandbits(22)
        self._amplitude = random.getrandbits(20)

    def extreme(self, which, saturated):
        self.code = saturated if which == 7 else 0
        self._uv = (-300_000, -1, 0, 1, 150_000, 4_095_874, 4_095_875, 0)[which]
        self._amplitude = 0


class Station:
    """A Modbus station behind a real bus: answers whatever it is asked."""

    extremes = 6

    def __init__(self, good):
        self._line = Rs485(self, FakePin())
        self.input = self._line.station(17)
        self._good = good
        self._request = bytearray(8)
        self._answer = bytearray(9)
        self._size = 0
        self._now_ms = None
        self.mend()

    @staticmethod
    def guesses():
        """Yield the words of a sound sensor, the first and the second."""
        for word in (10, 100, 1000, 10_000):
            yield word, word
            yield 0, word
            yield word, 0

    def write(self, data):
        for i in range(8):
            self._request[i] = data[i]
        self._size = 0
        if self._mode == "absent":
            return
        count = 2 * self._request[5]
        answer = self._answer
        answer[0], answer[1], answer[2] = self._request[0], self._request[1], count
        for i in range(count):
            answer[3 + i] = self._words[i // 2] >> (0 if i % 2 else 8) & 0xFF
        crc = crc16(answer, 3 + count)
        answer[3 + count], answer[4 + count] = crc & 0xFF, crc >> 8
        self._size = 5 + count
        if self._mode == "noise":
            answer[random.getrandbits(8) % self._size] ^= random.getrandbits(8)

    def flush(self):
        pass

    def readinto(self, buffer):
        size, self._size = self._size, 0
        for i in range(size):
            buffer[i] = self._answer[i]
        return size or None

    def pass_time(self, now_ms, for_ms):
        for passed_ms in range(0, min(for_ms, 4000), 20):
            self._line.step(ticks_add(now_ms, passed_ms - min(for_ms, 4000)))

    def mend(self):
        self._mode = "good"
        self._words = self._good

    def absent(self, code):
        self._mode = "absent"

    def noise(self):
        self._mode = "noise"
        self._words = random.getrandbits(16), random.getrandbits(16)

    def extreme(self, which, saturated):
        self._mode = "good"
        self._words = (
            (0, 0),
            (0xFFFF, 0xFFFF),
            (0x7FFF, 0xFFFF),
            (0x8000, 0),
            (0x3FFF, 0xFFFF),
            (0x4000, 0),
        )[which]


class Wire:
    """A 1-Wire bus with one probe."""

    extremes = 7

    def __init__(self, good):
        self._probe = FakeProbe(good)
        self._good = good
        self.input = self._probe, None

    @staticmethod
    def guesses():
        """Yield what a sound probe measures, in 1/16 °C."""
        yield 20 * 16

    def pass_time(self, now_ms, for_ms):
        pass

    def mend(self):
        probe = self._probe
        probe.absent = probe.rubbish = probe.grounded = False
        probe.counts = self._good

    def absent(self, code):
        self._probe.absent = True
        self._probe.lose_power()

    def noise(self):
        probe = self._probe
        probe.absent = not random.getrandbits(3)
        probe.rubbish = not random.getrandbits(2)
        probe.grounded = not random.getrandbits(3)
        probe.counts = random.getrandbits(16)

    def extreme(self, which, saturated):
        self.mend()
        self._probe.counts = (0, 0x8000, 0x7FFF, 0xFFFF, 0x0550, 0x07D1, 0xFC8F)[which]


WORLDS = {"gpio": Volts, "ads1115": Volts, "rs485": Station, "onewire": Wire}
