"""The raw partition `prov`: who this gateway is, as the bench wrote it. Loaded only to be read.

Two copies of 8 KiB, each: FGPV, u8 format, 3 bytes 0, u32 length, u32 CRC-32 of what follows; then
fields: u8 tag, u16 length, value. All little-endian. The first copy that fits counts.
"""

import struct
from binascii import crc32

from micropython import const

FORMAT = const(1)
SITE = const(1)
GATEWAY = const(2)
MADE_S = const(8)

_SECTOR = const(4096)
_COPIES = const(2)
_COPY_SECTORS = const(2)
_HEAD = const(16)
_PIECE = const(256)
_LONGEST = const(64)  # of the values that are wanted; keys and certificates are skipped


def identity(partition):
    """Return {tag: value} of site, gateway, time of its making; {} where no copy is sound."""
    for copy in range(_COPIES) if partition else ():
        found = _copy(partition, copy * _COPY_SECTORS)
        if found:
            return found
    return {}


def _copy(partition, block):
    head = bytearray(_HEAD)
    partition.readblocks(block, head, 0)
    magic, version, size, check = struct.unpack("<4sB3xII", head)
    if magic != b"FGPV" or version != FORMAT or size > _COPY_SECTORS * _SECTOR - _HEAD:
        return {}
    piece = bytearray(_PIECE)
    seen = 0
    for at in range(0, size, _PIECE):
        part = memoryview(piece)[: min(_PIECE, size - at)]
        _read(partition, block, at, part)
        seen = crc32(part, seen)
    return _fields(partition, block, size) if seen == check else {}


def _fields(partition, block, size):
    found = {}
    field = bytearray(3)
    at = 0
    while at + 3 <= size:
        _read(partition, block, at, field)
        tag, length = struct.unpack("<BH", field)
        if tag in (SITE, GATEWAY, MADE_S) and length <= _LONGEST:
            value = bytearray(length)
            _read(partition, block, at + 3, value)
            found[tag] = bytes(value)
        at += 3 + length
    return found


def _read(partition, block, at, buffer):
    """Read behind a copy's head; the driver takes no offset beyond a sector."""
    at += _HEAD
    first = min(len(buffer), _SECTOR - at % _SECTOR)
    partition.readblocks(block + at // _SECTOR, memoryview(buffer)[:first], at % _SECTOR)
    if first < len(buffer):
        partition.readblocks(block + at // _SECTOR + 1, memoryview(buffer)[first:], 0)
