"""Hold time both ways."""

from time import ticks_add

from lib.hold import Hold

WRAP = ticks_add(0, -500)  # half a second before the ticks begin anew


def _play(hold, steps, start=WRAP):
    return [hold.update(raw, ticks_add(start, at_ms)) for at_ms, raw in steps]


def test_it_comes_after_the_hold_time_and_not_a_millisecond_before():
    states = _play(Hold(1000, 3000), ((0, True), (999, True), (1000, True)))
    assert states == [False, False, True], states


def test_it_goes_after_the_clear_hold_time_and_not_a_millisecond_before():
    hold = Hold(0, 3000)
    states = _play(hold, ((0, True), (100, False), (3099, False), (3100, False)))
    assert states == [True, True, True, False], states


def test_a_glitch_starts_the_time_anew():
    states = _play(
        Hold(1000, 0), ((0, True), (900, False), (950, True), (1949, True), (1950, True))
    )
    assert states == [False, False, False, False, True], states


def test_a_glitch_starts_the_clear_time_anew():
    steps = ((0, True), (10, False), (900, True), (950, False), (1949, False), (1950, False))
    assert _play(Hold(0, 1000), steps) == [True, True, True, True, True, False]


def test_without_a_hold_time_it_follows_at_once():
    assert _play(Hold(0, 0), ((0, True), (0, False), (1, True))) == [True, False, True]


def test_a_restart_forgets_what_has_not_held_long_enough():
    hold = Hold(1000, 1000)
    _play(hold, ((0, True), (999, True)))
    hold.restart()
    assert _play(hold, ((1000, True), (1999, True), (2000, True))) == [False, False, True]
    hold.restart()
    assert hold.state, "a restart does not touch the state"


def test_it_waits_only_while_it_is_about_to_come():
    hold = Hold(300, 500)
    waits = []
    for raw, at_ms in ((False, 0), (True, 100), (True, 399), (True, 400), (False, 500)):
        hold.update(raw, at_ms)
        waits.append(hold.waits)
    assert waits == [False, True, True, False, False]
