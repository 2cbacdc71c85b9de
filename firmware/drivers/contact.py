"""Supervised contact line with end-of-line resistors: 0 at rest, 1 when active.

    supply ──[ pull-up 10 kOhm ]──┬── input
                                  └─────────┬───────────────────┐
                                      [ 4.7 kOhm ]       [ end of line
                                        contact              10 kOhm ]
    0 V    ─────────────────────────────────┴───────────────────┘

What counts is the resistance of the whole line, give or take the tolerance:

    rest_ohm       10 kOhm here: the end of line alone
    active_ohm     3.2 kOhm here: both; with a contact that opens, the greater of the two
    less than both        short: the two wires touch
    more than both        open: a wire is cut, or the end-of-line resistor is gone
    anything else         between: a wrong resistor, water in a box, a bad joint
"""

from lib.codes import BETWEEN, OPEN, SATURATED, SHORT


class Contact:
    """Delivers 0 or 1 (1000 thousandths)."""

    def __init__(
        self,
        input,
        supply_mv=3300,
        pull_up_ohm=10000,
        rest_ohm=10000,
        active_ohm=3200,
        tolerance_pct=20,
    ):
        self._input = input
        self._bands = [
            (
                _uv(ohm * (100 - tolerance_pct) // 100, pull_up_ohm, supply_mv),
                _uv(ohm * (100 + tolerance_pct) // 100, pull_up_ohm, supply_mv),
                reading,
            )
            for ohm, reading in ((active_ohm, 1000), (rest_ohm, 0))
        ]
        self._lowest_uv = min([band[0] for band in self._bands])
        self._highest_uv = max([band[1] for band in self._bands])
        self.code = 0

    def read(self, now_ms):
        """Return 1000 when active, 0 at rest, else None with the reason in `code`."""
        uv = self._input.read_uv()
        if uv is None:  # an input saturates only above the highest band
            self.code = OPEN if self._input.code == SATURATED else self._input.code
            return None
        for low_uv, high_uv, reading in self._bands:
            if low_uv <= uv <= high_uv:
                self.code = 0
                return reading
        if uv < self._lowest_uv:
            self.code = SHORT
        else:
            self.code = OPEN if uv > self._highest_uv else BETWEEN
        return None


def _uv(ohm, pull_up_ohm, supply_mv):
    return supply_mv * 1000 * ohm // (ohm + pull_up_ohm)
