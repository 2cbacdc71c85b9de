"""The panel: all points taken together: what must sound, what came first, what runs for a time."""

from time import ticks_add, ticks_diff

from micropython import const

from lib.point import ALARM, DRILLED, TEST
from lib.verbs import SILENCE

_MINUTE_MS = const(60_000)


class Running:
    """A verb that ends by itself; `point` None stands for the whole gateway."""

    def __init__(self, verb, point, until_ms):
        self.verb = verb
        self.point = point
        self.until_ms = until_ms

    def is_of(self, verb, point):
        """Return whether it is of this verb, and for this point or any one where that is None."""
        return self.verb == verb and (point is None or self.point is point)

    def left_s(self, now_ms):
        """Return the seconds left, rounded up."""
        return max(0, (ticks_diff(self.until_ms, now_ms) + 999) // 1000)


class Panel:
    """`points` are lib.point.Point; `gateway` stands for the board itself (point 0)."""

    def __init__(self, points, gateway):
        self.points = points
        self.gateway = gateway
        self.conditions = 0  # of the gateway and of all points but those in a walk test
        self.unacknowledged = 0  # those of them that nobody has taken yet
        self.calls = False  # whether the sounder has a reason
        self.sounding = False  # whether it sounds: it has a reason and is not silenced
        self.first_alarm = None  # the first point in ALARM, kept until all are out of it
        self.disabled = 0  # how many points are bypassed
        self.testing = 0  # how many are in a walk test
        self.chirps = 0  # counts what a walk test has set off
        self.running = []  # in the order in which it began
        self.refresh()

    def refresh(self):
        """Take in what the points say now; cheap, called after every change."""
        gateway = self.gateway
        conditions = gateway.conditions
        unacknowledged = conditions & ~gateway.acknowledged
        calls = False
        self.disabled = self.testing = 0
        for point in self.points:
            if point.bypassed:
                self.disabled += 1
            if point.mode == TEST:
                self.testing += 1
                continue
            conditions |= point.conditions
            unacknowledged |= point.conditions & ~point.acknowledged
            if point.conditions & ALARM:
                calls = calls or bool(point.sounds)
                first = self.first_alarm
                if first is None or (first.mode == DRILLED and point.mode != DRILLED):
                    self.first_alarm = point  # a real one comes before an exercise
        if not conditions & ALARM:
            self.first_alarm = None
        self.conditions = conditions
        self.unacknowledged = unacknowledged
        self.calls = calls
        self.sounding = calls and self.find(SILENCE) is None

    def take(self, point, changed):
        """A point's condition bits came or went; return whether that ended a silence."""
        point.acknowledged &= ~changed
        came = changed & point.conditions
        ended = False
        if came and point.mode == TEST:
            self.chirps += 1
        elif came & ALARM:
            ended = self.stop(self.find(SILENCE))
        self.refresh()
        return ended

    def find(self, verb, point=None):
        """Return what runs of a verb for just this point, else None."""
        for act in self.running:
            if act.verb == verb and act.point is point:
                return act
        return None

    def start(self, verb, point, minutes, now_ms):
        """Let a verb run for a time from now. What is said last holds: for all points it takes the
        place of what runs for single ones."""
        self.running = [act for act in self.running if not act.is_of(verb, point)]
        self.running.append(Running(verb, point, ticks_add(now_ms, minutes * _MINUTE_MS)))

    def stop(self, act):
        """It runs no longer; return whether there was one."""
        if act:
            self.running.remove(act)
        return act is not None

    def over(self, now_ms):
        """Return what has run its time, or has nothing to silence any more, else None."""
        for act in self.running:
            idle = act.verb == SILENCE and not self.calls
            if idle or ticks_diff(now_ms, act.until_ms) >= 0:
                return act
        return None
