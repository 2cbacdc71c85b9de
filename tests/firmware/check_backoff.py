"""Waiting longer each time: bounds on both sides, and never without jitter."""

from lib.backoff import FIRST_MS, LAST_MS, Backoff


def waits(random, count=10):
    backoff = Backoff(random)
    return [backoff.next_ms() for _ in range(count)]


def test_the_step_doubles_from_250_ms_to_8_s():
    longest = waits(lambda: 0.999999)
    steps = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000]
    for wait_ms, step_ms in zip(longest, steps):
        assert step_ms - 2 <= wait_ms <= step_ms, longest


def test_the_shortest_wait_is_half_of_the_step():
    assert waits(lambda: 0) == [125, 250, 500, 1000, 2000, 4000, 4000, 4000, 4000, 4000]


def test_two_gateways_do_not_wait_alike():
    assert waits(lambda: 0.25) != waits(lambda: 0.75)
    assert all(isinstance(wait_ms, int) for wait_ms in waits(lambda: 0.3))


def test_success_begins_anew():
    backoff = Backoff(lambda: 0.5)
    for _ in range(9):
        backoff.next_ms()
    backoff.restart()
    assert FIRST_MS // 2 <= backoff.next_ms() <= FIRST_MS < LAST_MS
