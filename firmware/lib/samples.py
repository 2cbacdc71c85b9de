"""What a point measured over an interval: minimum, mean, maximum and last."""

from time import ticks_diff


class Summary:
    """Collects readings (thousandths) until `interval_s` has passed."""

    def __init__(self, interval_s, now_ms):
        self.interval_s = interval_s
        self._began_ms = now_ms
        self._restart()

    def add(self, reading):
        """Take one reading."""
        if not self.count or reading < self.minimum:
            self.minimum = reading
        if not self.count or reading > self.maximum:
            self.maximum = reading
        self.count += 1
        self._sum += reading
        self.last = reading

    def mean(self):
        """Return the rounded mean; only after at least one reading."""
        return (self._sum + self.count // 2) // self.count

    def due(self, now_ms):
        """Return whether the interval is over and holds something to tell."""
        if ticks_diff(now_ms, self._began_ms) < self.interval_s * 1000:
            return False
        if not self.count:
            self._began_ms = now_ms
        return self.count > 0

    def restart(self, now_ms):
        """Begin the next interval."""
        self._began_ms = now_ms
        self._restart()

    def _restart(self):
        self.count = self._sum = self.minimum = self.maximum = self.last = 0
