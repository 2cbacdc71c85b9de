"""Hold time: a condition must last before it comes, and must be away before it goes."""

from time import ticks_diff


class Hold:
    """Follows a boolean that has been steady for hold_ms (to come) or clear_hold_ms (to go).

    A glitch starts the time anew. Time comes in as an argument (ticks_ms, which wraps).
    """

    def __init__(self, hold_ms, clear_hold_ms):
        self._hold_ms = hold_ms
        self._clear_hold_ms = clear_hold_ms
        self._since_ms = None  # None: the input agrees with the state
        self.state = False

    def update(self, raw, now_ms):
        """Take one raw state; return the state that has held."""
        if raw == self.state:
            self._since_ms = None
            return self.state
        if self._since_ms is None:
            self._since_ms = now_ms
        wanted_ms = self._clear_hold_ms if self.state else self._hold_ms
        if ticks_diff(now_ms, self._since_ms) >= wanted_ms:
            self.state = raw
            self._since_ms = None
        return self.state

    @property
    def waits(self):
        """Whether it is about to come: the input is there, and has not lasted long enough."""
        return self._since_ms is not None and not self.state

    def restart(self):
        """Forget what has not held long enough; the state stays."""
        self._since_ms = None
