"""Runs in the VM as a board's main.py: plays a trace at its inputs, in a time of its own.

Started by tests/vm_trace.py. All of the firmware's way of a reading is real, from the
configuration file to the output pins, and so are the simulated converters. Only time is not the
host's: it moves where somebody sleeps or waits, so the same trace gives the same run on any
machine. Tasks that a reading does not pass (uplink, controls) do not run.
"""

import struct
from random import seed
from time import ticks_diff

import hal
import hal_io
from hal_drive import drive

_ROW = "<QI24s"  # from when on (ms), which channel of io.bin, what it sees


class DrivenTime:
    """The host's microseconds as HAL `time` counts them; a look at the clock takes one."""

    us = 0

    def now(self):
        self.us += 1
        return self.us

    def sleep_us(self, us):
        self.us += us * hal.SPEED


driven = DrivenTime()
drive(driven.now, driven.sleep_us)
seed(1)

# The firmware takes its clock from `time` when it is imported.
from app import assemble  # noqa: E402
from board import Board  # noqa: E402
from clock import Clock  # noqa: E402
from lib.journal import Journal  # noqa: E402
from lib.panel import Panel  # noqa: E402
from lib.point import Gateway  # noqa: E402
from lib.ramflash import RamFlash  # noqa: E402
from operation import Operation  # noqa: E402
from outputs import Outputs  # noqa: E402
from recorder import Recorder  # noqa: E402
from sampling import TICK_MS, Sampling  # noqa: E402


class Player:
    """A gateway whose sampling task is stepped at each tick at which a reading is due."""

    def __init__(self):
        self._clock = Clock(1)
        gateway = Gateway()
        recorder = Recorder(self._clock, Journal(RamFlash(), RamFlash(), 1), gateway)
        board = Board()
        refused, _, indicators, ruled, buses, channels = assemble(board, self._clock)
        assert not refused, refused
        self._channels = channels
        panel = Panel([channel.point for channel in channels], gateway)
        outputs = Outputs(indicators, ruled, panel, self._clock, board)
        operation = Operation(panel, outputs, recorder, self._clock)
        self._sampling = Sampling(channels, operation, recorder, self._clock, buses)
        self._began_us = self._due_us = driven.us

    def play(self, trace):
        """Drive the inputs row by row; the last row only says when the trace ends."""
        row = bytearray(struct.calcsize(_ROW))
        while trace.readinto(row):
            at_ms, channel, seen = struct.unpack(_ROW, row)
            self._step_until(self._began_us + at_ms * 1000)
            hal_io.poke(hal_io.ANALOG + len(seen) * channel, seen)

    def _step_until(self, end_us):
        """Take every reading that is due before a moment."""
        while self._due_us < end_us:
            driven.us = self._due_us
            self._sampling.step(self._clock.ms())
            self._due_us = driven.us + self._idle_ticks() * TICK_MS * 1000

    def _idle_ticks(self):
        """Return for how many ticks of the sampling task nothing will be due."""
        now_ms = self._clock.ms()
        wait_ms = min([ticks_diff(channel.due_ms, now_ms) for channel in self._channels])
        return max(1, -(-wait_ms // TICK_MS))


with open("/.board/trace.bin", "rb") as file:
    Player().play(file)
