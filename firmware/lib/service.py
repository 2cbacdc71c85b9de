"""What a person does to a point: a part of lib/point.py that is loaded only while somebody acts.

Each function returns the condition bits that came or went, unless it says otherwise.
"""

from lib.point import ALARM, DRILLED, TEST, TROUBLE


def reset(point):
    """Let go of latched conditions whose cause is gone. A drill is a cause."""
    conditions = point.conditions & (TROUBLE | ALARM if point.mode == DRILLED else TROUBLE)
    for level in point._levels:
        if level.reset():
            conditions |= level.bit
    return point.become(conditions)


def is_held(point):
    """Return whether a reset is refused: it is in ALARM, or something latched has its cause."""
    latched = [level.held for level in point._levels if level.latches]
    return point.conditions & ALARM != 0 or True in latched


def release(ruled, point):
    """A local reset of a point, None for all: what stayed on for it goes. Where its cause still
    stands, it is held again before anybody sees it."""
    for one in ruled:
        if point is None or one in [rule[0] for rule in point.drives]:
            one.held = False


def can_alarm(point):
    """Return whether ALARM is among a point's conditions."""
    return ALARM in [level.bit for level in point._levels]


def drill(point):
    """Go into ALARM as an exercise."""
    point.mode = DRILLED
    return point.become(point.conditions | ALARM)


def start_anew(point):
    """Nothing has been seen yet: what still stands comes again after its hold time."""
    for level in point._levels:
        level.clear()
    point._lost.restart()
    point._lost.state = False
    return point.become(0)


def leave(point):
    """The walk test or the drill is over. The mode is left to the caller, who tells first."""
    return start_anew(point) if point.mode == TEST else point.become(point.conditions & ~ALARM)
