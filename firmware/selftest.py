"""A self-test of the outputs that draw attention: each on for a moment, one after another. Loaded
only while it runs."""

from time import ticks_diff

from micropython import const

from drivers.indicator import OFF, STEADY

MOMENT_MS = const(700)


class SelfTest:
    """Of these indicators, from now on."""

    def __init__(self, indicators, now_ms):
        self._indicators = indicators
        self._since_ms = now_ms

    def step(self, now_ms):
        """Show the one whose turn it is, and no other; return whether it goes on."""
        turn = ticks_diff(now_ms, self._since_ms) // MOMENT_MS
        for at in range(len(self._indicators)):
            self._indicators[at].show(STEADY if at == turn else OFF, now_ms)
        return turn < len(self._indicators)
