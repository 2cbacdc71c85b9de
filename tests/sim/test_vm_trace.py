"""Traces in driven time: the same on every machine, exact on the board's clock."""

from pathlib import Path

import pytest
from firegrid.site.load import load_site
from firegrid.wire import ALARM, PRE_ALARM, TROUBLE
from vm_trace import play, track_of

FACES = load_site(Path(__file__).parent / "sites" / "faces.toml")
JINSHUI = load_site(Path(__file__).parents[2] / "examples" / "jinshui-garden.toml")
DUCT = FACES.point("smoke-duct")
TRAY = FACES.point("cable-tray")
SMOKE = [(0, 0.0), (60, 0.2), (70, 0.2)]


def test_a_condition_comes_at_the_boards_own_time_and_the_sounder_with_it(tmp_path):
    played = play(FACES, [track_of(DUCT, "smoke_db_m", SMOKE)], tmp_path)
    assert (
        played.came_s(DUCT, ALARM) == 63.1
    )  # its hold time of 3 s, and the median of three readings
    assert 63.1 <= played.rose_s(25) < 63.15
    assert played.came_s(DUCT, TROUBLE) is None
    assert len(played.readings[DUCT.number]) == 70 * 10


@pytest.mark.parametrize("start_ms", [2**30 - 1, 2**30 - 62_000, 2**29 - 61_000])
def test_the_tick_wrap_changes_nothing(tmp_path, start_ms):
    tracks = [track_of(DUCT, "smoke_db_m", SMOKE)]
    assert play(FACES, tracks, tmp_path, start_ms) == play(FACES, tracks, tmp_path / "from-0")


def test_a_phase_moves_the_readings_against_the_trace(tmp_path):
    played = play(FACES, [track_of(DUCT, "smoke_db_m", SMOKE)], tmp_path, phase_ms=70)
    assert played.readings[DUCT.number][0].at_s == -0.07
    assert played.came_s(DUCT, ALARM) == 63.13


def test_points_of_one_gateway_are_played_together(tmp_path):
    tracks = [
        track_of(DUCT, "smoke_db_m", SMOKE),
        track_of(TRAY, "temperature_c", [(0, 20), (30, 20), (40, 60), (70, 60)]),
    ]
    played = play(FACES, tracks, tmp_path)
    assert played.came_s(DUCT, PRE_ALARM) == 63.1
    assert played.came_s(TRAY, ALARM) == 43.1  # its rise stood for 3 s; median: a period more
    assert played.came_s(TRAY, PRE_ALARM) is None


def test_a_wave_is_played_as_well(tmp_path):
    leakage = JINSHUI.point("leakage-block-6")
    track = track_of(leakage, "leakage_ma", [(0, 50), (3, 250), (12, 250)])
    played = play(JINSHUI, [track], tmp_path)
    values = [seen.value for seen in played.readings[leakage.number]]
    assert values[5] == pytest.approx(50_000, rel=0.05)
    assert values[-1] == pytest.approx(250_000, rel=0.05)
    assert played.came_s(leakage, PRE_ALARM) == pytest.approx(8, abs=0.3)
