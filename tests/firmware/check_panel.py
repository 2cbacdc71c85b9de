"""The panel: what sounds, what came first, and what a reset may clear."""

from lib.panel import Panel
from lib.point import ALARM, PRE_ALARM, TROUBLE, Gateway


class FakePoint:
    def __init__(self, sounds=1, conditions=0, clears=0):
        self.sounds = sounds
        self.conditions = conditions
        self._clears = clears

    def reset(self):
        cleared = self.conditions & self._clears
        self.conditions &= ~cleared
        return cleared


def test_it_sounds_for_an_alarm_of_a_point_that_sounds():
    for sounds, conditions, expected in (
        (1, ALARM, True), (1, ALARM | TROUBLE, True), (0, ALARM, False), (1, PRE_ALARM, False),
        (1, TROUBLE, False),
    ):  # fmt: skip
        panel = Panel([FakePoint(), FakePoint(sounds, conditions)], Gateway())
        assert panel.sounding == expected, (sounds, conditions)


def test_a_silent_kind_in_alarm_does_not_hide_one_that_sounds():
    for order in ((0, 1), (1, 0)):
        assert Panel([FakePoint(sounds, ALARM) for sounds in order], Gateway()).sounding


def test_the_first_alarm_is_kept_until_all_alarms_are_out():
    points = [FakePoint(), FakePoint()]
    panel = Panel(points, Gateway())
    for first, second, expected in ((0, ALARM, 1), (ALARM, ALARM, 1), (ALARM, 0, 1), (0, 0, None)):
        points[0].conditions, points[1].conditions = first, second
        panel.refresh()
        assert panel.first_alarm is (None if expected is None else points[expected])


def test_conditions_are_those_of_all_points_and_of_the_gateway():
    gateway = Gateway()
    panel = Panel([FakePoint(conditions=ALARM), FakePoint(conditions=PRE_ALARM)], gateway)
    assert panel.conditions == ALARM | PRE_ALARM
    gateway.trouble(21, True)
    panel.refresh()
    assert panel.conditions == ALARM | PRE_ALARM | TROUBLE


def test_a_reset_clears_what_has_no_cause_and_tells_what_it_cleared():
    free = FakePoint(conditions=ALARM, clears=ALARM)
    burning = FakePoint(conditions=ALARM)
    panel = Panel([free, burning], Gateway())
    assert panel.reset() == [(free, ALARM)]
    assert panel.sounding and panel.conditions == ALARM
