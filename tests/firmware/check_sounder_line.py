"""The line to the sounder: judged while it is silent, and only then."""

from drivers.sounder_line import SounderLine
from lib.codes import NO_ANSWER, OPEN, SATURATED, SHORT, STARTING

from fakes import FakeInput, read_with_heap_locked

LOW_UV = 3_300_000 * 8000 // 18000
HIGH_UV = 3_300_000 * 12000 // 22000


class FakeSounder:
    is_on = False


def test_a_line_is_judged_on_both_sides_of_its_band():
    for uv, value, code in (
        (0, None, SHORT),
        (LOW_UV - 1, None, SHORT),
        (LOW_UV, 0, 0),
        (1_650_000, 0, 0),
        (HIGH_UV, 0, 0),
        (HIGH_UV + 1, None, OPEN),
        (3_300_000, None, OPEN),
    ):
        driver = SounderLine(FakeInput(uv))
        assert (driver.read(0), driver.code) == (value, code), uv


def test_while_it_sounds_the_last_reading_stays():
    input, sounder = FakeInput(1_650_000), FakeSounder()
    driver = SounderLine(input, sounder)
    sounder.is_on = True
    assert (driver.read(0), driver.code) == (None, STARTING)
    sounder.is_on = False
    assert (driver.read(0), driver.code) == (0, 0)
    sounder.is_on, input.uv = True, 0
    assert (driver.read(0), driver.code) == (0, 0)
    sounder.is_on = False
    assert (driver.read(0), driver.code) == (None, SHORT)
    sounder.is_on, input.uv = True, 1_650_000
    assert (driver.read(0), driver.code) == (None, SHORT)


def test_an_input_that_fails_says_why():
    input = FakeInput()
    driver = SounderLine(input)
    for code, told in ((SATURATED, OPEN), (NO_ANSWER, NO_ANSWER)):
        input.fail(code)
        assert driver.read(0) is None and driver.code == told


def test_reading_takes_no_heap():
    assert read_with_heap_locked(SounderLine(FakeInput(1_650_000), FakeSounder())) == 0
