"""The rise within a window: on both sides of its limit, across the tick wrap."""

from time import ticks_add

from lib.codes import OPEN
from lib.level import Level
from lib.point import ALARM, TROUBLE, Point
from lib.rise import Rise
from lib.service import reset
from micropython import heap_lock, heap_unlock

START = ticks_add(0, -30_000)  # the tests cross the wrap
STEP_MS = 1000


def rise(hold_ms=0, latches=False):
    return Rise(60_000, ALARM, 10_000, True, 2000, hold_ms, 0, latches)


def feed(level, readings, start_ms=0):
    """Feed a reading every second; return the places of those with which it stood."""
    return [
        step
        for step, reading in enumerate(readings)
        if level.update(reading, ticks_add(START, start_ms + step * STEP_MS))
    ]


def test_a_slow_climb_is_no_alarm_however_high_it_ends():
    per_minute = 9000
    assert feed(rise(), [20_000 + s * per_minute // 60 for s in range(600)]) == []


def test_a_fast_climb_is_one_as_soon_as_it_has_climbed_that_far():
    stood = feed(rise(), [20_000 + s * 500 for s in range(60)])
    assert stood[0] == 20  # 10 °C at 0.5 °C a second


def test_one_thousandth_less_is_none():
    assert feed(rise(), [20_000] * 30 + [29_999] * 100) == []
    assert feed(rise(), [20_000] * 30 + [30_000] * 100)[0] == 30


def test_the_base_is_the_lowest_of_the_window():
    assert feed(rise(), [50_000] * 30 + [20_000] * 2 + [29_000] * 5 + [30_000]) == [30 + 7]


def test_a_value_that_stays_up_is_the_new_base_after_the_window():
    stood = feed(rise(), [20_000] * 60 + [35_000] * 120)
    assert stood[0] == 60
    assert 60 + 54 <= stood[-1] <= 60 + 60


def test_it_needs_its_hold_time():
    assert feed(rise(hold_ms=3000), [20_000] * 30 + [35_000] * 3 + [20_000] * 9) == []
    assert feed(rise(hold_ms=3000), [20_000] * 30 + [35_000] * 5)[0] == 33


def test_a_sensor_that_comes_back_begins_with_what_it_sees_then():
    level = rise()
    feed(level, [20_000] * 30)
    level.restart()
    assert feed(level, [60_000] * 30, 30_000) == []


def test_a_point_tells_the_value_at_which_the_rise_was_too_far():
    fixed = Level(ALARM, 85_000, True, 3000, 0, 0, True)
    point = Point(7, "temperature", "°C", 1, [fixed, rise(latches=True)])
    for step, value in enumerate((20_000, 25_000, 31_000)):
        changed = point.update(value, 0, ticks_add(START, step * STEP_MS))
    assert changed == ALARM
    assert point.limit_of(changed) == 30_000
    point.update(20_000, 0, ticks_add(START, 4000))
    assert point.conditions == ALARM
    assert reset(point) == ALARM


def test_trouble_makes_a_point_forget_the_base():
    point = Point(7, "temperature", "°C", 1, [rise()])
    for step in range(10):
        point.update(20_000, 0, ticks_add(START, step * STEP_MS))
    for step in range(10, 14):
        point.update(None, OPEN, ticks_add(START, step * STEP_MS))
    assert point.conditions == TROUBLE
    point.update(60_000, 0, ticks_add(START, 14_000))
    assert not point.conditions & ALARM


def test_it_takes_no_heap():
    level = rise()
    level.update(20_000, START)
    later = ticks_add(START, 6000)
    heap_lock()
    try:
        level.update(20_500, START)
        stands = level.update(31_000, later)
    finally:
        heap_unlock()
    assert stands
