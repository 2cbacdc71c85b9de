"""Residual-current transformer with a burden resistor: true RMS over one mains cycle, in mA.

    3.3 V ──[ R ]──┬──[ transformer 1000:1 parallel burden ]──┬── input
    0 V   ──[ R ]──┘                                          └──[ pull-down 1 MOhm ]── 0 V

The pin rests at half the supply (the bias, which comes to it through the winding); the mains
swings around it. Twenty evenly timed samples of one whole cycle, their mean removed: direct
current and the bias fall out, harmonics up to the ninth count in full. The driver keeps the
processor meanwhile; a sample that comes late is left for the next cycle, at the same phase.

Whether a cycle takes 1/50 or 1/60 s is found out once, as soon as there is a current to tell it
by: in 100 ms both have whole cycles, and what swings at one of them leaves nothing in the other's
sum. Until then mains_hz is taken for it.

    bias below 1.15 V      a wire is broken: open
    bias above 2.15 V      a wire touches the supply: short, or saturated when every sample is
    some samples clipped   the current is at least what is read
    below some 5 mA        mostly the converter's own noise

A transformer whose two wires touch reads like one that sees no current: this circuit cannot tell.
"""

from array import array
from math import pi, sin
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
_PROBES = const(60)  # in 100 ms: 12 in a cycle of 50 Hz, 10 in one of 60 Hz
_PROBE_NS = const(1_666_667)
_PROBE_FROM_UV = const(5000)  # RMS at the input; below it is noise
_PROBE_AGAIN_MS = const(10_000)
_CLEARLY = const(4)
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
        self._probe_ms = None  # when it was last tried to find the mains frequency
        self._sine = array("h", [0] * _PROBES)  # None once it is found
        for i in range(_PROBES):
            self._sine[i] = int(256 * sin(2 * pi * i / _PROBES))
        self._samples = array("i", [0] * _SAMPLES)
        self._scaling = Scaling(0, burden_ohm, 0, ratio)  # uV at the burden to thousandths of a mA
        self.code = 0

    def read(self, now_ms):
        """Return the RMS in thousandths of a mA, else None with the reason in `code`."""
        rms_uv = self._rms_uv()
        if rms_uv is None:
            return None
        if self._sine and rms_uv >= _PROBE_FROM_UV and self._may_probe(now_ms):
            self._probe()
            rms_uv = self._rms_uv()
            if rms_uv is None:
                return None
        return self._scaling.apply(rms_uv)

    def _rms_uv(self):
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
        return _root(squares // _SAMPLES) << _SHIFT

    def _may_probe(self, now_ms):
        if (
            self._probe_ms is not None
            and 0 <= ticks_diff(now_ms, self._probe_ms) < _PROBE_AGAIN_MS
        ):
            return False
        self._probe_ms = now_ms
        return True

    def _probe(self):
        """Find the mains frequency, unless the board is late or the current tells none."""
        sine = self._sine
        in_50 = across_50 = in_60 = across_60 = 0
        start_us = self._clock.ticks_us()
        for i in range(_PROBES):
            if not self._in_time(ticks_add(start_us, i * _PROBE_NS // 1000)):
                return
            uv = self._input.read_uv()
            step = ((self._input.ceiling_uv if uv is None else uv) - _BIAS_UV) >> _SHIFT
            in_50 += step * sine[i * 5 % _PROBES]
            across_50 += step * sine[(i * 5 + 15) % _PROBES]
            in_60 += step * sine[i * 6 % _PROBES]
            across_60 += step * sine[(i * 6 + 15) % _PROBES]
        at_50 = (in_50 >> 12) * (in_50 >> 12) + (across_50 >> 12) * (across_50 >> 12)
        at_60 = (in_60 >> 12) * (in_60 >> 12) + (across_60 >> 12) * (across_60 >> 12)
        if at_50 > at_60 * _CLEARLY or at_60 > at_50 * _CLEARLY:
            self._cycle_us = 1_000_000 // (50 if at_50 > at_60 else 60)
            self._sine = None

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
