"""Set and clear level: a value that trembles about a limit does not make a condition tremble."""


class Hysteresis:
    """Above: sets at or above set_at, clears below clear_at.

    Otherwise: sets below set_at, clears at or above clear_at (140 kPa is a minimum: 140 is good).
    """

    def __init__(self, set_at, clear_at, above=True):
        self._set_at = set_at
        self._clear_at = clear_at
        self._above = above
        self.state = False

    def update(self, value):
        """Take one value; return whether it is beyond the level that counts now."""
        limit = self._clear_at if self.state else self._set_at
        self.state = (value >= limit) == self._above
        return self.state
