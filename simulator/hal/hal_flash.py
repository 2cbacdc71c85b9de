"""A board as it was flashed: every partition in one image, by the table that lies in it."""

import binascii
import hashlib
import struct
import sys

import vfs
from micropython import const

import esp32
import hal
import hal_nvs
import hal_partition

_TABLE_AT = const(0x8000)
_SIZE_ERROR = const(-260)
_ROW = const(32)
_ROWS_MAX = const(95)
_HEAD = const(8)  # of what stands in nvs: how long it is, its CRC-32

_table = {}  # label: (type, subtype, address, size)


class Partition(hal_partition.Partition):
    """A partition of the image."""

    def __init__(self, label):
        self._label = label
        _, _, self._start, self._size = _table[label]
        self._file = open(hal.path("flash.bin"), "r+b")  # noqa: SIM115 as long as the board

    @staticmethod
    def find(type=0, subtype=0xFF, label=None):
        """Return the partitions that fit."""
        return [
            Partition(name)
            for name, row in _table.items()
            if row[0] == type and subtype in (0xFF, row[1]) and label in (None, name)
        ]

    def info(self):
        """Return (type, subtype, address, size, label, encrypted)."""
        return _table[self._label] + (self._label, False)

    def _seek(self, at, size):
        if at < 0 or at + size > self._size:
            raise OSError(_SIZE_ERROR, "ESP_ERR_INVALID_SIZE")
        self._file.seek(self._start + at)


def take():
    """Use the image for all partitions and numbers from now on, and mount its file system."""
    with open(hal.path("flash.bin"), "rb") as flash:
        flash.seek(_TABLE_AT)
        rows = flash.read(_ROW * _ROWS_MAX)
    for at in range(0, len(rows), _ROW):
        row = rows[at : at + _ROW]
        if row[:2] != b"\xaa\x50":
            break
        kind, subtype, start, size = struct.unpack("<BBII", row[2:12])
        _table[row[12:28].rstrip(b"\0").decode()] = (kind, subtype, start, size)
    if row[:2] != b"\xeb\xeb" or hashlib.md5(rows[:at]).digest() != row[16:]:
        raise OSError("partition table: damaged")  # as ESP-IDF's bootloader: it starts nothing
    esp32.Partition = Partition
    hal_nvs.NVS.commit = _commit
    hal_nvs._load = _load
    _mount()


def _mount():
    """As MicroPython's own first file: what is blank becomes a file system, what is neither
    stays as it is, and it says so."""
    part = Partition("vfs")
    try:
        vfs.mount(vfs.VfsLfs2(part, progsize=32, readsize=32, lookahead=32), "/")
    except OSError:
        first = bytearray(4096)
        part.readblocks(0, first)
        if first.count(b"\xff") < len(first):
            print("The filesystem appears to be corrupted.")
            sys.exit(1)
        vfs.VfsLfs2.mkfs(part)
        vfs.mount(vfs.VfsLfs2(part), "/")


# Numbers are kept in the partition nvs, so that they go where it is erased. The chip's own format
# is another one; here it is a text of JSON, in two sectors by turns.


def _load():
    return _newest()[1]


def _newest():
    """Return (which sector is newest, what stands there)."""
    import json

    part = Partition("nvs")
    found = (1, 0, {})
    for sector in (0, 1):
        data = bytearray(4096)
        part.readblocks(sector, data)
        size, check = struct.unpack("<II", data)
        text = bytes(data[_HEAD : _HEAD + min(size, 4096)])
        if len(text) == size and binascii.crc32(text) == check:
            kept = json.loads(text)
            if kept["turn"] >= found[1]:
                found = (sector, kept["turn"], kept["values"])
    return found[0], found[2], found[1]


def _commit(self):
    import json

    sector, everything, turn = _newest()
    everything[self._namespace] = self._values
    text = json.dumps({"turn": turn + 1, "values": everything}).encode()
    data = struct.pack("<II", len(text), binascii.crc32(text)) + text
    part = Partition("nvs")
    part.ioctl(6, 1 - sector)
    part.writeblocks(1 - sector, data, 0)
