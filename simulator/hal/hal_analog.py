"""Voltages as the simulator drives them: dc, a sine, its third harmonic, noise; at any moment."""

import math
import time
from random import getrandbits

import ustruct as struct
from micropython import const

import hal_io

_SIZE = const(24)
_FLOATING_UV = const(600000)  # an input that nothing drives picks up anything below this
_buffer = bytearray(_SIZE)
_fields = memoryview(_buffer)


def read_uv(channel, at_us=None):
    """Return the microvolts on an analog channel now, or at a moment of `time.now_us()`."""
    hal_io.peek(hal_io.ANALOG + _SIZE * channel, _buffer)
    dc_v, amp_v, freq_hz, third_v, noise_v, flags = struct.unpack("<fffffI", _fields)
    if not flags & 1:
        return floating_uv()
    volts = dc_v
    if amp_v or third_v:
        turns = (time.now_us() if at_us is None else at_us) * freq_hz / 1000000
        angle = 2 * math.pi * (turns % 1)
        volts += amp_v * math.sin(angle) + third_v * math.sin(3 * angle)
    return int(volts * 1000000) + noise_uv(int(noise_v * 1000000))


def floating_uv():
    """Return what an input picks up that nothing drives."""
    return getrandbits(20) * _FLOATING_UV >> 20


def noise_uv(sigma_uv):
    """Return a random number, near enough to normal: the sum of four bytes."""
    four = getrandbits(8) + getrandbits(8) + getrandbits(8) + getrandbits(8)
    return (four - 510) * sigma_uv // 148  # 148: the standard deviation of such a sum
