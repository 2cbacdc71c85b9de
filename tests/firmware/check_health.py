"""The watchdog is fed while nobody is late, and only then; the fail-safe output tells more."""

import gc

from drivers.indicator import Indicator
from health import HEAP_MS, Health
from lib.point import ALARM, TROUBLE

from fakes import FakePin


class FakeWatchdog:
    fed = 0

    def feed(self):
        self.fed += 1


class FakeTasks:
    def __init__(self, runs=True):
        self.name = None
        self.runs = runs

    def late(self, now_ms):
        return self.name

    def all_run(self, now_ms):
        return self.runs and self.name is None


class FakePanel:
    conditions = 0


def make(tasks=None, fail_safe=None):
    return Health(FakeWatchdog(), tasks or FakeTasks(), FakePanel(), fail_safe, None)


def test_a_late_task_stops_the_feeding():
    tasks = FakeTasks()
    health = make(tasks)
    watchdog = health._watchdog
    health.step(0)
    assert watchdog.fed == 1
    tasks.name = "sampling"
    health.step(500)
    health.step(1000)
    assert watchdog.fed == 1
    tasks.name = None
    health.step(1500)
    assert watchdog.fed == 2


def test_the_fail_safe_output_is_held_only_while_all_is_well():
    for active in (1, 0):
        pin = FakePin()
        tasks = FakeTasks(runs=False)
        health = make(tasks, Indicator(pin, active))
        health.step(0)
        assert pin.level == 1 - active, "not all tasks run yet"
        tasks.runs = True
        health.step(500)
        assert pin.level == active
        health._panel.conditions = TROUBLE | ALARM
        health.step(1000)
        assert pin.level == 1 - active
        health._panel.conditions = ALARM
        health.step(1500)
        assert pin.level == active, "an alarm is no trouble"
        tasks.name = "uplink"
        health.step(2000)
        assert pin.level == 1 - active


def test_the_heap_mark_only_falls():
    gc.collect()
    health = make()
    mark = health.heap_low_bytes
    ballast = bytearray(20000)
    health.step(0)
    lower = health.heap_low_bytes
    assert lower <= mark - 10000, (mark, lower)
    del ballast
    health.step(500)
    assert health.heap_low_bytes <= lower


def test_the_heap_is_looked_at_now_and_then_only():
    gc.collect()
    health = make()
    health.step(0)
    mark = health.heap_low_bytes
    ballast = bytearray(20000)
    health.step(HEAP_MS - 1)
    assert health.heap_low_bytes == mark
    health.step(HEAP_MS)
    assert health.heap_low_bytes <= mark - 10000
    del ballast
