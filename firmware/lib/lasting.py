"""What an act changes in what outlives a reset: a part of lib/states.py that is loaded only while
somebody acts, and at the start."""

import struct

from micropython import const

from lib.states import STATE_BYTES
from lib.verbs import ACKNOWLEDGE, BYPASS, DONE, DRILL, ENDED, ITSELF, SILENCE, WALK_TEST

BYPASSED = const(1)
TESTED = const(2)
EXERCISED = const(4)
SILENCED = const(8)
CLOCKED = const(16)

_FLAGS = {BYPASS: BYPASSED, WALK_TEST: TESTED, DRILL: EXERCISED, SILENCE: SILENCED}
_NTP = const(2)  # quality of a record's time, as in clock.py


def follow_act(states, record, point, mark):
    """Take in the record of an act about a point, 0 for the gateway or all."""
    verb = record[19] & 15
    result = record[19] >> 4 & 3
    everywhere = range(len(states.numbers))
    if verb == ACKNOWLEDGE and result == DONE:
        for i in everywhere:
            if mark >= states.marks[i] and (not point or states.numbers[i] == point):
                conditions = states.data[STATE_BYTES * i] & 15
                states.put(i, 0, conditions | conditions << 4)
    elif verb in _FLAGS and result in (DONE, ENDED):
        flag = _FLAGS[verb]
        if not point and (result == DONE or record[19] >> 6 != ITSELF):
            for i in everywhere:  # it is about all points
                _mark(states, i, flag, False, mark)
        i = states.place(point, result == DONE)
        _mark(states, i, flag, result == DONE, mark)
        if verb == BYPASS and i >= 0 and mark >= states.marks[i]:
            _time(states, i, record, result == DONE)


def _mark(states, i, flag, stands, mark):
    if i >= 0 and mark >= states.marks[i]:
        flags = states.data[STATE_BYTES * i + 1]
        states.put(i, 1, flags | flag if stands else flags & ~flag)


def _time(states, i, record, stands):
    """Keep how long a bypass lasts, or forget it."""
    minutes = since = clocked = 0
    if stands:
        _, since, _, time_s = struct.unpack_from("<HIHI", record, 6)
        minutes = struct.unpack_from("<I", record, 20)[0] >> 19
        if record[13] >> 4 & 3 >= _NTP:  # a held clock may lag by days
            clocked = CLOCKED
            since = time_s + 60 * minutes
    at = STATE_BYTES * i + 1
    struct.pack_into("<BHI", states.data, at, states.data[at] & ~CLOCKED | clocked, minutes, since)
    states.changed[i] = 1


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
