"""Timers: a thread that sleeps, then asks the VM to call back; late, or not, when it is busy."""

import _thread
import time

import utime
from micropython import const, schedule

import hal


class Timer(hal.Part):
    """A timer of the chip (0 to 3) or a virtual one (-1)."""

    ONE_SHOT = const(0)
    PERIODIC = const(1)

    def __init__(self, id=-1, **settings):
        if not -1 <= id <= 3:
            raise ValueError("invalid Timer number")
        self._run = 0  # which setting of this timer is the valid one
        if settings:
            self.init(**settings)

    def init(self, *, mode=PERIODIC, freq=-1, period=-1, callback=None):
        """Call back every `period` ms (or `freq` times a second), or once after it."""
        self._run += 1
        self._callback = callback
        period_us = int(1000000 / freq) if freq > 0 else period * 1000
        _thread.start_new_thread(self._tick, (self._run, mode, period_us))

    def deinit(self):
        """Stop."""
        self._run += 1

    def _tick(self, run, mode, period_us):
        due_us = time.now_us()
        while True:
            due_us += period_us
            utime.sleep_us(max(due_us - time.now_us(), 0) // hal.SPEED)  # not our board's sleep
            if run != self._run:
                return
            try:
                schedule(self._callback, self)
            except RuntimeError:
                pass  # the VM's queue is full: the chip drops this one too
            if mode == Timer.ONE_SHOT:
                return
