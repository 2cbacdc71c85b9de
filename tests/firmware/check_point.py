"""A point: from readings to condition bits, on both sides of each limit, across the tick wrap."""

from time import ticks_add

from lib.codes import OPEN, SOILED
from lib.level import Level
from lib.point import (
    ALARM,
    DRILLED,
    LIVE,
    PRE_ALARM,
    SUPERVISORY,
    TEST,
    TROUBLE,
    TROUBLE_HOLD_MS,
    Gateway,
    Point,
)
from lib.service import drill, leave, reset, start_anew

START = ticks_add(0, -1500)  # every test crosses the wrap
STEP_MS = 100


def gas(latches=True):
    alarm = Level(ALARM, 20000, True, 2000, 1000, 500, latches)
    pre_alarm = Level(PRE_ALARM, 10000, True, 1000, 0, 0, False)
    return Point(5, "gas", "%LEL", 1, [alarm, pre_alarm])


def battery():
    """Low below 11.5 V for 200 ms, well again from 12 V."""
    return Point(9, "battery", "V", 0, [Level(TROUBLE, 11500, False, 500, 200, 200, False)])


def hydrant():
    return Point(6, "hydrant", "kPa", 0, [Level(SUPERVISORY, 140000, False, 5000, 0, 0, False)])


def feed(point, readings, start_ms=0, code=OPEN):
    """Feed a reading every STEP_MS; return [(ms, conditions)] at each change."""
    seen = []
    for step, reading in enumerate(readings):
        at_ms = start_ms + step * STEP_MS
        if point.update(reading, code if reading is None else 0, ticks_add(START, at_ms)):
            seen.append((at_ms, point.conditions))
    return seen


def test_an_alarm_needs_its_whole_hold_time():
    assert feed(gas(), [20000] * 10) == [(0, PRE_ALARM)]
    assert feed(gas(), [20000] * 11) == [(0, PRE_ALARM), (1000, PRE_ALARM | ALARM)]


def test_one_thousandth_below_the_limit_is_no_alarm():
    assert feed(gas(), [19999] * 50) == [(0, PRE_ALARM)]
    assert feed(gas(), [9999] * 50) == []


def test_a_single_high_reading_is_no_alarm():
    assert feed(gas(), ([90000] + [5000]) * 50)[-1][1] & ALARM == 0


def test_below_means_below():
    assert feed(hydrant(), [140000] * 5) == []
    assert feed(hydrant(), [139999]) == [(0, SUPERVISORY)]


def test_a_level_clears_only_beyond_its_hysteresis():
    point = hydrant()
    feed(point, [130000])
    assert feed(point, [144999] * 5, 100) == []
    assert feed(point, [145000], 600) == [(600, 0)]


def test_a_latched_alarm_stays_when_the_cause_has_gone():
    point = gas()
    feed(point, [30000] * 11)
    assert feed(point, [0] * 100, 1100) == [(1100, ALARM)]
    assert point.conditions == ALARM


def test_a_reset_is_refused_while_the_cause_stands():
    point = gas()
    feed(point, [30000] * 11)
    assert reset(point) == 0 and point.conditions == ALARM | PRE_ALARM
    feed(point, [0] * 10, 1100)
    assert reset(point) == ALARM and point.conditions == 0


def test_after_a_reset_a_new_alarm_comes():
    point = gas()
    feed(point, [30000] * 11)
    feed(point, [0] * 10, 1100)
    reset(point)
    assert feed(point, [30000] * 11, 2100)[-1] == (3100, ALARM | PRE_ALARM)


def test_without_a_latch_the_alarm_goes_after_its_clear_hold():
    point = gas(latches=False)
    feed(point, [30000] * 11)
    assert feed(point, [0] * 10, 1100) == [(1100, ALARM), (1600, 0)]


def test_a_lost_reading_is_trouble_after_its_hold_and_keeps_its_code():
    point = gas()
    steps = TROUBLE_HOLD_MS // STEP_MS
    assert feed(point, [None] * steps) == []
    assert feed(point, [None], TROUBLE_HOLD_MS) == [(TROUBLE_HOLD_MS, TROUBLE)]
    assert point.value is None and point.code == OPEN


def test_an_alarm_stands_while_its_sensor_burns():
    point = gas(latches=False)
    feed(point, [30000] * 11)
    assert feed(point, [None] * 30, 1100)[-1][1] == ALARM | PRE_ALARM | TROUBLE


def test_a_trouble_beside_a_value_blinds_no_level():
    point = gas()
    for step in range(60):
        point.update(0 if step < 30 else 30000, SOILED, ticks_add(START, step * STEP_MS))
        if step == 29:
            assert (point.conditions, point.code, point.value) == (TROUBLE, SOILED, 0)
    assert point.conditions == TROUBLE | ALARM | PRE_ALARM
    feed(point, [0] * 30, 6000)
    assert point.conditions == ALARM, "cleaned: only the latched alarm is left"


def test_single_lost_readings_neither_make_nor_lose_an_alarm():
    readings = [30000, None] * 6
    assert feed(gas(), readings)[-1] == (1000, ALARM | PRE_ALARM)
    assert feed(gas(), [5000, None] * 50) == []


def test_after_trouble_the_hold_time_begins_anew():
    point = gas()
    feed(point, [30000] * 5 + [None] * 30)
    assert not point.conditions & ALARM
    seen = feed(point, [30000] * 40, 3500)
    alarms = [at_ms for at_ms, conditions in seen if conditions & ALARM]
    assert alarms[0] == 4500, seen


def test_after_trouble_it_is_the_limit_again_that_counts():
    """Back within the hysteresis, of a level that had not come: that is below its limit."""
    point = gas()
    feed(point, [30000] * 5 + [None] * 30)
    assert not point.conditions & ALARM
    assert not any(bits & ALARM for _, bits in feed(point, [19999] * 40, 3500))
    feed(point, [30000] * 11, 7500)
    feed(point, [None] * 30, 8600)
    feed(point, [19999] * 40, 11600)
    assert reset(point) == 0, "an alarm that stood still stands within its hysteresis"


def test_a_record_names_the_limit_that_was_crossed():
    point = gas()
    assert point.limit_of(PRE_ALARM) == 10000
    assert point.limit_of(ALARM | PRE_ALARM) == 20000
    assert point.limit_of(TROUBLE) is None


def test_a_record_names_the_level_that_came_of_two_with_one_bit():
    fixed = Level(ALARM, 30000, True, 2000, 0, 0, True)
    lower = Level(ALARM, 20000, True, 2000, 0, 0, True)
    point = Point(5, "temperature", "°C", 1, [fixed, lower])
    for reading, limit in ((25000, 20000), (35000, 30000)):
        assert point.update(reading, 0, START) == ALARM, "the second is news, too"
        assert point.limit_of(ALARM) == limit


def test_an_alarm_whose_cause_comes_again_comes_again():
    point = gas()
    feed(point, [30000] * 11)
    feed(point, [0] * 10, 1100)
    assert feed(point, [30000] * 20, 2100) == [
        (2100, ALARM | PRE_ALARM),
        (3100, ALARM | PRE_ALARM),
    ]


def test_in_a_walk_test_nothing_latches():
    point = gas()
    point.mode = TEST
    assert feed(point, [30000] * 11)[-1] == (1000, ALARM | PRE_ALARM)
    assert feed(point, [0] * 10, 1100)[-1] == (1600, 0)


def test_after_a_new_start_a_cause_that_stands_needs_its_hold_time_again():
    point = gas()
    feed(point, [30000] * 11)
    feed(point, [None] * 30, 1100)
    assert start_anew(point) == ALARM | PRE_ALARM | TROUBLE
    assert feed(point, [30000] * 11, 5000) == [(5000, PRE_ALARM), (6000, ALARM | PRE_ALARM)]


def test_a_bypassed_point_says_its_value_and_no_condition():
    point = gas()
    point.bypassed = True
    assert feed(point, [30000] * 30) == [] and point.value == 30000
    assert feed(point, [None] * 30, 3000) == [] and point.code == OPEN


def test_a_drill_is_an_alarm_without_a_limit_until_it_is_left():
    point = gas()
    assert drill(point) == ALARM and point.limit_of(ALARM) is None
    assert feed(point, [0] * 20) == [] and reset(point) == 0
    assert leave(point) == ALARM and point.conditions == 0


def test_a_real_cause_makes_a_drill_live():
    point = gas()
    drill(point)
    assert feed(point, [30000] * 11)[-1] == (1000, ALARM | PRE_ALARM)
    assert point.mode == LIVE


def test_a_drill_with_a_lost_sensor_stays_a_drill():
    point = gas()
    drill(point)
    feed(point, [None] * 30)
    assert point.mode == DRILLED and point.conditions == ALARM | TROUBLE
    assert leave(point) == ALARM and point.conditions == TROUBLE


def test_the_gateway_keeps_its_troubles_apart():
    gateway = Gateway()
    assert gateway.trouble(21, True) and not gateway.trouble(21, True)
    assert gateway.trouble(22, True)
    assert gateway.conditions == TROUBLE and gateway.code == 21
    assert gateway.trouble(21, False) and gateway.conditions == TROUBLE and gateway.code == 22
    assert gateway.trouble(22, False) and gateway.conditions == 0 and gateway.code == 0
    assert not gateway.trouble(22, False)


def test_a_low_battery_is_a_trouble_with_a_value():
    point = battery()
    assert feed(point, [11500] * 5) == []
    assert feed(point, [11499] * 3, 1000) == [(1200, TROUBLE)]
    assert (point.value, point.code, point.limit_of(TROUBLE)) == (11499, 0, 11500)
    assert feed(point, [11999] * 5, 2000) == []
    assert feed(point, [12000] * 5, 3000) == [(3200, 0)]


def test_a_low_battery_that_is_lost_and_comes_back_is_one_trouble():
    point = battery()
    lost = TROUBLE_HOLD_MS // STEP_MS + 5
    assert feed(point, [11000] * 3 + [None] * lost + [11000] * lost) == [(200, TROUBLE)]
    point = battery()
    seen = feed(point, [11000] * 3 + [None] * lost + [12500] * lost)
    assert [conditions for _, conditions in seen] == [TROUBLE, 0]


def test_a_lost_battery_that_was_well_is_a_trouble_without_a_limit():
    point = battery()
    lost = TROUBLE_HOLD_MS // STEP_MS + 5
    assert feed(point, [12500] * 3 + [None] * lost)[-1][1] == TROUBLE
    assert (point.value, point.limit_of(TROUBLE)) == (None, None)
