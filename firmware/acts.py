"""The verbs: each one function with one event. Loaded only while somebody acts.

None of them can keep a point that is neither bypassed nor in a walk test from raising a new alarm
that sounds.
"""

from time import ticks_add

from micropython import const

from lib import service
from lib.point import ALARM, DRILLED, LIVE, TEST
from lib.verbs import (
    ACKNOWLEDGE,
    BUTTON,
    BYPASS,
    CONSOLE,
    DONE,
    DRILL,
    ENDED,
    MINUTES,
    REFUSED,
    RESET,
    SELF_TEST,
    SILENCE,
    VERBS,
    WALK_TEST,
)

_MINUTE_MS = const(60_000)
_MODES = {WALK_TEST: TEST, DRILL: DRILLED}


class Acts:
    """Every verb is a method of its name on the wire; see Operation.act."""

    def __init__(self, operation):
        self._operation = operation
        self._panel = operation.panel

    def act(self, verb, point, minutes, author):
        """Carry out a verb."""
        if verb in (SILENCE, SELF_TEST):
            point = None
        usual, _ = MINUTES.get(verb, (0, 0))
        minutes = usual if minutes is None else minutes
        if usual and not minutes:
            return self.end(verb, point, author)
        return getattr(self, VERBS[verb])(point, minutes, author)

    def run_out(self, act, author):
        """What has run its time ends; for all points, it is about those that have no time of their
        own."""
        panel = self._panel
        panel.stop(act)
        verb, point, _ = act
        alone = [one for one in panel.points if panel.find(verb, one) is None]
        self._over(verb, point, [point] if point else alone, author)

    def acknowledge(self, point, _, author):
        """A person has seen what stands now; it changes no condition and silences nothing."""
        panel = self._panel
        for one in [point] if point else [panel.gateway] + panel.points:
            one.acknowledged = one.conditions
        return self._done(ACKNOWLEDGE, DONE, author, point)

    def silence(self, _, minutes, author):
        """Stop the sounder for a time; at the next new alarm it sounds again."""
        if not self._panel.calls:
            return self._done(SILENCE, REFUSED, author, None, minutes)
        self._start(SILENCE, None, minutes)
        return self._done(SILENCE, DONE, author, None, minutes)

    def reset(self, point, _, author):
        """Let go of what is latched and has no cause any more; refused, naming it, where the cause
        of a point stands. A drill is a cause."""
        chosen = [one for one in self._in_service(point) if one.mode != TEST]
        changes = [(one, service.reset(one)) for one in chosen]
        standing = [one for one in chosen if service.is_held(one)]
        if author[0] in (BUTTON, CONSOLE):  # whoever opens a valve again must stand before it
            service.release(self._operation.outputs.ruled, point)
        if standing:
            point = self._foremost(standing)
        result = self._done(RESET, REFUSED if standing else DONE, author, point)
        for one, changed in changes:
            self._went(one, changed)
        return result

    def bypass(self, point, minutes, author):
        """Take a point out of service for a time: no condition of it comes; its readings go on."""
        if point is None or point.mode != LIVE:
            return self._done(BYPASS, REFUSED, author, point, minutes)
        changed = service.start_anew(point)
        point.bypassed = True
        self._start(BYPASS, point, minutes)
        result = self._done(BYPASS, DONE, author, point, minutes)
        self._went(point, changed)
        return result

    def walk_test(self, point, minutes, author):
        """Let points be tried: each gives a short chirp, and all of it is marked as a test.
        Refused, naming it, while a point to be tried is in ALARM."""
        chosen = [one for one in self._in_service(point) if one.mode != DRILLED]
        burning = [one for one in chosen if one.mode == LIVE and one.conditions & ALARM]
        if burning or not chosen:
            named = self._foremost(burning) if burning else point
            return self._done(WALK_TEST, REFUSED, author, named, minutes)
        self._start(WALK_TEST, point, minutes)
        changes = [(one, service.start_anew(one)) for one in chosen if one.mode == LIVE]
        result = self._done(WALK_TEST, DONE, author, point, minutes)
        for one, changed in changes:
            self._went(one, changed)
        for one in chosen:
            one.mode = TEST
        self._show()
        return result

    def drill(self, point, minutes, author):
        """Put points into ALARM as if it were real, and mark all of it as a drill. What is in a
        walk test or in ALARM already is left as it is."""
        chosen = [
            one
            for one in self._in_service(point)
            if one.mode == DRILLED
            or (one.mode == LIVE and service.can_alarm(one) and not one.conditions & ALARM)
        ]
        if not chosen:
            return self._done(DRILL, REFUSED, author, point, minutes)
        self._start(DRILL, point, minutes)
        result = self._done(DRILL, DONE, author, point, minutes)
        for one in chosen:
            changed = service.drill(one)
            if changed:
                self._operation.changed(one, changed)
        return result

    def self_test(self, _point, _minutes, author):
        """Switch the outputs on, one after another, for a moment; refused while an alarm or
        pre-alarm stands."""
        done = self._operation.outputs.self_test(self._operation.clock.ms())
        return self._done(SELF_TEST, DONE if done else REFUSED, author, None)

    def end(self, verb, point, author):
        """End what runs of a verb now, for a point or for all."""
        panel = self._panel
        acts = [act for act in panel.running if _is_of(act, verb, point)]
        points = [one for one in ([point] if point else panel.points) if _is_under(verb, one)]
        if not acts and not points:
            return self._done(verb, REFUSED, author, point)
        for act in acts:
            panel.stop(act)
        return self._over(verb, point, points, author)

    def _start(self, verb, point, minutes):
        """Let a verb run for a time. What is said last holds: for all points it takes the place of
        what runs for single ones."""
        panel = self._panel
        until_ms = ticks_add(self._operation.clock.ms(), minutes * _MINUTE_MS)
        others = [act for act in panel.running if not _is_of(act, verb, point)]
        panel.running = others + [(verb, point, until_ms)]

    def _over(self, verb, point, points, author):
        """A verb has ended: those of the points that it was about are in service again."""
        result = self._done(verb, ENDED, author, point)
        for one in points:
            if verb == BYPASS:
                one.bypassed = False
            elif _is_under(verb, one):
                self._went(one, service.leave(one))
                one.mode = LIVE
        self._show()
        return result

    def _in_service(self, point):
        """Return the points that a verb is about; bypassed ones are out of service."""
        return [one for one in ([point] if point else self._panel.points) if not one.bypassed]

    def _foremost(self, points):
        """Return the first alarm where it is one of them, else one in ALARM, else any."""
        if self._panel.first_alarm in points:
            return self._panel.first_alarm
        return ([one for one in points if one.conditions & ALARM] or points)[0]

    def _done(self, verb, result, author, point, minutes=0):
        self._show()
        self._operation.recorder.act(verb, result, author, point, minutes)
        return result, point

    def _show(self):
        self._panel.refresh()
        self._operation.outputs.follow(self._operation.clock.ms())

    def _went(self, point, changed):
        """Conditions went because of a verb."""
        if changed:
            self._operation.changed(point, changed)


def _is_under(verb, point):
    """Return whether a point is what a timed verb makes of it."""
    return point.bypassed if verb == BYPASS else point.mode == _MODES.get(verb)


def _is_of(act, verb, point):
    """Return whether what runs is of a verb, and for this point, or any one where that is None."""
    return act[0] == verb and (point is None or act[1] is point)


def find(points, number):
    """Return (whether there is such a point, the point); 0 is the whole gateway, None."""
    for point in points:
        if point.number == number:
            return True, point
    return number == 0, None
