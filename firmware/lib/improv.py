"""Improv over a serial line: its frames taken apart and put together. Loaded only for one.

IMPROV, version, type, length, data, sum of all bytes before it modulo 256
(improv-wifi.com/serial).
"""

from micropython import const

_MARK = b"IMPROV"
_VERSION = const(1)
_SSID_MAX = const(32)  # IEEE 802.11
_KEY_MAX = const(64)


class Frame:
    """One frame, from behind its mark."""

    def __init__(self):
        self._buffer = bytearray(_MARK)

    def take(self, byte):
        """Take a byte; return (type, data) where it ends the frame, else None. Raise ValueError
        where the frame is broken."""
        self._buffer.append(byte)
        size = len(self._buffer)
        if size < 10 or size < 10 + self._buffer[8]:
            return None
        if self._buffer[6] != _VERSION or sum(self._buffer[:-1]) & 0xFF != byte:
            raise ValueError
        return self._buffer[7], bytes(self._buffer[9:-1])


def frame(kind, data):
    """Return a whole frame."""
    made = _MARK + bytes([_VERSION, kind, len(data)]) + data
    return made + bytes([sum(made) & 0xFF])


def result(command, words):
    """Return the data of a command's result."""
    data = b""
    for word in words:
        part = word.encode()
        data += bytes([len(part)]) + part
    return bytes([command, len(data)]) + data


def command(data):
    """Return (number, its own data) of a command; raise ValueError where its length is wrong."""
    if len(data) < 2 or len(data) != 2 + data[1]:
        raise ValueError
    return data[0], data[2:]


def network(data):
    """Return (ssid, key); raise ValueError where they are none, or no network could have them."""
    ssid, rest = _text(data)
    key, rest = _text(rest)
    if rest or not 0 < len(ssid) <= _SSID_MAX or len(key) > _KEY_MAX:
        raise ValueError
    return ssid.decode(), key.decode()  # UnicodeError is a ValueError


def _text(data):
    if not data or len(data) <= data[0]:
        raise ValueError
    end = 1 + data[0]
    return data[1:end], data[end:]
