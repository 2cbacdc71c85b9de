"""Runs in the VM: every state that verbs, readings and time can bring a small real panel into.

Two real points, the real panel and the real operation; only outputs, recorder and clock are fakes.
From the first state on, every step is tried in every state that was found, until there is no new
one, and what must hold is checked at each. Steps: each reading of each point, a second later; each
verb for each point and for all, begun and ended; the end of each time that runs. Called with
"small" no sensor is lost, with "whole" any.

A state is everything that the code decides by. Time in it is how long a hold time has run, up to
its length; what runs for minutes may end at any step, whatever ran first: that is more than can
happen. Who has acknowledged what is no part of it: before each step everything is acknowledged.

An observer of its own, who sees readings and verbs only, says when an alarm must be told.
"""

import sys
from time import ticks_add, ticks_diff

import operation
from lib.level import Level
from lib.panel import Panel
from lib.point import ALARM, DRILLED, LIVE, TEST, Gateway, Point
from lib.verbs import (
    ACKNOWLEDGE,
    BYPASS,
    DONE,
    DRILL,
    ENDED,
    REFUSED,
    RESET,
    SELF_TEST,
    SILENCE,
    WALK_TEST,
)
from operation import Operation

operation.forget = lambda *names: None  # loading it anew a million times shows nothing

STEP_MS = 1000
NOW_MS = ticks_add(0, 0)  # every step of time crosses the wrap
FAR_MS = ticks_add(0, 60_000)
CALM, BURNING, LOST = 0, 1, 2
VALUES = (0, 20000, None)
ME = (3, 17, 0, 0)


class Clock:
    now_ms = NOW_MS

    def ms(self):
        return self.now_ms


class Outputs:
    ruled = ()  # what stays on is no part of a point's state; check_outputs.py is about it

    def follow(self, now_ms):
        pass

    def self_test(self, now_ms):
        return True


class Recorder:
    """What one step has told; `sounding` is what the panel did whenever an alarm was told."""

    def __init__(self):
        self.panel = None
        self.clear()

    def clear(self):
        self.acts = []
        self.conditions = []

    def act(self, verb, result, author, point, minutes):
        self.acts.append((verb, result, author is ME, point))

    def trouble(self, code, stands):
        assert not stands, "no time has passed"

    def condition(self, point, changed):
        came = changed & point.conditions
        self.conditions.append((point, came, point.mode))
        if came & ALARM and point.mode != TEST:
            assert self.panel.sounding, "an alarm was told, and nothing sounds"
            assert self.panel.find(SILENCE) is None, "a silence survives a new alarm"
            assert self.panel.unacknowledged & ALARM, "a new alarm was acknowledged before"


class Watched:
    """A point, and what an observer has seen of it: for how many steps it has burnt, and whether
    the panel has told of this fire."""

    def __init__(self, number, hold_steps, latches):
        level = Level(ALARM, 15000, True, 2000, hold_steps * STEP_MS, 0, latches)
        self.point = Point(number, "smoke", "mA", 1, [level])
        self.point._lost._hold_ms = self.point._lost._clear_hold_ms = 0  # fewer states
        self.hold_steps = hold_steps
        self.latches = latches
        self.level = level
        self.burnt = 0  # readings in a row, up to one more than the hold time has steps
        self.told = False

    def stand_down(self):
        """Out of service nothing must be told, and what was seen before does not count after."""
        if self.point.bypassed or self.point.mode == TEST:
            self.forget()

    def forget(self):
        self.burnt = 0
        self.told = False

    def save(self):
        point, level = self.point, self.level
        age = 0
        if level._since_ms is not None:
            age = 1 + min(ticks_diff(CLOCK.now_ms, level._since_ms) // STEP_MS, self.hold_steps)
        return (
            point.mode | point.bypassed << 2 | point.conditions << 3,
            level._beyond | level.held << 1 | age << 2,
            level.stands | point._lost.state << 2,
            self.burnt | self.told << 4,
        )

    def load(self, mode, levels, latched, seen):
        point, level = self.point, self.level
        point.mode = mode & 3
        point.bypassed = bool(mode & 4)
        point.conditions = point.acknowledged = mode >> 3
        level._beyond = bool(levels & 1)
        level.held = bool(levels & 2)
        age = levels >> 2
        level._since_ms = ticks_add(NOW_MS, (1 - age) * STEP_MS) if age else None
        level.stands = bool(latched & 1)
        point._lost.state = bool(latched & 4)
        self.burnt = seen & 15
        self.told = bool(seen >> 4)


CLOCK = Clock()


class Model:
    """The gateway, its states as bytes, and the steps from one to the next."""

    def __init__(self, whole):
        self.watched = [Watched(1, 1, True), Watched(2, 0, False)]
        self.points = [one.point for one in self.watched]
        self.recorder = Recorder()
        self.panel = self.recorder.panel = Panel(self.points, Gateway())
        self.operation = Operation(self.panel, Outputs(), self.recorder, CLOCK)
        self.targets = [None] + self.points
        verbs = [(verb, target, 0) for verb in (ACKNOWLEDGE, RESET) for target in self.targets]
        verbs += [(SELF_TEST, None, 0), (SILENCE, None, 1), (SILENCE, None, 0)]
        for verb in (BYPASS, WALK_TEST, DRILL):
            verbs += [(verb, target, minutes) for target in self.targets for minutes in (1, 0)]
        self.steps = [(self.read, one, kind) for one in self.watched for kind in (CALM, BURNING)]
        self.steps += [(self.read, one, LOST) for one in self.watched if whole]
        self.steps += [(self.act,) + verb for verb in verbs]
        self.steps.append((self.tend,))

    def save(self):
        panel = self.panel
        first = panel.first_alarm.number if panel.first_alarm else 0
        runs = sorted([verb << 2 | self.targets.index(point) for verb, point, _ in panel.running])
        return bytes(self.watched[0].save() + self.watched[1].save() + (first,)) + bytes(runs)

    def load(self, state):
        self.state = state
        CLOCK.now_ms = NOW_MS
        self.watched[0].load(state[0], state[1], state[2], state[3])
        self.watched[1].load(state[4], state[5], state[6], state[7])
        panel = self.panel
        panel.first_alarm = self.targets[state[8]]
        panel.running = []
        for run in state[9:]:
            panel.running.append((run >> 2, self.targets[run & 3], FAR_MS))
        panel.refresh()

    # ---- the steps ----

    def read(self, one, kind):
        """A point is read, a second later."""
        CLOCK.now_ms = ticks_add(NOW_MS, STEP_MS)
        point = one.point
        was = point.conditions
        changed = point.update(VALUES[kind], 2 if kind == LOST else 0, CLOCK.now_ms)
        if changed:
            self.operation.changed(point, changed)
        told = [came & ALARM for of, came, _ in self.recorder.conditions if of is point]
        in_service = not point.bypassed and point.mode != TEST
        if kind == CALM:
            one.forget()
        elif not in_service:
            one.stand_down()
        elif kind == LOST:
            one.burnt = 0
        else:
            one.burnt = min(one.burnt + 1, one.hold_steps + 1)
            one.told = one.told or any(told)
            if one.burnt > one.hold_steps:
                assert one.told, "a fire has held long enough, and was not told"
                assert point.mode == LIVE and point.conditions & ALARM
        if in_service and any(told):
            assert kind == BURNING, "an alarm without a fire"
        if in_service and one.latches and was & ALARM:
            assert point.conditions & ALARM, "a reading has let go of a latch"
        assert not [act for act in self.recorder.acts if act[:2] != (SILENCE, ENDED)]
        assert len(self.recorder.acts) <= 1

    def act(self, verb, target, minutes):
        """A person acts."""
        before = self.state
        standing = [one.point.conditions & ALARM for one in self.watched]
        result, _ = self.operation.act(verb, target, minutes, ME)
        mine = [act for act in self.recorder.acts if act[2]]
        assert len(mine) == 1 and mine[0][:2] == (verb, result), mine
        others = [act for act in self.recorder.acts if not act[2]]
        assert others == [] or (verb == DRILL and others == [(SILENCE, ENDED, False, None)]), (
            others
        )
        if verb in (ACKNOWLEDGE, SELF_TEST) or (result == REFUSED and verb != RESET):
            assert self.save() == before, "it has changed something"
        for one, was in zip(self.watched, standing):
            point = one.point
            one.stand_down()
            if was and not point.conditions & ALARM and verb == RESET:
                assert not one.told, "a reset lets go of a fire"
            if was and not point.conditions & ALARM and one.latches:
                assert verb in (RESET, BYPASS, WALK_TEST, DRILL), verb
            if not was and point.conditions & ALARM:
                assert verb == DRILL and point.mode == DRILLED, "a verb has made a live alarm"
        if verb == RESET and result == DONE:
            for point in [target] if target else self.points:
                assert point.mode == TEST or not point.conditions & ALARM, "a reset done, an alarm"
        if verb == ACKNOWLEDGE and target is None:
            assert self.panel.unacknowledged == 0

    def run_out(self, nth):
        """The time of the nth verb that runs is over."""
        verb, point, _ = self.panel.running[nth]
        act = self.panel.running[nth] = (verb, point, NOW_MS)
        idle = verb != SILENCE and self.panel.find(SILENCE) and not self.panel.calls
        self.operation.tend(NOW_MS)
        assert act not in self.panel.running, "it runs on"
        ended = [told[:3] for told in self.recorder.acts]
        assert ended.count((verb, ENDED, False)) == 1, ended
        assert len(ended) <= 2 and (len(ended) == 1 or ended.count((SILENCE, ENDED, False)) == 1)
        assert idle or len(ended) == 1 or verb == DRILL or not self.panel.calls, ended
        for one in self.watched:
            one.stand_down()

    def tend(self):
        """Nothing happens but what is due."""
        self.operation.tend(NOW_MS)
        for act in self.recorder.acts:
            assert act[:3] == (SILENCE, ENDED, False) and not self.panel.calls, act

    # ---- what must hold in every state ----

    def check(self, state):
        panel = self.panel
        calling = [
            point
            for point in self.points
            if point.conditions & ALARM and point.mode != TEST and not point.bypassed
        ]
        silenced = panel.find(SILENCE) is not None
        assert panel.calls == bool(calling)
        assert panel.sounding == (bool(calling) and not silenced)
        assert (panel.first_alarm is None) == (not calling), "first alarm"
        for point in self.points:
            tested = panel.find(WALK_TEST, point) or panel.find(WALK_TEST)
            drilled = panel.find(DRILL, point) or panel.find(DRILL)
            assert point.bypassed == (panel.find(BYPASS, point) is not None), "no end of a bypass"
            assert tested or point.mode != TEST, "no end of a walk test"
            assert drilled or point.mode != DRILLED, "no end of a drill"
            assert not point.bypassed or (point.conditions == 0 and point.mode == LIVE)
            assert point.mode != DRILLED or point.conditions & ALARM
        assert len(set(state[9:])) == len(state) - 9, "the same runs twice"

    def tell(self, state, step):
        """Say where an assertion failed."""
        names = {self.read: "read", self.act: "act", self.tend: "tend", self.run_out: "run out"}
        print("in state", list(state), "at", names[step[0]], step[1:])


def explore(model):
    """Try every step in every state; return how many there were of both."""
    recorder = model.recorder
    first = model.save()
    seen = {first}
    todo = [first]
    tried = 0
    while todo:
        state = todo.pop()
        runs = [(model.run_out, nth) for nth in range(len(state) - 9)]
        moved = True
        for step in model.steps + runs:
            if moved:
                model.load(state)
            recorder.clear()
            try:
                step[0](*step[1:])
                reached = model.save()
                moved = reached != state or step[0] == model.read
                if reached not in seen:
                    model.check(reached)
                    seen.add(reached)
                    todo.append(reached)
            except AssertionError:
                model.tell(state, step)
                raise
            tried += 1
    return len(seen), tried


print("states %d transitions %d" % explore(Model(sys.argv[1] == "whole")))
