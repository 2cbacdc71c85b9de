"""What a point measured over an interval: minimum, mean, maximum and last.

An interval in which nothing happens grows, and one in which a condition stands is shorter: what is
worth looking at is told closely, and what rests costs little.
"""

from time import ticks_diff

from micropython import const

GROWN = const(5)  # intervals at most, while every reading is near the one that was told last
SHORTER = const(6)  # times, while a condition stands
SHORTEST_S = const(5)


class Summary:
    """Collects readings (thousandths) until `sample_s` has passed; a reading that is no more than
    `deadband` from the last one told is nothing new. `interval_s` is what it took."""

    def __init__(self, sample_s, now_ms, deadband=0):
        self._usual_s = sample_s
        self._deadband = deadband
        self._told = None  # the last reading of the interval before
        self.interval_s = sample_s
        self._begin(now_ms)

    def add(self, reading):
        """Take one reading."""
        first = not self.count and not self._parts
        if first or reading < self.minimum:
            self.minimum = reading
        if first or reading > self.maximum:
            self.maximum = reading
        self.count += 1
        self._sum += reading
        self.last = reading

    def mean(self):
        """Return the rounded mean; only where the interval is due."""
        return (self._means + self._parts // 2) // self._parts

    def due(self, now_ms, off_normal=False):
        """Return whether the interval is over and holds something to tell."""
        wanted_s = self._usual_s
        if off_normal:
            wanted_s = min(wanted_s, max(wanted_s // SHORTER, SHORTEST_S))
        if ticks_diff(now_ms, self._part_ms) < wanted_s * 1000:
            return False
        if self.count:
            self._fold()
        elif not self._parts:
            self._begin(now_ms)
        self._part_ms = now_ms
        return self._parts > 0 and (off_normal or self._parts >= GROWN or self._is_news())

    def restart(self, now_ms):
        """It was told: begin the next interval."""
        self._told = self.last
        self._begin(now_ms)

    def end(self, now_ms):
        """Say that it ends now, before it is told."""
        self.interval_s = (ticks_diff(now_ms, self._began_ms) + 500) // 1000 or 1

    def _fold(self):
        """Keep the mean of a part: a sum of all would leave the chip's small integers."""
        self._means += (self._sum + self.count // 2) // self.count
        self._parts += 1
        self._sum = self.count = 0

    def _is_news(self):
        told = self._told
        if told is None:
            return True
        return self.maximum - told > self._deadband or told - self.minimum > self._deadband

    def _begin(self, now_ms):
        self._began_ms = self._part_ms = now_ms
        self.count = self._sum = self._means = self._parts = 0
        self.minimum = self.maximum = self.last = 0
