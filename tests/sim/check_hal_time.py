"""The board's clock, started two seconds before its ticks wrap, and asyncio on it."""

import asyncio
import time
from time import sleep_ms, sleep_us, ticks_add, ticks_diff, ticks_ms, ticks_us

import utime
from hal_world import took_ms

PERIOD = 1 << 30
ENV = {"FG_TICKS_START": 1073739824}  # PERIOD - 2000


async def sleeper(ms, name, log):
    await asyncio.sleep_ms(ms)
    log.append(name)
    return name


def test_asyncio_sleeps_end_in_order_across_the_wrap():
    left_ms = ticks_diff(0, ticks_ms())
    assert 300 < left_ms <= 2000, "the check must begin before the wrap"
    sleep_ms(left_ms - 300)
    start = ticks_ms()
    log = []

    async def scene():
        tasks = [sleeper(ms, ms, log) for ms in (500, 100, 400, 200, 600, 300)]
        return await asyncio.gather(*tasks)

    assert asyncio.run(scene()) == [500, 100, 400, 200, 600, 300]
    assert log == [100, 200, 300, 400, 500, 600], log
    assert ticks_ms() < 100_000, "the ticks must have wrapped"
    assert 600 <= ticks_diff(ticks_ms(), start) < 3000, ticks_diff(ticks_ms(), start)


def test_differences_are_right_on_both_sides_of_the_wrap():
    assert ticks_add(PERIOD - 10, 25) == 15
    assert ticks_add(15, -25) == PERIOD - 10
    assert ticks_diff(15, PERIOD - 10) == 25
    assert ticks_diff(PERIOD - 10, 15) == -25
    assert ticks_diff(PERIOD // 2 - 1, 0) == PERIOD // 2 - 1
    assert ticks_diff(PERIOD // 2, 0) == -PERIOD // 2


def test_microseconds_wrap_too():
    for _ in range(100):
        assert 0 <= ticks_us() < PERIOD


def test_a_sleep_is_never_too_short():
    for us in (1, 20, 90, 250, 1100, 12_000):
        assert took_ms(sleep_us, us) >= us / 1000, us
    for ms in (1, 2, 5):
        assert ms <= took_ms(sleep_ms, ms) < ms + 500, ms
    assert 10 <= took_ms(time.sleep, 0.01) < 500
    assert took_ms(sleep_ms, -5) < 500


def test_a_timeout_cancels_what_it_waits_for():
    log = []

    async def scene():
        try:
            await asyncio.wait_for_ms(sleeper(5000, "late", log), 30)
        except asyncio.TimeoutError:  # noqa: UP041 another class in this VM
            log.append("timeout")

    assert took_ms(asyncio.run, scene()) < 4000
    assert log == ["timeout"]


def test_a_cancelled_task_cleans_up_and_tells_who_waits():
    log = []

    async def clean():
        try:
            await asyncio.sleep_ms(5000)
        finally:
            log.append("cleaned")

    async def scene():
        task = asyncio.create_task(clean())
        await asyncio.sleep_ms(1)
        assert not task.done()
        assert task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            log.append("cancelled")
        assert task.done()
        assert not task.cancel()

    asyncio.run(scene())
    assert log == ["cleaned", "cancelled"], log


def test_cancelling_reaches_through_a_task_that_waits_for_a_task():
    log = []

    async def outer(inner):
        await inner

    async def scene():
        inner = asyncio.create_task(sleeper(5000, "never", log))
        task = asyncio.create_task(outer(inner))
        await asyncio.sleep_ms(1)
        task.cancel()
        await asyncio.sleep_ms(1)
        assert inner.done()
        assert task.done()

    asyncio.run(scene())
    assert log == []


def test_a_task_cannot_cancel_itself():
    async def scene():
        try:
            asyncio.current_task().cancel()
        except RuntimeError as error:
            return str(error)

    assert asyncio.run(scene()) == "can't cancel self"


def test_an_exception_comes_out_where_the_task_is_waited_for():
    async def fail():
        raise ValueError("broken")

    async def scene():
        try:
            await asyncio.create_task(fail())
        except ValueError as error:
            return str(error)

    assert asyncio.run(scene()) == "broken"


def test_events_and_locks_wake_their_waiters_first_come_first_served():
    log = []

    async def wait(event, lock, name):
        await event.wait()
        async with lock:
            await asyncio.sleep_ms(1)
            log.append(name)

    async def scene():
        event, lock = asyncio.Event(), asyncio.Lock()
        tasks = [asyncio.create_task(wait(event, lock, name)) for name in "abc"]
        waiting = asyncio.create_task(event.wait())
        await asyncio.sleep_ms(1)
        waiting.cancel()  # one that gives up must not disturb the others
        event.set()
        await asyncio.gather(*tasks)

    asyncio.run(scene())
    assert log == ["a", "b", "c"], log


def test_tasks_that_are_due_together_take_turns():
    log = []

    async def turn(name):
        for _ in range(3):
            log.append(name)
            await asyncio.sleep_ms(0)

    async def scene():
        await asyncio.gather(turn("a"), turn("b"))

    asyncio.run(scene())
    assert log == ["a", "b", "a", "b", "a", "b"], log


def test_wall_time_is_unknown_at_power_on_whatever_the_host_says():
    assert 0 <= time.time() < 60
    assert time.gmtime()[:3] == (2000, 1, 1)
    assert time.localtime()[:3] == (2000, 1, 1)
    assert 0 <= time.time_ns() < 60_000_000_000


def test_the_calendar_starts_in_2000_and_knows_leap_years():
    assert time.gmtime(0) == (2000, 1, 1, 0, 0, 0, 5, 1)
    assert time.mktime((2000, 1, 1, 0, 0, 0, 5, 1)) == 0
    assert time.mktime((2024, 2, 29, 12, 30, 45, 3, 60)) == 762_525_045
    for day in ((2000, 2, 29), (2000, 3, 1), (2001, 1, 1), (2023, 12, 31), (2024, 3, 1)):
        moment = day + (23, 59, 58)  # noqa: RUF005 not in this VM
        assert time.gmtime(time.mktime(moment))[:6] == moment, day


def test_after_a_short_sleep_it_is_as_late_as_was_asked_for_however_busy_the_host():
    for us in (100, 1000, 5000):
        start = time.now_us()
        for _ in range(20):
            sleep_us(us)
        fastest = 20 * us
        assert fastest <= time.now_us() - start < fastest + 5000, us


def test_what_the_clock_lags_behind_is_over_between_two_tasks():
    async def scene():
        for _ in range(50):
            sleep_us(100)
            await asyncio.sleep_ms(0)

    sleep_ms(10)
    begin_us, host_us = time.now_us(), utime.ticks_us()
    asyncio.run(scene())
    sleep_ms(10)
    behind_us = (utime.ticks_us() - host_us) - (time.now_us() - begin_us)
    assert abs(behind_us) < 500, behind_us
