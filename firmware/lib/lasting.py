"""What an act changes in what outlives a reset: a part of lib/states.py that is loaded only while
somebody acts."""

import struct
from time import ticks_add

from micropython import const

from lib.states import STATE_BYTES
from lib.verbs import ACKNOWLEDGE, BYPASS, DONE, DRILL, ENDED, ITSELF, SILENCE, WALK_TEST

BYPASSED = const(1)
TESTED = const(2)
EXERCISED = const(4)
SILENCED = const(8)
CLOCKED = const(16)

_FLAGS = {BYPASS: BYPASSED, WALK_TEST: TESTED, DRILL: EXERCISED, SILENCE: SILENCED}
_SLEPT_MAX_S = const(72 * 3600)  # longer than any bypass
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


def slept(operation, seconds):
    """The clock has shown how long the power was away: bypasses that came back have so much less
    time left, and never more."""
    earlier_ms = -1000 * max(0, min(seconds, _SLEPT_MAX_S))
    operation.panel.running = [
        (act[0], act[1], ticks_add(act[2], earlier_ms)) if act[1] in operation.restored else act
        for act in operation.panel.running
    ]
    operation.restored = ()
