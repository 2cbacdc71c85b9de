"""The tables of kinds, drivers and codes: their figures, their sources, what is generated."""

import json
import re
import tomllib

import jsonschema
import pytest
from firegrid import generate, resources, tables, wire
from firegrid.errors import FiregridError

ROOT = resources.checkout()
FIGURES = {
    f"{quantity.key} {level.name} {name}": getattr(level, name)
    for quantity in tables.quantities().values()
    for level in quantity.levels
    for name in ("limit", "hysteresis", "hold_ms", "clear_hold_ms")
}
FIGURES |= {f"{verb} minutes": figure for verb, figure in tables.verb_minutes().items()}
FIGURES |= {f"{key} period_ms": row.period_ms for key, row in tables.quantities().items()}
LIMITS = {
    ("mains/state", "trouble"): (1, 1, 1, 5000, False),
    ("battery/v", "trouble"): (11.5, 3.2, 25, 10000, False),
    ("smoke/loop_ma", "alarm"): (15, 10, 20, 1000, True),
    ("gas/pct_lel", "alarm"): (20, 5, 25, 3000, True),
    ("gas/pct_lel", "pre_alarm"): (10, 3, 20, 3000, False),
    ("leakage/ma", "alarm"): (300, 20, 1000, 5000, True),
    ("leakage/ma", "pre_alarm"): (200, 20, 1000, 5000, False),
    ("hydrant/kpa", "alarm"): (100, 50, 400, 5000, False),
    ("hydrant/kpa", "supervisory"): (140, 70, 500, 5000, False),
    ("hydrant/kpa", "high"): (1000, 300, 4000, 5000, False),
    ("analog/rising_pct", "alarm"): (95, 1, 100, 5000, False),
    ("analog/rising_pct", "pre_alarm"): (90, 1, 100, 5000, False),
    ("analog/rising_pct", "supervisory"): (80, 1, 100, 5000, False),
    ("analog/falling_pct", "alarm"): (5, 0.5, 95, 5000, False),
    ("analog/falling_pct", "pre_alarm"): (10, 0.5, 95, 5000, False),
    ("analog/falling_pct", "supervisory"): (20, 0.5, 95, 5000, False),
    ("smoke/db_m", "alarm"): (0.15, 0.05, 0.3, 3000, True),
    ("smoke/db_m", "pre_alarm"): (0.1, 0.03, 0.25, 3000, False),
    ("gas/co_ppm", "alarm"): (160, 50, 300, 3000, True),
    ("gas/co_ppm", "pre_alarm"): (24, 10, 160, 3000, False),
    ("sprinkler/kpa", "supervisory"): (50, 20, 500, 5000, False),
    ("temperature/c", "alarm"): (85, 55, 140, 5000, True),
    ("temperature/c", "pre_alarm"): (70, 45, 135, 5000, False),
    ("temperature/c", "rise"): (10, 5, 30, 3000, True),
    ("callpoint/state", "alarm"): (1, 1, 1, 100, True),
    ("lift/state", "alarm"): (1, 1, 1, 1000, False),
    ("lane/state", "supervisory"): (1, 1, 1, 120_000, False),
    ("valve/state", "supervisory"): (1, 1, 1, 2000, False),
    ("tamper/state", "supervisory"): (1, 1, 1, 300, True),
    ("cap/state", "supervisory"): (1, 1, 1, 2000, False),
    ("contact/state", "supervisory"): (1, 1, 1, 1000, False),
}
SAMPLING_TICK_MS = 20  # firmware/sampling.py
SMALL_INT_MAX = 2**30 - 1  # beyond it an ESP32 takes heap for a number


def everyone(name):
    return [pytest.param(key, value, id=key) for key, value in name.items()]


@pytest.mark.parametrize(
    ("path", "text"),
    [pytest.param(path, text, id=path.name) for path, text in generate.generated_files(ROOT)],
)
def test_what_is_generated_is_what_the_tables_say(path, text):
    assert path.read_text(encoding="utf-8") == text, "run: python -m firegrid.generate"


def test_a_changed_table_changes_what_is_generated(monkeypatch):
    before = generate.firmware_files()
    codes = {**tables.codes(), 2: "opened"}
    monkeypatch.setattr(tables, "codes", lambda: codes)
    after = generate.firmware_files()
    assert after["codes.py"] == before["codes.py"].replace("OPEN = const(2)", "OPENED = const(2)")


@pytest.mark.parametrize("name", ["kinds", "drivers", "rules", "codes", "verbs"])
def test_each_table_fits_its_schema_and_names_it(name):
    path = tables.HERE / f"{name}.toml"
    text = path.read_text(encoding="utf-8")
    found = re.match(r"#:schema (\S+)\n", text)
    assert found
    schema = json.loads((path.parent / found[1]).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads(text), schema)


def test_a_table_of_an_unknown_format_is_refused_with_both_numbers(tmp_path, monkeypatch):
    (tmp_path / "codes.toml").write_text("format = 7\n[codes]\n")
    monkeypatch.setattr(tables, "HERE", tmp_path)
    with pytest.raises(FiregridError, match="format 7 is unknown; this firegrid reads 1"):
        tables._tables("codes")


def test_the_limits_are_those_that_were_agreed():
    found = {
        (quantity.key, level.name): (
            level.limit.default,
            level.limit.low,
            level.limit.high,
            level.hold_ms.default,
            level.latch,
        )
        for quantity in tables.quantities().values()
        for level in quantity.levels
    }
    assert found == LIMITS


def test_only_what_people_must_flee_from_sounds():
    sounding = {row.kind for row in tables.quantities().values() if row.sounds}
    assert sounding == {"smoke", "gas", "leakage", "callpoint", "temperature"}


@pytest.mark.parametrize(("name", "figure"), everyone(FIGURES))
def test_a_default_lies_within_its_bounds_and_fits_a_small_int(name, figure):
    assert 0 <= figure.low <= figure.default <= figure.high
    assert figure.low < figure.high or "contact" in figure.source
    kept = figure.high if name.endswith("_ms") else tables.thousandths(figure.high)
    assert kept <= SMALL_INT_MAX


@pytest.mark.parametrize(("name", "figure"), everyone(FIGURES))
def test_a_figure_is_confirmed_only_where_the_clause_was_read(name, figure):
    tags = set(re.findall(r"\[([PRTU])\]", figure.source))
    assert tags or "ours" in figure.source or "no clause found" in figure.source
    read = bool(tags) and tags <= {"P", "R"} and "ours" not in figure.source
    assert figure.status == ("confirmed" if read else "to-be-checked")


def test_an_alarm_that_sounds_stays_within_the_30_s_of_the_standards():
    for quantity in tables.quantities().values():
        if quantity.sounds:
            for level in quantity.levels:
                assert level.hold_ms.high + quantity.period_ms.high <= 30_000, quantity.key


def test_the_median_leaves_room_in_the_0_3_s_from_crossing_to_sounder():
    for quantity in tables.quantities().values():
        if quantity.sounds:
            readings = (quantity.median.high + 1) // 2  # so many must be beyond the limit
            assert readings * quantity.period_ms.high + SAMPLING_TICK_MS < 300, quantity.key


def test_contacts_are_neither_filtered_nor_stuck():
    for quantity in tables.quantities().values():
        still = (quantity.median.default, quantity.stuck_s.default, quantity.soils)
        plain = quantity.name == "state" or quantity.kind == "battery"
        assert (still == (1, 0, False)) is plain, quantity.key
        for name, limits in quantity.classes.items():
            for level in quantity.levels:
                assert level.name == "high" or level.limit.low <= limits[level.name].default, name
        assert quantity.stuck_s.high * 1000 < 2**29, "ticks tell no longer spans"


def test_a_gas_alarm_can_clear_within_the_60_s_of_the_standard():
    for level in tables.quantities()["gas/pct_lel"].levels:
        assert level.clear_hold_ms.high < 60_000


@pytest.mark.parametrize(("key", "quantity"), everyone(tables.quantities()))
def test_a_quantity_is_delivered_by_its_usual_driver(key, quantity):
    assert key in tables.drivers()[quantity.driver].quantities


@pytest.mark.parametrize(("key", "quantity"), everyone(tables.quantities()))
def test_the_lesser_condition_comes_before_the_alarm_by_default(key, quantity):
    alarm, *lesser = quantity.levels or [None]
    if alarm is None:  # a line that is whole or not
        return
    assert alarm.name == "alarm" or not lesser
    for level in [level for level in lesser if not level.window_s and level.name != "high"]:
        assert (level.limit.default < alarm.limit.default) == alarm.above


@pytest.mark.parametrize(("name", "driver"), everyone(tables.drivers()))
def test_a_driver_delivers_known_quantities_with_whole_parameters(name, driver):
    assert driver.quantities
    assert set(driver.quantities) <= set(tables.quantities())
    assert driver.inputs
    for param, figure in (driver.params | driver.spans).items():
        assert figure.low <= figure.default <= figure.high, param
        assert figure.high <= SMALL_INT_MAX, param


def test_a_wired_sensor_keeps_an_esp32_pin_where_it_tells_the_truth():
    """Full current over the greatest resistor, full pressure through the weakest divider."""
    params = {name: driver.params for name, driver in tables.drivers().items()}
    loop, current, pressure = (
        params[name] for name in ("detector-loop", "current-loop", "ratiometric")
    )
    assert loop["sense_ohm"].high * loop["short_above_ma"].high <= 2450
    assert current["sense_ohm"].high * 21 <= 2450
    sensor_mv = pressure["supply_mv"].high * 0.9
    assert sensor_mv * pressure["divider_permille"].high / 1000 <= 2450


def test_the_codes_keep_their_numbers_for_ever():
    assert tables.codes() == {
        1: "starting",
        2: "open",
        3: "short",
        4: "below_range",
        5: "above_range",
        6: "no_answer",
        7: "rubbish",
        8: "saturated",
        9: "stuck",
        10: "uncalibrated",
        11: "between",
        12: "soiled",
        13: "bus_exception",
        14: "bus_timeout",
        15: "bad_frame",
        20: "config_refused",
        21: "no_broker",
        22: "no_desk",
        23: "records_lost",
        24: "task_failed",
        25: "clock_unknown",
        26: "read_failed",
        27: "not_taken",
    }


def test_the_verbs_keep_their_numbers_for_ever():
    assert tables.verbs() == {
        1: "acknowledge",
        2: "silence",
        3: "reset",
        4: "bypass",
        5: "walk_test",
        6: "drill",
        7: "self_test",
    }
    assert tables.results() == {0: "done", 1: "refused", 2: "ended", 3: "expired"}
    assert tables.hows() == {0: "itself", 1: "button", 2: "desk", 3: "console"}
    assert tables.reasons() == {
        0: "none",
        1: "maintenance",
        2: "cleaning",
        3: "cooking",
        4: "building_work",
        5: "awaiting_repair",
        6: "test",
        7: "other",
    }


def test_the_times_of_the_verbs_are_those_that_were_agreed_and_fit_a_record():
    found = {
        verb: (figure.default, figure.low, figure.high)
        for verb, figure in tables.verb_minutes().items()
    }
    assert found == {
        "silence": (10, 1, 30),
        "bypass": (240, 1, 4320),
        "walk_test": (30, 1, 240),
        "drill": (10, 1, 60),
    }
    assert max(figure.high for figure in tables.verb_minutes().values()) < 2**13
    assert max(tables.reasons()) < 2**5
    assert max(tables.verbs()) < 2**4
    assert max(*tables.results(), *tables.hows()) < 2**2


def test_the_usual_pins_are_pins_that_can_do_it():
    board = tables.board()
    refused = {*board.missing, *board.flash, *board.console, *board.strapping, *board.input_only}
    usual = [*board.outputs.values(), *board.pins.values()]
    assert not refused.intersection(usual)
    assert len(set(usual)) == len(usual)
    assert not set(board.adc).intersection(usual)


@pytest.mark.parametrize(("key", "quantity"), everyone(tables.quantities()))
def test_every_usual_span_can_carry_the_default_levels(key, quantity):
    for driver in tables.drivers().values():
        if key in driver.spans:
            for level in [level for level in quantity.levels if not level.window_s]:
                assert level.limit.default <= driver.spans[key].default


def test_a_default_rule_drives_and_heeds_what_there_is():
    sounding = {quantity.kind for quantity in tables.quantities().values() if quantity.sounds}
    seen = set()
    for rule in tables.default_rules():
        assert rule.pattern in tables.patterns()
        assert not rule.stays or tables.actuators()[rule.output]
        assert not tables.actuators()[rule.output] or rule.pattern == "steady"
        for kind in rule.kinds:
            levels = [level for row in tables.kinds()[kind].values() for level in row.levels]
            assert tables.BITS[rule.when] in {level.bit for level in levels}, (rule.output, kind)
            assert (rule.output, rule.when, kind) not in seen
            seen.add((rule.output, rule.when, kind))
    for output in ("sounder", "strobe"):
        assert {kind for name, when, kind in seen if (name, when) == (output, "alarm")} == sounding


def test_the_wire_knows_every_output_condition_and_kind():
    assert set(wire.OUTPUTS) == set(tables.board().output_names)
    assert set(wire.RULED) == set(tables.actuators())
    assert tuple(tables.BITS) == wire.CONDITION_KEYS
    assert set(tables.kinds()) <= set(wire.KINDS)


def test_an_actuator_never_takes_part_in_a_drill_unless_a_rule_says_so():
    for rule in tables.default_rules():
        assert rule.drills is not tables.actuators()[rule.output]


@pytest.mark.parametrize("name", tables.patterns())
def test_a_pattern_is_never_shorter_than_the_outputs_task_can_step(name):
    times_ms = tables.patterns()[name].times_ms
    assert sum(times_ms) > 0 and len(times_ms) % 2 == 0
    assert all(span_ms >= 100 for span_ms in times_ms) or name in ("off", "steady")


def test_a_pattern_is_confirmed_only_where_a_text_was_read():
    for row in (*tables.patterns().values(), *tables.default_rules()):
        tags = set(re.findall(r"\[([PRTU])\]", row.source))
        read = bool(tags) and tags <= {"P", "R"} and "ours" not in row.source
        assert row.status == ("confirmed" if read else "to-be-checked"), row.source


def test_a_rise_can_always_clear():
    rises = [
        level for row in tables.quantities().values() for level in row.levels if level.window_s
    ]
    assert rises
    for level in rises:
        assert level.hysteresis.high < level.limit.low
