"""The Wi-Fi network that was told over the serial console: in a file of its own, and the
configuration's stands back for it. Loaded only to read or to write that."""

import json
import os

from micropython import const

PATH = "/etc/wifi.json"
_FORMAT = const(1)
_TEXT_MAX = const(64)
_FILE_MAX = const(512)


def learned(path=PATH):
    """Return what it changes in the gateway's line of the configuration; nothing where there is
    no file, or none that can be used."""
    try:
        with open(path) as file:
            said = json.loads(file.read(_FILE_MAX))
        if said["format"] == _FORMAT:
            found = {name: said[name] for name in ("wifi_ssid", "wifi_key")}
            if all(isinstance(text, str) and len(text) <= _TEXT_MAX for text in found.values()):
                return found
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}


def keep(ssid, key, path=PATH):
    """Write it, whole or not at all; raise OSError where that fails."""
    with open(path + ".new", "w") as file:
        file.write(json.dumps({"format": _FORMAT, "wifi_ssid": ssid, "wifi_key": key}))
    os.rename(path + ".new", path)
