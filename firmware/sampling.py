"""The sampling task: reads each point when it is due and carries the reading all the way to the
outputs.

Nothing on this path waits for flash or network.
"""

import asyncio
from time import ticks_add, ticks_diff

from micropython import const

from lib.codes import READ_FAILED

TICK_MS = const(20)  # between the steps of a bus
LOOK_MS = const(1000)  # there is a beat at least so often


class Channel:
    """A point with the driver that reads it."""

    def __init__(self, point, driver, period_ms, summary, now_ms):
        self.point = point
        self.driver = driver
        self.period_ms = period_ms
        self.due_ms = now_ms
        self.summary = summary


class Sampling:
    """Owns no thresholds and no outputs: points decide, outputs follow the panel."""

    def __init__(self, channels, operation, recorder, clock, buses=()):
        self._channels = channels
        self._buses = buses  # what has to be asked before it can be read
        self._operation = operation
        self._recorder = recorder
        self._clock = clock

    def step(self, now_ms):
        """Move every bus on, then read every channel that is due; return when the next one is."""
        for bus in self._buses:
            bus.step(now_ms)
        wait_ms = TICK_MS if self._buses else LOOK_MS
        for channel in self._channels:
            if ticks_diff(now_ms, channel.due_ms) >= 0:
                self._read(channel, now_ms)
            wait_ms = min(wait_ms, ticks_diff(channel.due_ms, now_ms))
        return ticks_add(now_ms, wait_ms)

    def _read(self, channel, now_ms):
        """Take one reading as of the moment when it was due: hold times then count whole periods,
        whatever the other tasks take."""
        at_ms = channel.due_ms
        if ticks_diff(now_ms, at_ms) >= channel.period_ms:  # far behind: no burst to catch up
            at_ms = now_ms
        channel.due_ms = ticks_add(at_ms, channel.period_ms)
        driver = channel.driver
        try:
            value = driver.read(now_ms)
            code = driver.code
        except Exception:  # one broken driver must not blind the other points
            value = None
            code = READ_FAILED
        point = channel.point
        changed = point.update(value, code, at_ms)
        if changed:
            self._operation.changed(point, changed)
        summary = channel.summary
        if value is not None:
            summary.add(value)
        if summary.due(now_ms, point.conditions):
            summary.end(now_ms)
            self._recorder.sample(point, summary)
            summary.restart(now_ms)

    async def run(self, beat):
        """Step for ever."""
        while True:
            now_ms = self._clock.ms()
            due_ms = self.step(now_ms)
            beat(now_ms)
            await asyncio.sleep_ms(max(0, ticks_diff(due_ms, self._clock.ms())))
