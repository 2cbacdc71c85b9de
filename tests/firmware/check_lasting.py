"""What acts change in what must outlive a reset."""

import struct

from lib import record, verbs
from lib.act import pack_act
from lib.lasting import BYPASSED, CLOCKED, EXERCISED, SILENCED, TESTED
from lib.point import ALARM, LIVE, PRE_ALARM
from lib.recovery import remembered
from lib.states import States


class Clock:
    boot = 1
    up_s = 812
    up_ms = 0

    def __init__(self, unix_s=0, quality=3):
        self._unix_s = unix_s
        self.quality = quality if unix_s else 0

    def time_s(self):
        return self._unix_s


class Source:
    def __init__(self, number, conditions=0, mode=LIVE):
        self.number = number
        self.conditions = conditions
        self.mode = mode
        self.value = 1000
        self.code = 0


def condition(states, point, now, changed, mode=LIVE, mark=0x3FFFFFFF):
    packed = bytearray(record.SIZE)
    record.pack_event(packed, Clock(), record.CONDITION, Source(point, now, mode), changed)
    states.follow(packed, mark)


def act(states, verb, result, point=0, minutes=0, how=verbs.BUTTON, clock=None):
    packed = bytearray(record.SIZE)
    source = Source(point) if point else None
    pack_act(packed, clock or Clock(), verb, result, (how, 0, 0, 0), source, minutes)
    states.follow(packed)


def kept(states):
    return {point: struct.unpack("<BBHI", state) for point, state in remembered(states)}


def test_what_is_acknowledged_is_so_until_it_changes():
    states = States()
    condition(states, 7, ALARM, ALARM)
    condition(states, 8, ALARM, ALARM)
    act(states, verbs.ACKNOWLEDGE, verbs.DONE, 8)
    condition(states, 8, ALARM | PRE_ALARM, PRE_ALARM)
    assert kept(states) == {7: (1, 0, 0, 0), 8: (1 << 4 | 3, 0, 0, 0)}
    act(states, verbs.ACKNOWLEDGE, verbs.DONE)
    assert kept(states) == {7: (0x11, 0, 0, 0), 8: (0x33, 0, 0, 0)}
    condition(states, 7, ALARM, ALARM)  # it came again while it was latched
    assert kept(states)[7] == (1, 0, 0, 0)


def test_what_runs_for_a_time_is_kept_until_it_ends():
    states = States()
    act(states, verbs.SILENCE, verbs.DONE, 0, 10)
    act(states, verbs.WALK_TEST, verbs.DONE, 7, 30)
    act(states, verbs.DRILL, verbs.DONE, 8, 10)
    act(states, verbs.DRILL, verbs.REFUSED, 9, 10)
    flags = {point: state[1] for point, state in kept(states).items()}
    assert flags == {0: SILENCED, 7: TESTED, 8: EXERCISED}
    act(states, verbs.SILENCE, verbs.ENDED, how=verbs.ITSELF)
    act(states, verbs.WALK_TEST, verbs.ENDED, 7)
    act(states, verbs.DRILL, verbs.ENDED)  # a person ends every drill
    assert kept(states) == {}


def test_a_drill_of_all_takes_the_place_of_single_ones_and_its_end_leaves_later_ones():
    states = States()
    act(states, verbs.DRILL, verbs.DONE, 8, 10)
    act(states, verbs.DRILL, verbs.DONE, 0, 10)
    assert kept(states) == {0: (0, EXERCISED, 0, 0)}
    act(states, verbs.DRILL, verbs.DONE, 8, 10)
    act(states, verbs.DRILL, verbs.ENDED, how=verbs.ITSELF)
    assert kept(states) == {8: (0, EXERCISED, 0, 0)}


def test_a_bypass_keeps_its_minutes_and_when_it_began_or_ends():
    states = States()
    act(states, verbs.BYPASS, verbs.DONE, 7, 240)
    assert kept(states) == {7: (0, BYPASSED, 240, 812)}
    act(states, verbs.BYPASS, verbs.DONE, 7, 60, clock=Clock(1767225600, 1))
    assert kept(states) == {7: (0, BYPASSED, 60, 812)}, "a held clock may lag"
    act(states, verbs.BYPASS, verbs.DONE, 7, 60, clock=Clock(1767225600))
    assert kept(states) == {7: (0, BYPASSED | CLOCKED, 60, 1767225600 + 3600)}
    act(states, verbs.BYPASS, verbs.ENDED, 7)
    assert kept(states) == {}
