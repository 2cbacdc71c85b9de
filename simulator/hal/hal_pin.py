"""GPIO pins: outputs leave their edges in edges.bin, inputs read their level from io.bin."""

from micropython import const
from umachine import PinBase

import hal
import hal_edges
import hal_io

_PINS = const(0xFF0EEFF03F)  # 0-5, 12-19, 21-23, 25-27, 32-39: what the ESP32 has and flash leaves
_INPUT_ONLY_FROM = const(34)
_UNSET = const(2)

_levels = bytearray(b"\x02" * 40)  # what each output drives
_byte = bytearray(1)


def check(number):
    """Raise ValueError unless the ESP32 has this pin for us."""
    if not (0 <= number < 40 and _PINS >> number & 1):
        raise ValueError("invalid pin")


class Pin(PinBase):
    """One pin. A pin's output level outlives the object, as on the chip."""

    IN = const(1)
    OUT = const(3)
    OPEN_DRAIN = const(7)
    PULL_DOWN = const(1)
    PULL_UP = const(2)

    def __init__(self, number, mode=-1, pull=-1, value=None):
        check(number)
        self.number = number
        self._out = False
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        """Set direction, pull and level."""
        if mode in (Pin.OUT, Pin.OPEN_DRAIN) and self.number >= _INPUT_ONLY_FROM:
            raise ValueError("pin can only be input")
        if mode != -1:
            self._out = mode != Pin.IN
        if value is not None:
            self.value(value)

    def value(self, value=None):
        """Return the level, or drive it."""
        if value is None:
            return _levels[self.number] & 1 if self._out else self._read()
        value = 1 if value else 0
        if _levels[self.number] != value:
            _levels[self.number] = value
            if self._out:
                hal_edges.log(self.number, value)
        return None

    __call__ = value

    def on(self):
        """Drive the pin high."""
        self.value(1)

    def off(self):
        """Drive the pin low."""
        self.value(0)

    def toggle(self):
        """Drive the other level."""
        self.value(not self.value())

    def _read(self):
        hal_io.peek(hal_io.PINS + self.number // 8, _byte)
        return _byte[0] >> self.number % 8 & 1

    def __getattr__(self, name):
        raise hal.unknown("Pin", name)
