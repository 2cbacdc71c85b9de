"""Residual-current transformer with a burden resistor: true RMS over one mains cycle, in mA.

    3.3 V ──[ R ]──┬──[ transformer 1000:1 parallel burden ]──┬── input
    0 V   ──[ R ]──┘                                          └──[ pull-down 1 MOhm ]── 0 V

The pin rests at half the supply (the bias, which comes to it through the winding); the mains
swings around it. Twenty evenly timed samples of one whole cycle, their mean removed: direct
current and the bias fall out, harmonics up to the ninth count in full. The driver keeps the
processor meanwhile; a sample that comes late is left for the next cycle, at the same phase.

    bias below 1.15 V      a wire is broken: open
    bias above 2.15 V      a wire touches the supply: short, or saturated when every sample is
    some samples clipped   the current is at least what is read
    below some 5 mA        mostly the converter's own noise

A transformer whose two wires touch reads like one that sees no current: this circuit cannot tell.
"""

from array import array
from time import ticks_add, ticks_diff

from micropython import const

from lib.codes import OPEN, SATURATED, SHORT
from lib.scaling import Scaling

_SAMPLES = const(20)
_MISSING = const(-1)
_LATE_US = const(400)  # less than half the time between two samples: moves the RMS by under 1 %
_SPARE_CYCLES = const(3)  # for samples that came too late; then they are taken as they come
_BIAS_UV = const(1_650_000)
_BIAS_TOLERANCE_UV = const(500_000)
_SHIFT = const(8)  # squares of 256 uV steps: twenty of them stay below 2**30


def _root(square):
    """Return the whole part of the square root (Newton)."""
    root, better = square, (square + 1) >> 1
    while better < root:
        root = better
        better = (root + square // root) >> 1
    return root


class ResidualCurrent:
    """Delivers leakage.ma; `clock` has ticks_us() and sleep_us(us); `ratio` is the turns."""

    def __init__(self, input, clock, ratio=1000, burden_ohm=1000, mains_hz=50):
        self._input = input
        self._clock = clock
        self._cycle_us = 1_000_000 // mains_hz
        self._samples = array("i", [0] * _SAMPLES)
        self._scaling = Scaling(0, burden_ohm, 0, ratio)  # uV at the burden to thousandths of a mA
        self.code = 0

    def read(self, now_ms):
        """Return the RMS in thousandths of a mA, else None with the reason in `code`."""
        self.code = self._sample()
        if self.code:
            return None
        mean_uv = sum(self._samples) // _SAMPLES
        self.code = self._judge(mean_uv)
        if self.code:
            return None
        squares = 0
        for uv in self._samples:
            step = (uv - mean_uv) >> _SHIFT
            squares += step * step
        return self._scaling.apply(_root(squares // _SAMPLES) << _SHIFT)

    def _judge(self, bias_uv):
        if bias_uv < _BIAS_UV - _BIAS_TOLERANCE_UV:
            return OPEN
        if bias_uv > _BIAS_UV + _BIAS_TOLERANCE_UV:
            return SATURATED if bias_uv == self._input.ceiling_uv else SHORT
        return 0

    def _sample(self):
        """Fill the samples with one whole cycle; return 0 or the trouble code."""
        for i in range(_SAMPLES):
            self._samples[i] = _MISSING
        start_us = self._clock.ticks_us()
        for spare in range(_SPARE_CYCLES, -1, -1):
            for i in range(_SAMPLES):
                due_us = ticks_add(start_us, i * self._cycle_us // _SAMPLES)
                if self._samples[i] == _MISSING and (self._in_time(due_us) or not spare):
                    code = self._take(i)
                    if code:
                        return code
            start_us = ticks_add(start_us, self._cycle_us)
        return 0

    def _in_time(self, due_us):
        """Wait for the moment; return False if it has been missed."""
        clock = self._clock
        left_us = ticks_diff(due_us, clock.ticks_us())
        while left_us > 0:
            clock.sleep_us(left_us)
            left_us = ticks_diff(due_us, clock.ticks_us())
        return left_us >= -_LATE_US

    def _take(self, i):
        uv = self._input.read_uv()
        if uv is None:
            if self._input.code != SATURATED:
                return self._input.code
            uv = self._input.ceiling_uv
        self._samples[i] = uv
        return 0
