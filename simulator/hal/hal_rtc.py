"""The real-time clock: wall time and 2048 bytes that survive a reset, not a loss of power.

They are kept in rtc.bin: host µs, wall µs at that moment, then the bytes.
"""

import time

import ustruct as struct
from micropython import const

import hal

_HEAD = const(16)
_MEMORY_MAX = const(2048)


class RTC(hal.Part):
    """The one clock of the board."""

    def __init__(self, id=0):
        pass

    def datetime(self, moment=None):
        """Return or set (year, month, day, weekday, hour, minute, second, microsecond)."""
        if moment is None:
            us = time.wall_us()
            now = time.gmtime(us // 1000000)
            return now[:3] + (now[6],) + now[3:6] + (us % 1000000,)
        seconds = time.mktime(moment[:3] + moment[4:7])
        time.set_wall_us(seconds * 1000000 + moment[7])
        self._keep(self.memory())
        return None

    def memory(self, data=None):
        """Return or set the bytes that survive a reset."""
        if data is not None:
            if len(data) > _MEMORY_MAX:
                raise ValueError("buffer too long")
            return self._keep(data)
        try:
            with open(hal.path("rtc.bin"), "rb") as file:
                file.seek(_HEAD)
                return file.read()
        except OSError:
            return b""  # nothing kept since power-on

    def _keep(self, data):
        with open(hal.path("rtc.bin"), "wb") as file:
            file.write(struct.pack("<qq", *time.wall()))
            file.write(data)
