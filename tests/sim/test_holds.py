"""No sequence of readings makes an ALARM without its hold time, none loses one that held.

Sequences of values around each limit, of lost readings and resets, for every kind, with figures
anywhere within their bounds, across the tick wrap; real points in the VM. What must and what may
be is told from the readings alone, not by doing again what the firmware does.
"""

from typing import NamedTuple

import pytest
from firegrid import tables
from firegrid.wire import TROUBLE
from hypothesis import given, note, settings
from hypothesis import strategies as st
from vm_points import PointVm, point_line

HOLD_READINGS = 40  # longer hold times are drawn shorter: the logic counts time, not readings
BASE = 20_000
WRAP = 2**30
# Of a rise's window, twelve pieces: it surely knows eleven of them, and never more than this.
SURE, MOST = 11 / 12, 18 / 12
# TROUBLE as a level stands beside the lost sensor's own: check_point.py has it.
KINDS = sorted(
    key
    for key, quantity in tables.quantities().items()
    if quantity.levels
    and not any(level.bit == tables.BITS["trouble"] for level in quantity.levels)
)


@pytest.fixture(scope="module")
def vm():
    with PointVm() as vm:
        yield vm


class Step(NamedTuple):
    """A reading and what stood after it; `cuts` where the sensor counted as lost."""

    at_ms: int
    value: int | None
    conditions: int

    @property
    def cuts(self):
        return self.value is None and bool(self.conditions & TROUBLE)


# ---- what happened, from the readings alone ----


def beyond(level, line, steps, at):
    """Return (surely, perhaps): whether a reading sets the level, whether it keeps it set."""
    value = steps[at].value
    limit, hysteresis = line[level.name], line[f"{level.name}_hysteresis"]
    if not level.window_s:
        if level.above:
            return value >= limit, value >= limit - hysteresis
        return value < limit, value < limit + hysteresis
    sure = value - lowest(steps, at, level.window_s * SURE)
    most = value - lowest(steps, at, level.window_s * MOST)
    return sure >= limit, most >= limit - hysteresis


def lowest(steps, at, window_s):
    """Return the lowest value of a window since the sensor was there."""
    found = steps[at].value
    for step in reversed(steps[: at + 1]):
        if step.cuts or steps[at].at_ms - step.at_ms > window_s * 1000:
            break
        if step.value is not None:
            found = min(found, step.value)
    return found


def longest(steps, at, fits, starts):
    """Return for how long (ms) readings that fit have stood at `at`, counted from one that
    starts; None where there is none. Single lost readings are skipped."""
    since_ms = None
    for now in range(at, -1, -1):
        if steps[now].cuts:
            break
        if steps[now].value is None:
            continue
        if not fits(now):
            break
        if starts(now):
            since_ms = steps[now].at_ms
    return None if since_ms is None else steps[at].at_ms - since_ms


def held_ms(level, line, steps, at, surely):
    """Return for how long a level has been beyond its limit: surely, or at the very most."""

    def sets(now):
        return beyond(level, line, steps, now)[0]

    def keeps(now):
        return beyond(level, line, steps, now)[1]

    if surely:
        return longest(steps, at, sets, sets)
    return longest(steps, at, keeps, keeps if level.window_s else sets)


def away_ms(level, line, steps, at):
    """Return for how long at most a level has not been beyond its limit."""
    return longest(
        steps,
        at,
        lambda now: not beyond(level, line, steps, now)[0],
        lambda now: not beyond(level, line, steps, now)[1] or level.window_s,
    )


def reached(ms, wanted_ms):
    return ms is not None and ms >= wanted_ms


# ---- the promises ----


def check(quantity, line, steps, resets):
    """Raise unless each condition came with its hold time, and each that held is there."""
    for bit in {level.bit for level in quantity.levels}:
        levels = [level for level in quantity.levels if level.bit == bit]
        stood = False
        for at, step in enumerate(steps):
            stands = bool(step.conditions & bit)
            if stands and not stood:
                assert any(may_come(level, line, steps, at) for level in levels), (bit, at)
            if stood and not stands:
                assert all(may_go(level, line, steps, at, resets) for level in levels), (bit, at)
            if not stands:
                assert not any(must_stand(level, line, steps, at) for level in levels), (bit, at)
            stood = stands


def may_come(level, line, steps, at):
    held = held_ms(level, line, steps, at, surely=False)
    return reached(held, line[f"{level.name}_hold_ms"])


def must_stand(level, line, steps, at):
    if steps[at].value is None:  # a lost reading decides nothing
        return False
    held = held_ms(level, line, steps, at, surely=True)
    return reached(held, line[f"{level.name}_hold_ms"])


def may_go(level, line, steps, at, resets):
    """Return whether it has been away for long enough; a latch remembers that until a reset."""
    if level.latch and at not in resets:
        return False
    if not may_have_stood(level, line, steps, at):
        return True
    for before in range(at, -1, -1):
        if reached(away_ms(level, line, steps, before), line[f"{level.name}_clear_hold_ms"]):
            return True
        if not level.latch or must_stand(level, line, steps, before):
            return False
    return False


def may_have_stood(level, line, steps, at):
    """Return whether this level, of those that share the bit, can be why it stood."""
    return any(may_come(level, line, steps, before) for before in range(at))


# ---- the sequences ----


@st.composite
def cases(draw, quantity):
    """Return (line, period_ms, feed, start_ms)."""
    period_ms = draw(whole(quantity.period_ms.low, quantity.period_ms.high))
    line = point_line(quantity)
    for level in quantity.levels:
        for suffix, figure in (("", level.limit), ("_hysteresis", level.hysteresis)):
            bounds = (tables.thousandths(figure.low), tables.thousandths(figure.high))
            line[level.name + suffix] = draw(whole(*bounds))
        for suffix, figure in (
            ("_hold_ms", level.hold_ms),
            ("_clear_hold_ms", level.clear_hold_ms),
        ):
            high = max(figure.low, min(figure.high, HOLD_READINGS * period_ms))
            line[level.name + suffix] = draw(whole(figure.low, high))
    counts = st.one_of(st.integers(1, 4), st.sampled_from(hold_counts(quantity, line, period_ms)))
    values = st.sampled_from([None, "reset", *edges(quantity, line)])
    runs = draw(st.lists(st.tuples(values, counts), min_size=1, max_size=12))
    feed = [(BASE, 1)] + [(value, 1 if value == "reset" else count) for value, count in runs]
    length = sum(count for _, count in feed)
    return line, period_ms, feed, (WRAP - draw(whole(0, length)) * period_ms) % WRAP


def whole(low, high):
    """A whole number, often one of its bounds."""
    return st.one_of(st.sampled_from([low, high]), st.integers(low, high))


def hold_counts(quantity, line, period_ms):
    """Numbers of readings about each hold time: one short, reached, one more."""
    holds_ms = [
        line[level.name + suffix]
        for level in quantity.levels
        for suffix in ("_hold_ms", "_clear_hold_ms")
    ]
    about = {-(-ms // period_ms) + more for ms in holds_ms for more in (-1, 0, 1, 2)}
    return sorted(count for count in about if count > 0)


def edges(quantity, line):
    """Values on both sides of each limit and of each clear level."""
    found = {0, BASE}
    for level in quantity.levels:
        limit = line[level.name] + (BASE if level.window_s else 0)
        hysteresis = line[f"{level.name}_hysteresis"]
        clear_at = limit - hysteresis if level.above else limit + hysteresis
        found |= {limit - 1, limit, clear_at - 1, clear_at}
    return sorted(found)


def played(vm, line, period_ms, feed, start_ms):
    """Return the steps, and the readings after which the button was pressed."""
    changes = vm.play(line, period_ms, feed, start_ms)
    values, resets = [], set()
    for value, count in feed:
        if value == "reset":
            resets.add(len(values) - 1)
        else:
            values += [value] * count
    conditions = dict(changes)  # after a reading and a reset, what stood last
    steps, now = [], 0
    for at, value in enumerate(values):
        now = conditions.get(at, now)
        steps.append(Step(at * period_ms, value, now))
    return steps, resets


@pytest.mark.parametrize("key", KINDS)
def test_no_alarm_without_its_hold_time_and_none_lost(vm, key, request):
    quantity = tables.quantities()[key]
    same = request.config.getoption("--hypothesis-seed") is None  # `make soak` brings seeds

    @settings(max_examples=60, deadline=None, derandomize=same, database=None)
    @given(cases(quantity))
    def holds(case):
        steps, resets = played(vm, *case)
        note(str([(step.at_ms, step.value, step.conditions) for step in steps]))
        check(quantity, case[0], steps, resets)

    holds()
