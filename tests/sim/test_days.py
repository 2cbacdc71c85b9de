"""Worlds of days: the same seed twice, what must hold in wild ones, what was found once."""

import os

import pytest
from firegrid.resources import hal_dir
from firegrid_sim import faults, simworld
from firegrid_sim.board import Bench, compiled
from firegrid_sim.forkserver import ForkServer
from firegrid_sim.simworld import play
from worlds import MILD, PEACE, WILD, kept, lives_through, plan

SOAK_DAYS = float(os.environ.get("SOAK_DAYS", "0"))


@pytest.fixture(scope="module")
def bench():
    server = ForkServer()
    server.start()
    yield Bench(server, compiled(None), hal_dir())
    server.stop()


def test_the_same_seed_is_the_same_world(bench):
    one, other = (play(plan("gw-hydrants", 5, 0.1, WILD, 200.0), bench) for _ in range(2))
    assert one.events_sha256 == other.events_sha256
    assert one.counts == other.counts and one.resets == other.resets
    another = play(plan("gw-hydrants", 6, 0.1, WILD, 200.0), bench)
    assert another.events_sha256 != one.events_sha256


def test_a_roomy_heap_changes_nothing_but_the_time(bench, monkeypatch):
    """What is quicker in the HAL then must do the same."""
    sums = []
    for tight in (True, False):
        monkeypatch.setattr(simworld, "is_tight", lambda _seed, tight=tight: tight)
        sums.append(play(plan("gw-yard", 5, 0.1, WILD | {"heap-full": 0.0}, 600.0), bench))
    assert sums[0].events_sha256 == sums[1].events_sha256
    assert sums[0].heap_low_bytes < 65536 < sums[1].heap_low_bytes


FULL = pytest.mark.full
# A day in all: the wrap in a hold time (4) or within minutes, a board's own heap (9), cuts.
DAY = [
    *[("gw-yard", seed, 0.125) for seed in (1, 4, 5, 18, 22, 42, 45)],
    ("gw-hydrants", 22, 0.105),
    ("gw-yard", 9, 0.02),
]
DAYS = [("gw-yard", seed, 1.0) for seed in (101, *range(104, 112))]
MORE = [
    ("gw-yard", 102, 0.3),  # on a board's heap
    ("gw-hydrants", 111, 0.3),
    ("gw-flats", 122, 0.1),
    ("gw-shops", 132, 0.08),
    ("gw-power", 141, 0.05),
]


@pytest.mark.parametrize(
    ("gateway", "seed", "days"),
    [*DAY, *[pytest.param(*world, marks=FULL) for world in DAYS + MORE]],
)
def test_what_must_hold_holds_in_a_wild_world(gateway, seed, days, bench, request):
    """In `make soak` each of its seeds is another world."""
    drawn = int(request.config.getoption("--hypothesis-seed") or 0)
    rates = WILD if seed % 2 else MILD
    found = lives_through(plan(gateway, (seed + drawn) % 2**32, days, rates), bench)
    assert found.counts["stored"] > 0
    assert drawn or rates is MILD or found.resets["power"] > 0


@pytest.mark.full
@pytest.mark.skipif(not SOAK_DAYS, reason="only in `make soak`")
@pytest.mark.parametrize("gateway", ["gw-yard", "gw-hydrants"])
def test_what_must_hold_holds_for_a_month(gateway, bench, request):
    drawn = int(request.config.getoption("--hypothesis-seed") or 0)
    lives_through(plan(gateway, drawn % 2**32, SOAK_DAYS, faults.rates(())), bench)


def test_garbage_at_the_console_does_nothing_and_is_answered(bench, monkeypatch):
    said = []

    def look_and_judge(checkers, world, judge=simworld.judge):
        said.append(world._board.console())
        judge(checkers, world)

    monkeypatch.setattr(simworld, "judge", look_and_judge)
    found = play(plan("gw-yard", 3, 0.02, PEACE | {"uart-garbage": 1000.0}), bench)
    assert found.violations == [] and found.counts["fault uart-garbage"] > 3
    assert said[0].count("not done: ") > 3


@pytest.mark.full
def test_worlds_that_failed_once_fail_no_more(bench):
    for world in kept():
        lives_through(world, bench)


@pytest.mark.full
def test_a_slow_link_does_not_move_the_clock_to_and_fro(bench):
    """Seed 1 of gw-shops: each word of the desk that came late moved it, an event each."""
    quiet, slow = (
        play(plan("gw-hydrants", 2, 0.02, PEACE | {"slow-link": rate}), bench)
        for rate in (0.0, 200.0)
    )
    assert slow.counts["fault slow-link"] > 0
    assert slow.counts["stored"] <= quiet.counts["stored"] + 2


def test_a_task_that_failed_leaves_no_connection_open(bench):
    """Seed 22 of gw-hydrants: the broker had two of one gateway, until a collection took one."""
    found = lives_through(plan("gw-hydrants", 3, 0.02, PEACE | {"task-raises": 500.0}), bench)
    assert found.counts["trap"] > 2
