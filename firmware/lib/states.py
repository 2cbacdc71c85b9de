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

STATE = const(2)  # the kind of a note that holds one
STATE_BYTES = const(8)

_MOST = const(128)  # points: a gateway has 64, and a changed configuration has others
_NEWEST = const(0x3FFFFFFF)


class States:
    """`marks[i]` is the number of the sector that has the newest note of place i."""

    def __init__(self):
        self.numbers = array("H")
        self.marks = array("I")
        self.changed = bytearray()  # since the last note of it
        self.data = bytearray()

    def reserve(self, numbers):
        """Make room for points now, so that no event of theirs takes heap."""
        for number in numbers:
            self.place(number, True)

    def follow(self, record, mark=_NEWEST):
        """Take in a packed record of the sector of a number; a note there is newer than any record
        of a sector before it."""
        point = record[6] | record[7] << 8
        if record[18] == ACT:
            from lib.lasting import follow_act  # loaded only when somebody has acted

            follow_act(self, record, point, mark)
        elif record[18] == CONDITION and point:
            self._condition(point, record[19], record[13] >> 2 & 3, mark)

    def _condition(self, point, bits, mode, mark):
        now = bits & 15
        if mode == DRILLED:
            now &= ~ALARM
        i = self.place(point, now != 0)
        if i >= 0 and mode != TEST and mark >= self.marks[i]:
            acknowledged = self.data[8 * i] >> 4 & ~(bits >> 4) & now
            self.put(i, 0, now | acknowledged << 4)

    def note(self, i, half):
        """Pack the note of a place."""
        at = 8 * i
        struct.pack_into("<BBH", half, 0, STATE, STATE_BYTES, self.numbers[i])
        for j in range(STATE_BYTES):
            half[4 + j] = self.data[at + j]

    def stands(self, i):
        """Return whether there is anything to keep."""
        return self.data[8 * i] != 0 or self.data[8 * i + 1] != 0

    def put(self, i, byte, value):
        """Set a byte of the state at a place."""
        at = 8 * i + byte
        if self.data[at] != value:
            self.data[at] = value
            self.changed[i] = 1

    def place(self, point, make):
        """Return the place of a point, -1 where it has none."""
        for i in range(len(self.numbers)):
            if self.numbers[i] == point:
                return i
        if not make or len(self.numbers) == _MOST:
            return -1
        self.numbers.append(point)
        self.marks.append(0)
        self.changed.append(0)
        self.data.extend(bytes(STATE_BYTES))
        return len(self.numbers) - 1
