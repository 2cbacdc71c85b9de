"""What must outlive a reset: for each point, what its events say of it.

    0  u8  conditions that stand, acknowledged ones << 4
    1  u8  flags: 1 bypassed, 2 in a walk test, 4 in a drill, 8 silenced, 16 clocked
    2  u16 a bypass: its minutes
    4  u32 a bypass: uptime at which it began; clocked: the Unix time at which it ends

Point 0 is the gateway: a walk test or drill of all points, and a silence. Conditions are those in
earnest: a test or a drill leaves none behind.

A change writes nothing, for the record of the event is there already. Whatever has changed goes
into notes when the next sector is opened, and recovery follows the records since then.
"""

import struct
from array import array

from micropython import const

from lib.point import ALARM, DRILLED, TEST
from lib.record import ACT, CONDITION
from lib.verbs import ACKNOWLEDGE, BYPASS, DONE, DRILL, ENDED, ITSELF, SILENCE, WALK_TEST

STATE = const(2)  # the kind of a note that holds one
STATE_BYTES = const(8)

BYPASSED = const(1)
TESTED = const(2)
EXERCISED = const(4)
SILENCED = const(8)
CLOCKED = const(16)

_FLAGS = {BYPASS: BYPASSED, WALK_TEST: TESTED, DRILL: EXERCISED, SILENCE: SILENCED}
_NTP = const(2)  # quality of a record's time, as in clock.py
_MOST = const(128)  # points: a gateway has 64, and a changed configuration has others
_NEWEST = const(0x3FFFFFFF)


class States:
    """`marks[i]` is the number of the sector that has the newest note of place i."""

    def __init__(self):
        self.numbers = array("H")
        self.marks = array("I")
        self.changed = bytearray()  # since the last note of it
        self._data = bytearray()

    def reserve(self, numbers):
        """Make room for points now, so that no event of theirs takes heap."""
        for number in numbers:
            self._place(number, True)

    def follow(self, record, mark=_NEWEST):
        """Take in a packed record of the sector of a number; a note there is newer than any record
        of a sector before it."""
        point = record[6] | record[7] << 8
        if record[18] == ACT:
            self._act(record, point, mark)
        elif record[18] == CONDITION and point:
            self._condition(point, record[19], record[13] >> 2 & 3, mark)

    def _condition(self, point, bits, mode, mark):
        now = bits & 15
        if mode == DRILLED:
            now &= ~ALARM
        i = self._place(point, now != 0)
        if i >= 0 and mode != TEST and mark >= self.marks[i]:
            acknowledged = self._data[8 * i] >> 4 & ~(bits >> 4) & now
            self._put(i, 0, now | acknowledged << 4)

    def _act(self, record, point, mark):
        verb = record[19] & 15
        result = record[19] >> 4 & 3
        if verb == ACKNOWLEDGE and result == DONE:
            for i in range(len(self.numbers)):
                if mark >= self.marks[i] and (not point or self.numbers[i] == point):
                    conditions = self._data[8 * i] & 15
                    self._put(i, 0, conditions | conditions << 4)
        elif verb in _FLAGS and result in (DONE, ENDED):
            flag = _FLAGS[verb]
            if not point and (result == DONE or record[19] >> 6 != ITSELF):
                for i in range(len(self.numbers)):  # it is about all points
                    self._mark(i, flag, False, mark)
            i = self._place(point, result == DONE)
            self._mark(i, flag, result == DONE, mark)
            if verb == BYPASS and i >= 0 and mark >= self.marks[i]:
                self._time(i, record, result == DONE)

    def _mark(self, i, flag, stands, mark):
        if i >= 0 and mark >= self.marks[i]:
            flags = self._data[8 * i + 1]
            self._put(i, 1, flags | flag if stands else flags & ~flag)

    def _time(self, i, record, stands):
        """Keep how long a bypass lasts, or forget it."""
        minutes = since = clocked = 0
        if stands:
            _, since, _, time_s = struct.unpack_from("<HIHI", record, 6)
            minutes = struct.unpack_from("<I", record, 20)[0] >> 19
            if record[13] >> 4 & 3 >= _NTP:  # a held clock may lag by days
                clocked = CLOCKED
                since = time_s + 60 * minutes
        flags = self._data[8 * i + 1] & ~CLOCKED | clocked
        struct.pack_into("<BHI", self._data, 8 * i + 1, flags, minutes, since)
        self.changed[i] = 1

    def take(self, note, mark):
        """Take in a note as it was found in the sector of a number."""
        i = self._place(note[2] | note[3] << 8, True)
        if i >= 0:
            self._data[8 * i : 8 * i + 8] = note[4:12]
            self.marks[i] = mark
            self.changed[i] = 0

    def note(self, i, half):
        """Pack the note of a place."""
        at = 8 * i
        struct.pack_into("<BBH", half, 0, STATE, STATE_BYTES, self.numbers[i])
        for j in range(STATE_BYTES):
            half[4 + j] = self._data[at + j]

    def stands(self, i):
        """Return whether there is anything to keep."""
        return self._data[8 * i] != 0 or self._data[8 * i + 1] != 0

    def all(self):
        """Return [(point, its bytes)] of all that is kept."""
        return [
            (self.numbers[i], bytes(self._data[8 * i : 8 * i + 8]))
            for i in range(len(self.numbers))
            if self.stands(i)
        ]

    def _put(self, i, byte, value):
        at = 8 * i + byte
        if self._data[at] != value:
            self._data[at] = value
            self.changed[i] = 1

    def _place(self, point, make):
        for i in range(len(self.numbers)):
            if self.numbers[i] == point:
                return i
        if not make or len(self.numbers) == _MOST:
            return -1
        self.numbers.append(point)
        self.marks.append(0)
        self.changed.append(0)
        self._data.extend(bytes(STATE_BYTES))
        return len(self.numbers) - 1
