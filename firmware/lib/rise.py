"""A level that heeds how fast a value rises: long before it is too high."""

from array import array
from time import ticks_add, ticks_diff

from micropython import const

from lib.level import Level

_SLOTS = const(12)


class Rise(Level):
    """A level on the climb above the lowest value of the last window_ms.

    `limit` is the value at which the climb was, or would be, too far: for the record of it.
    """

    def __init__(self, window_ms, bit, limit, *rest):
        Level.__init__(self, bit, limit, *rest)
        self._climb = limit
        self._step_ms = window_ms // _SLOTS
        self._lows = array("i", [0] * _SLOTS)  # one for each step of the window
        self._slot = 0
        self._due_ms = None  # None: no reading yet

    def update(self, reading, now_ms):
        """Take one reading; return whether the condition stands."""
        self._remember(reading, now_ms)
        base = min(self._lows)
        self.limit = base + self._climb
        return Level.update(self, reading - base, now_ms)

    def restart(self):
        """The sensor was lost: it may come back elsewhere, and what was is no base any more."""
        Level.restart(self)
        self._due_ms = None

    def _remember(self, reading, now_ms):
        lows = self._lows
        if self._due_ms is None:
            for slot in range(_SLOTS):
                lows[slot] = reading
        elif ticks_diff(now_ms, self._due_ms) >= 0:
            self._slot = (self._slot + 1) % _SLOTS
            lows[self._slot] = reading
        else:
            lows[self._slot] = min(lows[self._slot], reading)
            return
        self._due_ms = ticks_add(now_ms, self._step_ms)
