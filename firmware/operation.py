"""What happens at the gateway: a point changes, a person acts, a time runs out. Always in this
order: the panel takes it in, the outputs follow, the record is written.

The verbs, each one function with one event. None of them can keep a point that is neither bypassed
nor in a walk test from raising a new alarm that sounds.
"""

from lib.point import ALARM, DRILLED, LIVE, TEST
from lib.verbs import (
    ACKNOWLEDGE,
    BUTTON,
    BYPASS,
    CONSOLE,
    DONE,
    DRILL,
    ENDED,
    ITSELF,
    MINUTES,
    REFUSED,
    RESET,
    SELF_TEST,
    SILENCE,
    VERBS,
    WALK_TEST,
)

_ITSELF = (ITSELF, 0, 0, 0)
_MODES = {WALK_TEST: TEST, DRILL: DRILLED}


class Operation:
    """`outputs` follow the panel; `recorder` writes what happened.

    Every verb is a method of its name on the wire. It takes a point, or None for the whole
    gateway, whole minutes, and an author (how, person, reason, id of the command). It returns its
    result and the point of its event: a refusal names the one that refuses.
    """

    def __init__(self, panel, outputs, recorder, clock):
        self.panel = panel
        self._outputs = outputs
        self._recorder = recorder
        self._clock = clock

    def find(self, number):
        """Return (whether there is such a point, the point); 0 is the whole gateway, None."""
        for point in self.panel.points:
            if point.number == number:
                return True, point
        return number == 0, None

    def changed(self, point, changed):
        """A point's condition bits came or went."""
        silence_ended = self.panel.take(point, changed)
        self._outputs.follow(self._clock.ms())
        self._recorder.condition(point, changed)
        if silence_ended:
            self._recorder.act(SILENCE, ENDED, _ITSELF, None, 0)

    def tend(self, now_ms):
        """End what has run its time."""
        panel = self.panel
        act = panel.over(now_ms)
        while act:
            panel.stop(act)
            alone = [one for one in panel.points if panel.find(act.verb, one) is None]
            self._over(act.verb, act.point, [act.point] if act.point else alone, _ITSELF)
            act = panel.over(now_ms)

    def act(self, verb, point, minutes, author):
        """Carry out a verb for a point, None for the whole gateway. 0 minutes end what runs."""
        if verb in (SILENCE, SELF_TEST):
            point = None
        if verb in MINUTES and not minutes:
            return self.end(verb, point, author)
        return getattr(self, VERBS[verb])(point, minutes, author)

    def acknowledge(self, point, _, author):
        """A person has seen what stands now; it changes no condition and silences nothing."""
        panel = self.panel
        for one in [point] if point else [panel.gateway] + panel.points:
            one.acknowledged = one.conditions
        return self._done(ACKNOWLEDGE, DONE, author, point)

    def silence(self, _, minutes, author):
        """Stop the sounder for a time; at the next new alarm it sounds again."""
        if not self.panel.calls:
            return self._done(SILENCE, REFUSED, author, None, minutes)
        self.panel.start(SILENCE, None, minutes, self._clock.ms())
        return self._done(SILENCE, DONE, author, None, minutes)

    def reset(self, point, _, author):
        """Let go of what is latched and has no cause any more; refused, naming it, where the cause
        of a point stands. A drill is a cause."""
        chosen = [one for one in self._in_service(point) if one.mode != TEST]
        changes = [(one, one.reset()) for one in chosen]
        standing = [one for one in chosen if one.is_held()]
        if author[0] in (BUTTON, CONSOLE):  # whoever opens a valve again must stand before it
            self._outputs.release(point)
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
        self.panel.start(BYPASS, point, minutes, self._clock.ms())
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
        self.panel.start(WALK_TEST, point, minutes, self._clock.ms())
        changes = [(one, one.start_anew()) for one in chosen if one.mode == LIVE]
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
            or (one.mode == LIVE and one.can_alarm() and not one.conditions & ALARM)
        ]
        if not chosen:
            return self._done(DRILL, REFUSED, author, point, minutes)
        self.panel.start(DRILL, point, minutes, self._clock.ms())
        result = self._done(DRILL, DONE, author, point, minutes)
        for one in chosen:
            changed = one.drill()
            if changed:
                self.changed(one, changed)
        return result

    def self_test(self, _point, _minutes, author):
        """Switch the outputs on, one after another, for a moment; refused while an alarm or
        pre-alarm stands."""
        done = self._outputs.self_test(self._clock.ms())
        return self._done(SELF_TEST, DONE if done else REFUSED, author, None)

    def end(self, verb, point, author):
        """End what runs of a verb now, for a point or for all."""
        panel = self.panel
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
        self._show()
        return result

    def _in_service(self, point):
        """Return the points that a verb is about; bypassed ones are out of service."""
        return [one for one in ([point] if point else self.panel.points) if not one.bypassed]

    def _foremost(self, points):
        """Return the first alarm where it is one of them, else one in ALARM, else any."""
        if self.panel.first_alarm in points:
            return self.panel.first_alarm
        return ([one for one in points if one.conditions & ALARM] or points)[0]

    def _done(self, verb, result, author, point, minutes=0):
        self._show()
        self._recorder.act(verb, result, author, point, minutes)
        return result, point

    def _went(self, point, changed):
        """Conditions went because of a verb."""
        if changed:
            self.changed(point, changed)

    def _show(self):
        self.panel.refresh()
        self._outputs.follow(self._clock.ms())


def _is_under(verb, point):
    """Return whether a point is what a timed verb makes of it."""
    return point.bypassed if verb == BYPASS else point.mode == _MODES.get(verb)
