"""The voltage of a battery behind a divider, and what tells that there is none."""

from drivers.divider import Divider
from lib.codes import ABOVE_RANGE, NO_ANSWER, OPEN, SATURATED

from fakes import FakeInput, read_with_heap_locked


def read(mv, floor_uv=0, **params):
    """Return (value, code) for so many mV of the battery."""
    input = FakeInput(mv * 130, floor_uv)
    driver = Divider(input, **params)
    return driver.read(0), driver.code


def test_millivolts_of_the_battery_on_both_sides_of_every_edge():
    assert read(12_600) == (12_600, 0)
    assert read(2000) == (2000, 0)
    assert read(1999) == (None, OPEN)
    assert read(0) == (None, OPEN)
    assert read(15_500) == (15_500, 0)
    assert read(15_501) == (None, ABOVE_RANGE)


def test_what_a_pin_cannot_tell_from_nothing_is_open():
    assert read(2100, floor_uv=2100 * 130) == (None, OPEN)
    assert read(2101, floor_uv=2100 * 130) == (2101, 0)


def test_an_input_that_fails_says_why():
    input = FakeInput()
    driver = Divider(input)
    for code, told in ((SATURATED, ABOVE_RANGE), (NO_ANSWER, NO_ANSWER)):
        input.fail(code)
        assert driver.read(0) is None and driver.code == told


def test_reading_takes_no_heap():
    assert read_with_heap_locked(Divider(FakeInput(12_000 * 130))) == 12_000
