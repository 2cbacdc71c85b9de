"""The supervisor: restarts, gives up, and tells who is late."""

import asyncio
from time import ticks_add, ticks_ms

from lib.supervisor import RESTARTS_MAX, Supervisor


def test_a_task_that_raises_is_restarted_a_few_times_and_then_named():
    failures = []
    tasks = Supervisor(ticks_ms, lambda name, error: failures.append((name, str(error))))

    async def fail(beat):
        raise ValueError("no")

    async def live(beat):
        while True:
            beat(ticks_ms())
            await asyncio.sleep_ms(1)

    tasks.add("fails", fail, 60000)
    tasks.add("lives", live, 60000)

    async def scene():
        running = asyncio.create_task(tasks.run())
        while not tasks.late(ticks_ms()):
            await asyncio.sleep_ms(1)
        running.cancel()

    asyncio.run(scene())
    assert failures == [("fails", "no")] * (RESTARTS_MAX + 1), failures
    assert tasks.restarts == RESTARTS_MAX
    assert tasks.late(ticks_ms()) == "fails"


def test_a_silent_task_is_late_and_a_beat_mends_it():
    now = ticks_add(0, -100)
    tasks = Supervisor(lambda: now, print)
    tasks.add("sampling", None, 200)
    assert tasks.late(ticks_add(now, 200)) is None
    assert tasks.late(ticks_add(now, 201)) == "sampling"
    tasks._tasks[0].beat(ticks_add(now, 201))
    assert tasks.late(ticks_add(now, 400)) is None


def test_all_run_once_each_has_given_a_beat_and_none_is_late():
    now = ticks_add(0, -100)
    tasks = Supervisor(lambda: now, print)
    tasks.add("sampling", None, 200)
    tasks.add("uplink", None, 60000)
    tasks._tasks[0].beat(now)
    assert not tasks.all_run(now)
    tasks._tasks[1].beat(now)
    assert tasks.all_run(now)
    assert tasks.all_run(ticks_add(now, 200))
    assert not tasks.all_run(ticks_add(now, 201))


def test_a_task_that_is_started_again_runs_only_with_its_next_beat():
    tasks = Supervisor(ticks_ms, lambda name, error: None)
    seen = []

    async def fail(beat):
        seen.append(tasks.all_run(ticks_ms()))
        beat(ticks_ms())
        seen.append(tasks.all_run(ticks_ms()))
        raise ValueError("no")

    tasks.add("fails", fail, 60000)

    async def scene():
        running = asyncio.create_task(tasks.run())
        while len(seen) < 4:
            await asyncio.sleep_ms(1)
        running.cancel()

    asyncio.run(scene())
    assert seen == [False, True, False, True]


def test_a_task_that_ends_counts_as_failed():
    failures = []
    tasks = Supervisor(ticks_ms, lambda name, error: failures.append(error))

    async def end(beat):
        pass

    tasks.add("ends", end, 60000)

    async def scene():
        running = asyncio.create_task(tasks.run())
        while not failures:
            await asyncio.sleep_ms(1)
        running.cancel()

    asyncio.run(scene())
    assert failures[0] is None
