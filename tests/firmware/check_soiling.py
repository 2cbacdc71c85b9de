"""Dust in a smoke chamber: taken off slowly, told in time, and never at the cost of a fire."""

from time import ticks_add

from lib.codes import OPEN, SOILED
from lib.soiling import Soiling

from fakes import FakeDriver, read_with_heap_locked

START = ticks_add(0, -5000)
STEP_S = 10


class Bench:
    """A smoke input with an alarm level, read every ten seconds."""

    def __init__(self, alarm=150):
        self.alarm = alarm
        self.driver = FakeDriver()
        self.soiling = Soiling(self.driver, alarm)
        self.at_s = 0

    def read(self, raw):
        self.driver.reading = raw
        self.at_s += STEP_S
        return self.soiling.read(ticks_add(START, self.at_s * 1000))

    def stay(self, raw, hours):
        for _ in range(int(hours * 3600 / STEP_S)):
            value = self.read(raw)
        return value

    def rise(self, raw, per_hour, until):
        """Rise by so much an hour; return what came in when the compensated value reached it."""
        begin_s = self.at_s
        while True:
            now = raw + int(per_hour * (self.at_s - begin_s) / 3600)
            if self.read(now) >= until:
                return now


def test_a_slow_fire_alarms_at_1_6_times_the_level_at_most_at_every_level_and_rate():
    for alarm in (50, 150, 300):
        for quarters in (1, 2, 8):
            seen = Bench(alarm).rise(0, quarters * alarm / 4, alarm)
            assert alarm <= seen <= alarm * 1.6, (alarm, quarters, seen)
            assert seen <= alarm * 1.1, "our own promise"


def test_a_slow_fire_in_a_sensor_as_dirty_as_it_can_be_still_keeps_the_rule():
    for alarm in (50, 150, 300):
        bench = Bench(alarm)
        dirt = alarm // 2 - 1
        bench.stay(dirt, 60)
        seen = bench.rise(dirt, alarm / 4, alarm)
        assert seen <= alarm * 1.6, (alarm, seen)


def test_dust_is_taken_off_by_a_64th_of_the_level_an_hour_and_never_more_than_half():
    bench = Bench()
    bench.stay(30, 10)
    assert 22 <= bench.soiling.taken_off <= 24, bench.soiling.taken_off
    assert bench.stay(30, 10) == 0
    bench.stay(60, 40)
    bench.stay(90, 80)
    assert bench.soiling.taken_off == 75
    assert bench.stay(90, 1) == 15


def test_it_says_that_it_is_soiled_and_goes_on_measuring():
    bench = Bench()
    dirt = 0
    while not bench.soiling.code:
        bench.stay(dirt, 4)
        dirt += 1
    assert bench.soiling.code == SOILED
    assert bench.soiling.taken_off == 56, "three eighths of the level"
    assert bench.read(250) == 194 and bench.soiling.code == SOILED


def test_a_cleaned_sensor_has_its_full_sensitivity_back_within_minutes():
    bench = Bench()
    for dirt in range(0, 60, 5):
        bench.stay(dirt, 8)
    assert bench.soiling.taken_off > 50
    bench.stay(0, 0.2)
    assert (bench.soiling.taken_off, bench.soiling.code) == (0, 0)
    assert bench.read(150) == 150


def test_smoke_that_comes_and_goes_is_not_taken_for_dust():
    bench = Bench()
    for _ in range(200):
        bench.stay(60, 0.3)
        bench.stay(0, 0.1)
    assert bench.soiling.taken_off <= 1, bench.soiling.taken_off


def test_it_is_frozen_from_half_of_the_level():
    bench = Bench()
    bench.stay(75, 48)
    assert bench.soiling.taken_off == 0


def test_a_lost_reading_keeps_its_code_and_changes_nothing():
    bench = Bench()
    bench.stay(40, 40)
    before = bench.soiling.taken_off
    assert bench.read(-OPEN) is None and bench.soiling.code == OPEN
    assert bench.read(40) == 40 - before


def test_reading_takes_no_heap():
    assert read_with_heap_locked(Soiling(FakeDriver(7), 150)) == 7
