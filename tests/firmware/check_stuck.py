"""A stuck input: still for too long, whatever the reading that is made of it."""

from time import ticks_add

from drivers.current_loop import CurrentLoop
from lib.codes import NO_ANSWER, OPEN, SATURATED, STUCK
from lib.stuck import Stuck, Watched

from fakes import FakeInput, read_with_heap_locked

START = ticks_add(0, -5000)
AFTER_S = 3600


class Bench:
    """A gas transmitter that is read once a second; 4 mA and less is 0 %LEL."""

    def __init__(self, uv, least_uv=1, floor_uv=0):
        self.input = FakeInput(uv, floor_uv)
        watched = Watched(self.input, least_uv)
        self.driver = Stuck(CurrentLoop(watched), watched, AFTER_S * 1000)
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


def test_reading_takes_no_heap():
    assert read_with_heap_locked(Bench(800_000).driver) == 25_000
