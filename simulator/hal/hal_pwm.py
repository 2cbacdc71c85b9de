"""Pulse width modulation: each change of frequency or duty is one edge in edges.bin."""

from micropython import const

import hal
import hal_edges

_FREQ_MAX = const(40000000)


class PWM(hal.Part):
    """Pulses on one pin."""

    def __init__(self, pin, freq=5000, duty_u16=None, duty=None):
        self._pin = pin if isinstance(pin, int) else pin.number
        self._duty = 32768
        self.init(freq, duty_u16, duty)

    def init(self, freq=None, duty_u16=None, duty=None):
        """Set frequency and duty together."""
        if freq is not None:
            if not 0 < freq <= _FREQ_MAX:
                raise ValueError("frequency must be from 1Hz to 40MHz")
            self._freq = freq
        if duty is not None:
            duty_u16 = duty * 64
        if duty_u16 is not None:
            self._duty = duty_u16
        hal_edges.log(self._pin, 1 if self._duty else 0, min(self._freq, 0xFFFF))

    def freq(self, hz=None):
        """Return or set the frequency in Hz."""
        if hz is None:
            return self._freq
        return self.init(freq=hz)

    def duty_u16(self, duty=None):
        """Return or set the duty, 0 to 65535."""
        if duty is None:
            return self._duty
        return self.init(duty_u16=duty)

    def duty(self, duty=None):
        """Return or set the duty, 0 to 1023."""
        if duty is None:
            return self._duty // 64
        return self.init(duty=duty)

    def deinit(self):
        """Stop: the pin is low."""
        hal_edges.log(self._pin, 0)
