"""What happens at the gateway: a point changes, a person acts, a time runs out. Always in this
order: the panel takes it in, the outputs follow, the record is written.

The verbs, each one function with one event. None of them can keep a point that is neither bypassed
nor in a walk test from raising a new alarm that sounds.
"""

from lib.point import ALARM, DRILLED, LIVE, TEST
from lib.verbs import (
    ACKNOWLEDGE,
    BYPASS,
    DONE,
    DRILL,
    ENDED,
    ITSELF,
    REFUSED,
    RESET,
    SELF_TEST,
    SILENCE,
    WALK_TEST,
)


class Author:
    """Who acts, and how: a button, the desk, the console, or nobody (a time that ran out)."""

    def __init__(self, how, person=0, reason=0, command=0):
        self.how = how
        self.person = person
        self.reason = reason
        self.command = command


_NOBODY = Author(ITSELF)


class Operation:
    """`outputs` follow the panel; `recorder` writes what happened."""

    def __init__(self, panel, outputs, recorder, clock):
        self.panel = panel
        self._outputs = outputs
        self._recorder = recorder
        self._clock = clock

    def find(self, number):
        """Return (whether there is such a point, the point); 0 is the whole gateway, None."""
        if not number:
            return True, None
        for point in self.panel.points:
            if point.number == number:
                return True, point
        return False, None

    def changed(self, point, changed):
        """A point's condition bits came or went."""
        silence_ended = self.panel.take(point, changed)
        self._outputs.follow(self._clock.ms())
        self._recorder.condition(point, changed)
        if silence_ended:
            self._recorder.act(SILENCE, ENDED, _NOBODY)

    def tend(self, now_ms):
        """End what has run its time."""
        act = self.panel.over(now_ms)
        while act:
            self._end(act.verb, act.point, _NOBODY)
            act = self.panel.over(now_ms)

    def act(self, verb, point, minutes, author):
        """Carry out a verb for a point, None for the whole gateway; return its result. 0 minutes
        end what runs."""
        if verb in (SILENCE, BYPASS, WALK_TEST, DRILL) and not minutes:
            return self._end(verb, point, author)
        if verb == ACKNOWLEDGE:
            return self.acknowledge(point, author)
        if verb == SILENCE:
            return self.silence(minutes, author)
        if verb == RESET:
            return self.reset(point, author)
        if verb == BYPASS:
            return self.bypass(point, minutes, author)
        if verb == WALK_TEST:
            return self.walk_test(point, minutes, author)
        if verb == DRILL:
            return self.drill(point, minutes, author)
        return self.self_test(author)

    def acknowledge(self, point, author):
        """A person has seen what stands now; it changes no condition and silences nothing."""
        panel = self.panel
        for one in [point] if point else [panel.gateway] + panel.points:
            one.acknowledged = one.conditions
        return self._done(ACKNOWLEDGE, DONE, author, point)

    def silence(self, minutes, author):
        """Stop the sounder for a time; at the next new alarm it sounds again."""
        if not self.panel.calls:
            return self._done(SILENCE, REFUSED, author, None, minutes)
        self.panel.start(SILENCE, None, minutes, self._clock.ms())
        return self._done(SILENCE, DONE, author, None, minutes)

    def reset(self, point, author):
        """Let go of what is latched and has no cause any more; refused, naming it, for a point
        whose cause stands."""
        panel = self.panel
        chosen = [point] if point else panel.points
        standing = [one for one in chosen if one.is_held()]
        if standing:
            point = panel.first_alarm if panel.first_alarm in standing else standing[0]
        changes = [(one, one.reset()) for one in chosen]
        result = self._done(RESET, REFUSED if standing else DONE, author, point)
        for one, changed in changes:
            self._told(one, changed)
        return result

    def bypass(self, point, minutes, author):
        """Take a point out of service for a time: no condition of it comes; its readings go on."""
        if point is None or point.mode != LIVE:
            return self._done(BYPASS, REFUSED, author, point, minutes)
        changed = point.start_anew()
        point.bypassed = True
        self.panel.start(BYPASS, point, minutes, self._clock.ms())
        result = self._done(BYPASS, DONE, author, point, minutes)
        self._told(point, changed)
        return result

    def walk_test(self, point, minutes, author):
        """Let points be tried: each gives a short chirp, and all of it is marked as a test.
        Refused, naming it, while a point to be tried is in ALARM."""
        chosen = [one for one in self._chosen(point) if one.mode != DRILLED]
        burning = [one for one in chosen if one.mode == LIVE and one.conditions & ALARM]
        if burning or not chosen:
            refusing = burning[0] if burning else point
            return self._done(WALK_TEST, REFUSED, author, refusing, minutes)
        self.panel.start(WALK_TEST, point, minutes, self._clock.ms())
        changes = [(one, one.start_anew()) for one in chosen if one.mode == LIVE]
        result = self._done(WALK_TEST, DONE, author, point, minutes)
        for one, changed in changes:
            self._told(one, changed)
        for one in chosen:
            one.mode = TEST
        self.panel.refresh()
        return result

    def drill(self, point, minutes, author):
        """Put points into ALARM as if it were real, and mark all of it as a drill."""
        chosen = [one for one in self._chosen(point) if one.can_alarm() and one.mode != TEST]
        chosen = [one for one in chosen if not one.conditions & ALARM or one.mode == DRILLED]
        if not chosen:
            return self._done(DRILL, REFUSED, author, point, minutes)
        self.panel.start(DRILL, point, minutes, self._clock.ms())
        result = self._done(DRILL, DONE, author, point, minutes)
        for one in chosen:
            changed = one.drill()
            if changed:
                self.changed(one, changed)
        return result

    def self_test(self, author):
        """Switch the outputs on, one after another, for a moment."""
        self._outputs.self_test(self._clock.ms())
        return self._done(SELF_TEST, DONE, author, None)

    def _chosen(self, point):
        """Return the points that a verb is about: bypassed ones are out of service."""
        return [one for one in ([point] if point else self.panel.points) if not one.bypassed]

    def _end(self, verb, point, author):
        """End what runs of a verb; the points concerned start anew."""
        if not self.panel.stop(verb, point):
            return self._done(verb, REFUSED, author, point)
        result = self._done(verb, ENDED, author, point)
        for one in [point] if point else self.panel.points:
            if verb == BYPASS:
                one.bypassed = False
            elif (verb == WALK_TEST and one.mode == TEST) or (
                verb == DRILL and one.mode == DRILLED
            ):
                self._told(one, one.start_anew())
                one.mode = LIVE
        self.panel.refresh()
        self._outputs.follow(self._clock.ms())
        return result

    def _done(self, verb, result, author, point, minutes=0):
        self.panel.refresh()
        self._outputs.follow(self._clock.ms())
        self._recorder.act(verb, result, author, point, minutes)
        return result

    def _told(self, point, changed):
        """Conditions went because of a verb."""
        if changed:
            self.changed(point, changed)
