"""ADS1115: 16-bit converter with four inputs on I2C (TI SBAS444), single-shot against ground.

Each read starts one conversion (860 a second, 4.096 V full scale, 125 uV a step) and waits for
it: some 1.5 ms, never more than 3. The configuration read back must be the one that was written.

Use:

    chip = ADS1115(i2c, 0x48)
    channel = chip.input(2)
    microvolts = channel.read_uv()
"""

from time import sleep_us

from micropython import const

from lib.codes import NO_ANSWER, RUBBISH, SATURATED

# Registers (SBAS444, "Register Map").
_CONVERSION = const(0x00)
_CONFIG = const(0x01)

# Fields of the config register.
_OS = const(0x8000)  # written: start a conversion; read: no conversion is under way
_MUX_AIN0_GND = const(0x4000)
_MUX_STEP = const(0x1000)  # the next single input
_PGA_4V096 = const(0x0200)
_MODE_SINGLE = const(0x0100)
_DR_860SPS = const(0x00E0)
_COMP_OFF = const(0x0003)
_SINGLE_SHOT = const(_OS | _MUX_AIN0_GND | _PGA_4V096 | _MODE_SINGLE | _DR_860SPS | _COMP_OFF)

_FULL_SCALE = const(0x7FFF)
_UV_PER_LSB = const(125)
# A conversion takes 1.16 ms, 10 % more at worst; with the bus at 400 kHz seven polls take 2.6 ms.
_POLL_US = const(250)
_POLLS = const(7)


class ADS1115:
    """One chip on a machine.I2C bus; its inputs are what drivers read."""

    def __init__(self, i2c, address=0x48):
        self._i2c = i2c
        self._address = address
        self._buffer = bytearray(2)  # reused by every transfer

    def input(self, channel):
        """Return input 0 to 3."""
        return _Channel(self, _SINGLE_SHOT + channel * _MUX_STEP)

    def write(self, register, value):
        """Write one 16-bit register. Raises OSError when the chip does not answer."""
        self._buffer[0] = value >> 8
        self._buffer[1] = value & 0xFF
        self._i2c.writeto_mem(self._address, register, self._buffer)

    def read(self, register):
        """Return one 16-bit register. Raises OSError when the chip does not answer."""
        self._i2c.readfrom_mem_into(self._address, register, self._buffer)
        return self._buffer[0] << 8 | self._buffer[1]


class _Channel:
    """One input of the chip."""

    floor_uv = 0
    ceiling_uv = _FULL_SCALE * _UV_PER_LSB

    def __init__(self, chip, config):
        self._chip = chip
        self._config = config
        self.uv = None  # of the last read
        self.code = 0

    def read_uv(self):
        """Return the voltage in microvolts, else None with the reason in `code`."""
        self.uv = None
        try:
            self.code = self._convert()
            raw = self._chip.read(_CONVERSION)
        except OSError:
            self.code = NO_ANSWER
        if self.code:
            return None
        if raw == _FULL_SCALE:
            self.code = SATURATED
            return None
        self.uv = (raw - 0x10000 if raw & 0x8000 else raw) * _UV_PER_LSB
        return self.uv

    def _convert(self):
        """Start a conversion and wait until it is done; return 0 or the trouble code."""
        self._chip.write(_CONFIG, self._config)
        for _ in range(_POLLS):
            sleep_us(_POLL_US)
            status = self._chip.read(_CONFIG)
            if (status | _OS) != self._config:
                return RUBBISH
            if status & _OS:
                return 0
        return NO_ANSWER
