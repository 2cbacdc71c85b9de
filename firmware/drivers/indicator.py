"""A lamp, a sounder or a relay on one pin: switched, or stepped through an on-off pattern.

Use:

    sounder = Indicator(pin, active=1)
    sounder.show(STEADY, now_ms)   # sounds at once
    sounder.step(now_ms)           # never waits; returns in how many ms to call it again
"""

from time import ticks_diff

# Patterns: ms on and off in turn.
OFF = (0, 1000)
STEADY = (1000, 0)
SLOW = (500, 1500)
FAST = (250, 250)
BLIP = (50, 2950)


class Output:
    """One pin; `active` is the level that switches it on. The pin is written only on a change."""

    def __init__(self, pin, active=1):
        self._pin = pin
        self._active = active
        self.is_on = None  # unknown until the first call

    def set(self, on):
        """Switch on or off."""
        if on != self.is_on:
            self.is_on = on
            self._pin.value(self._active if on else 1 - self._active)


class Indicator:
    """Shows one pattern after another on an output pin."""

    def __init__(self, pin, active=1):
        self._output = Output(pin, active)
        self._since_ms = 0
        self.pattern = OFF

    @property
    def is_on(self):
        """Whether the pin is switched on now; None before the first step."""
        return self._output.is_on

    def show(self, pattern, now_ms):
        """Begin a pattern at once; the one that is being shown goes on undisturbed. Return as
        `step` does."""
        if pattern != self.pattern:
            self.pattern = pattern
            self._since_ms = now_ms
        return self.step(now_ms)

    def step(self, now_ms):
        """Switch the pin as the pattern says for this moment; return the ms until it goes on."""
        left_ms = ticks_diff(now_ms, self._since_ms) % sum(self.pattern)
        on = False
        for span_ms in self.pattern:
            on = not on
            left_ms -= span_ms
            if left_ms < 0:
                break
        self._output.set(on)
        return -left_ms
