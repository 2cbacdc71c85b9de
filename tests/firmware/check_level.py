"""A level: set and clear, hold times both ways, and the latch."""

from time import ticks_add

from lib.level import Level

START = ticks_add(0, -500)  # half a second before the ticks begin anew
STEP_MS = 100


def level(limit, above, hysteresis, hold_ms=0, clear_hold_ms=0, latches=False):
    return Level(1, limit, above, hysteresis, hold_ms, clear_hold_ms, latches)


def play(one, readings, first=0):
    """Return whether it stands after each reading, one every STEP_MS."""
    return [
        one.update(reading, ticks_add(START, (first + at) * STEP_MS))
        for at, reading in enumerate(readings)
    ]


def test_above_sets_at_the_limit_and_clears_below_the_clear_level():
    states = play(level(15000, True, 2000), (14999, 15000, 14999, 13000, 12999, 14999, 15000))
    assert states == [False, True, True, True, False, False, True], states


def test_below_sets_under_the_limit_and_clears_at_the_clear_level():
    one = level(140_000, False, 10_000)
    states = play(one, (140_000, 139_999, 140_000, 149_999, 150_000, 140_000, 139_999))
    assert states == [False, True, True, True, False, False, True], states


def test_without_a_band_both_levels_are_one():
    assert play(level(10, True, 0), (9, 10, 9, 10)) == [False, True, False, True]
    assert play(level(10, False, 0), (10, 9, 10)) == [False, True, False]


def test_negative_limits():
    assert play(level(-10, True, 10), (-11, -10, -20, -21)) == [False, True, True, False]


def test_it_comes_after_the_hold_time_and_not_a_reading_before():
    assert play(level(10, True, 2, hold_ms=300), [10] * 5) == [False, False, False, True, True]


def test_it_goes_after_the_clear_hold_time_and_not_a_reading_before():
    one = level(10, True, 2, clear_hold_ms=300)
    assert play(one, [10, 0, 0, 0, 0]) == [True, True, True, True, False]


def test_a_glitch_starts_either_time_anew():
    one = level(10, True, 2, hold_ms=200, clear_hold_ms=200)
    assert play(one, [10, 10, 0, 10, 10, 10]) == [False, False, False, False, False, True]
    assert play(one, [0, 0, 10, 0, 0, 0], 6) == [True, True, True, True, True, False]


def test_it_waits_only_while_it_is_about_to_come():
    one = level(10, True, 2, hold_ms=200, clear_hold_ms=200)
    waits = []
    for at, reading in enumerate((0, 10, 10, 10, 0, 0)):
        play(one, [reading], at)
        waits.append(one.waits())
    assert waits == [False, True, True, False, False, False]


def test_it_says_when_its_cause_has_come_latched_or_not():
    for latches in (False, True):
        one = level(10, True, 2, latches=latches)
        came = []
        for at, reading in enumerate((0, 10, 10, 0, 10)):
            play(one, [reading], at)
            came.append(one.came)
        assert came == [False, True, False, False, True]


def test_a_latch_stays_until_a_reset_that_finds_no_cause():
    one = level(10, True, 2, latches=True)
    assert play(one, [0, 10, 0]) == [False, True, True]
    assert not one.reset()
    assert play(one, [10], 3) == [True], "it can set again"
    assert one.reset(), "refused: the cause stands"
    assert play(one, [0], 4) == [True]


def test_without_a_latch_a_reset_changes_nothing():
    one = level(10, True, 2)
    assert not one.reset()
    play(one, [10])
    assert one.reset() and one.stands


def test_a_restart_forgets_what_has_not_held_and_counts_from_the_limit_again():
    one = level(10, True, 5, hold_ms=200)
    play(one, [10, 10])
    one.restart()
    assert play(one, [6, 6, 6, 6], 2) == [False] * 4, "within the hysteresis is no cause"
    assert play(one, [10, 10, 10], 6) == [False, False, True]
    one.restart()
    assert one.stands, "a restart does not touch what stands"
    assert play(one, [6], 9) == [True]


def test_cleared_it_has_seen_nothing():
    one = level(10, True, 5, latches=True)
    play(one, [10])
    one.clear()
    assert not one.stands and not one.held
    assert play(one, [6, 10], 1) == [False, True]


def test_an_update_takes_no_heap():
    from micropython import heap_lock, heap_unlock

    one = level(15000, True, 2000, hold_ms=300, latches=True)
    now_ms = ticks_add(START, 700)
    one.update(20000, START)
    heap_lock()
    try:
        one.update(20000, now_ms)
        one.update(0, now_ms)
    finally:
        heap_unlock()
