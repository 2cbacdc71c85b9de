"""Straight-line scaling of one whole number to another, without floats.

A product of microvolts and a gain would leave the ESP32's small integers (2**30) and take heap
at every reading. So the fraction is cancelled once and, where that is not enough, coarsened by
halves (for our drivers' ranges that moves the gain by less than one part in 20,000); then the
value is split into whole denominators and a rest, and no step is larger than the result or
2**30.
"""

from micropython import const

_SMALL = const(1 << 30)


class Scaling:
    """The rising line through (low, low_out) and (high, high_out); it goes on beyond both ends."""

    def __init__(self, low, high, low_out, high_out):
        self._low = low
        self._low_out = low_out
        numerator = high_out - low_out
        denominator = high - low
        divisor, rest = denominator, numerator
        while rest:  # Euclid: the greatest common divisor
            divisor, rest = rest, divisor % rest
        numerator //= divisor
        denominator //= divisor
        while numerator * denominator >= _SMALL:
            numerator = (numerator + 1) >> 1
            denominator = (denominator + 1) >> 1
        self.numerator = numerator
        self.denominator = denominator

    def apply(self, value):
        """Return the value on the line, rounded to the nearest whole number."""
        offset = value - self._low
        denominator = self.denominator
        rest = offset % denominator * self.numerator
        whole = offset // denominator * self.numerator
        return self._low_out + whole + (rest + (denominator >> 1)) // denominator
