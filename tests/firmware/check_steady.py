"""The median of three, and a stuck input: still for too long, whatever is made of it."""

from time import ticks_add

from drivers.current_loop import CurrentLoop
from lib.codes import NO_ANSWER, OPEN, SATURATED, STUCK
from lib.steady import Steady

from fakes import FakeDriver, FakeInput, read_with_heap_locked

START = ticks_add(0, -5000)
AFTER_S = 3600


def _median(driver):
    return Steady(driver, None, True, 0, 0)


def _through(readings):
    driver = FakeDriver()
    median = _median(driver)
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
    median = _median(driver)
    assert (median.read(0), median.code) == (None, OPEN)
    assert _through([1, 1, -OPEN, 9, 9]) == [1, 1, None, 1, 9]


def test_after_three_lost_readings_nothing_is_left_of_what_was_before():
    lost = -OPEN
    assert _through([1, 1, 1, lost, lost, 9]) == [1, 1, 1, None, None, 1]
    assert _through([1, 1, 1, lost, lost, lost, 9]) == [1, 1, 1, None, None, None, 9]
    assert _through([1, 1, lost, 1, lost, lost, 9]) == [1, 1, None, 1, None, None, 1]


def test_the_median_takes_no_heap():
    assert read_with_heap_locked(_median(FakeDriver(7))) == 7


class Bench:
    """A gas transmitter that is read once a second; 4 mA and less is 0 %LEL."""

    def __init__(self, uv, least_uv=1, floor_uv=0):
        self.input = FakeInput(uv, floor_uv)
        loop = CurrentLoop(self.input)
        self.driver = Steady(loop, self.input, False, least_uv, AFTER_S * 1000)
        self.second = 0

    def read(self, uv=None):
        if uv is not None:
            self.input.uv = uv
        reading = self.driver.read(ticks_add(START, self.second * 1000))
        self.second += 1
        return reading, self.driver.code

    def rest(self, seconds):
        for _ in range(seconds):
            last = self.read()
        return last


def test_an_input_that_does_not_move_is_stuck_after_its_time_and_not_before():
    bench = Bench(800_000)
    assert bench.rest(AFTER_S) == (25_000, 0)
    assert bench.read() == (None, STUCK)
    assert bench.rest(8 * 86_400) == (None, STUCK), "ticks wrap meanwhile"


def test_the_first_move_ends_it():
    bench = Bench(800_000)
    bench.rest(AFTER_S + 1)
    assert bench.read(800_125)[1] == 0
    assert bench.rest(AFTER_S - 1)[1] == 0
    assert bench.read() == (None, STUCK)


def test_noise_in_the_last_digit_is_alive():
    bench = Bench(800_000)
    for _ in range(3 * AFTER_S // 600):
        assert bench.rest(599)[1] == 0
        assert bench.read(bench.input.uv ^ 125)[1] == 0


def test_a_reading_that_rests_at_zero_or_full_span_lives_by_its_voltage():
    for uv, reading in ((390_000, 0), (2_050_000, 100_000)):
        bench = Bench(uv)
        for _ in range(2 * AFTER_S):
            assert bench.read(uv + bench.second % 2 * 125) == (reading, 0)


def test_a_move_smaller_than_the_least_is_none():
    bench = Bench(800_000, least_uv=3000)
    for _ in range(AFTER_S):
        assert bench.read(800_000 + bench.second % 2 * 2999)[1] == 0
    assert bench.read(802_999) == (None, STUCK)
    assert bench.read(803_000)[1] == 0


def test_a_slow_drift_is_alive():
    bench = Bench(800_000, least_uv=3000)
    for _ in range(3 * AFTER_S):
        assert bench.read(800_000 + bench.second * 2)[1] == 0


def test_the_floor_of_an_input_tells_nothing():
    bench = Bench(150_000, floor_uv=150_000)
    assert bench.rest(2 * AFTER_S) == (None, OPEN)
    assert bench.read(800_000) == (25_000, 0)


def test_other_troubles_keep_their_codes():
    bench = Bench(0)
    for code, told in ((NO_ANSWER, NO_ANSWER), (SATURATED, 5)):
        bench.input.fail(code)
        assert bench.rest(2 * AFTER_S) == (None, told)
        bench.input.code = 0
        assert bench.read(800_000) == (25_000, 0)


def test_a_stuck_input_is_no_base_for_the_median():
    face = FakeInput(800_000)
    driver = Steady(CurrentLoop(face), face, True, 1, 1000)
    seen = [driver.read(ticks_add(START, 500 * step)) for step in range(6)]
    assert seen == [25_000, 25_000, None, None, None, None]
    face.uv = 400_000
    assert driver.read(ticks_add(START, 3000)) == 0


def test_watching_takes_no_heap():
    assert read_with_heap_locked(Bench(800_000).driver) == 25_000
