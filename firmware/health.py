"""The health task: feeds the watchdog while every task is alive, and keeps the heap's low-water
mark."""

import asyncio
import gc

from micropython import const

STEP_MS = const(500)
WATCHDOG_MS = const(15000)  # longer than a TLS handshake holds the interpreter on the chip


class Health:
    """`watchdog` has feed(); `late(now_ms)` names a task that is down or silent, else None."""

    def __init__(self, watchdog, late, clock):
        self._watchdog = watchdog
        self._late = late
        self._clock = clock
        self.heap_low_bytes = gc.mem_free()

    def step(self, now_ms):
        """Feed, unless a task is late: then the watchdog resets the board."""
        if self._late(now_ms) is None:
            self._watchdog.feed()
        self.heap_low_bytes = min(self.heap_low_bytes, gc.mem_free())

    async def run(self, beat):
        """Step for ever."""
        while True:
            now_ms = self._clock.ms()
            beat(now_ms)
            self.step(now_ms)
            await asyncio.sleep_ms(STEP_MS)
