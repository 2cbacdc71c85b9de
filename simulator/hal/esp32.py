"""The ESP32's own: numbers kept in NVS, raw flash partitions, the heap outside Python's."""

from micropython import const

import hal

HEAP_EXEC = const(1)
HEAP_DATA = const(4)

_FREE_BYTES = const(110000)  # what Wi-Fi leaves beside 112 KB of Python heap
_PARTS = {"NVS": "hal_nvs", "Partition": "hal_partition"}


def idf_heap_info(capabilities):
    """Return [(total, free, largest free block, lowest free)] in bytes; here it stands still."""
    return [(2 * _FREE_BYTES, _FREE_BYTES, _FREE_BYTES // 2, _FREE_BYTES // 2)]


def __getattr__(name):
    if name not in _PARTS:
        raise hal.unknown("esp32", name)
    part = getattr(__import__(_PARTS[name]), name)
    globals()[name] = part
    return part
