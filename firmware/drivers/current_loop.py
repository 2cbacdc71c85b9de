"""4-20 mA transmitter over a sense resistor, with the bands of NAMUR NE 43.

    24 V ──[ transmitter ]──┬── input
                            └──[ sense 100 Ohm ]── 0 V

The bands:

    below 0.5 mA       open: no supply, a broken wire (on an ESP32 pin: at or below its 150 mV)
    below 3.6 mA       below range: the transmitter says that it has failed
    3.6 to 21.0 mA     4 mA is zero, 20 mA the span; what lies beyond reads as zero or the span
    above 21.0 mA      above range: the transmitter says that it has failed, or the wires touch
"""

from lib.codes import ABOVE_RANGE, BELOW_RANGE, OPEN, SATURATED
from lib.scaling import Scaling


class CurrentLoop:
    """Delivers what its transmitter measures; `span` is the value at 20 mA, in the unit."""

    def __init__(self, input, sense_ohm=100, span=100):
        self._input = input
        self._open_below_uv = max(500 * sense_ohm, input.floor_uv + 1)
        self._failed_below_uv = 3600 * sense_ohm
        self._failed_above_uv = 21000 * sense_ohm
        self._top = span * 1000
        self._scaling = Scaling(4000 * sense_ohm, 20000 * sense_ohm, 0, self._top)
        self.code = 0

    def read(self, now_ms):
        """Return thousandths of the unit within the span, else None with the reason in `code`."""
        uv = self._input.read_uv()
        if uv is None:  # an input saturates only above 21 mA
            self.code = ABOVE_RANGE if self._input.code == SATURATED else self._input.code
        elif uv < self._open_below_uv:
            self.code = OPEN
        elif uv < self._failed_below_uv:
            self.code = BELOW_RANGE
        elif uv > self._failed_above_uv:
            self.code = ABOVE_RANGE
        else:
            self.code = 0
            return min(max(self._scaling.apply(uv), 0), self._top)
        return None
