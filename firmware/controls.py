"""The controls task: what a person does at the gateway. For now one button: reset."""

import asyncio

from micropython import const

from lib import record
from lib.hold import Hold

TICK_MS = const(50)
PRESS_MS = const(100)  # shorter is a glitch
RESET = const(3)  # the verb's number in an `act` record


class Controls:
    """`button` reads 0 while it is pressed."""

    def __init__(self, button, panel, outputs, recorder, clock):
        self._button = button
        self._pressed = Hold(PRESS_MS, PRESS_MS)
        self._panel = panel
        self._outputs = outputs
        self._recorder = recorder
        self._clock = clock

    def step(self, now_ms):
        """Act once for each press."""
        before = self._pressed.state
        if self._pressed.update(self._button.value() == 0, now_ms) and not before:
            self.reset(now_ms)

    def reset(self, now_ms):
        """Clear what is latched and has no cause any more; the record says that somebody asked."""
        self._recorder.note(record.ACT, RESET)
        for point, changed in self._panel.reset():
            self._recorder.condition(point, changed)
        self._outputs.follow(now_ms)

    async def run(self, beat):
        """Step for ever."""
        while True:
            now_ms = self._clock.ms()
            self.step(now_ms)
            beat(now_ms)
            await asyncio.sleep_ms(TICK_MS)
