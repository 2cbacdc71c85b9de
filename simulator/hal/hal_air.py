"""The access points in reach, as the board's wifi.json has them: {"name": "key"}.

Only these are joined, and only with their key. Loaded for boards with that file: others join any.
"""

import json

import hal
import network


def _connect(self, ssid=None, key=None, *, bssid=None):
    _join(self, ssid, key)
    with open(hal.path("wifi.json")) as file:
        in_reach = json.load(file)
    self._wanted = ssid in in_reach and in_reach[ssid] == (key or "")


_join = network._WLAN.connect
network._WLAN.connect = _connect
