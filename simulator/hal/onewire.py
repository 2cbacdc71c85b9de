"""The ESP32's `onewire`: a bus with the DS18B20 probes that onewire.bin puts on its pin.

A probe follows its data sheet (19-7487): scratchpad, 750 ms for a conversion, 85 °C after a
power-on.
"""

import time

import ustruct as struct
from micropython import const

import hal

_RECORD = const(16)  # pin, state, temperature in m°C, ROM id
_LAYOUT = "<BB2xi8s"
_ABSENT = const(0)
_RUBBISH = const(2)
_SHORT = const(3)
_CONVERSION_US = const(750000)
_POWER_ON = b"\x50\x05\x4b\x46\x7f\xff\x0c\x10"
_SKIP, _MATCH, _CONVERT, _READ, _WRITE = 0xCC, 0x55, 0x44, 0xBE, 0x4E


class OneWireError(Exception):
    """Nobody is there."""


class _Probe:
    def __init__(self, rom):
        self.rom = rom
        self.pad = bytearray(_POWER_ON)
        self.state = _ABSENT
        self.mc = 0
        self._converted_us = None  # when the running conversion ends

    def see(self, state, mc):
        """Take what is around it; without power it forgets."""
        self.state = state
        self.mc = mc
        if state == _ABSENT:
            self.pad[:] = _POWER_ON
            self._converted_us = None

    def convert(self):
        self._counts = min(max(self.mc * 16 // 1000, -880), 2000) & 0xFFFF
        self._converted_us = time.now_us() + _CONVERSION_US

    def read(self):
        if self._converted_us is not None and time.now_us() >= self._converted_us:
            self._converted_us = None
            struct.pack_into("<H", self.pad, 0, self._counts)
        if self.state == _RUBBISH:
            return hal.rubbish(9)
        return bytes(self.pad) + bytes((_crc8(self.pad),))


class OneWire(hal.Part):
    """One bus; the bytes since the last reset say what each probe does."""

    SEARCH_ROM = const(0xF0)
    MATCH_ROM = const(0x55)
    SKIP_ROM = const(0xCC)

    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)
        self._probes = {}
        self._said = b""
        self._answer = b""

    def reset(self, required=False):
        """Return whether something holds the line down after the pulse."""
        self._said = b""
        self._answer = b""
        self._shorted = False
        hal.spend("1-wire reset")
        self._look()
        there = self._shorted or any(probe.state for probe in self._probes.values())
        if required and not there:
            raise OneWireError
        return there

    def writebyte(self, value):
        """Send a byte: a command for the probes that are addressed, or its data."""
        hal.spend("1-wire byte")
        self._said += bytes((value,))
        chosen, rest = self._chosen()
        if rest == bytes((_READ,)):
            self._answer = _together([probe.read() for probe in chosen])
        for probe in chosen:
            if rest == bytes((_CONVERT,)):
                probe.convert()
            elif len(rest) == 4 and rest[0] == _WRITE:
                probe.pad[2:5] = rest[1:]

    def write(self, buf):
        """Send bytes."""
        for byte in buf:
            self.writebyte(byte)

    def readbyte(self):
        """Return the next byte; nobody who answers leaves the line high."""
        hal.spend("1-wire byte")
        if self._shorted:
            return 0
        value = self._answer[0] if self._answer else 0xFF
        self._answer = self._answer[1:]
        return value

    def readinto(self, buf):
        """Fill the buffer."""
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def crc8(self, data):
        """Return the CRC; 0 where the last byte is that of the others."""
        return _crc8(data)

    def _chosen(self):
        """Return the probes that are addressed, and what was said to them."""
        there = [probe for probe in self._probes.values() if probe.state not in (_ABSENT, _SHORT)]
        if self._said[0] == _MATCH and len(self._said) > 9:
            return [probe for probe in there if probe.rom == self._said[1:9]], self._said[9:]
        return (there, self._said[1:]) if self._said[0] == _SKIP else ([], b"")

    def _look(self):
        """Read onewire.bin: which probes are on this pin, and how they fare."""
        with open(hal.path("onewire.bin"), "rb") as file:
            while True:
                record = file.read(_RECORD)
                if len(record) < _RECORD:
                    return
                pin, state, mc, rom = struct.unpack(_LAYOUT, record)
                if pin == self.pin.number:
                    if rom not in self._probes:
                        self._probes[rom] = _Probe(rom)
                    self._probes[rom].see(state, mc)
                    self._shorted = self._shorted or state == _SHORT


def _together(answers):
    """Return what is on the line where several speak: a 0 wins."""
    if not answers:
        return b""
    line = bytearray(answers[0])
    for answer in answers[1:]:
        for i in range(len(line)):
            line[i] &= answer[i]
    return bytes(line)


def _crc8(data):
    crc = 0
    for byte in data:
        for i in range(8):
            odd = (crc ^ byte >> i) & 1
            crc >>= 1
            if odd:
                crc ^= 0x8C
    return crc
