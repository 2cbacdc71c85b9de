"""Every level of every kind on both sides of every limit: one table, made from kinds.toml.

Input, time and expectation come from the table's own figures, once each as they are by default, at
their lower and at their upper bounds; real points in the VM (assembly.make_point) are fed with
them, from tick 0 and across the wrap in the middle of the hold time.
"""

from typing import NamedTuple

import pytest
from firegrid import tables
from firegrid.tables import LevelTable, Quantity
from vm_points import PointVm, point_line

CHOICES = {
    "default": lambda figure: figure.default,
    "low": lambda figure: figure.low,
    "high": lambda figure: figure.high,
}
WRAP = 2**30
BASE = 20_000  # of a rise: 20 °C


@pytest.fixture(scope="module")
def vm():
    with PointVm() as vm:
        yield vm


class Trial(NamedTuple):
    """One level with chosen figures: its values around the limits, its times in readings."""

    level: LevelTable
    line: dict
    period_ms: int
    almost: int  # the last value that does not set
    sets: int  # the first that does
    keeps: int  # the last that keeps it
    clears: int  # the first that clears
    hold: int  # readings after the first one until it stands
    clear_hold: int

    def sees_rest(self):
        """Return whether a rise still knows the value at rest after both its times.

        Its window is kept in twelve pieces: eleven of them are certain.
        """
        took_ms = self.period_ms * (self.hold + self.clear_hold + 2)
        return not self.level.window_s or took_ms < self.level.window_s * 1000 * 11 // 12


def trial(quantity, level, choose):
    line = point_line(quantity, choose)
    period_ms = choose(quantity.period_ms)
    limit = line[level.name] + (BASE if level.window_s else 0)
    hysteresis = line[f"{level.name}_hysteresis"]
    beyond = 1 if level.above else -1
    first = limit if level.above else limit - 1  # "below" means below
    return Trial(
        level=level,
        line=line,
        period_ms=period_ms,
        almost=first - beyond,
        sets=first,
        keeps=first - beyond * hysteresis,
        clears=first - beyond * hysteresis - beyond,
        hold=-(-line[f"{level.name}_hold_ms"] // period_ms),
        clear_hold=-(-line[f"{level.name}_clear_hold_ms"] // period_ms),
    )


def rows(trial):
    """Yield the table: what is fed, then (index of a reading, whether it stands from then on)."""
    hold, clear_hold, latch = trial.hold, trial.clear_hold, trial.level.latch
    rest = (BASE if trial.level.window_s else trial.clears, 1)
    stands = [rest, (trial.sets, hold + 1)]
    came = (1 + hold, True)
    cleared = 1 + hold + 1 + clear_hold

    yield "just within the limit", [rest, (trial.almost, hold + 9)], []
    yield "at the limit", stands, [came]
    yield "it stays", [*stands, (trial.sets, 9)], [came]
    if hold:
        short = [rest, (trial.sets, hold)]
        yield "one reading short", short, []
        again = (1 + 2 * hold + 1, True)
        twice = [*short, (trial.clears, 1), (trial.sets, hold + 1)]
        yield "short, gone, and anew", [*short, (trial.clears, 1), (trial.sets, hold)], []
        yield "short, gone, and held", twice, [again]
        back = [rest, (trial.sets, 1), (trial.keeps, hold)]
        yield "held within the hysteresis", back, [came]
    yield "it keeps", [*stands, (trial.keeps, clear_hold + 9)], [came]
    gone = [*stands, (trial.clears, clear_hold + 1)]
    if latch:
        yield "latched", [*gone, (trial.clears, 9)], [came]
        yield "reset", [*gone, ("reset", 1)], [came, (cleared, False)]
        yield "reset while it stands", [*stands, ("reset", 1)], [came]
        if clear_hold:
            early = [*stands, (trial.clears, clear_hold), ("reset", 1)]
            yield "reset one reading early", early, [came]
    else:
        yield "gone", gone, [came, (cleared, False)]
    if clear_hold and trial.sees_rest():
        short = [*stands, (trial.clears, clear_hold), (trial.sets, 1)]
        yield "not gone long enough", [*short, ("reset", 1)], [came]
        yield "and anew", [*short, (trial.clears, clear_hold), ("reset", 1)], [came]


def starts(trial):
    """Tick 0, the wrap at the first reading, in the middle of the hold, and of the clear hold."""
    yield 0
    yield WRAP - 1
    yield WRAP - 1 - trial.period_ms * (trial.hold // 2)
    yield WRAP - 1 - trial.period_ms * (trial.hold + trial.clear_hold // 2)


def of_bit(changes, bit):
    """Return the changes of one condition: (index, whether it stands)."""
    seen = []
    for at, conditions in changes:
        if bool(conditions & bit) != (seen[-1][1] if seen else False):
            seen.append((at, bool(conditions & bit)))
    return seen


LEVELS = [
    pytest.param(quantity, level, choice, id=f"{key}-{level.name}-{choice}")
    for key, quantity in tables.quantities().items()
    for level in quantity.levels
    for choice in CHOICES
]


@pytest.mark.parametrize(("quantity", "level", "choice"), LEVELS)
def test_on_both_sides_of_every_limit(vm, quantity: Quantity, level, choice):
    made = trial(quantity, level, CHOICES[choice])
    for what, feed, expected in rows(made):
        for start_ms in dict.fromkeys(starts(made)):
            changes = vm.play(made.line, made.period_ms, feed, start_ms % WRAP)
            assert of_bit(changes, level.bit) == expected, (what, start_ms, feed)


RISES = [
    pytest.param(quantity, level, choice, id=f"{key}-{level.name}-{choice}")
    for key, quantity in tables.quantities().items()
    for level in quantity.levels
    for choice in CHOICES
    if level.window_s
]


@pytest.mark.parametrize(("quantity", "level", "choice"), RISES)
@pytest.mark.parametrize(("share", "comes"), [(0.95, False), (1.2, True)])
def test_a_rise_counts_within_its_window_alone(vm, quantity, level, choice, share, comes):
    """A steady climb of `share` times the limit in each window; below every fixed level."""
    made = trial(quantity, level, CHOICES[choice])
    per_reading = share * made.line[level.name] * made.period_ms / (level.window_s * 1000)
    # The pieces of the window may know it a little shorter, and never longer.
    readings = round((level.window_s * 1000 + 2000) / made.period_ms) + made.hold
    feed = [(round(BASE + at * per_reading), 1) for at in range(readings)]
    changes = vm.play(made.line, made.period_ms, feed, WRAP - 30_000)
    assert bool(of_bit(changes, level.bit)) == comes
