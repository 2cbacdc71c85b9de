"""Direct voltage behind a divider, such as that of the standby battery: volts.

battery ──[ R1 ]──┬── input
0 V     ──[ R2 ]──┘            divider = R2 / (R1 + R2) in permille

below open_below_mv      open: no battery, a blown fuse, a broken wire
above above_range_mv     above range: a charger out of order, a wrong divider
"""

from lib.codes import ABOVE_RANGE, OPEN, SATURATED


class Divider:
    """Delivers battery.v: thousandths of a volt are millivolts."""

    def __init__(self, input, divider_permille=130, open_below_mv=2000, above_range_mv=15500):
        self._input = input
        self._permille = divider_permille
        self._open_below_uv = max(open_below_mv * divider_permille, input.floor_uv + 1)
        self._above_uv = above_range_mv * divider_permille
        self.code = 0

    def read(self, now_ms):
        """Return thousandths of a volt, else None with the reason in `code`."""
        uv = self._input.read_uv()
        if uv is None:
            self.code = ABOVE_RANGE if self._input.code == SATURATED else self._input.code
            return None
        if uv < self._open_below_uv:
            self.code = OPEN
            return None
        if uv > self._above_uv:
            self.code = ABOVE_RANGE
            return None
        self.code = 0
        return uv // self._permille
