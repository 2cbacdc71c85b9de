"""The same as elsewhere in the HAL, only quicker, for a world that leaves room for it.

Nobody writes to io.bin while the board computes: its bytes are read once after each word with the
world, and what a channel carries is unpacked once.
"""

import math
import time
from io import BytesIO

import micropython
import ustruct as struct
from micropython import const

import hal_adc
import hal_analog
import hal_io
import hal_world
import virtual_asyncio
from hal_costs import COSTS_US

_SIZE = 1024
_FIELDS_BYTES = 24

_see = hal_adc.ADC._see
_ADC_US = COSTS_US["adc"]
_NOISE_UV = const(2000)  # as hal_adc has it
_RANGES = tuple(zip(hal_adc._FLOOR, hal_adc._LINEAR, hal_adc._FULL))

_file = hal_io._file
_mirror = BytesIO(_SIZE)
_bytes = bytearray(_SIZE)
_channels = {}  # what each carries, until something changes


@micropython.viper
def ticks_diff(end: int, start: int) -> int:
    """Return end - start, right while the two are less than 2**29 apart."""
    return ((end - start + 0x20000000) & 0x3FFFFFFF) - 0x20000000


@micropython.viper
def ticks_add(ticks: int, delta: int) -> int:
    """Return the ticks moved by delta, wrapped."""
    return (ticks + delta) & 0x3FFFFFFF


def refresh():
    """Take in what the world has changed."""
    _file.seek(0)
    _file.readinto(_bytes)
    _mirror.seek(0)
    _mirror.write(_bytes)
    _channels.clear()


def poke(offset, data):
    """Write the data at the offset."""
    _file.seek(offset)
    _file.write(data)
    _mirror.seek(offset)
    _mirror.write(data)


def read_uv(channel, at_us=None):
    """Return the microvolts on an analog channel now, or at a moment of `time.now_us()`."""
    fields = _channels.get(channel)
    if fields is None:
        at = hal_io.ANALOG + _FIELDS_BYTES * channel
        dc_v, amp_v, freq_hz, third_v, noise_v, flags = struct.unpack_from("<fffffI", _bytes, at)
        waves = (dc_v, amp_v, freq_hz, third_v) if amp_v or third_v else None
        uv, sigma_uv = int(dc_v * 1000000), int(noise_v * 1000000)
        fields = _channels[channel] = (uv, waves, sigma_uv, flags & 1)
    uv, waves, sigma_uv, driven = fields
    if not driven:
        return hal_analog.floating_uv()
    if waves:
        volts, amp_v, freq_hz, third_v = waves
        turns = (time.now_us() if at_us is None else at_us) * freq_hz / 1000000
        angle = 2 * math.pi * (turns % 1)
        volts += amp_v * math.sin(angle) + third_v * math.sin(3 * angle)
        uv = int(volts * 1000000)
    return uv + hal_analog.noise_uv(sigma_uv)


def see(adc):
    """Return what a converter makes of the voltage: hal_adc's `_see` in one piece, and so small
    that the VM keeps it on its stack."""
    if adc._pin < 32:
        return _see(adc)
    hal_world.us += _ADC_US
    if hal_world.us >= hal_world.next_us:
        hal_world.ask(hal_world.ADVANCE, 1, 0)
    fields = _channels.get(adc._pin - 32)
    if fields is None or fields[1] or not fields[3]:
        uv = read_uv(adc._pin - 32)
    else:
        uv = fields[0] + hal_world.noise_uv(fields[2])
    uv += hal_world.noise_uv(_NOISE_UV)
    floor, linear, full = _RANGES[adc._atten]
    if uv > linear:
        uv = linear + (uv - linear) * 3 // 4
    return floor if uv < floor else full if uv > full else uv


def take():
    """Take the slow ones' places, before anybody else has them."""
    time.ticks_diff = virtual_asyncio.ticks_diff = ticks_diff
    time.ticks_add = ticks_add
    hal_io._file = _mirror
    hal_io.poke = poke
    hal_analog.read_uv = read_uv
    hal_adc.ADC._see = see
    refresh()
