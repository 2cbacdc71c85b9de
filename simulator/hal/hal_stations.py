"""Modbus RTU stations on an RS-485 line, as rs485.bin describes them: real bytes at real times.

Written from the public documents (Modbus Application Protocol V1.1b3, over Serial Line V1.02), not
from the firmware.
"""

import time

import ustruct as struct
from micropython import const

import hal

_RECORD = const(16)  # station, function, register, words, state, two words, delay in ms
_LAYOUT = "<BBHBBHHH4x"
_OK = const(1)
_RUBBISH = const(2)
_REFUSES = const(3)
_BITS = const(11)  # of a character on the line
_ILLEGAL_FUNCTION = const(1)
_ILLEGAL_ADDRESS = const(2)
_DEVICE_FAILURE = const(4)


class Line:
    """The line with everything on it; one master asks, one station answers."""

    def __init__(self, baud):
        self._file = open(hal.path("rs485.bin"), "rb")  # noqa: SIM115 open as long as the port
        self._char_us = _BITS * 1000000 // baud
        self._sent_us = 0  # when the last request has left
        self._starts_us = 0  # when the answer begins
        self._answer = b""

    def write(self, data):
        """Take a request: a station that it is meant for will answer."""
        answer, delay_ms = self._answer_to(bytes(data))
        self._sent_us = time.now_us() + len(data) * self._char_us
        self._starts_us = self._sent_us + delay_ms * 1000
        self._answer = answer
        return len(data)

    def flush(self):
        """Wait until the request has left."""
        left_us = self._sent_us - time.now_us()
        if left_us > 0:
            time.sleep_us(left_us)

    def any(self):
        """Return how many bytes of the answer have arrived and were not read."""
        come = max(0, time.now_us() - self._starts_us) // self._char_us
        return min(come, len(self._answer))

    def read(self, size):
        """Return what has arrived, at most so many bytes."""
        size = min(size, self.any())
        data = self._answer[:size]
        self._answer = self._answer[size:]
        self._starts_us += size * self._char_us
        return data

    def _answer_to(self, request):
        """Return the bytes of the answer, and how many ms the station takes."""
        if len(request) != 8 or _crc(request):
            return b"", 0
        refusal = b""
        self._file.seek(0)
        while True:
            record = self._file.read(_RECORD)
            if len(record) < _RECORD:
                return refusal, 0
            station, function, register, words, state, first, second, delay_ms = struct.unpack(
                _LAYOUT, record
            )
            if station != request[0]:
                continue
            if struct.pack(">BHH", function, register, words) == request[1:6]:
                return _spoken(request, state, first, second), delay_ms
            if function != request[1]:
                refusal = refusal or _refusal(request, _ILLEGAL_FUNCTION)
            else:
                refusal = _refusal(request, _ILLEGAL_ADDRESS)


def _spoken(request, state, first, second):
    words = request[5]
    if state == _OK:
        data = struct.pack(">HH", first, second)[: 2 * words]
        return _sealed(request[:2] + bytes((2 * words,)) + data)
    if state == _RUBBISH:
        return hal.rubbish(5 + 2 * words)
    return _refusal(request, _DEVICE_FAILURE) if state == _REFUSES else b""


def _refusal(request, why):
    return _sealed(bytes((request[0], request[1] | 0x80, why)))


def _sealed(frame):
    return frame + struct.pack("<H", _crc(frame))


def _crc(frame):
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc, odd = crc >> 1, crc & 1
            if odd:
                crc ^= 0xA001
    return crc
