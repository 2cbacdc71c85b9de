"""After a start: find in the flash what a journal's lane knew before. Needed at the start only.

Reads each sector's header, the newest few sectors, and the notes of some before them; writes
nothing.
docs/SPEC-journal.md says why that is enough.
"""

import struct
from array import array

from micropython import const

from lib import record
from lib.journal import (
    EVENTS,
    HALF,
    HEADER,
    MAGIC,
    POSITION,
    carry_age,
    change_age,
    is_sealed,
)
from lib.states import STATE, STATE_BYTES

_BLANK = b"\xff" * HALF
_ZEROS = bytes(HALF)
_CHUNK = const(128)  # read at once


class Found:
    """What was not as it should be."""

    def __init__(self):
        self.odd = []  # places of sectors whose header is none of ours
        self.torn = 0  # records, notes and headers that a power cut has cut
        self.other_format = 0  # sectors of another version of this format
        self.renumbered = False  # newer records may have been lost: the lane needs a new epoch
        self.boot = self.up_s = 0  # of the newest record
        self.time_s = 0  # Unix time at the newest event, 0: unknown


def recover(lane):
    """Set a new lane to what its flash holds; return a Found. Flash that fails is left alone."""
    found = Found()
    if not lane.in_ram:
        try:
            _Recovery(lane, found).run()
        except OSError:
            lane.fall_back()
    return found


def take(states, note, mark):
    """Take in a note as it was found in the sector of a number."""
    i = states.place(note[2] | note[3] << 8, True)
    if i >= 0:
        states.data[STATE_BYTES * i : STATE_BYTES * (i + 1)] = note[4:12]
        states.marks[i] = mark
        states.changed[i] = 0


def remembered(states):
    """Return [(point, its bytes)] of all that is kept."""
    return [
        (states.numbers[i], bytes(states.data[STATE_BYTES * i : STATE_BYTES * (i + 1)]))
        for i in range(len(states.numbers))
        if states.stands(i)
    ]


class _Recovery:
    def __init__(self, lane, found):
        self._lane = lane
        self._found = found
        self._serials = array("I", bytes(4 * lane.count))
        self._chunk = memoryview(bytearray(_CHUNK))
        self._cut_opening = False

    def run(self):
        lane = self._lane
        for place in range(lane.count):
            self._header(place)
        oldest = self._chain()
        self._judge()
        if oldest < 0:
            return
        self._edge()
        self._follow(self._notes())
        self._close_torn()
        lane.stored = min(lane.stored, lane.next - 1)
        lane.told = min(lane.told, lane.next - 1)
        gone = lane.firsts[oldest] - 1
        lane.lost = max(0, gone - max(lane.stored, lane.told))
        lane.first = max(gone, lane.stored) + 1

    def _read(self, place, at, size):
        part = self._chunk[:size]
        self._lane.device.readblocks(place, part, at)
        return part

    # ---- sector headers ----

    def _header(self, place):
        lane, found = self._lane, self._found
        head = bytes(self._read(place, 0, HEADER))
        erased, opened = head[:HALF], head[HALF:]
        if erased in (_BLANK, _ZEROS):
            return  # new flash; or a sector let go
        if not is_sealed(erased) or erased[:4] != MAGIC:
            found.odd.append(place)
            if erased[:3] == MAGIC[:3] and is_sealed(erased):
                found.other_format += 1
            return
        lane.erases = max(lane.erases, struct.unpack_from("<I", erased, 4)[0])
        if opened == _BLANK:
            return
        if is_sealed(opened):
            self._serials[place], lane.firsts[place] = struct.unpack_from("<II", opened, 0)
        else:
            found.torn += 1
            found.odd.append(place)

    def _chain(self):
        """Find the newest sector and all that lead to it; forget the rest: a sector that could
        not be erased is left over from another round. Return the oldest place, -1 for none."""
        lane, serials = self._lane, self._serials
        newest = max(range(lane.count), key=lambda place: serials[place])
        if not serials[newest]:
            return -1
        lane.live = lane.edge = oldest = newest
        lane.serial = serials[newest]
        lane.epoch = struct.unpack_from("<I", self._read(newest, HALF + 8, 4), 0)[0]
        for age in range(1, lane.count):
            place = (newest - age) % lane.count
            fits = serials[oldest] > serials[place] >= max(1, lane.serial - age)
            if fits and lane.firsts[place] <= lane.firsts[oldest]:
                oldest = place
            else:
                lane.firsts[place] = 0
        ahead = (newest + 1) % lane.count
        head = bytes(self._read(ahead, 0, HEADER))
        if head[:4] == MAGIC and is_sealed(head[:HALF]) and head[HALF:] == _BLANK:
            lane.ready = lane.edge = ahead
        return oldest

    def _judge(self):
        """Where a header is gone before newer records than we know, numbers may be in use."""
        lane, found = self._lane, self._found
        known = lane.firsts[lane.live] if lane.live >= 0 else 0
        for place in found.odd:
            slot = self._read(place, HEADER, record.SIZE)
            if record.is_sound(slot) and record.number_of(slot) > known:
                found.renumbered = True
        if found.renumbered or found.other_format:
            lane.epoch = 0

    # ---- the newest sector, and the notes ----

    def _edge(self):
        """Find the last sound record."""
        lane = self._lane
        lane.next = first = lane.firsts[lane.live]
        lane.at = HEADER
        for at in range(HEADER, lane.size, record.SIZE):
            slot = self._read(lane.live, at, record.SIZE)
            n = first + at // record.SIZE - 1
            if record.number_of(slot) == n and record.is_sound(slot):
                lane.next = n + 1
                lane.at = at + record.SIZE
            elif bytes(slot) == _BLANK + _BLANK:
                return

    def _notes(self):
        """Take in the notes that count, oldest first; return how many sectors ago the newest one
        was opened that has all states that were due: the position is its last note."""
        lane = self._lane
        whole = 0
        while whole < lane.count - 1 and not self._notes_of(whole, False):
            whole += 1
        for age in range(min(whole + 2 * carry_age(lane), lane.count) - 1, -1, -1):
            self._notes_of(age, True)
        self._cut_opening = whole > 0
        return whole

    def _notes_of(self, age, counts):
        """Look at the notes of a sector, and take them in; return whether there is a position."""
        lane = self._lane
        place = (lane.live - age) % lane.count
        first = lane.firsts[place]
        if not first:
            return False
        limit = HEADER + (lane.end_of(place) - first) * record.SIZE
        floor = lane.size
        whole = False
        while floor - HALF >= limit:
            note = bytes(self._read(place, floor - HALF, HALF))
            if note == _BLANK:
                break
            floor -= HALF
            if not is_sealed(note):
                self._found.torn += counts
            elif note[0] == POSITION:
                whole = True
                stored, told = struct.unpack_from("<II", note, 4)
                lane.stored = max(lane.stored, stored)
                lane.told = max(lane.told, told)
            elif counts and note[0] == STATE:
                take(lane.states, note, self._serials[place])
        lane.floor = floor  # at last that of the newest
        return whole

    def _follow(self, age):
        """Follow the records since the oldest note that may be outdated, at least those of two
        sectors: they tell the time as well. Samples have no such notes."""
        lane = self._lane
        due = self._serials[(lane.live - age) % lane.count]
        if lane.states:
            due = due - change_age(lane)
        for back in range(lane.count - 1, -1, -1):
            place = (lane.live - back) % lane.count
            if back > max(age, 1) and self._serials[place] <= due:
                continue
            first = lane.firsts[place]
            for n in range(first, lane.end_of(place) if first else first):
                slot = self._read(place, HEADER + (n - first) * record.SIZE, record.SIZE)
                if record.number_of(slot) == n and record.is_sound(slot):
                    self._newest(slot)
                    if lane.states:
                        lane.states.follow(slot, self._serials[place])

    def _newest(self, slot):
        found = self._found
        boot, up_s, time_s = struct.unpack_from("<HxxIxxI", slot, 4)
        if self._lane.number != EVENTS:
            pass  # a sample has no time
        elif time_s:
            found.time_s = time_s
        elif found.time_s:  # it went on for at least so long
            found.time_s += up_s - found.up_s if boot == found.boot else up_s
        found.boot = boot
        found.up_s = up_s

    def _close_torn(self):
        """A record that was cut is not written over: what follows goes into the next sector. So
        it does where the opening was cut, and states are missing."""
        lane = self._lane
        if self._cut_opening:
            lane.at = lane.floor
        elif lane.floor - lane.at >= record.SIZE:
            slot = self._read(lane.live, lane.at, record.SIZE)
            if bytes(slot) != _BLANK + _BLANK:
                self._found.torn += 1
                lane.at = lane.floor
