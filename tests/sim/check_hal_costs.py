"""What a call takes on the chip is told to the world, each time."""

import struct

import hal
from esp32 import NVS
from hal_costs import COSTS_US
from hal_world import set_i2c
from machine import ADC, I2C, Pin
from onewire import OneWire

spent = []


def spend(what, times=1):
    assert COSTS_US[what] > 0
    spent.append((what, times))


hal.spend = spend


def taken(call, *given):
    spent.clear()
    call(*given)
    return spent


def test_a_conversion_takes_as_long_however_it_is_read():
    adc = ADC(Pin(34))
    for call in (adc.read, adc.read_u16, adc.read_uv):
        assert taken(call) == [("adc", 1)]


def test_each_byte_on_i2c_takes_nine_clocks_addresses_too():
    set_i2c(0x48, 1)
    bus = I2C(0)
    assert taken(bus.writeto, 0x48, b"\x01") == [("i2c byte", 2)]
    assert taken(bus.writeto_mem, 0x48, 1, b"\x85\x83") == [("i2c byte", 4)]
    assert taken(bus.readfrom_mem, 0x48, 1, 2) == [("i2c byte", 2), ("i2c byte", 3)]


def test_a_pulse_and_each_byte_on_1_wire():
    with open(hal.path("onewire.bin"), "wb") as file:
        file.write(struct.pack("<BB2xi8s", 27, 1, 21000, b"\x28\xff\x64\x1e\x82\x16\xc3\x28"))
    bus = OneWire(Pin(27))
    assert taken(bus.reset) == [("1-wire reset", 1)]
    assert taken(bus.write, b"\xcc\x44") == [("1-wire byte", 1)] * 2
    assert taken(bus.readinto, bytearray(9)) == [("1-wire byte", 1)] * 9


def test_numbers_are_written_at_the_commit():
    nvs = NVS("costs")
    assert taken(nvs.set_i32, "n", 7) == []
    assert taken(nvs.commit) == [("nvs", 1)]
