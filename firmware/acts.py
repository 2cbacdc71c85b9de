"""The verbs: each one function with one event. Loaded only while somebody acts.

None of them can keep a point that is neither bypassed nor in a walk test from raising a new alarm
that sounds.
"""

from lib.point import ALARM, DRILLED, LIVE, TEST
from lib.verbs import (
    ACKNOWLEDGE,
    BYPASS,
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
        alone = [one for one in panel.points if panel.find(act.verb, one) is None]
        self._over(act.verb, act.point, [act.point] if act.point else alone, author)

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
        self._panel.start(SILENCE, None, minutes, self._operation.clock.ms())
        return self._done(SILENCE, DONE, author, None, minutes)

    def reset(self, point, _, author):
        """Let go of what is latched and has no cause any more; refused, naming it, where the cause
        of a point stands. A drill is a cause."""
        chosen = [one for one in self._in_service(point) if one.mode != TEST]
        changes = [(one, one.reset()) for one in chosen]
        standing = [one for one in chosen if one.is_held()]
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
        changed = point.start_anew()
        point.bypassed = True
        self._panel.start(BYPASS, point, minutes, self._operation.clock.ms())
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
        self._panel.start(WALK_TEST, point, minutes, self._operation.clock.ms())
        changes = [(one, one.start_anew()) for one in chosen if one.mode == LIVE]
        result = self._done(WALK_TEST, DONE, author, point, minutes)
        for one, changed in changes:
            self._went(one, changed)
        for one in chosen:
            one.mode = TEST
        self._operation.show()
        return result

    def drill(self, point, minutes, author):
        """Put points into ALARM as if it were real, and mark all of it as a drill. What is in a
        walk test or in ALARM already is left as it is."""
        chosen = [
            one
            for one in self._in_service(point)
            if one.mode == DRILLED
            or (one.mode == LIVE and one.can_alarm() and not one.conditions & ALARM)
        ]
        if not chosen:
            return self._done(DRILL, REFUSED, author, point, minutes)
        self._panel.start(DRILL, point, minutes, self._operation.clock.ms())
        result = self._done(DRILL, DONE, author, point, minutes)
        for one in chosen:
            changed = one.drill()
            if changed:
                self._operation.changed(one, changed)
        return result

    def self_test(self, _point, _minutes, author):
        """Switch the outputs on, one after another, for a moment."""
        self._operation.outputs.self_test(self._operation.clock.ms())
        return self._done(SELF_TEST, DONE, author, None)

    def end(self, verb, point, author):
        """End what runs of a verb now, for a point or for all."""
        panel = self._panel
        acts = [act for act in panel.running if act.is_of(verb, point)]
        points = [one for one in ([point] if point else panel.points) if _is_under(verb, one)]
        if not acts and not points:
            return self._done(verb, REFUSED, author, point)
        for act in acts:
            panel.stop(act)
        return self._over(verb, point, points, author)

    def _over(self, verb, point, points, author):
        """A verb has ended: those of the points that it was about are in service again."""
        result = self._done(verb, ENDED, author, point)
        for one in points:
            if verb == BYPASS:
                one.bypassed = False
            elif _is_under(verb, one):
                self._went(one, one.leave())
                one.mode = LIVE
        self._operation.show()
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
        self._operation.show()
        self._operation.recorder.act(verb, result, author, point, minutes)
        return result, point

    def _went(self, point, changed):
        """Conditions went because of a verb."""
        if changed:
            self._operation.changed(point, changed)


def _is_under(verb, point):
    """Return whether a point is what a timed verb makes of it."""
    return point.bypassed if verb == BYPASS else point.mode == _MODES.get(verb)
