"""The ESP32's `network`: Wi-Fi and Ethernet that come and go with io.bin's link bit."""

import ustruct as struct
from micropython import const

import hal
import hal_io
from hal_interface import Interface

STA_IF = const(0)
AP_IF = const(1)

STAT_IDLE = const(1000)
STAT_CONNECTING = const(1001)
STAT_GOT_IP = const(1010)
STAT_BEACON_TIMEOUT = const(200)
STAT_NO_AP_FOUND = const(201)
STAT_WRONG_PASSWORD = const(202)
STAT_ASSOC_FAIL = const(203)
STAT_CONNECT_FAIL = const(203)
STAT_HANDSHAKE_TIMEOUT = const(204)

_NOT_STARTED = const(0x3002)


class _WLAN(Interface):
    """Wi-Fi as a station. The driver keeps trying by itself."""

    PM_NONE = const(0)
    PM_PERFORMANCE = const(1)
    PM_POWERSAVE = const(2)

    def active(self, on=None):
        """Return whether Wi-Fi is on, or switch it."""
        hal.wifi_on = super().active(on)
        return hal.wifi_on

    def connect(self, ssid=None, key=None, *, bssid=None):
        """Begin to connect, and try again for ever."""
        if not self._active:
            raise OSError(_NOT_STARTED, "Wifi Not Started")
        self._wanted = True
        self.isconnected()  # the time it takes begins now

    def disconnect(self):
        """Leave the access point."""
        self._wanted = False

    def status(self, what=None):
        """Return how far the connection is, or the signal's strength in dBm."""
        if what == "rssi":
            word = bytearray(4)
            hal_io.peek(hal_io.RSSI, word)
            return struct.unpack("<i", word)[0]
        if what is not None:
            raise ValueError("unknown status param")
        if self.isconnected():
            return STAT_GOT_IP
        return STAT_CONNECTING if self._wanted else STAT_IDLE


_station = _WLAN()


def WLAN(interface=STA_IF):
    """Return the one Wi-Fi station."""
    if interface != STA_IF:
        raise hal.unknown("network", "WLAN(AP_IF)")
    return _station


def hostname(name=None):
    """Return or set the board's name on the network."""
    if name is not None:
        _station.config(hostname=name)
    return _station.config("hostname") or "mpy-esp32"


def __getattr__(name):
    if name == "LAN" or name.startswith(("ETH_", "PHY_")):
        import hal_lan  # most gateways have no cable

        return getattr(hal_lan, name)
    raise hal.unknown("network", name)
