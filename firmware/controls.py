"""The controls task: button and console at the gateway, and the end of what runs for a time.

pressed shorter than 1 s    acknowledge
1 s to 5 s                  silence
held for 5 s                reset, while it is still held
"""

import asyncio
from time import ticks_diff

from micropython import const

from lib.hold import Hold
from lib.verbs import ACKNOWLEDGE, BUTTON, RESET, SILENCE

LOOK_MS = const(100)  # for somebody who begins
TICK_MS = const(20)  # while the button is pressed
PRESS_MS = const(60)  # shorter is a glitch
LONG_MS = const(1000)
HELD_MS = const(5000)

_SOMEBODY = (BUTTON, 0, 0, 0)


class Controls:
    """`button` reads 0 while it is pressed; `terminal` hears the console."""

    def __init__(self, button, terminal, operation, clock):
        self._button = button
        self._terminal = terminal
        self._pressed = Hold(PRESS_MS, PRESS_MS)
        self._since_ms = None  # since when it is pressed, until what is meant is known
        self._meant = 0  # the verb, until it is carried out: a failed task tries it again
        self._operation = operation
        self._clock = clock

    def step(self, now_ms):
        """Act once for each press; return in how many ms to look again."""
        before = self._pressed.state
        down = self._button.value() == 0
        pressed = self._pressed.update(down, now_ms)
        if pressed and not before:
            self._since_ms = now_ms
        if self._since_ms is not None:
            self._meant = self._verb(pressed, ticks_diff(now_ms, self._since_ms))
            if self._meant:
                self._since_ms = None
        if self._meant:
            self._operation.act(self._meant, None, None, _SOMEBODY)
            self._meant = 0
        self._operation.tend(now_ms)
        return TICK_MS if down or pressed else LOOK_MS

    def _verb(self, pressed, lasted_ms):
        if lasted_ms >= HELD_MS:
            return RESET
        if pressed:
            return 0
        return SILENCE if lasted_ms >= LONG_MS else ACKNOWLEDGE

    async def run(self, beat):
        """Step for ever."""
        while True:
            now_ms = self._clock.ms()
            wait_ms = self.step(now_ms)
            self._terminal.step()
            beat(now_ms)
            await asyncio.sleep_ms(wait_ms)
