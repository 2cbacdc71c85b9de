"""A gateway of real points, panel and operation for tests; fakes for what they tell."""

from acts import find
from lib.level import Level
from lib.panel import Panel
from lib.point import ALARM, Gateway, Point
from operation import Operation

from fakes import FakeOutputs, FakeRecorder, FakeTime

HOLD_MS = 200
STEP_MS = 100
ME = (3, 17, 2, 0)
BURNING, CALM = 20000, 0


def smoke(number, sounds=1):
    """A latching point: ALARM from 15000, held for HOLD_MS both ways."""
    return Point(
        number, "smoke", "mA", sounds, [Level(ALARM, 15000, True, 2000, HOLD_MS, HOLD_MS, True)]
    )


class Bench:
    """`feed` readings by point number, act with `operation`, look at `panel`."""

    def __init__(self, *points):
        self.points = points or (smoke(1), smoke(2))
        self.clock = FakeTime()
        self.outputs = FakeOutputs()
        self.recorder = FakeRecorder()
        self.panel = self.outputs.panel = Panel(list(self.points), Gateway())
        self.operation = Operation(self.panel, self.outputs, self.recorder, self.clock)
        self.told = self.recorder.told

    def point(self, number):
        return find(self.points, number)[1]

    def feed(self, ms=HOLD_MS, **readings):
        """Let time pass, each point reading what is named p1, p2 …, the others clean air."""
        for _ in range(0, ms + 1, STEP_MS):
            for point in self.points:
                value = readings.get(f"p{point.number}", CALM)
                changed = point.update(value, 0 if value is not None else 2, self.clock.ms())
                if changed:
                    self.operation.changed(point, changed)
            self.operation.tend(self.clock.ms())
            self.clock.pass_ms(STEP_MS)

    def act(self, verb, number=0, minutes=0):
        """Carry a verb out; return its result and the number that its event names."""
        result, point = self.operation.act(verb, self.point(number), minutes, ME)
        return result, point.number if point else 0

    def wait_minutes(self, minutes):
        """Let time pass with no reading; what has run out ends."""
        self.clock.pass_ms(minutes * 60_000)
        self.operation.tend(self.clock.ms())
