"""One value of a Modbus station: 16 or 32 bits, signed or not, scaled to the unit.

    thousandths of the unit = counts x scale_thousandths / scale_counts

    up to the span, below zero as far down    the value (an unsigned one has no below)
    up to a quarter beyond                    the span: a sensor that is full still alarms
    further                                   above or below range: 0x7FFF, 0x8000, a wrong scale

No product leaves the ESP32's small integers (2**30): counts beyond are out of any range.
"""

from micropython import const

from lib.codes import ABOVE_RANGE, BELOW_RANGE
from lib.scaling import Scaling

_SMALL = const(1 << 30)
_HIGH_WORDS = const(1 << 14)  # of a 32-bit value that is a small integer


class Modbus:
    """Delivers what its station measures; `span` is the greatest value, in the unit."""

    def __init__(  # noqa: PLR0913 what the manual of a station says of one value
        self,
        input,
        function=3,
        register=0,
        words=1,
        signed=0,
        low_word_first=0,
        scale_thousandths=1000,
        scale_counts=1,
        span=100,
    ):
        self._query = input.query(function, register, words)
        self._words = words
        self._signed = signed
        self._low_word_first = low_word_first
        self._scaling = Scaling(0, scale_counts, 0, scale_thousandths)
        self._top = span * 1000
        self._most = min(self._top * 5 // 4 * scale_counts // scale_thousandths, _SMALL - 1)
        self._least = -self._most if signed else 0
        self.code = 0

    def read(self, now_ms):
        """Return thousandths of the unit within the span, else None with the reason in `code`."""
        query = self._query
        self.code = query.trouble(now_ms)
        if self.code:
            return None
        if self._words == 1:
            counts = self._of_high(query.first)
        elif self._low_word_first:
            counts = self._of_words(query.second, query.first)
        else:
            counts = self._of_words(query.first, query.second)
        if counts > self._most:
            self.code = ABOVE_RANGE
        elif counts < self._least:
            self.code = BELOW_RANGE
        else:
            return min(max(self._scaling.apply(counts), -self._top), self._top)
        return None

    def _of_high(self, word):
        """Return the word that holds the sign as a number."""
        return word - 0x10000 if self._signed and word & 0x8000 else word

    def _of_words(self, high, low):
        """Return both words as one number; what is not small stands beyond every range."""
        high = self._of_high(high)
        if high >= _HIGH_WORDS:
            return _SMALL - 1
        if high < -_HIGH_WORDS:
            return -_SMALL
        return high * 0x10000 + low
