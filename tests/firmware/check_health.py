"""The watchdog is fed while nobody is late, and only then."""

from health import Health


class FakeWatchdog:
    fed = 0

    def feed(self):
        self.fed += 1


def test_a_late_task_stops_the_feeding():
    late = [None]
    watchdog = FakeWatchdog()
    health = Health(watchdog, lambda now_ms: late[0], None)
    health.step(0)
    assert watchdog.fed == 1
    late[0] = "sampling"
    health.step(500)
    health.step(1000)
    assert watchdog.fed == 1
    late[0] = None
    health.step(1500)
    assert watchdog.fed == 2


def test_the_heap_mark_only_falls():
    health = Health(FakeWatchdog(), lambda now_ms: None, None)
    mark = health.heap_low_bytes
    ballast = bytearray(20000)
    health.step(0)
    lower = health.heap_low_bytes
    assert lower <= mark - 10000, (mark, lower)
    del ballast
    health.step(500)
    assert health.heap_low_bytes <= lower
