"""`firegrid site explain`: what a person is told is what the gateway's own code decides."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import cli, resources, tables, words
from firegrid.site.bands import CEILING_V, FLOOR_V, bands
from firegrid.site.explain import LAMPS, TROUBLE_HOLD_MS, explanation, sentences
from firegrid.site.load import load_site
from firegrid.site.model import Input
from vm import ROOT, run_vm

SOUND = Path(__file__).parent / "sites" / "sound.toml"
FACES = ROOT / "tests" / "sim" / "sites" / "faces.toml"
SCHEMA = json.loads((resources.schemas_dir() / "site-explain.schema.json").read_text("utf-8"))
CLASSES = {
    "detector-loop": "DetectorLoop",
    "current-loop": "CurrentLoop",
    "mq-element": "MqElement",
    "residual-current": "ResidualCurrent",
    "ratiometric": "Ratiometric",
    "ntc": "Ntc",
    "contact": "Contact",
    "divider": "Divider",
    "sounder-line": "SounderLine",
}
NUMBERS = {"modbus", "ds18b20"}  # they are told a number: there is no voltage with bands


@pytest.fixture(scope="module")
def garden():
    return load_site(resources.site_path("jinshui-garden"))


def run(*arguments):
    return CliRunner().invoke(cli.main, ["site", "explain", *arguments])


def told(site, name):
    return "\n".join(sentences(explanation(site, site.point(name))))


# --- in words --------------------------------------------------------------------------------


def test_each_condition_is_told_with_limit_hold_clearing_latch_and_outputs(garden):
    text = told(garden, "gas-riser-block-6")
    assert (
        "ALARM: 15 %LEL [SET BY THE SITE FILE; default 20 %LEL] or more, "
        "for 3 s without a break\n"
        "  latched: its cause goes below 13 %LEL, for 5 s without a break, "
        "and then it stays until a person resets it\n"
        "  then: sounder (GPIO 25) in fast pulses, "
        "alarm lamp (GPIO 27) flashing until acknowledged, then steady\n"
    ) in text
    assert "PRE-ALARM: 8 %LEL [SET BY THE SITE FILE; default 10 %LEL] or more" in text
    assert (
        "  then: sounder (GPIO 25) with two short beeps every ten seconds until acknowledged, "
        "alarm lamp (GPIO 27) blinking\n"
    ) in text
    assert "below 3.6 mA (0.36 V at the input): signal too low" in text


def test_a_minimum_alarms_below_and_clears_at_it_and_drives_nobody_out(garden):
    text = told(garden, "404")
    assert (
        "SUPERVISORY: less than 150 kPa [SET BY THE SITE FILE; default 140 kPa], "
        "for 5 s without a break\n"
        "  goes at 160 kPa or more, for 10 s without a break\n"
        "  nothing at the gateway sounds or lights up; the desk shows it\n"
    ) in text
    assert "sounder" not in text


def test_every_figure_comes_with_its_source_and_whether_it_is_confirmed(garden):
    text = told(garden, "gas-riser-block-6")
    assert "  alarm_hold_ms = 3 s (default); confirmed: GB 50166-2007 4.13.2-4.13.3 [R]" in text
    assert "  alarm_hysteresis = 2 %LEL (default); to be checked: ours" in text
    for level in garden.point("204").table.levels:
        assert level.limit.source in text and level.hold_ms.source in text
    assert tables.drivers()["current-loop"].source in text


def test_only_what_differs_from_the_default_is_marked(garden):
    plain = told(garden, "smoke-noodle-shop")
    assert "SET BY THE SITE FILE" not in plain
    same = told(garden, "gas-noodle-kitchen")  # its file writes the defaults down
    assert "SET BY THE SITE FILE" not in same
    row = explanation(garden, garden.point("smoke-bike-shed"))
    hold = row["levels"][0]["hold_ms"]
    assert (hold["value"], hold["default"], hold["changed"]) == (2000, 1000, True)
    assert "of every 3 readings the middle one" in told(garden, "203")
    assert "its resistance in clean air is followed" in told(garden, "203")
    assert "moves by less than 3 mV for 86400 s" in told(garden, "401")
    assert "the middle one" not in told(garden, "105"), "an RMS of whole cycles needs none"
    assert "warm_up_s = 10 [SET BY THE SITE FILE; default 180]" in told(garden, "203")


def test_warm_up_and_mains_are_told_where_there_are_any(garden):
    assert "no reading counts in the first 10 s after power-on" in told(garden, "203")
    assert "50 or 60 Hz is found by itself (50 Hz until then)" in told(garden, "105")
    assert "power-on: " not in told(garden, "101")


def test_an_esp32_pin_cannot_see_below_150_mv_and_that_is_told(garden):
    assert "below 3.85 mA (0.15 V at the input): broken wire" in told(garden, "101")
    assert "below 3 mA (0.117 V at the input): broken wire" in told(garden, "305")


def test_the_same_in_chinese(garden):
    words.use("zh")
    text = told(garden, "gas-riser-block-6")
    assert "报警：达到或高于 15 %LEL【站点文件设定，默认 20 %LEL】，不间断持续 3 秒" in text
    assert "低于 3.6 mA（输入端 0.36 V）：信号过低：探测器或其供电有故障" in text
    assert "已核实：GB 50166-2007 4.13.2-4.13.3 [R]" in text
    assert "without" not in text and "default" not in text


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_point_of_every_example_can_be_explained(garden, language):
    words.use(language)
    for site in (garden, load_site(SOUND), load_site(FACES)):
        for point in site.points:
            text = told(site, str(point.number))
            assert f"{point.number} {point.id}" in text and point.place in text
            assert not re.search(r"[{}]|None|\bnan\b", text)


# --- the command -----------------------------------------------------------------------------


def test_the_command_prints_it_in_the_language_asked_for():
    assert run("jinshui-garden", "101").stdout.startswith("Point 101 smoke-noodle-shop: smoke")
    done = run("jinshui-garden", "smoke-noodle-shop", "--lang", "zh")
    assert done.stdout.startswith("监测点 101 smoke-noodle-shop：感烟")


def test_as_json_it_keeps_its_schema_for_every_point(garden):
    for point in garden.points:
        jsonschema.validate(explanation(garden, point), SCHEMA)
    done = run("jinshui-garden", "103", "--json")
    assert json.loads(done.stdout) == explanation(garden, garden.point("103"))


def test_an_unknown_point_is_refused_with_the_known_ones():
    done = run("jinshui-garden", "999")
    assert done.exit_code == 1
    assert done.stderr.startswith("firegrid: jinshui-garden has no point 999; it has: 101 smoke-")


def test_what_a_point_drives_is_told_with_what_stays_and_what_drills_leave_alone(tmp_path):
    site = load_site(ROOT / "tests" / "sim" / "sites" / "outputs.toml")
    text = told(site, "gas-gate")
    shut = "gas shut-off valve (GPIO 16) on and kept so until a reset at the gateway"
    assert f"strobe (GPIO 13) on, {shut} (not in drills)\n" in text
    assert "fail-safe trouble output (GPIO 23) lets go" in text
    assert "request to the charging posts" not in text
    row = explanation(site, site.point("smoke-gate"))
    [relay] = [r for r in row["levels"][0]["outputs"] if r["name"] == "charging_relay"]
    assert (relay["stays"], relay["drills"], relay["source"]) == (True, False, "the site file")


# --- the gateway's own code says the same ----------------------------------------------------


def test_the_hold_of_trouble_is_the_firmwares():
    source = (ROOT / "firmware" / "lib" / "point.py").read_text()
    assert int(re.search(r"TROUBLE_HOLD_MS = const\((\d+)\)", source)[1]) == TROUBLE_HOLD_MS


def test_every_driver_has_bands_and_every_output_a_pattern(garden):
    assert CLASSES.keys() | NUMBERS == tables.drivers().keys()
    assert LAMPS.keys() == tables.BITS.keys()
    named = {name for lamps in LAMPS.values() for name in lamps}
    assert named <= set(tables.board().output_names) - set(tables.actuators())


BANDS = """
import json, sys
class Input:
    code = 0
    def __init__(self, uv, floor_uv, ceiling_uv):
        self.floor_uv, self.ceiling_uv = floor_uv, ceiling_uv
        self.uv = uv
        if uv > ceiling_uv:
            self.uv, self.code = None, SATURATED
    def read_uv(self):
        return self.uv
class Clock:
    now = 0
    def ticks_us(self):
        return self.now
    def sleep_us(self, us):
        self.now += us
from lib.codes import SATURATED
from lib import codes
for line in open(sys.argv[1]):
    case = json.loads(line)
    module = __import__("drivers." + case["module"], None, None, [case["class"]])
    params = dict(case["params"])
    if case["class"] == "ResidualCurrent":
        params["clock"] = Clock()
    if case["class"] == "MqElement":
        params["warm_up_s"] = 0
    driver = getattr(module, case["class"])(Input(*case["input"]), **params)
    driver.read(0)
    print(driver.code)
"""


def cases(point):
    """Yield each band's edge from both sides: what the driver sees, and whether it is the band."""
    bus = Input.parse(point.input).bus
    if point.driver in NUMBERS:
        assert not bands(point)
        return
    floor_uv, ceiling_uv = round(FLOOR_V[bus] * 1e6), round(CEILING_V[bus] * 1e6)
    for band in bands(point):
        edge_uv = round(band.input_v * 1e6)
        step_uv = 2 if band.side == "above" else -2
        params = point.params
        if params.get("clean_air_ohm") == 0:  # else it is "uncalibrated" before all else
            params = params | {"clean_air_ohm": 10000}
        for uv, inside in ((edge_uv + step_uv, True), (edge_uv - step_uv, False)):
            yield band.code, inside, {
                "module": point.driver.replace("-", "_"),
                "class": CLASSES[point.driver],
                "params": params,
                "input": [uv, floor_uv, ceiling_uv],
            }  # fmt: skip


def test_on_both_sides_of_every_band_the_firmwares_driver_says_the_same(garden, tmp_path):
    wanted, lines = [], []
    points = [*garden.points, *load_site(SOUND).points, *load_site(FACES).points]
    for code, inside, case in (found for point in points for found in cases(point)):
        wanted.append((code, inside, case))
        lines.append(json.dumps(case))
    assert {case["class"] for _, _, case in wanted} == set(CLASSES.values())
    (tmp_path / "bands.py").write_text(BANDS)
    (tmp_path / "cases").write_text("\n".join(lines))
    path = f"{ROOT / 'firmware'}:.frozen"
    done = run_vm(tmp_path / "bands.py", tmp_path / "cases", MICROPYPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    said = [tables.codes().get(int(line), "") for line in done.stdout.splitlines()]
    assert len(said) == len(wanted)
    for (code, inside, case), heard in zip(wanted, said, strict=True):
        assert (heard == code) is inside, (code, heard, case)


def test_a_sensor_that_takes_its_time_says_so(garden):
    faces = load_site(FACES)
    assert "its value can lag behind by up to 1.6 s" in told(faces, "cable-duct")
    assert "lag behind" not in told(garden, "gas-riser-block-6")
    text = told(faces, "co-boiler")
    assert "  - station on the serial bus refuses to give this value\n" in text
    assert "scale_thousandths = 1000 (default)" in text


def test_only_an_input_with_a_voltage_can_be_stuck():
    site = load_site(FACES)
    for point in site.points:
        shows = point.table.stuck_s.default and Input.parse(point.input).bus in ("gpio", "ads1115")
        assert ("has not moved" in told(site, point.id)) == bool(shows), point.id
    assert {Input.parse(point.input).bus for point in site.points} >= {"rs485", "onewire", "gpio"}
