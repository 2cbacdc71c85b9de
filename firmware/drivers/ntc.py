"""NTC thermistor below a pull-up: °C, by the beta equation.

    supply ──[ pull-up 10 kOhm ]──┬── input
                                  └──[ NTC 10 kOhm at 25 °C ]── 0 V

    below 1.5 % of the supply     short: the two wires touch (10 kOhm, 3950 K: above 160 °C)
    above 97.5 %                  open: a wire is cut (below -40 °C)
    between                       -25 to 150 °C; what lies beyond reads as the nearer end

Voltages are worked out once for every 5 °C; between two of them a straight line is right within
0.15 °C.
"""

from array import array
from math import exp

from micropython import const

from lib.codes import OPEN, SATURATED, SHORT

_COLDEST = const(-25000)
_HOTTEST = const(150000)
_STEP = const(5000)


class Ntc:
    """Delivers temperature.c."""

    def __init__(self, input, supply_mv=3300, pull_up_ohm=10000, r25_ohm=10000, beta_k=3950):
        self._input = input
        self._short_below_uv = supply_mv * 15
        self._open_above_uv = supply_mv * 975
        self._uv = array("i", [0] * ((_HOTTEST - _COLDEST) // _STEP + 1))
        for at in range(len(self._uv)):
            kelvin = (_COLDEST + at * _STEP) / 1000 + 273.15
            ohm = r25_ohm * exp(beta_k * (1 / kelvin - 1 / 298.15))
            self._uv[at] = int(supply_mv * 1000 * ohm / (ohm + pull_up_ohm))
        self.code = 0

    def read(self, now_ms):
        """Return thousandths of a °C, else None with the reason in `code`."""
        uv = self._input.read_uv()
        self.code = self._judge(uv)
        return None if self.code else self._temperature(uv)

    def _judge(self, uv):
        if uv is None:  # an input saturates only above the supply
            return OPEN if self._input.code == SATURATED else self._input.code
        if uv < self._short_below_uv:
            return SHORT
        return OPEN if uv > self._open_above_uv else 0

    def _temperature(self, uv):
        table = self._uv
        if uv >= table[0]:
            return _COLDEST
        if uv <= table[-1]:
            return _HOTTEST
        at = 1
        while table[at] > uv:
            at += 1
        colder_uv = table[at - 1]  # in the product below no step leaves the small integers
        beyond = (colder_uv - uv) * 1000 // (colder_uv - table[at]) * (_STEP // 1000)
        return _COLDEST + (at - 1) * _STEP + beyond
