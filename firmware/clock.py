"""Time on the gateway: the one place that reads a clock.

Uptime is a long count (whole seconds and milliseconds apart: milliseconds alone leave the ESP32's
small integers after 12.4 days). Wall time is uptime plus an offset, with a quality: none, held,
NTP, desk.
"""

import time

from micropython import const

NONE = const(0)
HELD = const(1)
NTP = const(2)
DESK = const(3)

# A time that comes over a network can only be late. So the clock goes on at once, and back only
# where it is ahead by more than a network takes.
_STEP_S = const(2)
_BACK_S = const(30)


class Clock:
    """`boot` counts the gateway's starts. Someone must call `ms` at least every six days."""

    def __init__(self, boot):
        self.boot = boot
        self.up_s = 0
        self.up_ms = 0
        self.quality = NONE
        self._offset_s = 0  # wall time minus uptime, once the quality is above NONE
        self._last = time.ticks_ms()

    def ms(self):
        """Return ticks in ms (they wrap at 2**30), and carry the uptime on."""
        now = time.ticks_ms()
        self.up_ms += time.ticks_diff(now, self._last)
        self._last = now
        if self.up_ms >= 1000:
            self.up_s += self.up_ms // 1000
            self.up_ms %= 1000
        return now

    def time_s(self):
        """Return the Unix time in seconds, 0 while it is unknown."""
        return self.up_s + self._offset_s if self.quality else 0

    def set(self, unix_s, quality):
        """Take a wall time unless a better one is known; return whether anything changed."""
        if quality < self.quality:
            return False
        ahead_s = self.time_s() - unix_s
        changed = quality > self.quality or ahead_s <= -_STEP_S or ahead_s >= _BACK_S
        if changed:
            self._offset_s = unix_s - self.up_s
            self.quality = quality
        return changed

    def ticks_us(self):
        """Return ticks in microseconds, for sampling within one mains cycle."""
        return time.ticks_us()

    def sleep_us(self, us):
        """Wait without giving way, for sampling within one mains cycle."""
        time.sleep_us(us)
