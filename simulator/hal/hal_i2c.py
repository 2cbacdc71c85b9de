"""An I2C bus with four places for an ADS1115; io.bin says which are there and how they behave."""

import errno
import time

from micropython import const

import hal
import hal_io
from hal_ads1115 import ADS1115

_FIRST = const(0x48)
_OK = const(1)
_RUBBISH = const(2)
_STUCK = const(3)
_STUCK_MS = const(50)  # the driver's own time limit

_states = bytearray(16)  # u32 per device; the states fit the lowest byte
_chips = {}  # a chip keeps its registers whoever holds the bus


class I2C(hal.Part):
    """The bus as a controller sees it; the pins do not matter to the simulator."""

    def __init__(self, id=-1, scl=None, sda=None, freq=400000, timeout=50000):
        self._short = bytearray(1)

    def scan(self):
        """Return the addresses that answer."""
        try:
            self._look()
        except OSError:
            return []
        return [_FIRST + i for i in range(4) if _states[4 * i]]

    def writeto(self, address, data, stop=True):
        """Write; the first byte chooses the register. Return how many bytes were taken."""
        hal.spend("i2c byte", 1 + len(data))
        chip = self._find(address)
        if chip:
            chip.write(data)
        return len(data)

    def readfrom_into(self, address, buffer, stop=True):
        """Read from the chosen register."""
        hal.spend("i2c byte", 1 + len(buffer))
        chip = self._find(address)
        if chip:
            chip.read_into(buffer)
        else:
            buffer[:] = hal.rubbish(len(buffer))

    def readfrom(self, address, size, stop=True):
        """Return bytes from the chosen register."""
        buffer = bytearray(size)
        self.readfrom_into(address, buffer)
        return bytes(buffer)

    def writeto_mem(self, address, register, data, *, addrsize=8):
        """Write a register."""
        self.writeto(address, bytes([register]) + data)

    def readfrom_mem_into(self, address, register, buffer, *, addrsize=8):
        """Read a register into a buffer."""
        self._short[0] = register
        self.writeto(address, self._short)
        self.readfrom_into(address, buffer)

    def readfrom_mem(self, address, register, size, *, addrsize=8):
        """Return the bytes of a register."""
        buffer = bytearray(size)
        self.readfrom_mem_into(address, register, buffer)
        return bytes(buffer)

    def _look(self):
        """Read the devices' states; one that holds the lines down takes the whole bus."""
        hal_io.peek(hal_io.I2C, _states)
        for i in range(4):
            if _states[4 * i] == _STUCK:
                time.sleep_ms(_STUCK_MS)
                raise OSError(errno.ETIMEDOUT)

    def _find(self, address):
        """Return the chip at the address, None where it talks rubbish."""
        self._look()
        index = address - _FIRST
        state = _states[4 * index] if 0 <= index < 4 else 0
        if state == _RUBBISH:
            return None
        if state != _OK:
            raise OSError(errno.ENODEV)
        if index not in _chips:
            _chips[index] = ADS1115(index)
        return _chips[index]


class SoftI2C(I2C):
    """The same bus, driven by software."""

    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        super().__init__()
