"""Polling on the board's clock: timeouts pass FG_SPEED times as fast as on the host."""

import uselect
import utime
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT  # noqa: F401 the same on the chip

import hal

_speed = hal.SPEED


class _FastPoll(hal.Part):
    """The host's poll object with timeouts in the board's milliseconds."""

    def __init__(self):
        poller = uselect.poll()
        self.register = poller.register
        self.unregister = poller.unregister
        self.modify = poller.modify
        self._poll = poller.poll
        self._ipoll = poller.ipoll

    def poll(self, timeout_ms=-1):
        """Return a list of (object, events)."""
        return self._poll(_host_ms(timeout_ms))

    def ipoll(self, timeout_ms=-1, flags=0):
        """Return an iterator over (object, events)."""
        return self._ipoll(_host_ms(timeout_ms), flags)


def _host_ms(timeout_ms):
    """Return the timeout on the host's clock; it polls whole milliseconds, so sleep the rest."""
    if timeout_ms <= 0:
        return timeout_ms
    us = timeout_ms * 1000 // _speed
    utime.sleep_us(us % 1000)
    return us // 1000


poll = uselect.poll if _speed == 1 else _FastPoll


def __getattr__(name):
    raise hal.unknown("select", name)
