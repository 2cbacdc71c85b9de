"""The recorder: what becomes an event, and that saying a thing twice is no news."""

from clock import DESK, Clock
from lib import record
from lib.act import unpack_act
from lib.codes import NO_BROKER
from lib.journal import Journal
from lib.point import TROUBLE, Gateway
from recorder import Recorder


def recorder_with(capacity):
    journal = Journal(1, events=capacity, samples=4)
    gateway = Gateway()
    return Recorder(Clock(3), journal, gateway), journal


def events_of(journal):
    buffer = bytearray(record.SIZE)
    lane = journal.events
    seen = []
    for n in range(lane.first, lane.next):
        lane.read(n, buffer)
        fields = record.unpack_event(buffer)
        seen.append((fields[8], fields[9], fields[10], fields[12]))
    return seen


def test_a_trouble_of_the_gateway_is_told_when_it_comes_and_when_it_goes():
    recorder, journal = recorder_with(8)
    for stands in (False, True, True, False, False):
        recorder.trouble(NO_BROKER, stands)
    assert events_of(journal) == [
        (record.CONDITION, TROUBLE, TROUBLE, NO_BROKER),
        (record.CONDITION, 0, TROUBLE, NO_BROKER),
    ]


def test_what_a_full_journal_dropped_is_told_once_with_its_count():
    recorder, journal = recorder_with(8)
    recorder.losses()
    for _ in range(20):
        recorder.note(record.LINK)
    journal.events.release(15)
    recorder.losses()
    recorder.losses()
    buffer = bytearray(record.SIZE)
    journal.events.read(journal.events.next - 1, buffer)
    fields = record.unpack_event(buffer)
    assert fields[8] == record.LOST and fields[11] == 12000, fields
    assert journal.events.next == 22


def test_an_act_is_an_event():
    recorder, journal = recorder_with(8)
    recorder.act(3, 1, (1, 0, 0, 0), None, 0)
    buffer = bytearray(record.SIZE)
    journal.events.read(1, buffer)
    assert record.is_sound(buffer) and record.unpack_event(buffer)[8] == record.ACT
    assert unpack_act(buffer) == (3, 1, 1, 0, 0, 0, 0)


def test_an_event_carries_boot_and_the_quality_of_its_time():
    recorder, journal = recorder_with(8)
    recorder._clock.set(1794787200, DESK)
    recorder.note(record.CLOCK)
    buffer = bytearray(record.SIZE)
    journal.events.read(1, buffer)
    fields = record.unpack_event(buffer)
    assert fields[1] == 3 and fields[6] == DESK and fields[7] >= 1794787200
