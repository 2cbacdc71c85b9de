"""Runs in the VM: readings, verbs and times in any order, on real points, panel and operation.

Arguments: seed, steps. The clock begins before the wrap of the ticks and is moved to it again and
again. An observer who sees readings and verbs only says when an alarm must be told, and when none
may be. Prints how many steps, alarms and acts there were.
"""

import random
import sys
from time import ticks_diff

import operation
from lib.point import ALARM, DRILLED, LIVE, TEST
from lib.verbs import ACKNOWLEDGE, DRILL, RESET, SELF_TEST, SILENCE

from fake_gateway import HOLD_MS, ME, Bench

operation.forget = lambda *names: None  # loading it anew a million times shows nothing

VALUES = (0, 0, 12999, 13000, 14999, 15000, 20000, 20000, None)
WRAP = 1 << 30


class Watch:
    """What an observer knows of a point: since when it has burnt, and whether that is a fire."""

    def __init__(self, point):
        self.point = point
        self.stand_down()

    def stand_down(self):
        self.burns_since = self.over_since = None
        self.fire = False  # whether it had held long enough at the last reading

    def read(self, value, now_ms):
        """A reading: `over` is not below the limit, `burns` in addition never lost."""
        if value is None:
            self.burns_since = None
        elif value < 13000:  # where it clears
            self.stand_down()
        elif value >= 15000:
            self.burns_since = now_ms if self.burns_since is None else self.burns_since
            self.over_since = now_ms if self.over_since is None else self.over_since

    def must(self, now_ms):
        return self.burns_since is not None and ticks_diff(now_ms, self.burns_since) >= HOLD_MS

    def may(self, now_ms):
        return self.over_since is not None and ticks_diff(now_ms, self.over_since) >= HOLD_MS


class Random:
    def __init__(self):
        self.bench = Bench()
        self.watches = [Watch(point) for point in self.bench.points]
        self.alarms = self.acts = 0

    def out_of_service(self):
        for watch in self.watches:
            if watch.point.bypassed or watch.point.mode == TEST:
                watch.stand_down()

    def read(self, watch, value):
        bench, point = self.bench, watch.point
        now_ms = bench.clock.ms()
        was = point.conditions
        changed = point.update(value, 0 if value is not None else 2, now_ms)
        if changed:
            bench.operation.changed(point, changed)
        self.out_of_service()
        if point.bypassed or point.mode == TEST:
            return
        watch.read(value, now_ms)
        if changed & point.conditions & ALARM:
            assert watch.may(now_ms), "an alarm without its hold time"
            assert bench.panel.sounding, "a new alarm does not sound"
            assert bench.panel.find(SILENCE) is None, "a silence survives a new alarm"
            self.alarms += 1
        if was & ALARM and point.mode == LIVE:
            assert point.conditions & ALARM, "a reading has let go of a latch"
        watch.fire = watch.must(now_ms)
        if watch.fire:
            told = point.conditions & ALARM and point.mode == LIVE
            assert told, "an alarm that held was not told"

    def act(self):
        bench = self.bench
        verb = random.randint(ACKNOWLEDGE, SELF_TEST)
        point = random.choice((None,) + tuple(bench.points))
        minutes = random.choice((None, 0, 1, 2))
        before = [one.conditions & ALARM for one in bench.points]
        bench.told.clear()
        bench.operation.act(verb, point, minutes, ME)
        assert len([told for told in bench.told if told[0] == "act" and told[-1] is ME]) == 1
        self.acts += 1
        for watch, was in zip(self.watches, before):
            if verb == RESET and was and not watch.point.conditions & ALARM:
                assert not watch.fire, "a reset lets go of a fire"
            if not was and watch.point.conditions & ALARM:
                assert verb == DRILL and watch.point.mode == DRILLED, "a verb has made an alarm"
        self.out_of_service()

    def wait(self):
        bench = self.bench
        kind = random.getrandbits(6)
        if kind == 0:
            ms = random.choice((60_000, 130_000))
        elif kind == 1:  # on to the wrap; nothing that runs looks further ahead
            ms = 0 if bench.panel.running else self.to_the_wrap()
        else:
            ms = random.choice((0, 1, 99, 100, HOLD_MS - 1, HOLD_MS, 1000))
        bench.clock.pass_ms(ms)
        bench.operation.tend(bench.clock.ms())
        self.out_of_service()

    def to_the_wrap(self):
        """Return the time until just before the wrap; what holds must not see half of a lap."""
        for watch in self.watches:
            if watch.over_since is not None or watch.point._lost._since_ms is not None:
                return 0
        for watch in self.watches:
            if any(level._since_ms is not None for level in watch.point._levels):
                return 0
        ms = -self.bench.clock.ms() % WRAP - 500
        return ms if 0 < ms < WRAP // 2 - 1 else max(0, min(ms, WRAP // 4))

    def check(self):
        panel = self.bench.panel
        calling = [one for one in self.bench.points if one.conditions & ALARM and one.mode != TEST]
        assert panel.calls == bool(calling)
        assert panel.sounding == (bool(calling) and panel.find(SILENCE) is None)
        assert (panel.first_alarm is None) == (not calling)

    def step(self):
        kind = random.getrandbits(4)
        if kind == 0:
            self.act()
        else:
            self.read(random.choice(self.watches), random.choice(VALUES))
        self.check()
        self.wait()
        self.check()
        self.bench.told.clear()
        self.bench.outputs.followed.clear()


def main(seed, steps):
    random.seed(int(seed))
    life = Random()
    for n in range(int(steps)):
        try:
            life.step()
        except AssertionError:
            print("at step", n)
            raise
    print("steps %s alarms %d acts %d" % (steps, life.alarms, life.acts))


main(*sys.argv[1:])
