"""Conventional two-wire loop of smoke detectors with an end-of-line resistor: its current in mA.

    24 V ──[ limiter 60 mA ]──┬─────────┬─────────┐
                          detector  detector  end of line, 4.7 kOhm
    input ──┬─────────────────┴─────────┴─────────┘
            └──[ sense 39 Ohm ]── 0 V

    below open_below_ma     the wire is broken or the end-of-line resistor is gone: open
    up to the alarm level   at rest: 5 mA of the end of line and up to some 3 mA of detectors
    from the alarm level    a detector has fired and draws 15 to 45 mA (the point decides this)
    above short_above_ma    the two wires touch: short

An ESP32 pin cannot tell what lies at or below 150 mV: there, with 39 Ohm, the loop counts as
open up to 3.8 mA. Panels on the market: end of line 4.6 mA, a shorted zone limited to 55 to 63
mA.
"""

from lib.codes import OPEN, SATURATED, SHORT
from lib.scaling import Scaling


class DetectorLoop:
    """Delivers smoke.loop_ma from the voltage over the sense resistor."""

    def __init__(self, input, sense_ohm=39, open_below_ma=3, short_above_ma=50):
        self._input = input
        self._open_below_uv = max(open_below_ma * sense_ohm * 1000, input.floor_uv + 1)
        self._short_above_uv = short_above_ma * sense_ohm * 1000
        self._scaling = Scaling(0, sense_ohm, 0, 1)  # microvolts over ohms are thousandths of a mA
        self.code = 0

    def read(self, now_ms):
        """Return the loop current in thousandths of a mA, else None with the reason in `code`."""
        uv = self._input.read_uv()
        if uv is None:  # the most that an input can show lies at or above the short level
            self.code = SHORT if self._input.code == SATURATED else self._input.code
        elif uv < self._open_below_uv:
            self.code = OPEN
        elif uv > self._short_above_uv:
            self.code = SHORT
        else:
            self.code = 0
            return self._scaling.apply(uv)
        return None
