"""The ESP32's Ethernet: `network.LAN` and its constants."""

from micropython import const

import hal
from hal_interface import Interface

ETH_INITIALIZED = const(0)
ETH_STARTED = const(1)
ETH_STOPPED = const(2)
ETH_CONNECTED = const(3)
ETH_DISCONNECTED = const(4)
ETH_GOT_IP = const(5)
PHY_LAN8710 = const(0)
PHY_LAN8720 = const(1)
PHY_IP101 = const(2)
PHY_RTL8201 = const(3)
PHY_DP83848 = const(4)


class LAN(Interface):
    """Ethernet: the cable is the link."""

    def __init__(self, *chip, **wiring):
        super().__init__()

    def active(self, on=None):
        """Return whether Ethernet is on, or switch it."""
        self._wanted = super().active(on)
        self.isconnected()  # the time it takes begins now
        return self._wanted

    def status(self):
        """Return how far the connection is."""
        if self.isconnected():
            return ETH_GOT_IP
        if not self._active:
            return ETH_INITIALIZED
        return ETH_CONNECTED if self._joined_at is not None else ETH_DISCONNECTED


def __getattr__(name):
    raise hal.unknown("network", name)
