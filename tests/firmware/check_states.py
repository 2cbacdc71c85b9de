"""What must outlive a reset, by point, as its events tell it."""

import random
import struct

from lib import record
from lib.point import ALARM, DRILLED, LIVE, PRE_ALARM, TEST
from lib.recovery import remembered, take
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


def kept(states):
    return {point: struct.unpack("<BBHI", state) for point, state in remembered(states)}


def test_conditions_are_those_of_the_last_event():
    states = States()
    condition(states, 7, ALARM | PRE_ALARM, ALARM)
    condition(states, 9, PRE_ALARM, PRE_ALARM)
    condition(states, 9, 0, PRE_ALARM)
    assert kept(states) == {7: (ALARM | PRE_ALARM, 0, 0, 0)}


def test_a_test_leaves_no_condition_behind_and_a_drill_no_alarm():
    states = States()
    condition(states, 7, ALARM, ALARM, TEST)
    condition(states, 8, ALARM | PRE_ALARM, ALARM, DRILLED)
    assert kept(states) == {8: (PRE_ALARM, 0, 0, 0)}


def test_a_note_counts_more_than_records_before_it():
    states, again = States(), States()
    condition(states, 300, ALARM, ALARM)
    half = bytearray(16)
    states.note(0, half)
    take(again, half, 9)
    assert remembered(again) == remembered(states) and not again.changed[0]
    condition(again, 300, 0, ALARM, mark=8)
    assert remembered(again) == remembered(states)
    condition(again, 300, 0, ALARM, mark=9)
    assert remembered(again) == [] and again.changed[0]


def test_no_record_of_a_known_point_takes_heap_and_no_rubbish_fills_it():
    states = States()
    states.reserve(range(65))
    for _ in range(1000):
        states.follow(bytes(random.getrandbits(8) for _ in range(32)))
    assert len(states.numbers) <= 128
