"""Store and forward: what was appended is kept, in order, until the desk says it has stored it.

Two rings of 32-byte records on raw flash, events and samples; docs/SPEC-journal.md has every bit.
A sector begins with a header, records grow up from there, notes of 16 bytes grow down from its
end: how far the desk has stored, and what the events so far say of each point. An append is one
program operation; only a new sector costs an erase, done ahead by `tend` in a quiet moment. A
power cut at any byte loses no record whose append has returned, and no flash at all is needed for
an append to return: a partition that fails is replaced by a little RAM.

A device has readblocks, writeblocks and ioctl as esp32.Partition; an OSError is a failure.
"""

import struct
from array import array
from binascii import crc32

from micropython import const

from lib import record
from lib.states import States

EVENTS = const(0)
SAMPLES = const(1)

MAGIC = b"FGJ\x01"  # the last byte is the format's version
HEADER = const(32)  # two halves: erased (magic, erases, lane), opened (number, first, epoch)
HALF = const(16)  # of a header; and a note
POSITION = const(1)  # note: the desk has stored up to n, losses below m have been told
CARRY = const(8)  # a state that stands is written again once its note is so many sectors old
CHANGED = const(4)  # a state that has changed, once its note is so many sectors old

_ZEROS = bytes(HEADER)
_ERASE = const(6)  # of ioctl
_BLOCKS = const(4)
_BLOCK_SIZE = const(5)
_NOTE_EVERY = const(64)  # records that are sent again after a power cut, at most
_TRIES = const(3)  # failures in a row: the flash has failed
_AHEAD = const(8)  # records read at once


class Lane:
    """One ring, numbered from 1. Samples have a lane of their own, so they can never push out an
    event."""

    def __init__(self, number, device):
        self.number = number
        self.first = 1  # the oldest number that is held and not stored by the desk
        self.next = 1  # the number that the next record gets
        self.stored = 0  # the desk has everything up to here
        self.lost = 0  # dropped, unreadable or never written, and not stored by the desk
        self.told = 0  # losses up to this number have been told
        self.erases = 0  # of the most worn sector
        self.epoch = 0
        self.in_ram = False  # the flash has failed
        self.states = States() if number == EVENTS else None
        self._noted = 0  # the position as it stands in flash
        self._damaged = False  # a record could not be read
        self._failures = 0  # since a record could be written
        self.slot = bytearray(record.SIZE)  # the last record, as it stands in flash
        self._body = record.body(self.slot)
        self._back = bytearray(record.SIZE)
        self._half = bytearray(HALF)
        self._half_body = memoryview(self._half)[: HALF - 4]
        self._half_back = bytearray(HALF)
        self._ahead = memoryview(bytearray(_AHEAD * record.SIZE))
        self.count = self.at = self.floor = 0
        self.live = self.ready = -1
        if device is None:
            self._failures = _TRIES
            self.fall_back()
        else:
            self.mount(device)

    def mount(self, device):
        """Take a device whose sectors are all unknown."""
        self.device = device
        self.count = device.ioctl(_BLOCKS, 0)
        self.size = device.ioctl(_BLOCK_SIZE, 0)
        self.firsts = array("I", bytes(4 * self.count))  # of each sector in use, 0: not in use
        self.serial = 0  # of the newest sector
        self.live = -1  # where it is
        self.at = self.floor = 0  # the free bytes in it, between records and notes
        self.ready = -1  # where an erased one is
        self.edge = -1  # the last one tried
        self._ahead_n = self._ahead_count = 0

    def append(self, packed):
        """Keep a packed record under the next number; return the number once it is durable, 0
        where nothing can hold it. Never raises."""
        n = self.next
        struct.pack_into("32s", self.slot, 0, packed)
        record.seal(self.slot, n, self._body)
        while self.floor - self.at < record.SIZE or not self._program(
            self.live, self.at, self.slot, self._back
        ):
            if not self.open():
                self.lost += 1
                return 0
        self._failures = 0
        self.at += record.SIZE
        self.next = n + 1
        if self.states:
            self.states.follow(self.slot)
        return n

    def read(self, n, into):
        """Copy record `n` into a 32-byte buffer; return False where it is not held or cannot be
        read any more."""
        if not self.first <= n < self.next:
            return False
        if self._load(n, into):
            return True
        self._damaged = True
        self._pass_damage()
        return False

    def release(self, upto):
        """The desk has stored everything up to and including `upto`."""
        upto = min(upto, self.next - 1)  # a desk cannot have what was never written
        if upto <= self.stored:
            return
        self.stored = upto
        self.first = max(self.first, upto + 1)
        self._pass_damage()
        if upto - self._noted >= _NOTE_EVERY:
            self._note_position()

    def tell(self):
        """All losses so far have been told: no reset shall tell them again."""
        self.told = self.first - 1
        self._note_position()

    def tend(self, quiet):
        """Erase the sector ahead, in a quiet moment: an erase holds everything for 45 ms."""
        if quiet and self.ready < 0:
            self._prepare()

    def clear(self, places):
        """Mark sectors that hold nothing as let go, so that they are told once only."""
        for place in places:
            if not self.firsts[place] and place != self.ready and not self.in_ram:
                self._program(place, 0, _ZEROS, self._back)

    # ---- sectors ----

    def open(self):
        """Begin the next sector; return False where neither flash nor RAM is to be had."""
        while self.ready >= 0 or self._prepare():
            self.live = self.ready
            self.ready = -1
            self.serial += 1
            self.at = self.floor = 0
            struct.pack_into("<III", self._half, 0, self.serial, self.next, self.epoch)
            if self._program_half(self.live, HALF):
                self.firsts[self.live] = self.next
                self.at = HEADER
                self.floor = self.size
                self._carry()
                return True
        return False

    def _carry(self):
        """Write into the new sector what would else be gone with an old one."""
        serial = self.serial
        states = self.states
        for i in range(len(states.numbers) if states else 0):
            age = serial - states.marks[i]
            if (states.changed[i] and age >= change_age(self)) or (
                states.stands(i) and age >= carry_age(self)
            ):
                self._note_state(i)
                if serial != self.serial:
                    return  # this sector failed, and the next has carried all
        self._note_position()  # at last: a sector that has one has all that were due

    def _prepare(self):
        """Erase the next sector that can be erased; the records in it are gone."""
        while self._failures < _TRIES:
            self.edge = place = (self.edge + 1) % self.count
            self._drop(place)
            if self._erase(place):
                self.ready = place
                return True
        return self.fall_back()

    def _drop(self, place):
        if self.firsts[place]:
            upto = self.end_of(place)
            self.firsts[place] = 0
            if self.first < upto:
                self.lost += upto - self.first
                self.first = upto

    def _erase(self, place):
        """Erase a sector and mark it as erased: a cut at any moment leaves no valid header."""
        half = self._half
        erases = max(1, self.erases)  # where its own count is gone: wear is even
        try:
            self.device.readblocks(place, half, 0)
            if half[:4] == MAGIC and is_sealed(half):
                erases = struct.unpack_from("<I", half, 4)[0] + 1
            self.device.writeblocks(place, _ZEROS, 0)
            self.device.ioctl(_ERASE, place)
        except OSError:
            self._failures += 1
            return False
        self.erases = max(self.erases, erases)
        struct.pack_into("<4sIB3s", half, 0, MAGIC, erases, self.number, b"\xff\xff\xff")
        return self._program_half(place, 0)

    def fall_back(self):
        """The flash has failed: go on in RAM, as long as the power lasts."""
        try:
            from lib.ramflash import RamFlash

            device = RamFlash()
        except MemoryError:
            return False
        self.in_ram = True
        self.lost += self.next - self.first
        self.first = self.next
        self._failures = 0
        self.mount(device)
        return self._prepare()

    # ---- notes ----

    def _note_state(self, i):
        """Write a state into the sector that was just opened; where that fails, the next one has
        them all."""
        self.states.note(i, self._half)
        self.floor -= HALF
        if self._program_half(self.live, self.floor):
            self.states.marks[i] = self.serial
            self.states.changed[i] = 0
        else:
            self.open()

    def _note_position(self):
        """Write the position."""
        while True:
            struct.pack_into("<BBHII", self._half, 0, POSITION, 8, 0, self.stored, self.told)
            self._noted = self.stored
            if self.floor - self.at >= HALF:
                self.floor -= HALF
                if self._program_half(self.live, self.floor):
                    return
            if not self.open():
                return

    # ---- bytes ----

    def _program_half(self, place, at):
        struct.pack_into("<I", self._half, HALF - 4, crc32(self._half_body))
        return self._program(place, at, self._half, self._half_back)

    def _program(self, place, at, data, back):
        """Program and read back; return whether the flash holds what it should."""
        try:
            self.device.writeblocks(place, data, at)
            self.device.readblocks(place, back, at)
            if back == data:
                return True
        except OSError:
            pass  # as bad as reading back something else
        self._failures += 1
        return False

    def _load(self, n, into):
        if not 0 <= n - self._ahead_n < self._ahead_count and not self._fetch(n):
            return False
        at = (n - self._ahead_n) * record.SIZE
        into[:] = self._ahead[at : at + record.SIZE]
        return record.number_of(into) == n and record.is_sound(into)

    def _fetch(self, n):
        """Read some records from `n` on, all of one sector; return False where there is none."""
        place = self.live
        while not 0 < self.firsts[place] <= n:
            place = (place - 1) % self.count
            if place == self.live:
                return False
        at = HEADER + (n - self.firsts[place]) * record.SIZE
        count = min(_AHEAD, self.end_of(place) - n, (self.size - at) // record.SIZE)
        self._ahead_count = 0
        if count <= 0:
            return False
        try:
            self.device.readblocks(place, self._ahead[: count * record.SIZE], at)
        except OSError:
            return False
        self._ahead_n = n
        self._ahead_count = count
        return True

    def _pass_damage(self):
        """Let go of what cannot be read and is waited for: the desk then waits no more."""
        while self._damaged and self.first < self.next and not self._load(self.first, self._back):
            self.first += 1
            self.lost += 1

    def end_of(self, place):
        """Return the number behind the last record of a sector in use."""
        while place != self.live:
            place = (place + 1) % self.count
            if self.firsts[place]:
                return self.firsts[place]
        return self.next


def carry_age(lane):
    """Return how many sectors old a state may become before it is written again."""
    return min(CARRY, lane.count // 4)


def change_age(lane):
    """Return how many sectors old its note must be before a state that has changed is written
    again: recovery follows the records since then."""
    return min(CHANGED, lane.count // 4)


def is_sealed(half):
    """Return whether the CRC of half a header, or of a note, fits."""
    return struct.unpack_from("<I", half, HALF - 4)[0] == crc32(memoryview(half)[: HALF - 4])


class Journal:
    """Both lanes on their devices (None: there is none) under one epoch: a number that tells this
    journal from any before it. `fresh` is a random number for a journal that begins anew.

    A lane that begins anew would count from 1 again, so both then get the fresh epoch, and so they
    do while one of them lives in RAM.
    """

    def __init__(self, events, samples, fresh):
        from lib.recovery import recover  # needed here only: the caller forgets it

        self._fresh = fresh
        self.events = Lane(EVENTS, events)
        self.samples = Lane(SAMPLES, samples)
        self.found = [recover(lane) for lane in (self.events, self.samples)]
        epochs = (self.events.epoch, self.samples.epoch)
        self._epoch = epochs[0] if epochs[0] and epochs[0] == epochs[1] else fresh
        for lane in (self.events, self.samples):
            if lane.epoch != self._epoch:
                lane.epoch = self._epoch
                lane.open()
        for lane, found in zip((self.events, self.samples), self.found):
            lane.clear(found.odd)

    @property
    def epoch(self):
        """The epoch of what is appended now."""
        return self._fresh if self.failing else self._epoch

    @property
    def failing(self):
        """Whether a lane's flash has failed: what is in RAM goes with the power."""
        return self.events.in_ram or self.samples.in_ram

    def tend(self, quiet):
        """Call it often; `quiet`: no alarm is coming, and none has just come."""
        self.events.tend(quiet)
        self.samples.tend(quiet)

    def reserve(self, points):
        """Make room for what is kept of these points (0: the gateway)."""
        self.events.states.reserve(points)
