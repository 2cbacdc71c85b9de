"""The journal's 32-byte records: one layout for events, one for samples.

Both begin alike, little-endian, and end with a CRC-32 over the 28 bytes before it:

    0  u32 n         sequence number in its lane, from 1
    4  u16 boot      how often the gateway has started
    6  u16 point     1..65535, 0 = the gateway itself
    8  u32 up_s      uptime, whole seconds
    12 u16 flags     bits 0-9 milliseconds of uptime, 10-11 mode, 12-13 quality of the time

An event goes on with: u32 time_s (Unix, 0 = unknown), u8 event, u8 conditions (low four bits: now,
high four bits: changed by this event), i32 value, i32 limit; an act has its own meaning for these
three, see lib/act.py. A sample: u16 interval_s, u8 shift,
u8 spare, i32 last, and i16 minimum, mean, maximum as steps of 2**shift from last.
Values are thousandths of the unit; no value is stored as the lowest i32 plus its trouble code, and
so is a value where a trouble came that is not about it (soiled): why matters more.
"""

import struct
from binascii import crc32

from micropython import const

SIZE = const(32)
_CRC_AT = const(28)
_EVENT = "<IHHIHIBBii"
_SAMPLE = "<IHHIHHBBihhh"
_NO_VALUE = -0x80000000
_CODES = const(256)
_TROUBLE = const(8)
_MS_MASK = const(0x3FF)
_MODE_SHIFT = const(10)
_QUALITY_SHIFT = const(12)

CONDITION = const(1)
BOOT = const(2)
CLOCK = const(3)
LINK = const(4)
CONFIG = const(5)
ACT = const(6)
LOST = const(7)
EVENTS = ("", "condition", "boot", "clock", "link", "config", "act", "lost")

MODES = ("live", "test", "drill")
QUALITIES = ("none", "held", "ntp", "desk")


def body(record):
    """Return the part of a record that its CRC covers, to seal it again and again."""
    return memoryview(record)[:_CRC_AT]


def seal(record, n, body):
    """Write sequence number and CRC into a packed record: the last step before it is written."""
    struct.pack_into("<I", record, 0, n)
    struct.pack_into("<I", record, _CRC_AT, crc32(body))


def number_of(record):
    """Return the sequence number, as it stands there."""
    return struct.unpack_from("<I", record)[0]


def is_sound(record):
    """Return whether the CRC fits what stands before it."""
    return struct.unpack_from("<I", record, _CRC_AT)[0] == crc32(body(record))


def flags(clock, mode):
    """Return the flags of a record made now."""
    return clock.up_ms | mode << _MODE_SHIFT | clock.quality << _QUALITY_SHIFT


def pack_event(record, clock, event, source, changed=0, limit=None):
    """Pack an event of `source` (number, mode, conditions, value, code) at the clock's now."""
    value = source.value
    if value is None or (source.code and changed & _TROUBLE):
        value = _NO_VALUE + source.code
    struct.pack_into(
        _EVENT,
        record,
        0,
        0,
        clock.boot,
        source.number,
        clock.up_s,
        flags(clock, source.mode),
        clock.time_s(),
        event,
        source.conditions | changed << 4,
        value,
        _NO_VALUE if limit is None else limit,
    )


def unpack_event(record):
    """Return (n, boot, point, up_s, up_ms, mode, quality, time_s, event, conditions, changed,
    value or None, code, limit or None)."""
    n, boot, point, up_s, flags, time_s, event, bits, value, limit = struct.unpack_from(
        _EVENT, record
    )
    code = value - _NO_VALUE
    if 0 <= code < _CODES:
        value = None
    else:
        code = 0
    if limit == _NO_VALUE:
        limit = None
    head = (n, boot, point, up_s) + _unpack_flags(flags)
    return head + (time_s, event, bits & 15, bits >> 4, value, code, limit)


def _unpack_flags(flags):
    return (flags & _MS_MASK, flags >> _MODE_SHIFT & 3, flags >> _QUALITY_SHIFT & 3)


def pack_sample(record, clock, source, summary):
    """Pack a summary (interval_s, minimum, mean, maximum, last) of `source` (number, mode)."""
    last = summary.last
    shift = _shift(max(summary.maximum - last, last - summary.minimum))
    half = (1 << shift) >> 1
    struct.pack_into(
        _SAMPLE,
        record,
        0,
        0,
        clock.boot,
        source.number,
        clock.up_s,
        flags(clock, source.mode),
        summary.interval_s,
        shift,
        0,
        last,
        -((last - summary.minimum + (1 << shift) - 1) >> shift),  # outward: never hides an extreme
        (summary.mean() - last + half) >> shift,
        (summary.maximum - last + (1 << shift) - 1) >> shift,
    )


def _shift(span):
    """How far `span` must be shifted right to fit an i16, rounded up."""
    shift = 0
    while span >> shift >= 0x7FFF:
        shift += 1
    return shift


def unpack_sample(record):
    """Return (n, boot, point, up_s, up_ms, mode, quality, interval_s, minimum, mean, maximum,
    last)."""
    n, boot, point, up_s, flags, interval_s, shift, _, last, low, mean, high = struct.unpack_from(
        _SAMPLE, record
    )
    head = (n, boot, point, up_s) + _unpack_flags(flags)
    return head + (
        interval_s,
        last + (low << shift),
        last + (mean << shift),
        last + (high << shift),
        last,
    )
