"""Where everything lies in a board's flash: the partition table, written and read.

A table is at 0x8000: rows of 32 bytes (AA 50, type, subtype, offset, size, label, flags), then a
row of EB EB, 14 times FF and the MD5 of the rows before it, then FF up to 0xC00 (ESP-IDF,
"Partition Tables"; what its gen_esp32part reads and writes).
"""

import hashlib
import struct
from itertools import pairwise
from typing import NamedTuple

from firegrid.errors import FiregridError

__all__ = [
    "FLASH_BYTES",
    "LAYOUT",
    "SECTOR",
    "TABLE_AT",
    "TABLE_BYTES",
    "Partition",
    "partition",
    "read_table",
    "table_bytes",
]

SECTOR = 4096
FLASH_BYTES = 4 * 1024 * 1024
TABLE_AT = 0x8000
TABLE_BYTES = 0xC00
ROWS_MAX = 95
APP, DATA = 0, 1
_ROW = struct.Struct("<2sBBII16sI")
_MAGIC, _MD5 = b"\xaa\x50", b"\xeb\xeb"


class Partition(NamedTuple):
    """A row of the table."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        """Return where the next may begin."""
        return self.offset + self.size


# design.md 9. Stock MicroPython accepts it: it mounts the partition with the label vfs.
LAYOUT = (
    Partition("nvs", DATA, 0x02, 0x9000, 0x6000),
    Partition("phy_init", DATA, 0x01, 0xF000, 0x1000),
    Partition("factory", APP, 0x00, 0x10000, 1984 * 1024),
    Partition("prov", DATA, 0x40, 0x200000, 16 * 1024),
    Partition("vfs", DATA, 0x81, 0x204000, 1168 * 1024),
    Partition("events", DATA, 0x41, 0x328000, 288 * 1024),
    Partition("samples", DATA, 0x42, 0x370000, 576 * 1024),
)


def partition(label: str, layout: tuple[Partition, ...] = LAYOUT) -> Partition:
    """Return the partition with this label."""
    for row in layout:
        if row.label == label:
            return row
    known = ", ".join(row.label for row in layout)
    raise FiregridError(f"there is no partition {label}", f"there are: {known}")


def table_bytes(layout: tuple[Partition, ...] = LAYOUT) -> bytes:
    """Return the partition table as it lies in flash."""
    rows = b"".join(
        _ROW.pack(
            _MAGIC, row.type, row.subtype, row.offset, row.size, row.label.encode(), row.flags
        )
        for row in layout
    )
    seal = _MD5 + b"\xff" * 14 + hashlib.md5(rows, usedforsecurity=False).digest()
    return (rows + seal).ljust(TABLE_BYTES, b"\xff")


def read_table(data: bytes) -> tuple[Partition, ...]:
    """Return the rows of a table; raise where it is none, its sum is wrong, or rows overlap."""
    rows: list[Partition] = []
    for at in range(0, min(len(data), TABLE_BYTES) - _ROW.size + 1, _ROW.size):
        row = data[at : at + _ROW.size]
        if row[:2] == _MD5:
            if row[16:] != hashlib.md5(data[:at], usedforsecurity=False).digest():
                raise FiregridError("the partition table is damaged: its MD5 does not fit")
            break
        if row == b"\xff" * _ROW.size:
            break
        rows.append(_row(row, len(rows)))
    else:
        raise FiregridError("the partition table has no end")
    if not rows:
        raise FiregridError("there is no partition table")
    for one, other in pairwise(rows):
        if other.offset < one.end:
            raise FiregridError(f"the partitions {one.label} and {other.label} overlap")
    return tuple(rows)


def _row(row: bytes, n: int) -> Partition:
    magic, kind, subtype, offset, size, label, flags = _ROW.unpack(row)
    if magic != _MAGIC:
        raise FiregridError(f"row {n} of the partition table does not begin with AA 50")
    try:
        name = label.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise FiregridError(f"row {n} of the partition table has no readable label") from None
    return Partition(name, kind, subtype, offset, size, flags)
