"""The recorder: what becomes an event, and that saying a thing twice is no news."""

from time import ticks_add, ticks_ms

from clock import DESK, Clock
from lib import record
from lib.act import unpack_act
from lib.codes import NO_BROKER, RECORDS_LOST
from lib.journal import SAMPLES, Journal
from lib.point import ALARM, TROUBLE, Gateway
from recorder import Recorder

from fakes import FakeFlash

EPOCH = 9


class FakePoint:
    number = 1
    mode = value = code = 0
    conditions = 0

    def __init__(self):
        self.about_to = False

    def waits(self):
        return self.about_to

    def limit_of(self, changed):
        return None


def recorder_on(*flash):
    journal = Journal(*(flash or (FakeFlash(), FakeFlash())), EPOCH)
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
    recorder, journal = recorder_on()
    for stands in (False, True, True, False, False):
        recorder.trouble(NO_BROKER, stands)
    assert events_of(journal) == [
        (record.CONDITION, TROUBLE, TROUBLE, NO_BROKER),
        (record.CONDITION, 0, TROUBLE, NO_BROKER),
    ]


def last_of(lane):
    buffer = bytearray(record.SIZE)
    assert lane.read(lane.next - 1, buffer)
    fields = record.unpack_event(buffer)
    return fields[8], fields[10], fields[11], fields[12]


def test_what_a_full_journal_dropped_is_told_once_with_its_count():
    recorder, journal = recorder_on()
    recorder.step(ticks_ms())
    for _ in range(300):
        recorder.note(record.LINK)
    recorder.step(ticks_ms())
    lost = journal.events.lost * 1000
    assert lost and last_of(journal.events) == (record.LOST, 0, lost, 0)
    after = journal.events.next
    recorder.step(ticks_ms())
    assert journal.events.next == after


def test_samples_that_were_dropped_are_told_as_those_of_their_lane():
    recorder, journal = recorder_on()
    packed = bytearray(record.SIZE)
    for _ in range(300):
        journal.samples.append(packed)
    recorder.step(ticks_ms())
    lost = journal.samples.lost * 1000
    assert lost and last_of(journal.events) == (record.LOST, SAMPLES, lost, 0)


def test_no_sector_is_erased_ahead_while_an_alarm_is_young_or_about_to_come():
    recorder, journal = recorder_on()
    point = FakePoint()
    recorder.watch([point])
    erased = []
    for about_to, alarm, later_ms in (
        (True, False, 0), (False, True, 0), (False, False, 9000), (False, False, 10100)
    ):  # fmt: skip
        point.about_to = about_to
        if alarm:
            point.conditions = ALARM
            recorder.condition(point, ALARM)
            now_ms = ticks_ms()
        recorder.step(ticks_add(ticks_ms() if alarm or about_to else now_ms, later_ms))
        erased.append(journal.events.ready >= 0)
    assert erased == [False, False, False, True]


def test_flash_that_fails_becomes_trouble():
    flash = FakeFlash()
    recorder, journal = recorder_on(flash, FakeFlash())
    recorder.step(ticks_ms())
    flash.broken = True
    recorder.note(record.LINK)
    recorder.step(ticks_ms())
    events = events_of(journal)
    assert (record.CONDITION, TROUBLE, TROUBLE, RECORDS_LOST) in events


def test_numbers_that_are_in_doubt_are_told():
    flash = FakeFlash()
    _, journal = recorder_on(flash, FakeFlash())
    for _ in range(5):
        journal.events.append(bytearray(record.SIZE))
    flash.sectors[journal.events.live][20] ^= 1
    recorder, journal = recorder_on(flash, FakeFlash())
    recorder.recovered()
    assert last_of(journal.events) == (record.LOST, 0, None, RECORDS_LOST)


def test_an_act_is_an_event():
    recorder, journal = recorder_on()
    recorder.act(3, 1, (1, 0, 0, 0), None, 0)
    buffer = bytearray(record.SIZE)
    journal.events.read(1, buffer)
    assert record.is_sound(buffer) and record.unpack_event(buffer)[8] == record.ACT
    assert unpack_act(buffer) == (3, 1, 1, 0, 0, 0, 0)


def test_an_event_carries_boot_and_the_quality_of_its_time():
    recorder, journal = recorder_on()
    recorder._clock.set(1794787200, DESK)
    recorder.note(record.CLOCK)
    buffer = bytearray(record.SIZE)
    journal.events.read(1, buffer)
    fields = record.unpack_event(buffer)
    assert fields[1] == 3 and fields[6] == DESK and fields[7] >= 1794787200
