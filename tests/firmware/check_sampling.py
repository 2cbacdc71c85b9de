"""The way of a reading: driver → point → panel → outputs → record, in one synchronous step."""

from time import ticks_add, ticks_diff

from clock import Clock
from lib import record
from lib.codes import OPEN, READ_FAILED
from lib.journal import Journal
from lib.level import Level
from lib.panel import Panel
from lib.point import ALARM, TROUBLE, Gateway, Point
from lib.ramflash import RamFlash
from lib.samples import Summary
from operation import Operation
from recorder import Recorder
from sampling import LOOK_MS, TICK_MS, Channel, Sampling

START = ticks_add(0, -700)


class FakeDriver:
    code = 0

    def __init__(self, readings):
        self._readings = readings
        self.read_at = []

    def read(self, now_ms):
        self.read_at.append(ticks_diff(now_ms, START))
        reading = self._readings.pop(0) if self._readings else 0
        if isinstance(reading, Exception):
            raise reading
        self.code = OPEN if reading is None else 0
        return reading


class FakeOutputs:
    def __init__(self):
        self.followed = []

    def follow(self, now_ms):
        self.followed.append(ticks_diff(now_ms, START))


class Bench:
    """A gateway of one point per list of readings, its clock in the test's hand."""

    def __init__(self, *readings, period_ms=100, sample_s=60):
        level = (ALARM, 15000, True, 2000, 300, 300, False)
        points = [Point(n + 1, "smoke", "mA", 1, [Level(*level)]) for n in range(len(readings))]
        self.drivers = [FakeDriver(list(some)) for some in readings]
        channels = [
            Channel(point, driver, period_ms, Summary(sample_s, START), START)
            for point, driver in zip(points, self.drivers)
        ]
        clock = Clock(1)
        self._now_ms = START
        self.journal = Journal(RamFlash(), RamFlash(), 9)
        gateway = Gateway()
        self.panel = Panel(points, gateway)
        self.outputs = FakeOutputs()
        recorder = Recorder(clock, self.journal, gateway)
        operation = Operation(self.panel, self.outputs, recorder, self)
        self.sampling = Sampling(channels, operation, recorder, clock)

    def ms(self):
        return self._now_ms

    def run(self, until_ms, tick_ms=20, from_ms=0):
        for at_ms in range(from_ms, until_ms + 1, tick_ms):
            self._now_ms = ticks_add(START, at_ms)
            self.sampling.step(self._now_ms)

    def events(self):
        buffer = bytearray(record.SIZE)
        lane = self.journal.events
        seen = []
        for n in range(lane.first, lane.next):
            lane.read(n, buffer)
            fields = record.unpack_event(buffer)
            seen.append((fields[2], fields[9], fields[10], fields[11], fields[12], fields[13]))
        return seen


def test_every_channel_is_read_in_its_period_across_the_wrap():
    bench = Bench([], period_ms=100)
    bench.run(1000)
    assert bench.drivers[0].read_at == list(range(0, 1001, 100))


def test_after_a_stall_readings_do_not_come_in_a_burst():
    bench = Bench([], period_ms=100)
    bench.run(0)
    bench.run(5200, from_ms=5000)
    assert bench.drivers[0].read_at == [0, 5000, 5100, 5200]


def test_an_alarm_reaches_outputs_and_journal_in_the_step_that_decides_it():
    bench = Bench([20000] * 20)
    bench.run(299)
    assert not bench.panel.sounding and bench.outputs.followed == []
    bench.run(300, from_ms=300)
    assert bench.panel.sounding and bench.outputs.followed == [300]
    assert bench.events() == [(1, ALARM, ALARM, 20000, 0, 15000)]


def test_a_lost_sensor_becomes_trouble_with_its_code():
    bench = Bench([None] * 30)
    bench.run(2500)
    assert bench.events() == [(1, TROUBLE, TROUBLE, None, OPEN, None)]


def test_a_driver_that_raises_is_trouble_and_blinds_no_other_point():
    bench = Bench([ValueError("bug")] * 60, [20000] * 60)
    bench.run(2500)
    assert (2, ALARM, ALARM, 20000, 0, 15000) in bench.events()
    assert (1, TROUBLE, TROUBLE, None, READ_FAILED, None) in bench.events()


def test_each_interval_becomes_one_sample():
    bench = Bench([1000 * n for n in range(40)], period_ms=100, sample_s=1)
    bench.run(2100)
    buffer = bytearray(record.SIZE)
    lane = bench.journal.samples
    assert lane.next == 3, lane.next
    lane.read(1, buffer)
    fields = record.unpack_sample(buffer)
    assert fields[2] == 1 and fields[7] == 1 and fields[8:] == (0, 5000, 10000, 10000), fields


def test_a_step_tells_when_the_next_reading_is_due():
    bench = Bench([1000] * 3, [1000] * 3, period_ms=300)
    due = [ticks_diff(bench.sampling.step(ticks_add(START, at)), START) for at in (0, 100, 300)]
    assert due == [300, 300, 600], due


def test_without_points_there_is_still_a_beat():
    assert ticks_diff(Bench().sampling.step(START), START) == LOOK_MS


def test_a_bus_is_moved_on_at_every_tick():
    class Bus:
        moved = 0

        def step(self, now_ms):
            self.moved += 1

    bench = Bench([1000], period_ms=300)
    bench.sampling._buses = [Bus()]
    assert ticks_diff(bench.sampling.step(START), START) == TICK_MS
