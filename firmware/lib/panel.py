"""The panel: all points taken together: what must sound, what came first, what runs for a time."""

from time import ticks_diff

from lib.point import ALARM, DRILLED, LIVE, TEST
from lib.verbs import SILENCE


def left_s(act, now_ms):
    """Return the seconds left of what runs, rounded up; 0 for nothing."""
    return max(0, (ticks_diff(act[2], now_ms) + 999) // 1000) if act else 0


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
        self.running = []  # (verb, its point or None for all, until_ms), in the order of beginning
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

    def waits_for_somebody(self):
        """Return whether an ALARM in earnest has not been acknowledged."""
        if not self.unacknowledged & ALARM:
            return False
        for point in self.points:
            if point.mode == LIVE and point.conditions & ~point.acknowledged & ALARM:
                return True
        return False

    def find(self, verb, point=None):
        """Return what runs of a verb for just this point, else None."""
        for act in self.running:
            if act[0] == verb and act[1] is point:
                return act
        return None

    def stop(self, act):
        """It runs no longer; return whether there was one."""
        if act:
            self.running.remove(act)
        return act is not None

    def over(self, now_ms):
        """Return what has run its time, or has nothing to silence any more, else None."""
        for act in self.running:
            idle = act[0] == SILENCE and not self.calls
            if idle or ticks_diff(now_ms, act[2]) >= 0:
                return act
        return None
