"""The registers of an ADS1115 (TI SBAS444): 16 bits, four inputs, one conversion at a time."""

import time

from micropython import const

import hal_analog

_FIRST_CHANNEL = const(8)  # after the eight GPIOs
_CONVERSION = const(0)
_CONFIG = const(1)
_IDLE = const(0x8000)  # write: start; read: no conversion is running
_SINGLE = const(0x0100)
_MUX = ((0, 1), (0, 3), (1, 3), (2, 3), (0, None), (1, None), (2, None), (3, None))
_FULL_UV = (6144000, 4096000, 2048000, 1024000, 512000, 256000, 256000, 256000)
_RATE_SPS = (8, 16, 32, 64, 128, 250, 475, 860)


class ADS1115:
    """One chip; `index` 0..3 stands for the addresses 0x48..0x4b."""

    def __init__(self, index):
        self._first = _FIRST_CHANNEL + 4 * index
        self._registers = [0, 0x8583, 0x8000, 0x7FFF]
        self._pointer = 0
        self._ready_us = None  # the moment at which the running conversion ends

    def write(self, data):
        """Take what a controller writes: the register's number, then perhaps its two bytes."""
        self._pointer = data[0] & 3
        if len(data) >= 3 and self._pointer != _CONVERSION:
            value = data[1] << 8 | data[2]
            self._settle()
            self._registers[self._pointer] = value
            if self._pointer == _CONFIG and (value & _IDLE or not value & _SINGLE):
                self._ready_us = time.now_us() + 1000000 // _RATE_SPS[value >> 5 & 7]

    def read_into(self, buffer):
        """Give the two bytes of the register pointed at, again and again."""
        self._settle()
        value = self._registers[self._pointer]
        if self._pointer == _CONFIG:
            value = value & ~_IDLE if self._ready_us else value | _IDLE
        for i in range(len(buffer)):
            buffer[i] = value & 0xFF if i % 2 else value >> 8 & 0xFF

    def _settle(self):
        """Finish the conversion whose time has come; in continuous mode the next begins."""
        now_us = time.now_us()
        if self._ready_us is None or now_us < self._ready_us:
            return
        config = self._registers[_CONFIG]
        self._registers[_CONVERSION] = self._convert(config, self._ready_us)
        period_us = 1000000 // _RATE_SPS[config >> 5 & 7]
        self._ready_us = None if config & _SINGLE else now_us + period_us

    def _convert(self, config, at_us):
        plus, minus = _MUX[config >> 12 & 7]
        uv = hal_analog.read_uv(self._first + plus, at_us)
        if minus is not None:
            uv -= hal_analog.read_uv(self._first + minus, at_us)
        counts = (uv * 32768) // _FULL_UV[config >> 9 & 7]
        return max(-32768, min(32767, counts)) & 0xFFFF
