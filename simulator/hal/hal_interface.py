"""What Wi-Fi and Ethernet share: an address that comes a while after io.bin's link bit."""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

import hal
import hal_io
import machine

_JOIN_MS = const(300)  # association and an address by DHCP
_AWAY = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
_JOINED = ("192.168.4.17", "255.255.255.0", "192.168.4.1", "192.168.4.1")
_SETTINGS = ("hostname", "pm", "reconnects", "txpower", "channel", "ssid")


class Interface(hal.Part):
    """What Wi-Fi and Ethernet share: an address comes a while after the link."""

    def __init__(self):
        self._active = False
        self._wanted = False
        self._joined_at = None  # the tick at which this link gives an address; None = no link
        self._settings = {}

    def active(self, on=None):
        """Return whether the interface is on, or switch it."""
        if on is None:
            return self._active
        self._active = bool(on)
        self._wanted = self._wanted and self._active
        return self._active

    def isconnected(self):
        """Return whether there is an address."""
        if not (self._wanted and hal_io.link_up()):
            self._joined_at = None
            return False
        if self._joined_at is None:
            self._joined_at = ticks_add(ticks_ms(), _JOIN_MS)
        elif self._joined_at is not True and ticks_diff(ticks_ms(), self._joined_at) >= 0:
            self._joined_at = True
        return self._joined_at is True

    def ifconfig(self):
        """Return (ip, netmask, gateway, name server)."""
        return _JOINED if self.isconnected() else _AWAY

    def ipconfig(self, name):
        """Return one setting of the Internet protocol."""
        ip, mask, gateway, _ = self.ifconfig()
        values = {"addr4": (ip, mask), "gw4": gateway, "dhcp4": True, "has_dhcp4": ip != _AWAY[0]}
        if name not in values:
            raise hal.unknown(type(self).__name__, "ipconfig('" + name + "')")
        return values[name]

    def config(self, name=None, **settings):
        """Return one setting, or take some."""
        for key in settings:
            self._must_have(key)
        self._settings.update(settings)
        if name == "mac":
            return machine.unique_id()
        if name is None:
            return None
        self._must_have(name)
        return self._settings.get(name)

    def _must_have(self, setting):
        if setting not in _SETTINGS:
            raise hal.unknown(type(self).__name__, "config(" + setting + ")")
