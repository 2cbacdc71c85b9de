"""Who a gateway is: the first sound copy counts; whatever else lies there, nothing is raised."""

import struct
from binascii import crc32
from random import getrandbits, seed

from lib.prov import GATEWAY, MADE_S, SITE, identity

COPY = 8192
KEY, CERTIFICATE, CA, UPDATE_KEY, CLAIM = 3, 4, 5, 6, 7


class Flash:
    def __init__(self, data):
        self.data = data + b"\xff" * (2 * COPY - len(data))

    def readblocks(self, block, buffer, offset=0):
        assert offset + len(buffer) <= 4096, "a driver reads within a sector"
        at = block * 4096 + offset
        buffer[:] = self.data[at : at + len(buffer)]


def field(tag, value):
    return struct.pack("<BH", tag, len(value)) + value


def copy(gateway=b"gw-1", version=1, more=900):
    fields = field(SITE, b"street") + field(GATEWAY, gateway)
    for tag in (KEY, CERTIFICATE, CA, UPDATE_KEY):
        fields += field(tag, bytes([tag]) * more)
    fields += field(CLAIM, b"ABCD-EFGH") + field(MADE_S, struct.pack("<I", 1_800_000_000))
    head = struct.pack("<4sB3xII", b"FGPV", version, len(fields), crc32(fields))
    return (head + fields + b"\xff" * COPY)[:COPY]


FOUND = {SITE: b"street", GATEWAY: b"gw-1", MADE_S: struct.pack("<I", 1_800_000_000)}


def test_site_gateway_and_time_are_read_and_nothing_secret_is_kept():
    for more in (0, 100, 900, 1900):  # fields lie across sectors
        assert identity(Flash(copy(more=more) * 2)) == FOUND


def test_the_second_copy_is_taken_where_the_first_is_damaged():
    torn = bytearray(copy(b"gw-9") + copy())
    torn[40] ^= 1
    assert identity(Flash(bytes(torn))) == FOUND


def test_what_is_no_identity_is_none():
    assert identity(None) == {}
    assert identity(Flash(b"")) == {}
    assert identity(Flash(copy(version=2) * 2)) == {}
    long = struct.pack("<4sB3xII", b"FGPV", 1, COPY, 0)
    assert identity(Flash(long)) == {}


def test_no_rubbish_raises():
    seed(4)
    whole = copy() + copy()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[getrandbits(14)] = getrandbits(8)
        assert identity(Flash(bytes(damaged))) in (FOUND, {})
