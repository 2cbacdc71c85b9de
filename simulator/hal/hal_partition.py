"""Raw flash partitions, a file each: programming only clears bits, erasing sets 4 KiB to ones."""

import errno

from micropython import const

import hal

_BLOCK = const(4096)
_CHUNK = const(64)
_SIZE_ERROR = const(-260)
_TABLE = {  # label: (type, subtype, address, size)
    "prov": (1, 0x40, 0x200000, 16 * 1024),
    "events": (1, 0x41, 0x328000, 288 * 1024),
    "samples": (1, 0x42, 0x370000, 576 * 1024),
}

_old = bytearray(_CHUNK)


class Partition(hal.Part):
    """A partition by its label."""

    BOOT = const(0)
    RUNNING = const(1)
    TYPE_APP = const(0)
    TYPE_DATA = const(1)

    def __init__(self, label):
        if label not in _TABLE:
            raise OSError(errno.ENOENT)
        self._label = label
        self._file = _open(hal.path("partition-" + label + ".bin"), _TABLE[label][3])
        self._size = self._file.seek(0, 2)  # a board may have been given another table

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None):
        """Return the partitions that fit."""
        return [Partition(name) for name in _TABLE if _fits(name, type, subtype, label)]

    def info(self):
        """Return (type, subtype, address, size, label, encrypted)."""
        return _TABLE[self._label][:3] + (self._size, self._label, False)

    def readblocks(self, block, buffer, offset=0):
        """Fill the buffer from a block on."""
        self._seek(block * _BLOCK + offset, len(buffer))
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=None):
        """Program the bytes; without an offset, whole blocks, erased first."""
        if offset is None:
            if len(buffer) % _BLOCK:
                raise OSError(_SIZE_ERROR, "ESP_ERR_INVALID_SIZE")
            self._seek(block * _BLOCK, len(buffer))
            self._file.write(buffer)
        else:
            self._program(block * _BLOCK + offset, memoryview(buffer))

    def ioctl(self, operation, argument):
        """Answer a file system: 3 sync, 4 block count, 5 block size, 6 erase a block."""
        if operation == 4:
            return self._size // _BLOCK
        if operation == 5:
            return _BLOCK
        if operation == 6:
            self._seek(argument * _BLOCK, _BLOCK)
            _blank(self._file, _BLOCK)
        elif operation not in (1, 2, 3):
            raise hal.unknown("Partition", "ioctl(" + str(operation) + ")")
        return 0

    def _program(self, at, data):
        for start in range(0, len(data), _CHUNK):
            part = data[start : start + _CHUNK]
            size = len(part)
            self._seek(at + start, size)
            self._file.readinto(_old, size)
            for i in range(size):
                _old[i] &= part[i]
            self._seek(at + start, size)
            self._file.write(_old, size)

    def _seek(self, at, size):
        if at < 0 or at + size > self._size:
            raise OSError(_SIZE_ERROR, "ESP_ERR_INVALID_SIZE")
        self._file.seek(at)


def _fits(name, type, subtype, label):
    row = _TABLE[name]
    return row[0] == type and subtype in (0xFF, row[1]) and label in (None, name)


def _open(path, size):
    try:
        return open(path, "r+b")
    except OSError:  # a new board: its flash is blank
        with open(path, "wb") as file:
            _blank(file, size)
        return open(path, "r+b")


def _blank(file, size):
    ones = b"\xff" * 512
    for _ in range(size // 512):
        file.write(ones)
