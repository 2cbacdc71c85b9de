"""Steady: a reading that a spike cannot fool, from an input that is alive.

The median of three: a single reading that is far off neither raises nor restarts anything; a
lasting change comes one period later. A lost reading is passed on and not kept; after three in a
row what was before is forgotten: the sensor may come back elsewhere.

Stuck: an input that has not moved for so long that nothing alive can be behind it. What counts is
its voltage before any scaling, for clean air is exactly 0 %LEL for ever. At the floor of an input,
or without a voltage, nobody can tell: that counts as moving.
"""

from time import ticks_diff

from micropython import const

from lib.codes import STUCK

_FORGETS = const(3)


class Steady:
    """Reads a driver; `input` shows in `uv` what it read last, None where nothing."""

    def __init__(self, driver, input, median, least_uv, after_ms):
        self._driver = driver
        self._input = input
        self._lost = 0 if median else None  # None: no median
        self._older = None
        self._old = None
        self._least_uv = least_uv  # a smaller move is none
        self._after_ms = after_ms  # 0: never stuck
        self._anchor_uv = None
        self._moved_ms = None  # None: stuck
        self.code = driver.code

    def read(self, now_ms):
        """Return the driver's reading, qualified, else None with the reason in `code`."""
        reading = self._driver.read(now_ms)
        self.code = self._driver.code
        if self._after_ms:
            self._watch(now_ms)
            if self._moved_ms is None and reading is not None:
                self.code = STUCK
                reading = None
        return reading if self._lost is None else self._median(reading)

    def _watch(self, now_ms):
        uv, anchor_uv = self._input.uv, self._anchor_uv
        if uv is None or uv <= self._input.floor_uv:
            uv = anchor_uv = None
        if anchor_uv is None or abs(uv - anchor_uv) >= self._least_uv:
            self._anchor_uv = uv
            self._moved_ms = now_ms or 1
        elif self._moved_ms and ticks_diff(now_ms, self._moved_ms) >= self._after_ms:
            self._moved_ms = None

    def _median(self, new):
        older, old = self._older, self._old
        if new is None:
            self._lost += 1
            if self._lost >= _FORGETS:
                self._older = self._old = None
                self._lost = 0
            return None
        self._lost = 0
        self._older = old
        self._old = new
        if older is None:  # fewer than three since the start
            return new
        if older > old:
            older, old = old, older
        return max(older, min(old, new))
