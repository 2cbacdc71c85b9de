"""A point: one monitored quantity at one place, from reading to condition bits.

A reading is a number of thousandths of the unit, or None with the trouble code that says why. A
code beside a number asks for maintenance (soiled): TROUBLE, and every level goes on to count. The
four conditions are independent bits: a point can be in ALARM and in TROUBLE at once.
"""

from micropython import const

from lib.codes import STARTING
from lib.hold import Hold

ALARM = const(1)
PRE_ALARM = const(2)
SUPERVISORY = const(4)
TROUBLE = const(8)

LIVE = const(0)
TEST = const(1)  # a walk test: chirps, never the siren, nothing latches
DRILLED = const(2)  # in ALARM as an exercise, until a real alarm or the end of it

TROUBLE_HOLD_MS = const(2000)  # a lost reading must last this long; a single one is skipped


class Point:
    """Feed it readings with `update`; `conditions`, `value` and `code` tell what they mean. What a
    person does to it is in lib/service.py."""

    drives = ()  # the rules of outputs that heed it

    def __init__(self, number, kind, unit, sounds, levels):
        self.number = number
        self.kind = kind
        self.unit = unit
        self.sounds = sounds
        self.mode = LIVE
        self.bypassed = False  # out of service: no condition comes, readings go on
        self.conditions = 0
        self.acknowledged = 0  # condition bits that a person has taken
        self.value = None
        self.code = STARTING
        self._levels = levels
        self._lost = Hold(TROUBLE_HOLD_MS, TROUBLE_HOLD_MS)

    def update(self, value, code, now_ms):
        """Take one reading; return the condition bits that came or went.

        An ALARM whose cause comes again comes again, even while the last one is still latched: a
        sounder that was silenced for that one must sound for this one.
        """
        self.value = value
        self.code = code
        if self.bypassed:
            return 0
        conditions = TROUBLE if self._lost.update(value is None or code != 0, now_ms) else 0
        if value is None:
            return self._miss(conditions)
        again = 0
        for level in self._levels:
            stands = level.update(value, now_ms)
            if level.held if self.mode == TEST else stands:
                conditions |= level.bit
            if level.came:
                again |= level.bit & ALARM
        if self.mode == DRILLED:
            if again:
                self.mode = LIVE  # no exercise any more
            conditions |= ALARM
        return self.become(conditions) | again

    def _miss(self, conditions):
        """A reading is missing; with TROUBLE it has been so for too long."""
        for level in self._levels:
            if conditions:
                level.restart()
            if level.bit == TROUBLE and level.stands:
                conditions |= TROUBLE  # a battery that was low has not got better by being lost
        return self.become(self.conditions & ~TROUBLE | conditions)  # wires burn, too

    def waits(self):
        """Return whether a condition is about to come."""
        return any(level.waits() for level in self._levels)

    def limit_of(self, changed):
        """Return the limit that belongs to the first of the changed bits, else None.

        Where two levels share a bit that came, it is the one whose cause came. A drill has none.
        """
        came = changed & self.conditions
        for level in self._levels:
            if level.bit & changed and (level.came or not level.bit & came):
                return level.limit
        return None

    def become(self, conditions):
        """Take these conditions; return the bits that came or went."""
        changed = conditions ^ self.conditions
        self.conditions = conditions
        return changed


class Gateway:
    """The board itself as point 0: its troubles, told apart by code, stand side by side."""

    number = 0
    kind = "gateway"
    unit = ""
    value = None
    mode = LIVE
    bypassed = False

    def __init__(self):
        self.acknowledged = 0
        self._troubles = []

    @property
    def conditions(self):
        """TROUBLE while any trouble stands."""
        return TROUBLE if self._troubles else 0

    @property
    def code(self):
        """The trouble that has stood longest, 0 for none."""
        return self._troubles[0] if self._troubles else 0

    def ails(self, code):
        """Return whether a trouble stands."""
        return code in self._troubles

    def trouble(self, code, stands):
        """Say that a trouble stands or not; return whether that is news."""
        if stands == (code in self._troubles):
            return False
        self.acknowledged = 0  # a new trouble, or one less: a person looks again
        if stands:
            self._troubles.append(code)
        else:
            self._troubles.remove(code)
        return True
