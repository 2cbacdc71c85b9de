"""Lamps and sounders."""

from time import ticks_add

from drivers.indicator import BLIP, FAST, OFF, SLOW, STEADY, Indicator, Output
from micropython import heap_lock, heap_unlock

from fakes import FakePin

START = ticks_add(0, -300)


def _levels(indicator, pin, times):
    levels = []
    for at_ms in times:
        indicator.step(ticks_add(START, at_ms))
        levels.append(pin.level)
    return levels


def test_an_output_switches_to_its_active_level_and_back():
    for active in (0, 1):
        pin = FakePin()
        output = Output(pin, active)
        assert (pin.writes, output.is_on) == (0, None), "nothing moves before the first call"
        output.set(True)
        assert (pin.level, output.is_on) == (active, True)
        output.set(False)
        assert (pin.level, output.is_on) == (1 - active, False)


def test_the_first_call_writes_also_when_it_says_off():
    pin = FakePin()
    Output(pin).set(False)
    assert (pin.level, pin.writes) == (0, 1)


def test_the_pin_is_written_only_on_a_change():
    pin = FakePin()
    output = Output(pin)
    for on in (True, True, False, False, True):
        output.set(on)
    assert pin.writes == 3, pin.writes


def test_a_pattern_begins_at_once_and_follows_its_times_across_the_wrap():
    pin = FakePin()
    indicator = Indicator(pin)
    indicator.show(FAST, START)
    assert indicator.is_on and pin.level == 1
    levels = _levels(indicator, pin, (249, 250, 499, 500, 749, 750, 1000))
    assert levels == [1, 0, 0, 1, 1, 0, 1], levels


def test_steady_stays_on_and_off_stays_off():
    pin = FakePin()
    indicator = Indicator(pin)
    indicator.show(STEADY, START)
    assert _levels(indicator, pin, (0, 1, 999, 86_400_000)) == [1, 1, 1, 1]
    assert pin.writes == 1
    indicator.show(OFF, START)
    assert _levels(indicator, pin, (0, 1, 999, 86_400_000)) == [0, 0, 0, 0]


def test_showing_the_same_pattern_again_does_not_start_it_anew():
    pin = FakePin()
    indicator = Indicator(pin)
    indicator.show(SLOW, START)
    indicator.show(SLOW, ticks_add(START, 400))
    assert _levels(indicator, pin, (499, 500, 1999, 2000)) == [1, 0, 0, 1]


def test_another_pattern_begins_at_its_own_start():
    pin = FakePin()
    indicator = Indicator(pin)
    indicator.show(SLOW, START)
    indicator.show(BLIP, ticks_add(START, 700))
    assert _levels(indicator, pin, (749, 750, 3699, 3700)) == [1, 0, 0, 1]


def test_an_indicator_nobody_has_used_is_switched_off_by_its_first_step():
    pin = FakePin()
    indicator = Indicator(pin, active=0)
    indicator.step(START)
    assert (pin.level, indicator.is_on) == (1, False)


def test_stepping_takes_no_heap():
    indicator = Indicator(FakePin())
    indicator.show(FAST, START)
    heap_lock()
    try:
        indicator.step(START)
        indicator.show(SLOW, START)
    finally:
        heap_unlock()


def test_a_step_tells_when_the_pattern_goes_on():
    indicator = Indicator(FakePin())
    assert indicator.show(FAST, START) == 250
    assert [indicator.step(ticks_add(START, at_ms)) for at_ms in (100, 249, 250, 400)] == [
        150, 1, 250, 100,
    ]  # fmt: skip
    assert 0 < indicator.show(STEADY, START) <= 1000
    assert 0 < indicator.show(OFF, START) <= 1000
