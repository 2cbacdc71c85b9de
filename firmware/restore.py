"""After a start: clock and panel as they were when the power went. Needed at the start only.

What stood stands, what was acknowledged is so, a bypass goes on for the time that it has left.
Silence, walk test and drill have ended, each with an event.
"""

import struct
from time import ticks_add

from acts import find
from clock import HELD
from lib.lasting import BYPASSED, CLOCKED, EXERCISED, SILENCED, TESTED
from lib.point import TROUBLE
from lib.prov import MADE_S
from lib.recovery import remembered
from lib.verbs import BYPASS, DONE, DRILL, ENDED, ITSELF, SILENCE, WALK_TEST

_ITSELF = (ITSELF, 0, 0, 0)
_ENDED = ((SILENCED, SILENCE), (TESTED, WALK_TEST), (EXERCISED, DRILL))


class Restored:
    """Made before the first event of this start: what the journal tells of the last one."""

    def __init__(self, journal):
        events, samples = journal.found
        self.up_s = events.up_s  # how long the gateway ran, as far as is known
        if samples.boot == events.boot:
            self.up_s = max(events.up_s, samples.up_s)
        self.time_s = events.time_s and events.time_s + self.up_s - events.up_s
        self._states = remembered(journal.events.states)

    def hold_clock(self, clock, known):
        """Let the clock begin at the newest time that is known: later than that it is for sure. A
        new gateway knows when it was made."""
        if not self.time_s and len(known.get(MADE_S, b"")) == 4:
            (self.time_s,) = struct.unpack("<I", known[MADE_S])
        if self.time_s:
            clock.set(self.time_s, HELD)

    def restore(self, operation):
        """Bring back every point that is still there."""
        for number, state in self._states:
            known, point = find(operation.panel.points, number)
            if known:
                self._restore(operation, point, *struct.unpack("<BBHI", state))
        operation.panel.refresh()

    def _restore(self, operation, point, bits, flags, minutes, since):
        act = operation.recorder.act
        for flag, verb in _ENDED:
            if flags & flag:
                act(verb, ENDED, _ITSELF, point, 0)
        if not point:
            return
        if not flags & BYPASSED:
            stand_again(point, bits & 15, bits >> 4)
            return
        left_s = self._left_s(flags, minutes, since)
        if left_s <= 0:
            act(BYPASS, ENDED, _ITSELF, point, 0)
            return
        point.bypassed = True
        until_ms = ticks_add(operation.clock.ms(), left_s * 1000)
        operation.panel.running.append((BYPASS, point, until_ms))
        operation.restored += (point,)
        act(BYPASS, DONE, _ITSELF, point, (left_s + 59) // 60)

    def _left_s(self, flags, minutes, since):
        """Return what a bypass has left; where the clock was unknown, powered time counts."""
        left_s = since - self.time_s if flags & CLOCKED else 60 * minutes - (self.up_s - since)
        return min(left_s, 60 * minutes)


def stand_again(point, conditions, acknowledged):
    """A power cut is no reset: what stood stands, and goes as it would have gone."""
    known = TROUBLE
    for level in point._levels:
        known |= level.bit
        if level.bit & conditions:
            level.restore()
    point._lost.state = conditions & TROUBLE != 0
    point.conditions = conditions & known  # the configuration may be another one
    point.acknowledged = acknowledged & point.conditions
