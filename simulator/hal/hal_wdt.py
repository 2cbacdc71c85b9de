"""The watchdog: tells the board's supervisor its time limit and when it was last fed."""

import time

import ustruct as struct

import hal
import hal_io

_fed = bytearray(8)


class WDT(hal.Part):
    """Once made it cannot be stopped; a new one sets a new limit."""

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("only one watchdog: id 0")
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        self.feed()
        hal_io.poke(hal_io.WDT_TIMEOUT, struct.pack("<I", timeout))

    def feed(self):
        """Say that all is well."""
        struct.pack_into("<Q", _fed, 0, time.host_ns())
        hal_io.poke(hal_io.WDT_FED, _fed)
