"""The health task: feeds the watchdog while every task is alive, holds the fail-safe output while
there is no trouble either, and keeps the heap's low-water mark.

Nobody else drives the fail-safe output, and a pin that nobody drives is off: a gateway that has
stopped, hangs, has no power or cannot start shows trouble by itself.
"""

import asyncio
import gc
from time import ticks_diff

from micropython import const

from drivers.indicator import OFF, STEADY
from lib.point import TROUBLE

STEP_MS = const(500)
HEAP_MS = const(10000)  # a collection holds everybody up for some milliseconds
WATCHDOG_MS = const(15000)  # longer than a TLS handshake holds the interpreter on the chip


class Health:
    """`watchdog` has feed(); `tasks` is the supervisor; `fail_safe` may be None: not wired."""

    def __init__(self, watchdog, tasks, panel, fail_safe, clock):
        self._watchdog = watchdog
        self._tasks = tasks
        self._panel = panel
        self._fail_safe = fail_safe
        self._clock = clock
        self.heap_low_bytes = gc.mem_free()
        self._heap_ms = None  # when its heap was looked at last

    def step(self, now_ms):
        """Feed, unless a task is late: then the watchdog resets the board."""
        if self._tasks.late(now_ms) is None:
            self._watchdog.feed()
        if self._fail_safe:
            well = self._tasks.all_run(now_ms) and not self._panel.conditions & TROUBLE
            self._fail_safe.show(STEADY if well else OFF, now_ms)
        if self._heap_ms is None or ticks_diff(now_ms, self._heap_ms) >= HEAP_MS:
            self._heap_ms = now_ms
            gc.collect()  # garbage is no use of the heap
            self.heap_low_bytes = min(self.heap_low_bytes, gc.mem_free())

    async def run(self, beat):
        """Step for ever."""
        while True:
            now_ms = self._clock.ms()
            beat(now_ms)
            self.step(now_ms)
            await asyncio.sleep_ms(STEP_MS)
