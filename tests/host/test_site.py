"""Site files: what is read, what is refused in which words, and what a gateway is told."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
from firegrid import resources, tables
from firegrid.errors import FiregridError
from firegrid.site.config import config_lines
from firegrid.site.lint import warnings
from firegrid.site.load import load_site
from firegrid.site.model import Input
from firegrid.site.rules import effects_on
from firegrid.site.tree import site_rows
from firegrid_sim.electrical import FAULTS
from hypothesis import given, settings
from hypothesis import strategies as st

SITES = Path(__file__).parent / "sites"
SOUND = SITES / "sound.toml"
FACES = Path(__file__).parents[1] / "sim" / "sites" / "faces.toml"
EXAMPLE = resources.site_path("jinshui-garden")


@pytest.fixture(scope="module")
def garden():
    return load_site(EXAMPLE)


@pytest.fixture(scope="module")
def faces():
    return load_site(FACES)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes the sound site with parts replaced, and its path."""

    def write_changed(*changes, more=""):
        text = SOUND.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "site.toml"
        path.write_text(text + more, encoding="utf-8")
        return path

    return write_changed


def refusal(path):
    """Return the lines in which a file is refused, without its name; empty where it is read."""
    try:
        load_site(path)
    except FiregridError as error:
        lines = str(error).splitlines()
        assert all(line.startswith(f"{path}: ") for line in lines), lines
        return [line.removeprefix(f"{path}: ") for line in lines]
    return []


def schema(name):
    text = (resources.schemas_dir() / f"{name}.schema.json").read_text(encoding="utf-8")
    return json.loads(text)


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SITES.glob("*.toml")), ids=lambda path: path.stem)
def test_each_mistake_is_told_in_one_line(path):
    """The lines that a file must be refused with stand at its top behind `#!`."""
    expected = re.findall(r"^#! (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(refusal(path)) == sorted(expected)


def test_nearly_every_site_among_the_broken_ones_is_broken():
    """So that the test above cannot pass because the expectations were lost."""
    sound = [path.stem for path in SITES.glob("*.toml") if not refusal(path)]
    assert sorted(sound) == ["right-unit-in-a-text", "sound"]
    assert len(list(SITES.glob("*.toml"))) > 50


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty; a site file begins with format = …"),
        (b" \n\n", "is empty; a site file begins with format = …"),
        (b"format = 1\nname = '\xd6l'\n", "line 2: is not UTF-8 text; save it as UTF-8"),
        ("format = 1\n".encode("utf-16"), "line 1: is not UTF-8 text; save it as UTF-8"),
        (b"#" * 1024 * 1024 + b"\n", "is larger than 1 MiB; that is no site file"),
        (b"a = " + b"[" * 100_000, "is nested too deeply for a site file"),
        (b"a = " + b"9" * 5000, "holds a number of absurd size; that is no site file"),
        (b"\x00", "line 1, column 1: this is not TOML: Invalid statement"),
        (b"format = true", "format: True is unknown; this firegrid reads format 1; install a"),
        (b"format = 1.0", "format: 1.0 is unknown; this firegrid reads format 1; install a"),
    ],
    ids=range(10),
)
def test_a_file_that_is_no_site_file_is_refused_in_one_line(tmp_path, content, told):
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    lines = refusal(path)
    assert len(lines) == 1
    assert lines[0].startswith(told)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    assert refusal(tmp_path / "none.toml") == ["cannot be read: No such file or directory"]
    assert refusal(tmp_path) == ["cannot be read: Is a directory"]


def test_a_gateway_takes_no_more_than_64_points(write):
    point = '\n[[point]]\nnumber = {0}\nid = "s-{0}"\nkind = "smoke"\ngateway = "gw"\n'
    point += 'place = "Room {0}"\ninput = "gpio33"\n'
    told = "gateway gw: has 65 points, at most 64 are allowed; add a gateway"
    assert told not in refusal(write(more="".join(point.format(1000 + n) for n in range(62))))
    assert told in refusal(write(more="".join(point.format(1000 + n) for n in range(63))))


def test_a_flood_of_mistakes_is_cut_after_fifty(write):
    flood = "".join(f"typo{n} = {n}\n" for n in range(80))
    lines = refusal(write(('name = "Small Yard"\n', f'name = "Small Yard"\n{flood}')))
    assert len(lines) == 51
    assert lines[-1] == "and 30 mistakes more"


def test_a_message_never_carries_control_characters(write):
    lines = refusal(
        write(('name = "Yard"', r'name = "\u001b[31mYard"'), ('"gpio34"', r'"\u0007"'))
    )
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("value", ["nan", "-inf", "1e400", f"0x{'f' * 5000}", "true", "[]", "{}"])
def test_a_level_that_is_no_number_is_refused(write, value):
    path = write(('input = "gpio34"\n', f'input = "gpio34"\nalarm = {value}\n'))
    (line,) = refusal(path)
    assert line.startswith("point 101 (smoke-stairs): alarm: ")


VALUES = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    st.datetimes(),
    st.sampled_from(["gw", "gas", "101", "25 %LEL", "gpio34", "ads1115@0x48/1", 101, 104, 15]),
)


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(data=st.data())
def test_no_value_at_any_key_ends_in_anything_but_a_refusal(data):
    """A table is changed after the parser, so that every kind of value comes to every key."""
    from firegrid.site import load

    row = tomllib.loads(SOUND.read_text(encoding="utf-8"))
    del row["format"]
    tables_of_it = [
        row,
        *(item for rows in row.values() if isinstance(rows, list) for item in rows),
    ]
    table = data.draw(st.sampled_from(tables_of_it))
    known = [*table, "alarm", "pre_alarm", "period_ms", "driver", "outputs", "parent", "sense_ohm"]
    table[data.draw(st.one_of(st.sampled_from(known), st.text(max_size=12)))] = data.draw(VALUES)
    problems = load.Problems("site.toml")
    load.check_relations(load._site(Path("site.toml"), row, problems), problems)
    assert all(line.isprintable() for line in problems.lines)


# --- what is read ----------------------------------------------------------------------------


def test_the_example_is_a_community_of_eleven_grids_with_two_people_each(garden):
    assert len(garden.grids) == 11
    assert len(garden.people) == 22
    roles = {person.id: person.roles for person in garden.people}
    for grid in garden.grids:
        assert roles[grid.leader] == ("grid-leader",)
        (member,) = grid.members
        assert roles[member] == ("grid-member", "fire-safety-officer")


def test_the_example_has_twenty_points_of_all_kinds_drivers_and_inputs_on_four_gateways(garden):
    assert len(garden.points) == 20
    assert {point.gateway for point in garden.points} == {gw.id for gw in garden.gateways}
    assert len(garden.gateways) == 4
    assert {point.kind for point in garden.points} == {"smoke", "gas", "leakage", "hydrant"}
    assert {point.driver for point in garden.points} == {
        *("detector-loop", "current-loop", "mq-element", "residual-current", "ratiometric")
    }
    assert {Input.parse(point.input).bus for point in garden.points} == {"gpio", "ads1115"}


HYDRANT = """
[[point]]
number = 190
id = "indoor"
kind = "hydrant"
gateway = "gw"
place = "Top floor"
input = "ads1115@0x48/3"
"""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", (140, 100)),
        ('class = "indoor-housing"\n', (70, 50)),
        ('class = "indoor-over-100-m"\n', (150, 100)),
        ('class = "indoor-industrial"\nsupervisory = 120\n', (120, 70)),
    ],
)
def test_a_building_class_chooses_the_defaults_of_a_hydrant(write, more, expected):
    site = load_site(write(more=HYDRANT + more))
    levels = site.point("indoor").levels
    assert (levels["supervisory"].limit, levels["alarm"].limit) == expected


def test_an_unknown_class_is_named_and_other_kinds_have_none(write):
    refused = refusal(write(more=HYDRANT + 'class = "indoor-hause"\n'))
    assert 'did you mean "indoor-housing"?' in refused[0]
    refused = refusal(write(('input = "gpio34"\n', 'input = "gpio34"\nclass = "x"\n')))
    assert "class: is an unknown key" in refused[0]


def test_a_short_span_needs_no_word_about_too_high_a_pressure(write):
    site = load_site(write(more=HYDRANT + "span_kpa = 600\n"))
    assert site.point("indoor").levels["high"].limit == 1000


THREE_LINES = """
[[point]]
number = 190
kind = "smoke"
input = "gpio35"
"""


def test_a_plain_smoke_point_is_three_lines(write):
    point = load_site(write(more=THREE_LINES)).point("190")
    assert (point.id, point.gateway, point.place) == ("smoke-190", "gw", "Cellar")
    assert point.levels["alarm"].limit == 15


@pytest.mark.parametrize("kind", ['"smok"', "3", '["smoke"]'])
def test_a_point_without_id_and_kind_misses_both(write, kind):
    refused = refusal(write(more=THREE_LINES.replace('"smoke"', kind)))
    assert any("id: is missing" in line for line in refused), refused
    assert any("kind: " in line for line in refused), refused


def test_the_two_sites_together_have_every_kind_and_every_driver(garden, faces):
    points = garden.points + faces.points
    assert {point.table.key for point in points} == set(tables.quantities())
    assert {point.driver for point in points} == set(tables.drivers())


def test_the_faces_fit_the_schema_that_editors_use():
    jsonschema.validate(tomllib.loads(FACES.read_text(encoding="utf-8")), schema("site"))


def test_the_example_fits_the_schema_that_editors_use(garden):
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.startswith("#:schema ../docs/schemas/site.schema.json\n")
    jsonschema.Draft202012Validator.check_schema(schema("site"))
    jsonschema.validate(tomllib.loads(text), schema("site"))


@pytest.mark.parametrize(
    "name",
    [
        "limit-outside-its-bounds",
        "wrong-unit-in-a-key",
        "wrong-unit-in-a-text",
        "level-that-the-kind-lacks",
        "unknown-driver",
        "unknown-key",
        "unknown-kind",
        "sensor-at-gpio24",
        "hold-time-outside-its-bounds",
        "parameter-outside-its-bounds",
        "output-pins",
        "missing-keys",
        "ids-that-do-not-fit-into-a-topic",
        "person-numbers",
    ],
)
def test_an_editor_sees_by_the_schema_what_the_loader_would_refuse(name):
    row = tomllib.loads((SITES / f"{name}.toml").read_text(encoding="utf-8"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(row, schema("site"))


@pytest.mark.parametrize("name", ["sound", "right-unit-in-a-text"])
def test_the_schema_takes_what_the_loader_takes(name):
    row = tomllib.loads((SITES / f"{name}.toml").read_text(encoding="utf-8"))
    jsonschema.validate(row, schema("site"))


def test_people_are_known_to_gateways_by_their_numbers(garden):
    assert garden.person_by_number[7] == "leader-04"
    assert len(garden.person_by_number) == len(garden.people)
    assert load_site(SOUND).person_by_number == {}  # a number is only for who gives commands


def test_what_a_file_leaves_out_is_taken_from_the_tables():
    site = load_site(SOUND)
    assert (site.timezone, site.mains_hz) == ("Asia/Shanghai", 50)
    (gateway,) = site.gateways
    assert (gateway.sample_s, gateway.keepalive_s, gateway.button_pin) == (60, 20, 4)
    sounder = gateway.outputs[0]
    assert (sounder.name, sounder.pin, sounder.active) == ("sounder", 25, 1)
    gas = site.point("104")
    assert (gas.driver, gas.quantity, gas.unit, gas.period_ms) == (
        "current-loop",
        "pct_lel",
        "%LEL",
        100,
    )
    alarm = gas.levels["alarm"]
    assert (alarm.limit, alarm.clears_at, alarm.hold_ms, alarm.latch) == (20, 18, 3000, True)
    assert gas.params == {"sense_ohm": 100, "span": 100}


def test_a_level_may_be_written_as_text_with_its_unit():
    gas = load_site(SITES / "right-unit-in-a-text.toml").point("gas-kitchen")
    assert gas.levels["alarm"].limit == 22


def test_an_output_may_be_active_low_on_another_pin(write):
    outputs = "[gateway.outputs]\nsounder = { pin = 23, active = 0 }\nlink_lamp = 17\n"
    site = load_site(write(('place = "Cellar"\n', f'place = "Cellar"\n{outputs}')))
    found = {out.name: (out.pin, out.active) for out in site.gateways[0].outputs}
    assert found["sounder"] == (23, 0)
    assert found["link_lamp"] == (17, 1)
    assert found["power_lamp"] == (26, 1)


def test_a_point_is_found_by_number_and_by_id_and_an_unknown_one_is_named(garden):
    assert garden.point("103") is garden.point("gas-noodle-kitchen")
    assert garden.point_by_number[103].kind == "gas"
    with pytest.raises(FiregridError, match="has no point 999; it has: 101 smoke-noodle-shop"):
        garden.point("999")
    with pytest.raises(FiregridError, match="has no gateway gw-9; it has: gw-shops"):
        garden.gateway("gw-9")


def test_a_place_is_told_from_the_root_down(garden):
    names = garden.place_names(garden.gateway("gw-shops"))
    assert names[0] == "Zhengzhou (郑州市)"
    assert names[-1].startswith("Grid 1: ")
    assert len(names) == 5


@pytest.mark.parametrize("text", ["gpio34", "ads1115@0x4b/3"])
def test_an_input_is_written_as_it_is_read(text):
    assert str(Input.parse(text)) == text


# --- what a gateway is told ------------------------------------------------------------------


def test_a_gateway_is_told_its_line_its_outputs_its_rules_and_its_points(garden):
    lines = config_lines(garden, garden.gateway("gw-shops"), "127.0.0.1", 1883)
    assert [line["what"] for line in lines] == [
        *("gateway", *["output"] * 5, *["rule"] * 6, *["point"] * 5)
    ]
    assert lines[0] == {
        "what": "gateway",
        "format": 1,
        "version": 1,
        "site": "jinshui-garden",
        "gateway": "gw-shops",
        "points": 5,
        "broker_host": "127.0.0.1",
        "broker_port": 1883,
        "wifi_ssid": "",
        "wifi_key": "",
        "keepalive_s": 20,
        "sample_s": 5,
        "broker_s": 10,
        "desk_s": 30,
        "taken_s": 60,
        "mains_hz": 50,
        "button_pin": 4,
        "scl_pin": 22,
        "sda_pin": 21,
    }
    assert lines[1] == {"what": "output", "name": "sounder", "pin": 25, "active": 1}
    assert lines[6] == {
        "what": "rule",
        "output": "sounder",
        "when": "alarm",
        "kind": "smoke",
        "pattern": "steady",
        "stays": 0,
        "drills": 1,
    }
    assert lines[12] == {
        "what": "point",
        "point": 101,
        "kind": "smoke",
        "quantity": "loop_ma",
        "driver": "detector-loop",
        "input": "gpio34",
        "period_ms": 100,
        "alarm": 15000,
        "alarm_hysteresis": 2000,
        "alarm_hold_ms": 1000,
        "alarm_clear_hold_ms": 3000,
        "sense_ohm": 39,
        "open_below_ma": 3,
        "short_above_ma": 50,
    }


def test_a_limit_is_told_in_whole_thousandths(write):
    site = load_site(write(('input = "gpio34"\n', 'input = "gpio34"\nalarm = 12.3456\n')))
    lines = config_lines(site, site.gateways[0], "b", 1)
    [line] = [line for line in lines if line.get("point") == 101]
    assert line["alarm"] == 12346


def test_every_number_that_a_gateway_is_told_is_whole_and_small(garden, faces):
    for site, gateway in [(plan, gw) for plan in (garden, faces) for gw in plan.gateways]:
        for line in config_lines(site, gateway, "b", 65535):
            for key, value in line.items():
                assert type(value) in (int, str), key
                assert isinstance(value, str) or abs(value) < 2**30, key
            assert len(json.dumps(line)) < 1024


def test_every_line_keeps_the_bounds_that_the_gateway_checks(garden, faces):
    """Against the generated tables of the firmware, read here as plain Python."""
    names = {}
    for name in ("kinds", "wiring"):
        source = resources.checkout() / "firmware" / "lib" / f"{name}.py"
        exec(source.read_text(encoding="utf-8"), names)
    for site, gateway in [(plan, gw) for plan in (garden, faces) for gw in plan.gateways]:
        for line in config_lines(site, gateway, "b", 1883):
            if line["what"] == "point":
                known = check_point(line, names["KINDS"], names["DRIVERS"])
                assert set(line) == known


def check_point(line, kinds, drivers):
    key = f"{line['kind']}/{line['quantity']}"
    _, _, period_low, period_high, levels = kinds[key]
    delivers, inputs, params, spans = drivers[line["driver"]]
    params = params | ({"span": spans[key]} if key in spans else {})
    assert key in delivers
    assert Input.parse(line["input"]).bus in inputs
    bounds = {"period_ms": (period_low, period_high)}
    for name, _, _, _, _, *pairs in levels:
        keys = (name, f"{name}_hysteresis", f"{name}_hold_ms", f"{name}_clear_hold_ms")
        bounds |= dict(zip(keys, zip(pairs[::2], pairs[1::2], strict=True), strict=True))
    bounds |= {name: (low, high) for name, (low, high, _) in params.items()}
    for name, (low, high) in bounds.items():
        assert low <= line[name] <= high, name
    return {"what", "point", "kind", "quantity", "driver", "input", *bounds}


# --- what is unusual -------------------------------------------------------------------------


def rules(path):
    return [finding.rule for finding in warnings(load_site(path))]


def test_a_usual_site_has_no_warnings():
    assert rules(SOUND) == []


@pytest.mark.parametrize(
    ("key", "rule", "low", "high"),
    [("households", "households", 300, 500), ("residents", "residents", 1500, 2000)],
)
def test_a_grid_of_unusual_size_warns_on_both_sides_of_the_ratio(write, key, rule, low, high):
    for count, expected in [(low - 1, [rule]), (low, []), (high, []), (high + 1, [rule])]:
        path = write(('members = ["ben"]\n', f'members = ["ben"]\n{key} = {count}\n'))
        assert rules(path) == expected, count


def test_a_grid_without_its_two_or_three_workers_or_an_officer_warns(write):
    assert rules(write(('members = ["ben"]\n', ""))) == ["workers", "officer", "idle"]
    assert rules(write((', "fire-safety-officer"', ""))) == ["officer"]


def test_studios_and_grids_that_break_the_ratio_warn(write):
    studio = '\n[[node]]\nid = "st"\nkind = "station"\nname = "St"\nparent = "yard"\n'
    studio += '\n[[node]]\nid = "su"\nkind = "studio"\nname = "Su"\nparent = "st"\n'
    assert rules(write(more=studio)) == ["studios", "grids"]


def test_a_second_root_an_empty_gateway_and_a_blind_grid_warn(write):
    more = '\n[[node]]\nid = "far"\nkind = "city"\nname = "Far"\n'
    more += '\n[[gateway]]\nid = "gw-2"\ngrid = "grid-1"\nplace = "Attic"\n'
    assert rules(write(more=more)) == ["roots", "no-points"]
    path = write(('gateway = "gw"', 'gateway = "gw-2"'), ('id = "gw"', 'id = "gw-2"'))
    assert rules(path) == []
    example = warnings(load_site(EXAMPLE))
    assert [finding.rule for finding in example] == ["blind-spots", "clean-air"]


def test_an_output_on_a_pin_that_is_read_at_power_on_warns(write):
    path = write(('place = "Cellar"\n', 'place = "Cellar"\noutputs = { sounder = 12 }\n'))
    assert rules(path) == ["strapping-pin"]


def test_a_leakage_alarm_outside_the_recommended_range_warns(write):
    for alarm, expected in [
        (299, ["leakage-level"]),
        (300, []),
        (500, []),
        (501, ["leakage-level"]),
    ]:
        point = '\n[[point]]\nnumber = 105\nid = "leak"\nkind = "leakage"\ngateway = "gw"\n'
        point += f'place = "Board"\ninput = "gpio35"\nalarm = {alarm}\n'
        assert rules(write(more=point)) == expected, alarm


def test_a_hold_time_that_is_no_multiple_of_the_period_warns(write):
    for hold, expected in [(1000, []), (1050, ["hold-period"])]:
        path = write(('input = "gpio34"\n', f'input = "gpio34"\nalarm_hold_ms = {hold}\n'))
        assert rules(path) == expected, hold


def test_an_alarm_that_takes_more_than_30_s_warns(write):
    for hold, expected in [(27_000, []), (28_000, ["slow-alarm"])]:
        point = '\n[[point]]\nnumber = 105\nid = "hydrant"\nkind = "hydrant"\ngateway = "gw"\n'
        point += f'place = "Gate"\ninput = "gpio35"\nalarm_hold_ms = {hold}\n'
        assert rules(write(more=point)) == expected, hold


def rule(keys):
    return ("[[point]]", f"[[gateway.rule]]\n{keys}\n\n[[point]]", 1)


def with_rule(write, keys, *changes, more=""):
    """Write the sound site with a rule of its gateway; return the path."""
    path = write(*changes, more=more)
    old, new, count = rule(keys)
    path.write_text(path.read_text().replace(old, new, count))
    return path


def test_an_alarm_that_nobody_hears_warns(write):
    for keys in ('kinds = ["gas"]', 'points = ["gas-kitchen"]'):
        path = with_rule(write, f'output = "sounder"\nwhen = "alarm"\npattern = "off"\n{keys}')
        assert rules(path) == ["silent-alarm"], keys
    path = with_rule(write, 'output = "sounder"\nwhen = "pre_alarm"\nkinds = ["gas"]')
    assert rules(path) == []


def test_a_rule_for_a_kind_that_its_gateway_does_not_have_warns(write):
    path = with_rule(write, 'output = "sounder"\nwhen = "alarm"\nkinds = ["lift"]')
    assert rules(path) == ["idle-rule"]
    path = with_rule(write, 'output = "sounder"\nwhen = "alarm"\nkinds = ["lift", "gas"]')
    assert rules(path) == []


# --- cause and effect ------------------------------------------------------------------------


def driven(path, point):
    """Return (output, condition, pattern, stays, drills) of all that a point drives."""
    site = load_site(path)
    found = effects_on(site, site.gateways[0], site.point(point))
    return {
        (e.rule.output, e.rule.when, e.rule.pattern, e.rule.stays, e.rule.drills) for e in found
    }


SMOKE = {("sounder", "alarm", "steady", False, True)}
GAS = {("sounder", "alarm", "fast", False, True), ("sounder", "pre_alarm", "beeps", False, True)}
VALVE = ("gas_valve", "alarm", "steady", True, False)
WIRED = ('place = "Cellar"\n', 'place = "Cellar"\noutputs = { gas_valve = 23 }\n')


def test_a_site_without_rules_gets_the_defaults_of_what_it_has_wired(write):
    assert driven(SOUND, "smoke-stairs") > SMOKE
    assert driven(SOUND, "gas-kitchen") == GAS
    assert driven(write(WIRED), "gas-kitchen") == GAS | {VALVE}


def test_a_rule_takes_the_place_of_the_default_for_its_kind_and_condition_only(write):
    path = with_rule(write, 'output = "sounder"\nwhen = "alarm"\nkinds = ["gas"]')
    assert driven(path, "gas-kitchen") == {
        ("sounder", "alarm", "steady", False, True),
        ("sounder", "pre_alarm", "beeps", False, True),
    }
    assert driven(path, "smoke-stairs") > SMOKE


def test_a_rule_for_a_point_goes_before_those_for_its_kind(write):
    keys = 'output = "sounder"\nwhen = "alarm"\npoints = ["gas-kitchen"]\npattern = "temporal3"'
    path = with_rule(write, keys)
    assert ("sounder", "alarm", "temporal3", False, True) in driven(path, "gas-kitchen")
    assert ("sounder", "alarm", "fast", False, True) not in driven(path, "gas-kitchen")
    keys = 'output = "gas_valve"\nwhen = "alarm"\npoints = ["gas-kitchen"]\npattern = "off"'
    assert VALVE not in driven(with_rule(write, keys, WIRED), "gas-kitchen")


def test_an_actuator_takes_part_in_drills_only_where_a_rule_says_so(write):
    keys = 'output = "gas_valve"\nwhen = "alarm"\nkinds = ["smoke"]\ndrills = true'
    assert ("gas_valve", "alarm", "steady", False, True) in driven(
        with_rule(write, keys, WIRED), "smoke-stairs"
    )


def test_an_output_without_a_usual_pin_is_there_only_where_it_is_wired(write):
    found = {output.name: output.pin for output in load_site(write(WIRED)).gateways[0].outputs}
    assert found == {**tables.board().outputs, "gas_valve": 23}


def test_a_plain_point_is_three_lines_besides_its_id(write):
    more = '\n[[point]]\nid = "plain"\nnumber = 105\nkind = "smoke"\ninput = "gpio35"\n'
    path = write(more=more)
    point = load_site(path).point("plain")
    assert (point.gateway, point.place) == ("gw", "Cellar")
    jsonschema.validate(tomllib.loads(path.read_text()), schema("site"))


def test_a_point_must_say_its_gateway_where_there_are_two(write):
    more = '\n[[gateway]]\nid = "gw-2"\ngrid = "grid-1"\nplace = "Attic"\n'
    more += '\n[[point]]\nid = "plain"\nnumber = 105\nkind = "smoke"\ninput = "gpio35"\n'
    lines = refusal(write(more=more))
    assert "point 105 (plain): gateway: is missing" in lines
    lines = refusal(write(more=more + 'gateway = "gw-2"\n'))
    assert lines == []


# --- scenarios -------------------------------------------------------------------------------


def test_the_schema_of_scenarios_takes_one_thing_for_each_step():
    drive = {"at_s": 1, "say": "x", "point": "p", "signal": "loop_ma", "value": 25, "over_s": 2}
    expect = {"point": "p", "conditions": ["ALARM"], "within_s": 3}
    broken = {"at_s": 1, "say": "x", "point": "p", "fault": "open", "for_s": 5}
    for step in (drive, drive | {"expect": [expect], "sounder": True}, broken):
        jsonschema.validate({"format": 1, "step": [step]}, schema("scenario"))
    for step in (drive | broken, drive | {"colour": 1}, {"at_s": 1, "say": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"format": 1, "step": [step]}, schema("scenario"))


def test_the_schema_of_scenarios_knows_every_fault_of_the_simulator():
    assert schema("scenario")["$defs"]["break"]["properties"]["fault"]["enum"] == list(FAULTS)


# --- the tree --------------------------------------------------------------------------------


def flat(rows):
    for row in rows:
        yield row
        yield from flat(row["inside"])


def test_the_tree_holds_every_node_grid_gateway_and_point_once(garden):
    ids = [row["id"] for row in flat(site_rows(garden))]
    assert len(ids) == len(set(ids)) == 5 + 11 + 4 + 20


def test_the_tree_tells_the_levels_that_will_be_used(garden):
    rows = {row["id"]: row for row in flat(site_rows(garden))}
    assert rows["hydrant-block-18"]["levels"]["supervisory"] == {
        "condition": "supervisory",
        "direction": "below",
        "window_s": 0,
        "limit": 150,
        "clears_at": 160,
        "hold_ms": 5000,
        "latch": False,
    }


def test_only_a_gateway_with_stations_is_told_of_its_line(faces):
    for gateway in faces.gateways:
        lines = [line for line in config_lines(faces, gateway, "b", 1) if line["what"] == "rs485"]
        if gateway.id != "gw-buses":
            assert lines == []
            continue
        assert lines == [
            {
                "what": "rs485",
                **{"tx_pin": 17, "rx_pin": 16, "de_pin": 23},
                **{"baud": 19200, "parity": 0, "timeout_ms": 200},
            }
        ]


@pytest.mark.parametrize(
    "text", ["gpio34", "ads1115@0x48/0", "rs485/17", "onewire13", "onewire13/28ff641e8216c328"]
)
def test_an_input_is_written_as_it_was_read(text):
    assert str(Input.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["rs485", "rs485/", "rs485/-1", "rs485/1234", "onewire", "onewire13/", "onewire13/28FF"],
)
def test_what_names_nothing_on_a_bus_is_no_input(text):
    with pytest.raises(FiregridError, match="is no input; write"):
        Input.parse(text)


def test_a_sensor_that_lags_behind_what_people_flee_from_is_told(faces):
    found = {
        finding.where: finding.text for finding in warnings(faces) if finding.rule == "slow-sensor"
    }
    lag_s = {"point 305 (cable-duct)": "1.6", "point 301 (gas-boiler)": "0.495"}
    for where, seconds in lag_s.items():
        assert f"its value can be {seconds} s old" in found[where]
    assert not any("main-pressure" in where for where in found)  # nobody flees from it
    assert not any("cable-riser" in where for where in found)
