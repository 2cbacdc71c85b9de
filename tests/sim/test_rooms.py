"""Rooms: the same seed is the same room, its truths fit the levels, its signals their sensors."""

import pytest
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid_sim import rooms
from firegrid_sim.electrical import sensor_for

_ALL = [
    p for name in ("jinshui-garden", "baisheng-garden") for p in load_site(site_path(name)).points
]
POINTS = list({(point.kind, point.driver): point for point in _ALL}.values())  # one of each
SEEDS = range(4)
DAYS = 1.0
NUISANCES = ("cooking", "perfume, cooking", "inrush current", "puff of steam")
NUISANCES += ("pressure transient", "cable warms while charging", "battery under test load")


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.id)
def test_the_same_seed_is_the_same_room(point):
    one, two = (rooms.room(point, 7, DAYS) for _ in range(2))
    assert list(one.changes()) == list(two.changes())
    assert (one.truths, one.doubts) == (two.truths, two.doubts)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.id)
def test_every_step_is_a_signal_that_drives_the_sensor(point):
    sensor = sensor_for(point)
    for seed in SEEDS:
        last_s = -1.0
        for t_s, signals in rooms.room(point, seed, DAYS).changes():
            assert last_s < t_s < DAYS * rooms.DAY_S
            last_s = t_s
            for name, value in signals.items():
                sensor.check(name, value)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.id)
def test_nuisance_is_never_true_nor_in_doubt(point):
    for seed in SEEDS:
        place = rooms.room(point, seed, DAYS)
        for _, _, what, _ in place.truths + place.doubts:
            assert what not in NUISANCES and "briefly" not in what


def test_causes_become_true_at_every_kind_of_point():
    silent = {
        point.kind
        for point in POINTS
        if not any(rooms.room(point, seed, DAYS).truths for seed in SEEDS)
    }
    assert silent == set()


def test_truth_of_a_hydrant_stands_beyond_its_level():
    point = next(point for point in POINTS if point.kind == "hydrant")
    limits = {level.bit: level.limit for level in point.levels.values() if not level.above}
    truths = [(s, t) for s in SEEDS for t in rooms.room(point, s, DAYS).truths]
    assert truths
    for seed, (start_s, _, _, bit) in truths:
        assert rooms.room(point, seed, DAYS).signals_at(start_s)["pressure_kpa"] < limits[bit]


def test_every_episode_names_its_source():
    named = {rooms.CFAST, rooms.EPANET, rooms.MIXING, rooms.JOUKOWSKY, rooms.LOAD}
    named |= {rooms.HEATING, rooms.BATTERY, rooms.CONTACT, rooms.STEAM}
    used = {source for p in POINTS for s in SEEDS for source in rooms.room(p, s, DAYS).sources}
    assert used == named
