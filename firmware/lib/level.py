"""One limit of a point: set and clear level, hold time both ways, a latch if asked for.

Above: beyond it at or above the limit, back below limit - hysteresis. Otherwise: beyond it below
the limit, back at or above limit + hysteresis (140 kPa is a minimum: 140 is good).

It must last hold_ms to come and be away for clear_hold_ms to go; a glitch starts the time anew.
Time comes in as an argument (ticks_ms, which wraps). What is latched then stays until a reset.
"""

from time import ticks_diff


class Level:
    """`held` is the cause, as it has lasted; `stands` the condition, which a latch may keep."""

    def __init__(self, bit, limit, above, hysteresis, hold_ms, clear_hold_ms, latches):
        self.bit = bit
        self.limit = self._set_at = limit
        self._clear_at = limit - hysteresis if above else limit + hysteresis
        self._above = above
        self._hold_ms = hold_ms
        self._clear_hold_ms = clear_hold_ms
        self.latches = latches
        self._beyond = False  # by the last reading, or by `held` after a restart
        self._since_ms = None  # since when `_beyond` and `held` differ
        self.held = False
        self.stands = False
        self.came = False  # whether the cause has come with the last reading, latched or not

    def update(self, reading, now_ms):
        """Take one reading; return whether the condition stands."""
        held = self.held
        limit = self._clear_at if self._beyond else self._set_at
        self._beyond = beyond = (reading >= limit) == self._above
        self.came = False
        if beyond == held:
            self._since_ms = None
            return self.stands
        if self._since_ms is None:
            self._since_ms = now_ms
        wanted_ms = self._clear_hold_ms if held else self._hold_ms
        if ticks_diff(now_ms, self._since_ms) >= wanted_ms:
            self._since_ms = None
            self.held = self.came = beyond
            self.stands = beyond or (self.latches and self.stands)
        return self.stands

    def waits(self):
        """Return whether it is about to come: the cause is there, its hold time not over yet."""
        return self._since_ms is not None and not self.held

    def restart(self):
        """The sensor was lost: what has not held long enough begins anew, at the limit itself."""
        self._beyond = self.held
        self._since_ms = None

    def reset(self):
        """Let go of what is latched and has no cause any more; return whether it stands."""
        self.stands = self.held
        return self.stands

    def restore(self):
        """It stood when the power went: it goes as if it had stood all the time."""
        self.held = self.stands = True
        self.restart()

    def clear(self):
        """Nothing has been seen yet."""
        self.held = self.stands = self.came = False
        self.restart()
