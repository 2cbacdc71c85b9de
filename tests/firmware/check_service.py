"""What a person does to a point, one function at a time."""

from time import ticks_add

from lib import service
from lib.level import Level
from lib.point import ALARM, DRILLED, SUPERVISORY, TEST, TROUBLE, Point

START = ticks_add(0, -700)
HOLD_MS = 200


def _point(latches=True, bit=ALARM):
    return Point(1, "smoke", "mA", True, [Level(bit, 15000, True, 2000, HOLD_MS, 0, latches)])


def _feed(point, value, at_ms=0):
    """Read this for the whole hold time."""
    for after_ms in (0, HOLD_MS):
        point.update(value, 0 if value is not None else 2, ticks_add(START, at_ms + after_ms))


def test_a_reset_keeps_what_has_its_cause_and_lets_go_of_the_rest():
    point = _point()
    _feed(point, 20000)
    assert service.reset(point) == 0 and point.conditions == ALARM and service.is_held(point)
    _feed(point, 0, 1000)
    assert point.conditions == ALARM, "latched"
    assert service.reset(point) == ALARM and point.conditions == 0 and not service.is_held(point)


def test_a_reset_does_not_touch_what_is_not_latched():
    point = _point(False, SUPERVISORY)
    _feed(point, 20000)
    assert service.reset(point) == 0 and point.conditions == SUPERVISORY
    assert not service.is_held(point)


def test_a_reset_leaves_a_trouble_standing():
    point = _point()
    for at_ms in (0, 2000):
        point.update(None, 2, ticks_add(START, at_ms))
    assert point.conditions == TROUBLE
    assert service.reset(point) == 0 and point.conditions == TROUBLE


def test_a_drill_is_an_alarm_that_ends_with_it_and_that_no_reset_ends():
    point = _point()
    assert service.drill(point) == ALARM and point.mode == DRILLED
    assert service.reset(point) == 0 and service.is_held(point)
    assert service.leave(point) == ALARM and point.conditions == 0


def test_only_a_point_with_an_alarm_level_can_alarm():
    assert service.can_alarm(_point())
    assert not service.can_alarm(_point(bit=SUPERVISORY))


def test_what_starts_anew_needs_its_whole_hold_time_again():
    point = _point()
    _feed(point, 20000)
    assert service.start_anew(point) == ALARM
    point.update(20000, 0, ticks_add(START, 1000))
    assert point.conditions == 0
    point.update(20000, 0, ticks_add(START, 1000 + HOLD_MS))
    assert point.conditions == ALARM


def test_leaving_a_walk_test_forgets_what_was_tried():
    point = _point()
    point.mode = TEST
    _feed(point, 20000)
    assert point.conditions == ALARM
    assert service.leave(point) == ALARM and point.conditions == 0


class _Ruled:
    held = True


def test_a_release_is_about_what_the_point_drives():
    mine, other = _Ruled(), _Ruled()
    point = _point()
    point.drives = ((mine, ALARM, 1, None, 1, 0),)
    service.release([mine, other], point)
    assert not mine.held and other.held
    service.release([mine, other], None)
    assert not other.held
