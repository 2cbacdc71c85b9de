"""The clock: uptime across the tick wrap, and which wall time may replace which."""

from time import ticks_add, ticks_diff

import clock
from clock import DESK, HELD, NONE, NTP, Clock


class FakeTime:
    """Ticks in the test's hand."""

    ticks_diff = staticmethod(ticks_diff)

    def __init__(self, now_ms):
        self.now_ms = now_ms

    def ticks_ms(self):
        return self.now_ms


def clock_at(now_ms):
    clock.time = FakeTime(now_ms)
    return Clock(1), clock.time


def test_uptime_goes_on_across_the_wrap_and_for_months():
    made, fake = clock_at(ticks_add(0, -1500))
    day_ms = 86_400_000
    for _ in range(100):
        fake.now_ms = ticks_add(fake.now_ms, day_ms + 1)
        made.ms()
    assert (made.up_s, made.up_ms) == (100 * 86400, 100)


def test_without_a_wall_time_there_is_none():
    made, _ = clock_at(0)
    assert made.quality == NONE and made.time_s() == 0


def test_wall_time_follows_the_uptime():
    made, fake = clock_at(0)
    fake.now_ms = 5000
    made.ms()
    assert made.set(1794787200, DESK)
    fake.now_ms = 65000
    made.ms()
    assert made.time_s() == 1794787260


def test_a_worse_time_never_replaces_a_better_one():
    for known, offered, taken in (
        (HELD, NTP, True), (NTP, DESK, True), (DESK, DESK, True), (DESK, NTP, False),
        (NTP, HELD, False),
    ):  # fmt: skip
        made, _ = clock_at(0)
        made.set(1000, known)
        assert made.set(2000, offered) == taken, (known, offered)
        assert made.time_s() == (2000 if taken else 1000)


def test_a_small_difference_is_no_news():
    made, _ = clock_at(0)
    made.set(1000, DESK)
    assert not made.set(1001, DESK) and made.time_s() == 1000
    assert made.set(1002, DESK) and made.time_s() == 1002


def test_a_slow_link_does_not_move_the_clock_to_and_fro():
    """Each word of the desk would be an event, and push others out of the journal."""
    made, _ = clock_at(0)
    made.set(1000, DESK)
    assert not made.set(990, DESK) and made.time_s() == 1000  # it has come late
    assert not made.set(971, DESK)
    assert made.set(970, DESK) and made.time_s() == 970  # the desk's clock was set back
