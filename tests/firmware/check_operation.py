"""What a person can do: each verb does what it says, and tells it in the right order."""

from acts import find
from lib.codes import NOT_TAKEN
from lib.lasting import slept
from lib.level import Level
from lib.point import ALARM, DRILLED, LIVE, SUPERVISORY, TEST, TROUBLE, Point
from lib.verbs import (
    ACKNOWLEDGE,
    BYPASS,
    DONE,
    DRILL,
    ENDED,
    REFUSED,
    RESET,
    SELF_TEST,
    SILENCE,
    WALK_TEST,
)

from fake_gateway import BURNING, HOLD_MS, ME, Bench, smoke

NOBODY = (0, 0, 0, 0)
TROUBLE_MS = 2100


def burning(*numbers):
    """A gateway where these points are in ALARM, and what it told until then is forgotten."""
    bench = Bench()
    bench.feed(**{f"p{number}": BURNING for number in numbers})
    bench.told.clear()
    return bench


# ---- acknowledge ----


def test_an_acknowledge_takes_what_stands_and_changes_nothing_else():
    bench = burning(1)
    assert bench.panel.unacknowledged == ALARM
    assert bench.act(ACKNOWLEDGE) == (DONE, 0)
    assert bench.panel.unacknowledged == 0 and bench.panel.conditions == ALARM
    assert bench.panel.sounding
    assert bench.told == [("act", ACKNOWLEDGE, DONE, 0, 0, ME)]


def test_what_comes_later_is_not_acknowledged():
    bench = burning(1)
    bench.act(ACKNOWLEDGE)
    bench.feed(p1=BURNING, p2=BURNING)
    assert bench.panel.unacknowledged == ALARM
    assert bench.point(1).acknowledged == ALARM and bench.point(2).acknowledged == 0


def test_one_point_can_be_acknowledged_alone():
    bench = burning(1, 2)
    assert bench.act(ACKNOWLEDGE, 1) == (DONE, 1)
    assert bench.panel.unacknowledged == ALARM
    bench.act(ACKNOWLEDGE, 2)
    assert bench.panel.unacknowledged == 0


def test_a_trouble_of_the_gateway_is_acknowledged_until_the_next():
    bench = Bench()
    gateway = bench.panel.gateway
    gateway.trouble(21, True)
    bench.act(ACKNOWLEDGE)
    assert bench.panel.unacknowledged == 0 and bench.panel.conditions == TROUBLE
    gateway.trouble(22, True)
    bench.panel.refresh()
    assert bench.panel.unacknowledged == TROUBLE


# ---- silence ----


def test_a_silence_stops_the_sounder_and_ends_by_itself():
    bench = burning(1)
    assert bench.act(SILENCE, minutes=10) == (DONE, 0)
    assert not bench.panel.sounding and bench.outputs.followed[-1] is False
    bench.wait_minutes(9)
    assert not bench.panel.sounding
    bench.wait_minutes(1)
    assert bench.panel.sounding and bench.outputs.followed[-1] is True
    assert bench.told == [
        ("act", SILENCE, DONE, 0, 10, ME),
        ("act", SILENCE, ENDED, 0, 0, NOBODY),
    ]


def test_a_new_alarm_ends_a_silence_at_once():
    bench = burning(1)
    bench.act(SILENCE, minutes=10)
    bench.told.clear()
    bench.feed(p1=BURNING, p2=BURNING)
    assert bench.panel.sounding
    assert bench.told == [
        ("came", 2, ALARM, LIVE),
        ("act", SILENCE, ENDED, 0, 0, NOBODY),
    ]


def test_an_alarm_that_comes_again_while_it_is_latched_ends_a_silence():
    bench = burning(1)
    bench.act(SILENCE, minutes=10)
    bench.act(ACKNOWLEDGE)
    bench.feed()  # the smoke goes, the alarm is latched
    assert bench.point(1).conditions == ALARM and not bench.panel.sounding
    bench.feed(p1=BURNING)
    assert bench.panel.sounding and bench.panel.unacknowledged == ALARM
    assert bench.recorder.acts()[-1] == (SILENCE, ENDED, 0)


def test_a_silence_ends_with_the_last_alarm():
    bench = burning(1)
    bench.act(SILENCE, minutes=10)
    bench.feed()
    bench.act(RESET)
    bench.feed()
    assert bench.recorder.acts() == [(SILENCE, DONE, 0), (RESET, DONE, 0), (SILENCE, ENDED, 0)]


def test_what_does_not_sound_cannot_be_silenced():
    bench = Bench(smoke(1, sounds=0))
    bench.feed(p1=BURNING)
    assert bench.act(SILENCE, minutes=10) == (REFUSED, 0)
    assert bench.act(SILENCE) == (REFUSED, 0)


def test_a_person_can_end_a_silence_whatever_point_is_named():
    bench = burning(1)
    bench.act(SILENCE, 1, minutes=10)
    assert bench.act(SILENCE, 2) == (ENDED, 0)
    assert bench.panel.sounding


# ---- reset ----


def test_a_reset_lets_go_of_what_is_over():
    bench = burning(1)
    bench.feed()
    bench.told.clear()
    assert bench.act(RESET) == (DONE, 0)
    assert bench.panel.conditions == 0 and not bench.panel.sounding
    assert bench.told == [("act", RESET, DONE, 0, 0, ME), ("went", 1, ALARM, LIVE)]


def test_a_reset_is_refused_while_a_cause_stands_and_names_the_first_alarm():
    bench = burning(2)
    bench.feed(p1=BURNING, p2=BURNING)
    assert bench.act(RESET) == (REFUSED, 2)
    assert bench.act(RESET, 1) == (REFUSED, 1)
    assert bench.panel.sounding


def test_a_refused_reset_lets_go_of_the_others():
    bench = burning(1, 2)
    bench.feed(p2=BURNING)
    assert bench.act(RESET) == (REFUSED, 2)
    assert bench.point(1).conditions == 0 and bench.point(2).conditions == ALARM


def test_an_alarm_that_does_not_latch_refuses_a_reset_too():
    level = Level(ALARM, 15000, True, 2000, HOLD_MS, HOLD_MS, False)
    bench = Bench(Point(1, "temperature", "°C", 1, [level]))
    bench.feed(p1=BURNING)
    assert bench.act(RESET) == (REFUSED, 1)


def test_a_supervisory_condition_that_stands_refuses_a_reset_only_where_it_latches():
    for latches, expected in ((True, (REFUSED, 1)), (False, (DONE, 0))):
        level = Level(SUPERVISORY, 15000, True, 2000, 0, 0, latches)
        bench = Bench(Point(1, "valve", "", 0, [level]))
        bench.feed(p1=BURNING)
        assert bench.act(RESET) == expected and bench.point(1).conditions == SUPERVISORY


def test_a_point_in_a_walk_test_refuses_no_reset():
    bench = Bench()
    bench.act(WALK_TEST, 1, 30)
    bench.feed(p1=BURNING)
    assert bench.act(RESET) == (DONE, 0)


# ---- bypass ----


def test_a_bypassed_point_has_no_condition_but_its_readings_go_on():
    bench = burning(1)
    assert bench.act(BYPASS, 1, 240) == (DONE, 1)
    assert bench.told == [("act", BYPASS, DONE, 1, 240, ME), ("went", 1, ALARM, LIVE)]
    bench.feed(5000, p1=BURNING)
    assert bench.point(1).conditions == 0 and bench.point(1).value == BURNING
    assert not bench.panel.sounding and bench.panel.disabled == 1
    bench.feed(5000, p1=None)
    assert bench.point(1).conditions == 0


def test_a_bypass_ends_by_itself_and_a_cause_that_stands_alarms_after_its_hold_time():
    bench = burning(1)
    bench.act(BYPASS, 1, 4320)
    for _ in range(432):
        assert bench.point(1).bypassed
        bench.wait_minutes(10)
    assert not bench.point(1).bypassed and bench.panel.disabled == 0
    bench.told.clear()
    bench.feed(HOLD_MS - 100, p1=BURNING)
    assert bench.told == []
    bench.feed(p1=BURNING)
    assert bench.told == [("came", 1, ALARM, LIVE)] and bench.panel.sounding


def test_a_new_bypass_takes_the_place_of_the_old():
    bench = Bench()
    bench.act(BYPASS, 1, 1)
    bench.act(BYPASS, 1, 3)
    bench.wait_minutes(2)
    assert bench.point(1).bypassed and len(bench.panel.running) == 1
    bench.wait_minutes(1)
    assert bench.recorder.acts() == [(BYPASS, DONE, 1), (BYPASS, DONE, 1), (BYPASS, ENDED, 1)]


def test_a_person_can_end_a_bypass_of_one_point_or_of_all():
    bench = Bench()
    bench.act(BYPASS, 1, 1)
    bench.act(BYPASS, 2, 1)
    assert bench.act(BYPASS, 1) == (ENDED, 1)
    assert bench.point(2).bypassed and not bench.point(1).bypassed
    assert bench.act(BYPASS, 1) == (REFUSED, 1)
    assert bench.act(BYPASS) == (ENDED, 0)
    assert bench.panel.disabled == 0 and bench.panel.running == []


def test_the_whole_gateway_and_a_point_in_test_or_drill_are_not_bypassed():
    bench = Bench()
    assert bench.act(BYPASS, 0, 5) == (REFUSED, 0)
    bench.act(WALK_TEST, 1, 30)
    bench.act(DRILL, 2, 10)
    assert bench.act(BYPASS, 1, 5) == (REFUSED, 1)
    assert bench.act(BYPASS, 2, 5) == (REFUSED, 2)


# ---- walk test ----


def test_a_walk_test_chirps_once_for_each_activation_and_never_sounds():
    bench = Bench()
    assert bench.act(WALK_TEST, 1, 30) == (DONE, 1)
    bench.told.clear()
    for expected in (1, 2):
        bench.feed(p1=BURNING)
        assert bench.panel.chirps == expected and not bench.panel.sounding
        bench.feed()  # nothing latches
        assert bench.point(1).conditions == 0
    assert {told[3] for told in bench.told} == {TEST}
    assert True not in bench.outputs.followed and bench.panel.conditions == 0


def test_a_real_alarm_elsewhere_stays_real_and_sounds():
    bench = Bench()
    bench.act(WALK_TEST, 1, 30)
    bench.feed(p1=BURNING, p2=BURNING)
    assert bench.panel.sounding and bench.panel.first_alarm.number == 2
    assert ("came", 2, ALARM, LIVE) in bench.told and ("came", 1, ALARM, TEST) in bench.told


def test_a_walk_test_is_refused_for_a_point_in_alarm():
    bench = burning(2)
    assert bench.act(WALK_TEST, 0, 30) == (REFUSED, 2)
    assert bench.act(WALK_TEST, 2, 30) == (REFUSED, 2)
    assert bench.act(WALK_TEST, 1, 30) == (DONE, 1)


def test_a_walk_test_ends_by_itself_and_a_cause_that_stands_alarms():
    bench = Bench()
    bench.act(WALK_TEST, 0, 30)
    bench.feed(p1=BURNING)
    bench.told.clear()
    bench.wait_minutes(30)
    assert bench.told == [("act", WALK_TEST, ENDED, 0, 0, NOBODY), ("went", 1, ALARM, TEST)]
    assert bench.panel.testing == 0
    bench.feed(p1=BURNING)
    assert bench.told[2:] == [("came", 1, ALARM, LIVE)] and bench.panel.sounding


def test_a_point_that_was_bypassed_is_not_tested():
    bench = Bench()
    bench.act(BYPASS, 1, 5)
    bench.act(WALK_TEST, 0, 30)
    assert bench.act(WALK_TEST, 1, 30) == (REFUSED, 1)
    bench.act(BYPASS, 1)
    bench.feed(p1=BURNING)
    assert bench.panel.sounding


def test_what_is_said_last_for_a_point_holds():
    bench = Bench()
    bench.act(WALK_TEST, 0, 30)
    bench.act(WALK_TEST, 1, 60)
    bench.wait_minutes(30)
    assert (bench.point(1).mode, bench.point(2).mode) == (TEST, LIVE)
    bench.act(WALK_TEST, 0, 10)
    bench.wait_minutes(10)
    assert bench.panel.testing == 0 and bench.panel.running == []


def test_one_point_can_leave_a_walk_test_of_all():
    bench = Bench()
    bench.act(WALK_TEST, 0, 30)
    assert bench.act(WALK_TEST, 1) == (ENDED, 1)
    assert (bench.point(1).mode, bench.point(2).mode) == (LIVE, TEST)
    assert bench.act(WALK_TEST) == (ENDED, 0)
    assert bench.panel.testing == 0 and bench.act(WALK_TEST) == (REFUSED, 0)


# ---- drill ----


def test_a_drill_is_the_whole_chain_marked_drill():
    bench = Bench()
    assert bench.act(DRILL, 0, 10) == (DONE, 0)
    assert bench.panel.sounding and bench.outputs.followed[-1]
    assert bench.told == [
        ("act", DRILL, DONE, 0, 10, ME),
        ("came", 1, ALARM, DRILLED),
        ("came", 2, ALARM, DRILLED),
    ]
    bench.told.clear()
    bench.feed()
    assert bench.told == [] and bench.panel.conditions == ALARM
    bench.wait_minutes(10)
    assert bench.told == [
        ("act", DRILL, ENDED, 0, 0, NOBODY),
        ("went", 1, ALARM, DRILLED),
        ("went", 2, ALARM, DRILLED),
    ]
    assert not bench.panel.sounding and bench.point(1).mode == LIVE


def test_a_real_alarm_in_a_drill_is_live_at_once_and_outlives_it():
    bench = Bench()
    bench.act(DRILL, 0, 10)
    bench.act(SILENCE, minutes=10)
    bench.told.clear()
    bench.feed(p2=BURNING)
    assert ("came", 2, ALARM, LIVE) in bench.told
    assert bench.panel.sounding and bench.panel.first_alarm.number == 2
    bench.act(DRILL)
    assert bench.point(2).conditions == ALARM and bench.point(1).conditions == 0
    assert bench.panel.first_alarm.number == 2


def test_a_reset_does_not_end_a_drill_but_names_it():
    bench = Bench()
    bench.act(DRILL, 1, 10)
    assert bench.act(RESET) == (REFUSED, 1)
    assert bench.panel.sounding
    bench.told.clear()
    bench.feed()
    assert bench.told == []


def test_a_drill_leaves_what_stands_or_cannot_alarm():
    valve = Point(3, "valve", "", 0, [Level(SUPERVISORY, 15000, True, 2000, 0, 0, True)])
    bench = Bench(smoke(1), smoke(2), valve)
    bench.feed(p1=BURNING)
    bench.act(DRILL, 0, 10)
    assert [point.mode for point in bench.points] == [LIVE, DRILLED, LIVE]
    for number in (1, 3):
        assert bench.act(DRILL, number, 10) == (REFUSED, number)


def test_the_end_of_a_drill_keeps_what_was_latched_before_it():
    levels = [
        Level(ALARM, 15000, True, 2000, HOLD_MS, HOLD_MS, True),
        Level(SUPERVISORY, 5000, True, 1000, 0, 0, True),
    ]
    bench = Bench(Point(1, "sprinkler", "kPa", 1, levels))
    bench.feed(p1=6000)
    bench.act(DRILL, 1, 10)
    bench.feed()
    bench.act(DRILL, 1)
    assert bench.point(1).conditions == SUPERVISORY


# ---- what a reset may open again ----


class Valve:
    held = True


def test_only_a_local_reset_lets_go_of_what_stays():
    for how, held in ((1, False), (2, True), (3, False), (0, True)):
        bench = Bench()
        valve = Valve()
        bench.outputs.ruled.append(valve)
        bench.operation.act(RESET, None, None, (how, 0, 0, 0))
        assert valve.held is held, how


def test_a_reset_of_one_point_lets_go_of_what_that_point_drives():
    bench = burning(1)
    one, two = Valve(), Valve()
    bench.outputs.ruled += [one, two]
    bench.point(2).drives = ((two, ALARM, 5, (1, 0), 1, 0),)
    bench.act(RESET, 2)
    assert (one.held, two.held) == (True, False)


# ---- self-test and the rest ----


def test_a_self_test_is_left_to_the_outputs():
    bench = Bench()
    assert bench.act(SELF_TEST, 1) == (DONE, 0)
    assert bench.outputs.self_tests == 1
    assert bench.told == [("act", SELF_TEST, DONE, 0, 0, ME)]


def test_a_self_test_that_the_outputs_refuse_is_refused():
    bench = Bench()
    bench.outputs.self_test = lambda now_ms: False
    assert bench.act(SELF_TEST) == (REFUSED, 0)


def test_an_alarm_that_nobody_takes_in_a_minute_is_a_trouble_until_somebody_does():
    bench = Bench()
    bench.feed(HOLD_MS, p1=BURNING)
    bench.feed(59_000, p1=BURNING)
    assert bench.panel.calls and not bench.recorder.troubles
    bench.feed(1500, p1=BURNING)
    assert bench.recorder.troubles == {NOT_TAKEN}
    bench.act(ACKNOWLEDGE)
    bench.feed(0, p1=BURNING)
    assert not bench.recorder.troubles
    bench.feed(120_000, p1=BURNING)
    assert not bench.recorder.troubles, "it was taken"
    bench.feed(62_000, p1=BURNING, p2=BURNING)
    assert bench.recorder.troubles == {NOT_TAKEN}, "another one was not"


def test_nobody_need_take_a_drill_or_a_walk_test():
    bench = Bench()
    bench.act(DRILL, 1, 10)
    bench.act(WALK_TEST, 2, 30)
    bench.feed(120_000, p2=BURNING)
    assert bench.panel.calls and not bench.recorder.troubles


def test_a_clock_that_was_behind_shortens_what_came_back_and_nothing_else():
    bench = Bench()
    bench.act(BYPASS, 1, 60)
    bench.act(BYPASS, 2, 60)
    bench.operation.restored = (bench.points[0],)
    slept(bench.operation, 45 * 60)
    bench.wait_minutes(16)
    assert [point.bypassed for point in bench.points] == [False, True]
    slept(bench.operation, -3600)
    slept(bench.operation, 10**9)
    bench.wait_minutes(43)
    assert bench.points[1].bypassed


def test_points_are_found_by_their_number():
    bench = Bench()
    assert find(bench.points, 0) == (True, None)
    assert find(bench.points, 2) == (True, bench.points[1])
    assert find(bench.points, 3) == (False, None)


def test_a_lost_sensor_in_a_walk_test_is_trouble_of_the_test():
    bench = Bench()
    bench.act(WALK_TEST, 1, 30)
    bench.feed(TROUBLE_MS, p1=None)
    assert bench.told[-1] == ("came", 1, TROUBLE, TEST) and bench.panel.conditions == 0
    bench.act(WALK_TEST, 1)
    bench.feed(TROUBLE_MS, p1=None)
    assert bench.told[-1] == ("came", 1, TROUBLE, LIVE) and bench.panel.conditions == TROUBLE
