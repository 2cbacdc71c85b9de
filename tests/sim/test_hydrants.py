"""Hydrants of a street in a hydraulic model, through the real firmware.

The traces are EPANET's (examples/traces/README.md). A fire flow pulls the far hydrant to 107 kPa:
low, which is SUPERVISORY, and still above the 100 kPa that a fire brigade may count on: no ALARM.
A burst and a closed valve empty it: both. The near hydrant hardly notices any of them.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from firegrid.resources import checkout
from firegrid.site.load import load_site
from firegrid.wire import ALARM, SUPERVISORY, TROUBLE
from vm_trace import play, read_rows, track_of

TRACES = checkout() / "examples" / "traces" / "hydrants"
NAMES = ("fire-flow", "burst", "closed-valve")
BEGINS_S, ENDS_S = 600, 1800
EXPECTED = {
    ("fire-flow", "near"): 0,
    ("fire-flow", "far"): SUPERVISORY,
    ("burst", "near"): 0,
    ("burst", "far"): ALARM | SUPERVISORY,
    ("closed-valve", "near"): 0,
    ("closed-valve", "far"): ALARM | SUPERVISORY,
}
ASIDE_KPA = 5  # beyond the noise of an ESP32's converter

FACES = load_site(Path(__file__).parent / "sites" / "faces.toml")
JINSHUI = load_site(checkout() / "examples" / "jinshui-garden.toml")
SITES = {"hydrant-main": FACES, "hydrant-market": JINSHUI}  # 4-20 mA, ratiometric 0.5-4.5 V


def pressures(name, column):
    return read_rows(TRACES / f"{name}.csv", f"{column}_kpa")


@pytest.mark.parametrize("face", SITES)
@pytest.mark.parametrize(("name", "column"), EXPECTED)
def test_each_event_raises_its_conditions_and_they_go_again(name, column, face, tmp_path):
    site, point = SITES[face], SITES[face].point(face)
    track = track_of(point, "pressure_kpa", pressures(name, column))
    played = play(site, [track], tmp_path)
    period_s = point.period_ms / 1000
    assert played.came_s(point, TROUBLE) is None
    for level in (level for level in point.levels.values() if not level.above):
        came_s = played.came_s(point, level.bit)
        if not EXPECTED[name, column] & level.bit:
            assert came_s is None, level.name
            continue
        late_s = came_s - BEGINS_S - level.hold_ms / 1000
        assert 0 <= late_s <= period_s, level.name
        late_s = played.went_s(point, level.bit) - ENDS_S - level.clear_hold_ms / 1000
        assert 0 <= late_s <= period_s, level.name


@pytest.mark.parametrize(
    ("name", "column"),
    [("fire-flow", "far"), ("fire-flow", "near"), ("burst", "near"), ("closed-valve", "near")],
)
def test_a_limit_on_either_side_of_the_lowest_pressure(name, column, tmp_path):
    """Where the table allows it: a limit just below what the event leaves, and just above."""
    site, point = FACES, FACES.point("hydrant-main")
    rows = pressures(name, column)
    lowest_kpa = min(kpa for _, kpa in rows)
    for level in (level for level in point.levels.values() if not level.above):
        for aside_kpa in (-ASIDE_KPA, ASIDE_KPA):
            moved = replace(level, limit=round(lowest_kpa + aside_kpa, 1))
            changed = replace(point, levels={**point.levels, level.name: moved})
            track = track_of(changed, "pressure_kpa", rows)
            played = play(site, [track], tmp_path / f"{level.name}{aside_kpa}")
            came = played.came_s(changed, level.bit) is not None
            assert came == (aside_kpa > 0), (level.name, aside_kpa)


@pytest.mark.parametrize("name", NAMES)
def test_the_traces_are_what_the_expectations_say(name):
    for column in ("near", "far"):
        kpa = dict(pressures(name, column))
        assert kpa[0] > 140 < kpa[BEGINS_S - 10]
        during = [kpa[at_s] for at_s in range(BEGINS_S, ENDS_S, 10)]
        bits = SUPERVISORY * (max(during) < 140) | ALARM * (max(during) < 100)
        assert bits == EXPECTED[name, column]
        assert min(kpa[at_s] for at_s in range(ENDS_S, 2401, 10)) > 150
