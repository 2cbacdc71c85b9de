"""The flash layout of a 4 MiB board, and the partition table that says so.

A table is rows of 32 bytes (magic AA 50, type, subtype, offset, size, label, flags), a row with
the MD5 of those before it, and 0xFF up to 0xC00. Source: ESP-IDF, "Partition Tables".
"""

import hashlib
import struct
from typing import NamedTuple

from firegrid.errors import FiregridError

__all__ = ["FLASH_BYTES", "LAYOUT", "SECTOR", "TABLE_AT", "Partition", "pack_table", "parse_table"]

FLASH_BYTES = 4 * 1024 * 1024
SECTOR = 4096
BOOTLOADER_AT = 0x1000  # on the original ESP32; where a MicroPython .bin begins
TABLE_AT = 0x8000
TABLE_BYTES = 0xC00
KIB = 1024
APP, DATA = 0, 1

_ROW = struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14


class Partition(NamedTuple):
    """A row of the table."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """Return the first byte behind it."""
        return self.offset + self.size


LAYOUT = (
    Partition("nvs", DATA, 0x02, 0x009000, 24 * KIB),
    Partition("phy_init", DATA, 0x01, 0x00F000, 4 * KIB),
    Partition("factory", APP, 0x00, 0x010000, 1984 * KIB),
    Partition("prov", DATA, 0x40, 0x200000, 16 * KIB),
    Partition("vfs", DATA, 0x81, 0x204000, 1168 * KIB),
    Partition("events", DATA, 0x41, 0x328000, 288 * KIB),
    Partition("samples", DATA, 0x42, 0x370000, 576 * KIB),
)


def pack_table(partitions: tuple[Partition, ...] = LAYOUT) -> bytes:
    """Return a partition table, as it stands at TABLE_AT."""
    rows = b"".join(
        _ROW.pack(_MAGIC, row.type, row.subtype, row.offset, row.size, row.label.encode(), 0)
        for row in partitions
    )
    table = rows + _MD5_MAGIC + hashlib.md5(rows).digest()
    return table.ljust(TABLE_BYTES, b"\xff")


def parse_table(table: bytes) -> tuple[Partition, ...]:
    """Return the rows of a table; raise FiregridError where it is none."""
    partitions = []
    for at in range(0, min(len(table), TABLE_BYTES) - _ROW.size + 1, _ROW.size):
        row = table[at : at + _ROW.size]
        if row[:16] == _MD5_MAGIC:
            if row[16:] != hashlib.md5(table[:at]).digest():
                raise FiregridError("the partition table is damaged: its MD5 does not match")
            break
        if row == b"\xff" * _ROW.size:
            break
        magic, type_, subtype, offset, size, label, _ = _ROW.unpack(row)
        if magic != _MAGIC:
            raise FiregridError(
                f"no partition table: row {at // _ROW.size} has magic {magic:#06x}"
            )
        name = label.split(b"\0")[0].decode("ascii", "replace")
        partitions.append(Partition(name, type_, subtype, offset, size))
    if not partitions:
        raise FiregridError("no partition table: it is blank")
    return tuple(partitions)
