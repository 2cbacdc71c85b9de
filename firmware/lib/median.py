"""Median of three readings: a single one that is far off neither raises nor restarts anything.

A lasting change comes one period later than without it. A lost reading is passed on and not kept;
after three in a row what was before is forgotten: the sensor may come back elsewhere.
"""

from micropython import const

_FORGETS = const(3)


class Median:
    """Reads a driver and passes on the middle one of its last three readings."""

    def __init__(self, driver):
        self._driver = driver
        self._older = None
        self._old = None
        self._lost = 0
        self.code = driver.code

    def read(self, now_ms):
        """Return the median, else None with the reason in `code`."""
        new = self._driver.read(now_ms)
        self.code = self._driver.code
        if new is None:
            self._lost += 1
            if self._lost >= _FORGETS:
                self._older = self._old = None
                self._lost = 0
            return None
        self._lost = 0
        older, old = self._older, self._old
        self._older = old
        self._old = new
        if older is None:  # fewer than three since the start
            return new
        if older > old:
            older, old = old, older
        return max(older, min(old, new))
