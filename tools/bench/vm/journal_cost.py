"""For `journal`: a ring of events and a file on LittleFS, on flash in RAM that counts.

Arguments: records, rounds of timed appends. Prints one JSON object.
"""

import json
import sys
from time import ticks_diff, ticks_us

import boot  # noqa: F401 the collector as on a gateway
import vfs
from clock import Clock
from lib import record
from lib.journal import Journal

BLOCK = 4096
RING_BLOCKS, OTHER_BLOCKS = 72, 4
FILE_BLOCKS = 96  # LittleFS copies what it changes
POINTS = 64
STORED_EVERY = 8
TIMED = 20  # appends in a round
FLUSHES = 400  # LittleFS repeats itself


class Flash:
    """RAM that stands for flash: whoever writes has erased before, or writes zeros."""

    def __init__(self, count):
        self.count = count
        self.data = bytearray(b"\xff" * (count * BLOCK))
        self.erases = self.read = 0

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        self.read += len(buffer)
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        self.data[at : at + len(buffer)] = buffer

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.count
        if operation == 5:
            return BLOCK
        if operation == 6:
            self.erases += 1
            self.data[argument * BLOCK : (argument + 1) * BLOCK] = b"\xff" * BLOCK
        return 0


class Source:
    """What an event is packed from."""

    mode = code = 0


class Records:
    """Events as they come, packed."""

    def __init__(self):
        self.packed = bytearray(record.SIZE)
        self._clock = Clock(1)
        self._source = Source()
        self._count = 0

    def next(self):
        source = self._source
        source.number = self._count % POINTS + 1
        source.value = 25000 + self._count
        source.conditions = self._count // POINTS % 2
        self._count += 1
        record.pack_event(self.packed, self._clock, record.CONDITION, source, 1, 15000)
        return self.packed


class Ring:
    """The journal."""

    def __init__(self, events, others):
        self.journal = Journal(events, others, 1)
        self.journal.reserve(range(POINTS + 1))

    def append(self, packed):
        lane = self.journal.events
        n = lane.append(packed)
        if n % STORED_EVERY == 0:
            lane.release(n)
        self.journal.tend(True)


class File:
    """The same records in a file."""

    def __init__(self, flash):
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), "/flash")
        self.file = open("/flash/events", "wb")  # noqa: SIM115 flushed, never closed
        self.file.flush()

    def append(self, packed):
        self.file.write(packed)
        self.file.flush()


def timed(where, records):
    """Return the microseconds of an append."""
    begin_us = ticks_us()
    for _ in range(TIMED):
        where.append(records.next())
    return ticks_diff(ticks_us(), begin_us) / TIMED


def recovery_bytes(records, flash, others):
    """Return how much is read of a ring that is full and in use to its last sector."""
    journal = Journal(flash, others, 1)
    for _ in range(2 * RING_BLOCKS * BLOCK // record.SIZE):
        journal.events.append(records.next())
    flash.read = 0
    Journal(flash, others, 1)
    return flash.read


def main(count, rounds):
    records = Records()
    flash, others, files = Flash(RING_BLOCKS), Flash(OTHER_BLOCKS), Flash(FILE_BLOCKS)
    ring = Ring(flash, others)
    flash.erases = 0
    for _ in range(count):
        ring.append(records.next())
    found = {
        "erases": flash.erases / count,
        "erase_limit": record.SIZE / BLOCK,
        "ring_bytes": RING_BLOCKS * BLOCK,
    }
    file = File(files)
    files.erases = 0
    for _ in range(FLUSHES):
        file.append(records.next())
    found["littlefs_erases"] = files.erases / FLUSHES
    found["appends_us"] = []
    for _ in range(rounds):
        pair = (timed(ring, records), timed(file, records))
        found["appends_us"].append(pair)
    found["recovery_bytes"] = recovery_bytes(records, Flash(RING_BLOCKS), Flash(OTHER_BLOCKS))
    print(json.dumps(found))


main(*map(int, sys.argv[1:]))
