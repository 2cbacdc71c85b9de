"""Set and clear level."""

from lib.hysteresis import Hysteresis


def _states(hysteresis, values):
    return [hysteresis.update(value) for value in values]


def test_above_sets_at_the_limit_and_clears_below_the_clear_level():
    states = _states(Hysteresis(15000, 13000), (14999, 15000, 14999, 13000, 12999, 14999, 15000))
    assert states == [False, True, True, True, False, False, True], states


def test_below_sets_under_the_limit_and_clears_at_the_clear_level():
    hysteresis = Hysteresis(140_000, 150_000, above=False)
    states = _states(hysteresis, (140_000, 139_999, 140_000, 149_999, 150_000, 140_000, 139_999))
    assert states == [False, True, True, True, False, False, True], states


def test_without_a_band_both_levels_are_one():
    assert _states(Hysteresis(10, 10), (9, 10, 9, 10)) == [False, True, False, True]
    assert _states(Hysteresis(10, 10, above=False), (10, 9, 10)) == [False, True, False]


def test_negative_limits():
    assert _states(Hysteresis(-10, -20), (-11, -10, -20, -21)) == [False, True, True, False]
