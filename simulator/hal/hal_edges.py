"""The log of output edges, edges.bin: time_ns, ticks_ms, pin, value, PWM frequency."""

import time
from time import ticks_ms

import ustruct as struct

import hal

_file = open(hal.path("edges.bin"), "ab")  # noqa: SIM115 open as long as the board lives
_record = bytearray(16)


def log(pin, value, freq_hz=0):
    """Write down that an output pin took a value."""
    struct.pack_into("<QIBBH", _record, 0, time.host_ns(), ticks_ms(), pin, value, freq_hz)
    _file.write(_record)
