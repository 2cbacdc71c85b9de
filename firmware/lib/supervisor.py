"""The owner of all tasks: starts them, hears their beats, restarts a failed one a few times.

A task that stays silent longer than its gap, or has failed too often, is late. While any task is
late the watchdog is not fed, and the board resets.
"""

import asyncio
from time import ticks_diff

from micropython import const

RESTARTS_MAX = const(3)
_PAUSE_MS = const(500)  # before a failed task is started again


class _Task:
    def __init__(self, name, run, gap_ms, now_ms):
        self.name = name
        self.run = run
        self.gap_ms = gap_ms
        self.beat_ms = now_ms
        self.restarts = 0
        self.failed = False
        self.runs = False  # since its start it has given a beat

    def beat(self, now_ms):
        self.beat_ms = now_ms
        self.runs = True


class Supervisor:
    """`clock_ms` gives ticks; `on_failure(name, error)` is told of every exception."""

    def __init__(self, clock_ms, on_failure):
        self._clock_ms = clock_ms
        self._on_failure = on_failure
        self._tasks = []

    def add(self, name, run, gap_ms):
        """Add a task: `run(beat)` is a coroutine function that calls beat(now_ms) at least every
        gap_ms."""
        self._tasks.append(_Task(name, run, gap_ms, self._clock_ms()))

    @property
    def restarts(self):
        """How many restarts all tasks have needed."""
        return sum(task.restarts for task in self._tasks)

    def late(self, now_ms):
        """Return the name of a task that is down or silent for too long, else None."""
        for task in self._tasks:
            if task.failed or ticks_diff(now_ms, task.beat_ms) > task.gap_ms:
                return task.name
        return None

    def all_run(self, now_ms):
        """Return whether every task has begun and none is late."""
        for task in self._tasks:
            if not task.runs:
                return False
        return self.late(now_ms) is None

    async def run(self):
        """Run all tasks for ever."""
        await asyncio.gather(*[self._keep(task) for task in self._tasks])

    async def _keep(self, task):
        while True:
            task.beat_ms = self._clock_ms()
            task.runs = False
            try:
                await task.run(task.beat)
                error = None  # a task is not meant to end
            except Exception as caught:
                error = caught
            self._on_failure(task.name, error)
            if task.restarts == RESTARTS_MAX:
                task.failed = True
                return
            task.restarts += 1
            await asyncio.sleep_ms(_PAUSE_MS)
