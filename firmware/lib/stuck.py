"""Stuck: an input that has not moved for so long that nothing alive can be behind it.

What is watched is the voltage before any scaling, so that a reading held at zero or at full span
(clean air is exactly 0 %LEL) is none. A voltage at the floor of its input cannot be told from any
other there and counts as moving; so does a failed read.
"""

from time import ticks_diff

from lib.codes import STUCK


class Watched:
    """An input for a driver, in place of the real one; `rests` tells for how long it is still."""

    def __init__(self, input, least_uv):
        self._input = input
        self._least_uv = least_uv  # a smaller move is none
        self._anchor_uv = None
        self.moved = True
        self.floor_uv = input.floor_uv
        self.ceiling_uv = input.ceiling_uv
        self.code = 0

    def read_uv(self):
        """Return the voltage in microvolts, else None with the reason in `code`."""
        uv = self._input.read_uv()
        self.code = self._input.code
        if uv is None or uv <= self.floor_uv:
            self._anchor_uv = None
        if self._anchor_uv is None or abs(uv - self._anchor_uv) >= self._least_uv:
            self._anchor_uv = uv
            self.moved = True
        return uv


class Stuck:
    """Reads a driver whose input is watched; a reading that stands still for too long is none."""

    def __init__(self, driver, watched, after_ms):
        self._driver = driver
        self._watched = watched
        self._after_ms = after_ms
        self._moved_ms = None  # None: stuck, or not read yet
        self.code = driver.code

    def read(self, now_ms):
        """Return the driver's reading, else None with the reason in `code`."""
        reading = self._driver.read(now_ms)
        self.code = self._driver.code
        if self._watched.moved:
            self._watched.moved = False
            self._moved_ms = now_ms
        elif self._moved_ms is not None and ticks_diff(now_ms, self._moved_ms) >= self._after_ms:
            self._moved_ms = None
        if self._moved_ms is None and reading is not None:
            self.code = STUCK
            return None
        return reading
