"""The ESP32's ADC with its truth: noise, 1 mV steps, deaf at both ends, block 2 taken by Wi-Fi."""

import errno

from micropython import const

import hal
import hal_analog

_BLOCK_1 = range(32, 40)
_BLOCK_2 = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27)
_NOISE_UV = const(2000)  # the converter's own
# Per attenuation, in microvolts: what it reads for 0 V; where it stops being linear; full scale.
_FLOOR = (75000, 78000, 107000, 142000)
_LINEAR = (950000, 1250000, 1750000, 2450000)
_FULL = (1100000, 1450000, 2050000, 3128000)


class ADC(hal.Part):
    """One input of ADC block 1 (GPIO 32 to 39)."""

    ATTN_0DB = const(0)
    ATTN_2_5DB = const(1)
    ATTN_6DB = const(2)
    ATTN_11DB = const(3)
    WIDTH_9BIT = const(9)
    WIDTH_10BIT = const(10)
    WIDTH_11BIT = const(11)
    WIDTH_12BIT = const(12)

    def __init__(self, pin, atten=ATTN_11DB):
        self._pin = pin if isinstance(pin, int) else pin.number
        if self._pin not in _BLOCK_1 and self._pin not in _BLOCK_2:
            raise ValueError("invalid pin")
        self._bits = 12
        self.atten(atten)

    def atten(self, atten):
        """Set the attenuation."""
        if not 0 <= atten <= 3:
            raise ValueError("invalid atten")
        self._atten = atten

    def width(self, bits):
        """Set the resolution of read()."""
        if not 9 <= bits <= 12:
            raise ValueError("invalid bits")
        self._bits = bits

    def read_uv(self):
        """Return the calibrated voltage in microvolts, in steps of 1 mV."""
        return self._see() // 1000 * 1000

    def read_u16(self):
        """Return the raw 12 bits stretched to 16."""
        raw = self._raw()
        return raw << 4 | raw >> 8

    def read(self):
        """Return the raw reading."""
        return self._raw() >> 12 - self._bits

    def _raw(self):
        floor = _FLOOR[self._atten]
        return (self._see() - floor) * 4095 // (_FULL[self._atten] - floor)

    def _see(self):
        """Return what the converter makes of the voltage: bent above linear, then clipped."""
        self._must_be_free()
        hal.spend("adc")
        uv = hal_analog.read_uv(self._pin - 32) + hal_analog.noise_uv(_NOISE_UV)
        linear = _LINEAR[self._atten]
        if uv > linear:
            uv = linear + (uv - linear) * 3 // 4
        return max(_FLOOR[self._atten], min(_FULL[self._atten], uv))

    def _must_be_free(self):
        if self._pin in _BLOCK_2:
            if hal.wifi_on:
                raise OSError(errno.ETIMEDOUT)  # Wi-Fi holds ADC block 2
            raise hal.unknown("ADC", "read on block 2")
