"""Ratiometric pressure transmitter (0.5 to 4.5 V of a 5 V supply) behind a divider: kPa.

    supply ──[ transmitter ]──[ R1 ]──┬── input
    0 V    ───────┘                   └──[ R2 ]── 0 V      divider = R2 / (R1 + R2) in permille

All bands are parts of the supply (volts for 5 V):

    below  5 % (0.25 V)            open: a broken wire, no supply (an ESP32 pin: up to 0.15 V)
    below  8 % (0.40 V)            below range
    10 to 90 % (0.5 to 4.5 V)      zero to the span; 2 % beyond either end still reads as that end
    above 92 % (4.60 V)            above range
    above 95 % (4.75 V)            short: the signal wire touches the supply
"""

from lib.codes import ABOVE_RANGE, BELOW_RANGE, OPEN, SATURATED, SHORT
from lib.scaling import Scaling


class Ratiometric:
    """Delivers hydrant.kpa and sprinkler.kpa; `span_kpa` is the pressure at 90 % of the supply."""

    def __init__(self, input, supply_mv=5000, divider_permille=450, span_kpa=1600):
        self._input = input
        percent_uv = supply_mv * divider_permille // 100  # 1 % of the supply, seen at the input
        self._open_below_uv = max(5 * percent_uv, input.floor_uv + 1)
        self._low_uv = 8 * percent_uv
        self._high_uv = 92 * percent_uv
        self._short_above_uv = 95 * percent_uv
        self._top = span_kpa * 1000
        self._scaling = Scaling(10 * percent_uv, 90 * percent_uv, 0, self._top)
        self.code = 0

    def read(self, now_ms):
        """Return thousandths of a kPa within the span, else None with the reason in `code`."""
        uv = self._input.read_uv()
        self.code = self._judge(uv)
        if self.code:
            return None
        return min(max(self._scaling.apply(uv), 0), self._top)

    def _judge(self, uv):
        if uv is None:  # an input saturates only above the short level
            return SHORT if self._input.code == SATURATED else self._input.code
        if uv < self._open_below_uv:
            return OPEN
        if uv > self._short_above_uv:
            return SHORT
        if uv < self._low_uv:
            return BELOW_RANGE
        return ABOVE_RANGE if uv > self._high_uv else 0
