"""Supervised line to a sounder, with an end-of-line resistor: 0 while it is whole.

    supply ──[ pull-up 10 kOhm ]──┬── input
                                  └───────[ diode ]───── sounder
                                                   └──[ end of line 10 kOhm ]
    0 V    ──────────────────────────────────────────────┘

While the sounder is off a small current goes the other way round, which the sounder's diode stops
and the end of line lets through. While it is on there is nothing to judge: the last reading stays.

    less than the end of line, give or take the tolerance    short
    more                                                     open: cut wire, sounder taken down
"""

from lib.codes import OPEN, SATURATED, SHORT, STARTING


class SounderLine:
    """Delivers sounder_line.state; `sounder` has is_on, or is None where none is wired."""

    def __init__(
        self,
        input,
        sounder=None,
        supply_mv=3300,
        pull_up_ohm=10000,
        end_ohm=10000,
        tolerance_pct=20,
    ):
        self._input = input
        self._sounder = sounder
        self._low_uv, self._high_uv = [
            supply_mv * 1000 * ohm // (ohm + pull_up_ohm)
            for ohm in [end_ohm * (100 + sign * tolerance_pct) // 100 for sign in (-1, 1)]
        ]
        self._last = None
        self.code = STARTING

    def read(self, now_ms):
        """Return 0 while the line is whole, else None with the reason in `code`."""
        if self._sounder and self._sounder.is_on:
            return self._last
        uv = self._input.read_uv()
        self.code = self._judge(uv)
        self._last = None if self.code else 0
        return self._last

    def _judge(self, uv):
        if uv is None:  # an input saturates only above the band
            return OPEN if self._input.code == SATURATED else self._input.code
        if uv < self._low_uv:
            return SHORT
        return OPEN if uv > self._high_uv else 0
