"""Two targets in one table: no false alarm on recorded air, and no true rise missed.

The recordings are not ours to ship: without them only the tests on modelled air run. Nothing is
fitted to them; the leak is the element's data-sheet curve, laid over its resistance.
"""

import math
import random

import pytest
from bench import nuisance
from firegrid.errors import FiregridError

SET_POINT, ALLOWED = 20.0, 3.0  # %LEL; GB 15322.1/.2 [U]: deviation of the alarm point
WARM_ROWS = 120  # the element is warm after 90
LEL_PPM = 21_000  # propane
AIR_RATIO = 9.83  # MQ-2 data sheet: Rs/R0 in clean air


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return nuisance.site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def folder():
    try:
        return nuisance.recordings()
    except FiregridError as error:
        pytest.skip(str(error))


def ratio(pct_lel):
    """Rs in so much LPG over Rs in clean air: the data sheet's line, 1.62 at 200 ppm."""
    if pct_lel <= 0:
        return 1.0
    return min(1.0, 1.62 * (pct_lel / 100 * LEL_PPM / 200) ** -0.47 / AIR_RATIO)


def with_leak(air_ohm, row_s, pct_lel_per_min, begin):
    """Lay a rising leak over the resistances in air."""
    for row, ohm in enumerate(air_ohm):
        yield ohm * ratio((row - begin) * row_s / 60 * pct_lel_per_min)


def alarm_pct_lel(verdict, row_s, pct_lel_per_min, begin):
    """The gas that there was when ALARM came."""
    came = verdict.first(nuisance.ALARM)
    assert came, "missed"
    return (came.row - begin) * row_s / 60 * pct_lel_per_min


def modelled_air(hours, row_s, drift_per_hour):
    """An element of 85 kOhm: half a percent of noise, a slow drift, and a slow swing of 2 %."""
    rng = random.Random(7)
    for row in range(int(hours * 3600 / row_s)):
        hour = row * row_s / 3600
        swing = 1 + 0.02 * math.sin(2 * math.pi * hour / 5)
        yield 85_000 * (1 + drift_per_hour * hour) * swing * rng.gauss(1, 0.005)


def element(name):
    return pytest.param(name, id=name.replace(" ", "-"))


RECORDED = [element(f"{e} in {c}") for c in nuisance.CLASSES for e in nuisance.ELEMENTS]


@pytest.fixture
def trace(folder, request):
    return next(one for one in nuisance.gas_traces(folder) if one.name == request.param)


@pytest.mark.parametrize("trace", RECORDED, indirect=True)
def test_clean_air_and_perfume_make_no_alarm_but_a_plain_limit_on_counts_does(plan, trace):
    assert nuisance.our_onsets(plan, trace) == 0
    assert nuisance.plain_onsets(trace) > 0


@pytest.mark.parametrize("begin", [WARM_ROWS, WARM_ROWS + 80])
@pytest.mark.parametrize("trace", RECORDED, indirect=True)
def test_a_leak_over_a_recording_alarms_by_the_set_point_and_3_pct_lel(plan, trace, begin):
    air = list(nuisance.resistances(trace.raw))
    verdict = nuisance.gas_verdict(plan, with_leak(air, trace.row_s, 1.0, begin))
    came = alarm_pct_lel(verdict, trace.row_s, 1.0, begin)
    assert 0 < came <= SET_POINT + ALLOWED, came


@pytest.mark.parametrize("drift_per_hour", [-0.03, 0.0, 0.03])
@pytest.mark.parametrize("per_min", [0.2, 1.0])
def test_a_leak_over_modelled_air_alarms_near_its_set_point(plan, drift_per_hour, per_min):
    row_s, begin = 1.0, 1800
    hours = 0.5 + (SET_POINT + ALLOWED) / per_min / 60 + 0.1
    air = modelled_air(hours, row_s, drift_per_hour)
    verdict = nuisance.gas_verdict(plan, with_leak(air, row_s, per_min, begin), row_s)
    came = alarm_pct_lel(verdict, row_s, per_min, begin)
    assert SET_POINT / 2 < came <= SET_POINT + ALLOWED, came


def test_modelled_air_alone_makes_no_alarm(plan):
    for drift_per_hour in (-0.1, 0.1):
        verdict = nuisance.gas_verdict(plan, modelled_air(3, 2.0, drift_per_hour), 2.0)
        assert verdict.onsets(nuisance.ALARM) == 0


def test_dust_makes_no_alarm_but_a_plain_limit_on_it_does(plan, folder):
    trace = nuisance.dust_trace(folder)
    assert nuisance.our_onsets(plan, trace) == 0
    assert nuisance.plain_onsets(trace) > 0


def test_a_puff_half_as_high_again_as_the_alarm_level_is_over_before_the_hold_time(plan, folder):
    """The recorded 6-second spike, as if it were smoke."""
    raw = nuisance.dust_trace(folder).raw
    db_m = [0.075 * value / max(raw) for value in raw[3000:3600]]
    assert max(db_m) > plan.point_by_number[nuisance.SMOKE_POINT].levels["alarm"].limit
    assert nuisance.smoke_verdict(plan, db_m).onsets(nuisance.ALARM) == 0


def test_a_slow_fire_alarms_in_spite_of_the_compensation_of_dust(plan):
    """EN 54-7 [U]: a rise of a quarter of the threshold an hour, by 1.6 times the threshold."""
    level = plan.point_by_number[nuisance.SMOKE_POINT].levels["alarm"].limit
    row_s = 20
    rise = [level / 4 * row * row_s / 3600 for row in range(int(6.4 * 3600 / row_s))]
    came = nuisance.smoke_verdict(plan, rise, row_s).first(nuisance.ALARM)
    assert came and level <= rise[came.row] <= 1.6 * level, came
