"""The panel: what sounds, what came first, what nobody has taken, what runs for a time."""

from time import ticks_add

from lib.panel import Panel, left_s
from lib.point import ALARM, DRILLED, LIVE, PRE_ALARM, TEST, TROUBLE, Gateway
from lib.verbs import BYPASS, SILENCE

START = ticks_add(0, -30_000)  # a minute from there is beyond the wrap


class FakePoint:
    def __init__(self, sounds=1, conditions=0, mode=LIVE):
        self.sounds = sounds
        self.conditions = conditions
        self.mode = mode
        self.acknowledged = 0
        self.bypassed = False


def run(panel, verb, point=None):
    """Let a verb run for a minute from the start."""
    panel.running.append((verb, point, ticks_add(START, 60_000)))


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


def test_a_walk_test_stays_out_of_the_panel_and_is_counted():
    panel = Panel([FakePoint(conditions=ALARM, mode=TEST)], Gateway())
    assert not panel.sounding and panel.conditions == panel.unacknowledged == 0
    assert panel.testing == 1 and panel.first_alarm is None


def test_a_real_alarm_is_the_first_before_an_exercise():
    points = [FakePoint(conditions=ALARM, mode=DRILLED), FakePoint()]
    panel = Panel(points, Gateway())
    assert panel.sounding and panel.first_alarm is points[0]
    points[1].conditions = ALARM
    panel.refresh()
    assert panel.first_alarm is points[1]


def test_what_somebody_has_taken_is_taken_until_it_changes():
    point = FakePoint(conditions=ALARM | PRE_ALARM)
    panel = Panel([point], Gateway())
    assert panel.unacknowledged == ALARM | PRE_ALARM
    point.acknowledged = ALARM | PRE_ALARM
    panel.take(point, PRE_ALARM)
    assert panel.unacknowledged == PRE_ALARM


def test_only_an_activation_in_a_walk_test_chirps():
    point = FakePoint(conditions=ALARM, mode=TEST)
    panel = Panel([point], Gateway())
    panel.take(point, ALARM)
    assert panel.chirps == 1
    point.conditions = 0
    panel.take(point, ALARM)
    assert panel.chirps == 1


def test_a_new_alarm_ends_a_silence_and_nothing_else_does():
    point = FakePoint(conditions=ALARM)
    panel = Panel([point], Gateway())
    run(panel, SILENCE)
    point.conditions = ALARM | PRE_ALARM
    assert not panel.take(point, PRE_ALARM) and not panel.sounding
    assert panel.take(point, ALARM) and panel.sounding
    assert not panel.take(point, ALARM), "it has ended already"


def test_what_runs_is_over_on_the_minute_across_the_wrap():
    point = FakePoint()
    panel = Panel([point], Gateway())
    run(panel, BYPASS, point)
    act = panel.find(BYPASS, point)
    for after_ms, expected in (
        (0, 60),
        (1, 60),
        (1000, 59),
        (59_999, 1),
        (60_000, 0),
        (99_999, 0),
    ):
        now_ms = ticks_add(START, after_ms)
        assert left_s(act, now_ms) == expected, after_ms
        assert panel.over(now_ms) is (act if expected == 0 else None), after_ms


def test_a_silence_with_nothing_to_silence_is_over():
    panel = Panel([FakePoint()], Gateway())
    run(panel, SILENCE)
    assert panel.over(START) is panel.find(SILENCE)
