"""How long to wait before the next attempt: longer each time, up to a limit, never quite the same.

Without the jitter, all gateways of a community would come back to a restarted broker at once.
"""

from micropython import const

FIRST_MS = const(250)
LAST_MS = const(8000)


class Backoff:
    """`random()` returns a number from 0 up to, not including, 1."""

    def __init__(self, random):
        self._random = random
        self._step_ms = FIRST_MS

    def next_ms(self):
        """Return the next wait: from half of the step to the whole; then double the step."""
        half_ms = self._step_ms // 2
        self._step_ms = min(self._step_ms * 2, LAST_MS)
        return half_ms + int(half_ms * self._random())

    def restart(self):
        """The attempt succeeded: the next failure waits shortly again."""
        self._step_ms = FIRST_MS
