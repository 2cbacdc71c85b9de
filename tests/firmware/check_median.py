"""The median of three: spikes vanish, changes pass one reading later."""

from lib.codes import OPEN
from lib.median import Median

from fakes import FakeDriver, read_with_heap_locked


def _through(readings):
    driver = FakeDriver()
    median = Median(driver)
    seen = []
    for reading in readings:
        driver.reading = reading
        seen.append(median.read(0))
    return seen


def test_a_single_spike_up_or_down_is_gone():
    for spike in (0, 99, 20_000):
        for at in range(2, 8):
            readings = [100] * 10
            readings[at] = spike
            assert _through(readings) == [100] * 10, (spike, at)


def test_a_lasting_change_comes_one_reading_later():
    assert _through([1, 1, 1, 9, 9, 9]) == [1, 1, 1, 1, 9, 9]
    assert _through([9, 9, 9, 1, 1, 1]) == [9, 9, 9, 9, 1, 1]


def test_it_is_the_middle_one_in_every_order():
    for a in (1, 2, 3):
        for b in (1, 2, 3):
            for c in (1, 2, 3):
                assert _through([a, b, c])[2] == sorted([a, b, c])[1], (a, b, c)


def test_the_first_two_readings_pass_as_they_are():
    assert _through([5, 7]) == [5, 7]


def test_a_lost_reading_passes_at_once_and_is_not_kept():
    driver = FakeDriver(-OPEN)
    median = Median(driver)
    assert (median.read(0), median.code) == (None, OPEN)
    assert _through([1, 1, -OPEN, 9, 9]) == [1, 1, None, 1, 9]


def test_after_three_lost_readings_nothing_is_left_of_what_was_before():
    lost = -OPEN
    assert _through([1, 1, 1, lost, lost, 9]) == [1, 1, 1, None, None, 1]
    assert _through([1, 1, 1, lost, lost, lost, 9]) == [1, 1, 1, None, None, None, 9]
    assert _through([1, 1, lost, 1, lost, lost, 9]) == [1, 1, None, 1, None, None, 1]


def test_reading_takes_no_heap():
    assert read_with_heap_locked(Median(FakeDriver(7))) == 7
