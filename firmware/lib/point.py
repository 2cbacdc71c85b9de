"""A point: one monitored quantity at one place, from reading to condition bits.

A reading is a number of thousandths of the unit, or None with the trouble code that says why. The
four conditions are independent bits: a point can be in ALARM and in TROUBLE at once.
"""

from micropython import const

from lib.codes import STARTING
from lib.hold import Hold
from lib.hysteresis import Hysteresis
from lib.latch import Latch

ALARM = const(1)
PRE_ALARM = const(2)
SUPERVISORY = const(4)
TROUBLE = const(8)

TROUBLE_HOLD_MS = const(2000)  # a lost reading must last this long; a single one is skipped


class Level:
    """One limit of a point: set and clear level, hold time both ways, a latch if asked for."""

    def __init__(self, bit, limit, above, hysteresis, hold_ms, clear_hold_ms, latches):
        self.bit = bit
        self.limit = limit
        clear_at = limit - hysteresis if above else limit + hysteresis
        self._hysteresis = Hysteresis(limit, clear_at, above)
        self._hold = Hold(hold_ms, clear_hold_ms)
        self._latch = Latch() if latches else None

    def update(self, reading, now_ms):
        """Take one reading; return whether the condition stands."""
        held = self._hold.update(self._hysteresis.update(reading), now_ms)
        return self._latch.update(held) if self._latch else held

    def restart(self):
        """The sensor was lost: what has not held long enough begins anew."""
        self._hold.restart()

    def stands(self):
        """Return whether the condition stands."""
        return self._latch.state if self._latch else self._hold.state

    def waits(self):
        """Return whether the condition is about to come, its hold time not over yet."""
        return self._hold.waits

    def reset(self):
        """Let go of the latch unless its cause stands; return whether the condition stands."""
        if self._latch:
            self._latch.reset()
        return self.stands()


class Point:
    """Feed it readings with `update`; `conditions`, `value` and `code` tell what they mean."""

    def __init__(self, number, kind, unit, sounds, levels):
        self.number = number
        self.kind = kind
        self.unit = unit
        self.sounds = sounds
        self.mode = 0
        self.conditions = 0
        self.value = None
        self.code = STARTING
        self._levels = levels
        self._lost = Hold(TROUBLE_HOLD_MS, TROUBLE_HOLD_MS)

    def update(self, value, code, now_ms):
        """Take one reading; return the condition bits that came or went."""
        self.value = value
        self.code = code
        conditions = 0
        if self._lost.update(value is None, now_ms):
            conditions = TROUBLE
        if value is None:
            conditions |= self.conditions & ~TROUBLE  # what stood still stands: wires burn too
            if conditions & TROUBLE:
                self._restart()
        else:
            for level in self._levels:
                if level.update(value, now_ms):
                    conditions |= level.bit
        return self._become(conditions)

    def reset(self):
        """Let go of latched conditions whose cause is gone; return the bits that went."""
        conditions = self.conditions & TROUBLE
        for level in self._levels:
            if level.reset():
                conditions |= level.bit
        return self._become(conditions)

    def waits(self):
        """Return whether a condition is about to come."""
        return any(level.waits() for level in self._levels)

    def limit_of(self, changed):
        """Return the limit that belongs to the first of the changed bits, else None.

        Where two levels share a bit that came, it is the one that stands.
        """
        came = changed & self.conditions
        for level in self._levels:
            if level.bit & changed and (level.stands() or not level.bit & came):
                return level.limit
        return None

    def _restart(self):
        for level in self._levels:
            level.restart()

    def _become(self, conditions):
        changed = conditions ^ self.conditions
        self.conditions = conditions
        return changed


class Gateway:
    """The board itself as point 0: its troubles, told apart by code, stand side by side."""

    number = 0
    kind = "gateway"
    unit = ""
    value = None

    def __init__(self):
        self.mode = 0
        self._troubles = []

    @property
    def conditions(self):
        """TROUBLE while any trouble stands."""
        return TROUBLE if self._troubles else 0

    @property
    def code(self):
        """The trouble that has stood longest, 0 for none."""
        return self._troubles[0] if self._troubles else 0

    def trouble(self, code, stands):
        """Say that a trouble stands or not; return whether that is news."""
        if stands == (code in self._troubles):
            return False
        if stands:
            self._troubles.append(code)
        else:
            self._troubles.remove(code)
        return True
