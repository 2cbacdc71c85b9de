"""Taps: each record at the journal's seam goes to seam.bin, each reading to readings.bin."""

import time
from time import ticks_ms

import ustruct as struct

import hal


def tap_journal():
    """Copy each record that has become durable: time_ns, ticks_ms, lane, record."""
    try:
        from lib.journal import Lane
    except ImportError:
        return  # an application without a journal

    append = Lane.append
    file = open(hal.path("seam.bin"), "ab")  # noqa: SIM115 open as long as the board lives
    row = bytearray(48)

    def tapped(self, record):
        number = append(self, record)
        if number:
            struct.pack_into(
                "<QIB3x32s", row, 0, time.host_ns(), ticks_ms(), self.number, self.slot
            )
            file.write(row)
        return number

    Lane.append = tapped


def tap_readings():
    """Copy each reading: time_ns, ticks_ms, point, conditions, code, value.

    The time is from before the first sample: what was at the input since then is what was read.
    """
    from lib.point import Point
    from sampling import Sampling

    began_ns = 0
    step = Sampling.step
    update = Point.update
    file = open(hal.path("readings.bin"), "ab")  # noqa: SIM115 open as long as the board lives
    row = bytearray(20)

    def timed(self, now_ms):
        nonlocal began_ns
        began_ns = time.host_ns()
        return step(self, now_ms)

    def tapped(self, value, code, now_ms):
        changed = update(self, value, code, now_ms)
        shown = -0x80000000 if value is None else value
        head = (began_ns, now_ms, self.number, self.conditions)
        struct.pack_into("<QIHBBi", row, 0, *head, code, shown)
        file.write(row)
        return changed

    Sampling.step = timed
    Point.update = tapped
