"""The simulated RS-485 line and 1-Wire bus: real bytes at real times, as their files say."""

import struct
import time

import hal
from machine import UART, Pin
from onewire import OneWire

ROM = b"\x28\xff\x64\x1e\x82\x16\xc3\x28"
REQUEST = b"\x11\x03\x00\x6b\x00\x01\xf7\x46"  # station 17, holding register 107


def put(name, *records):
    with open(hal.path(name), "wb") as file:
        for record in records:
            file.write(record)


def station(state=1, first=555, register=107, delay_ms=20):
    return struct.pack("<BBHBBHHH4x", 17, 3, register, 1, state, first, 0, delay_ms)


def asked(request, *records):
    put("rs485.bin", *records)
    port = UART(2, baudrate=9600)
    port.write(request)
    port.flush()
    time.sleep_ms(60)
    return port.read()


def test_a_station_answers_with_what_it_holds():
    assert asked(REQUEST, station()) == b"\x11\x03\x02\x02\x2b\x38\xf8"


def test_an_answer_takes_its_time():
    put("rs485.bin", station(delay_ms=2000))
    port = UART(2, baudrate=9600)
    port.write(REQUEST)
    time.sleep_ms(50)
    assert port.read() is None
    time.sleep_ms(2000)
    assert len(port.read()) == 7


def test_who_is_not_asked_for_or_not_there_is_silent():
    assert asked(b"\x12" + REQUEST[1:], station()) is None
    assert asked(REQUEST[:-1] + b"\x00", station()) is None  # wrong CRC
    assert asked(REQUEST, station(state=0)) is None
    assert asked(REQUEST) is None


def test_what_a_station_lacks_it_refuses():
    assert asked(REQUEST, station(register=9))[:3] == b"\x11\x83\x02"  # illegal address
    assert asked(REQUEST, station(state=3))[:3] == b"\x11\x83\x04"  # device failure


def test_rubbish_has_the_length_of_an_answer():
    assert len(asked(REQUEST, station(state=2))) == 7


def probe(state=1, mc=25_062, pin=13, rom=ROM):
    return struct.pack("<BB2xi8s", pin, state, mc, rom)


def scratchpad(bus):
    pad = bytearray(9)
    assert bus.reset()
    bus.write(b"\xcc\xbe")
    bus.readinto(pad)
    return pad


def converted(bus, wait_ms=800):
    bus.reset()
    bus.write(b"\xcc\x44")
    time.sleep_ms(wait_ms)
    return scratchpad(bus)


def test_a_probe_shows_85_degrees_until_its_first_conversion_has_ended():
    put("onewire.bin", probe())
    bus = OneWire(Pin(13))
    assert scratchpad(bus)[:2] == b"\x50\x05"
    assert converted(bus, 0)[:2] == b"\x50\x05"
    pad = converted(bus)
    assert pad[:2] == b"\x90\x01" and bus.crc8(pad) == 0


def test_a_probe_is_addressed_by_its_rom_id():
    other = ROM[:7] + b"\x00"
    put("onewire.bin", probe(mc=10_000), probe(mc=30_000, rom=other))
    bus = OneWire(Pin(13))
    converted(bus)
    pad = bytearray(9)
    for rom, counts in ((ROM, 160), (other, 480)):
        bus.reset()
        bus.write(b"\x55" + rom + b"\xbe")
        bus.readinto(pad)
        assert pad[0] | pad[1] << 8 == counts


def test_nobody_there_rubbish_and_a_grounded_wire():
    put("onewire.bin", probe(state=0), probe(pin=14, state=2), probe(pin=16, state=3))
    assert not OneWire(Pin(13)).reset()
    rubbish = OneWire(Pin(14))
    assert any(rubbish.crc8(scratchpad(rubbish)) for _ in range(3))
    assert scratchpad(OneWire(Pin(16))) == bytearray(9)
