"""Somebody who should have been heard: silence that has lasted too long."""

from time import ticks_diff


class Silence:
    """`lasts` becomes true limit_ms after the last `heard`, and stays so, however long, until the
    next."""

    def __init__(self, limit_ms, now_ms):
        self._limit_ms = limit_ms
        self.heard(now_ms)

    def heard(self, now_ms):
        """They are there."""
        self._since_ms = now_ms
        self.lasts = False

    def update(self, now_ms):
        """Return whether the silence has lasted too long; call it at least every six days."""
        if ticks_diff(now_ms, self._since_ms) >= self._limit_ms:
            self.lasts = True  # kept: beyond 6.2 days the difference of ticks means nothing
        return self.lasts
