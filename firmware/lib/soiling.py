"""Soiling: dust in a smoke chamber reads like a little smoke; it is taken off, slowly.

    the least reading of a step    above what is taken off: that grows by a thousandth of the unit;
                                   so smoke that comes and goes is never taken for dust
    a reading below it             clean again: it shrinks by a thousandth at each reading
    half of the alarm level        the most that is taken off, so an alarm never comes later than
                                   at 1.5 times its level
    half of the alarm level left   frozen: that may be smoke
    3/8 of it taken off            SOILED, beside the reading: clean it before it costs more

A step is as long as it takes to make 1/64 of the alarm level an hour. Smoke that rises by a
quarter of the level an hour then alarms at 1.1 times the level; EN 54-7 [U] asks for 1.6. After a
power cut it is learnt anew: until then the sensor is more sensitive, not less.
"""

from time import ticks_add, ticks_diff

from micropython import const

from lib.codes import SOILED

_AN_HOUR_MS = const(3_600_000)
_PART = const(64)


class Soiling:
    """Reads a driver and takes off what has settled in its sensor."""

    def __init__(self, driver, alarm):
        self._driver = driver
        self._step_ms = _AN_HOUR_MS * _PART // alarm
        self._most = alarm >> 1
        self._soiled_from = alarm * 3 >> 3
        self._least = None  # of the step under way
        self._due_ms = 0
        self.taken_off = 0
        self.code = driver.code

    def read(self, now_ms):
        """Return the reading without the dust, with `code` SOILED where there is much; else None
        with the reason in `code`."""
        reading = self._driver.read(now_ms)
        self.code = self._driver.code
        if reading is None:
            return None
        self._follow(reading, now_ms)
        if self.taken_off >= self._soiled_from and not self.code:
            self.code = SOILED
        return max(reading - self.taken_off, 0)

    def _follow(self, reading, now_ms):
        if reading < self.taken_off:
            self.taken_off -= 1
        if self._least is None or ticks_diff(now_ms, self._due_ms) >= 0:
            if self._least is not None and self._grows():
                self.taken_off += 1
            self._due_ms = ticks_add(now_ms, self._step_ms)
            self._least = reading
        self._least = min(self._least, reading)

    def _grows(self):
        beyond = self._least - self.taken_off
        return 0 < beyond < self._most and self.taken_off < self._most
