"""The world around the board, for checks in the VM: what the simulator does to io.bin."""

import struct
from time import ticks_diff, ticks_us

import hal
import hal_io


def set_link(up):
    """Bring the access point within reach or take it away."""
    hal_io.poke(hal_io.LINK, struct.pack("<I", up))


def set_pin(pin, level):
    """Drive an input pin."""
    pins = bytearray(8)
    hal_io.peek(hal_io.PINS, pins)
    levels = int.from_bytes(pins, "little") & ~(1 << pin) | level << pin
    hal_io.poke(hal_io.PINS, levels.to_bytes(8, "little"))


def set_channel(channel, dc_v, amp_v=0, freq_hz=0, third_v=0, noise_v=0, driven=1):
    """Drive an analog channel: 0 to 7 are GPIO 32 to 39, from 8 on four per ADS1115."""
    data = struct.pack("<fffffI", dc_v, amp_v, freq_hz, third_v, noise_v, driven)
    hal_io.poke(hal_io.ANALOG + 24 * channel, data)


def set_i2c(address, state):
    """Say what is at an address: 0 nothing, 1 a chip, 2 one talking rubbish, 3 one that sticks."""
    hal_io.poke(hal_io.I2C + 4 * (address - 0x48), struct.pack("<I", state))


def edges():
    """Return the output edges so far as (pin, value, frequency)."""
    with open(hal.path("edges.bin"), "rb") as file:
        data = file.read()
    rows = [struct.unpack("<QIBBH", data[at : at + 16]) for at in range(0, len(data), 16)]
    return [row[2:] for row in rows]


def took_ms(call, *arguments):
    """Return how many of the board's milliseconds a call takes."""
    start = ticks_us()
    call(*arguments)
    return ticks_diff(ticks_us(), start) / 1000


def raised(kind, call, *arguments, **keywords):
    """Return the exception of this kind that the call raises; fail where it raises none."""
    try:
        call(*arguments, **keywords)
    except kind as error:
        return error
    raise AssertionError("nothing was raised")
