"""Non-volatile storage: 32-bit numbers and blobs by name, in nvs.json; lost unless committed."""

import binascii
import json
import os

from micropython import const

import hal

_NAME_MAX = const(15)


def _error(code, name):
    return OSError(code, "ESP_ERR_NVS_" + name)


def _check(name):
    if len(name) > _NAME_MAX:
        raise _error(-4361, "KEY_TOO_LONG")


class NVS(hal.Part):
    """One namespace. Numbers are kept as they are, blobs as hexadecimal text."""

    def __init__(self, namespace):
        _check(namespace)
        self._namespace = namespace
        self._values = _load().get(namespace, {})

    def set_i32(self, key, value):
        """Set a number."""
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            raise OverflowError("overflow converting long int to machine word")
        _check(key)
        self._values[key] = value

    def get_i32(self, key):
        """Return a number; OSError where there is none."""
        return self._get(key, int)

    def set_blob(self, key, value):
        """Set some bytes."""
        _check(key)
        self._values[key] = binascii.hexlify(value).decode()

    def get_blob(self, key, buffer):
        """Fill the buffer; return how many bytes the blob has."""
        data = binascii.unhexlify(self._get(key, str))
        if len(data) > len(buffer):
            raise _error(-4364, "INVALID_LENGTH")
        buffer[: len(data)] = data
        return len(data)

    def erase_key(self, key):
        """Forget a value."""
        if key not in self._values:
            raise _error(-4354, "NOT_FOUND")
        del self._values[key]

    def commit(self):
        """Make durable what was set, whole or not at all."""
        hal.spend("nvs")
        everything = _load()
        everything[self._namespace] = self._values
        path = hal.path("nvs.json")
        with open(path + ".new", "w") as file:
            json.dump(everything, file)
        os.rename(path + ".new", path)

    def _get(self, key, kind):
        value = self._values.get(key)
        if not isinstance(value, kind):
            raise _error(-4354, "NOT_FOUND")
        return value


def _load():
    try:
        with open(hal.path("nvs.json")) as file:
            return json.load(file)
    except OSError:
        return {}  # nothing committed yet
