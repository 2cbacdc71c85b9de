"""`firegrid driver`: every driver bears what it must, a broken one is told, a new one is whole."""

import json

import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import tables
from firegrid.resources import schemas_dir
from firegrid_sim import driver
from vm import HAL, ROOT, new_board, run_vm

SCHEMA = json.loads((schemas_dir() / "driver-check.schema.json").read_text("utf-8"))
OPEN = "self.code = OPEN"
RETURN = "return min(max"
CHECKS = ["steady", "heap", "absent", "recovering", "stuck", "noisy", "out-of-range", "slow"]


def run(*arguments):
    return CliRunner().invoke(driver.command, [*map(str, arguments)])


@pytest.mark.parametrize("name", tables.drivers())
def test_every_driver_of_ours_bears_what_it_must(name):
    report = driver.conformance(name)
    assert [row for row in report["checks"] if row["why"]] == []
    found = tables.drivers()[name]
    assert len(report["checks"]) == len(CHECKS) * len(found.inputs) * len(found.quantities)
    jsonschema.validate(report, SCHEMA)


@pytest.fixture
def fresh(tmp_path):
    done = run("new", "flow-switch", "--dir", tmp_path)
    assert done.exit_code == 0, done.output
    return tmp_path


def test_a_new_driver_passes_its_checks_and_its_own_test(fresh):
    done = run("check", "flow-switch", "--dir", fresh)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        f"hydrant/kpa at {where}: {check}: ok" for where in ("gpio", "ads1115") for check in CHECKS
    ]
    path = f"{ROOT / 'firmware'}:{fresh}:{ROOT / 'tests' / 'firmware'}:{HAL}:.frozen"
    names = [
        "test_every_band_on_both_sides_of_its_edges",
        "test_the_troubles_of_the_input_pass",
        "test_reading_takes_no_heap",
    ]
    board = new_board(fresh / "board")
    script = ROOT / "tests" / "vm_checks.py"
    done = run_vm(script, "check_flow_switch", *names, FG_BOARD=board, MICROPYPATH=path)
    results = [json.loads(line[1:]) for line in done.stdout.splitlines()]
    assert results == [[name, ""] for name in names], done.stderr


@pytest.mark.parametrize(
    ("old", "new", "check", "why"),
    [
        (OPEN, "self.code = 0", "noisy", "None with code 0, which is no trouble code"),
        (OPEN, "self.code = 99", "noisy", "None with code 99"),
        (OPEN, "raise ValueError('wire')", "noisy", "raised ValueError: wire"),
        ("uv is None", "uv is 5", "absent", "raised TypeError"),
        ("self._input.code\n", "0\n", "absent", "None with code 0"),
        ("return min(", "return 1.0 * min(", "steady", "is no whole number of thousandths"),
        ("return min(", "return 9 * min(", "noisy", "outside 0..4000000 thousandths"),
        (RETURN, "[uv]\n            return min(max", "heap", "a reading took heap"),
        ("self.code = 0\n", "self.code = 3\n", "steady", "with trouble code 3"),
        (RETURN, "self._scaling._low_out += 1\n            return min(max", "stuck", "not move"),
        ("elif uv <", "elif self.code or uv <", "recovering", "no value within 20 s"),
        ("uv < 200_000", "True", "steady", "nothing at its input ever gave a value"),
    ],
)  # fmt: skip
def test_a_driver_that_does_not_bear_it_is_told(fresh, old, new, check, why):
    path = fresh / "flow_switch.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    done = run("check", "flow-switch", "--dir", fresh, "--json")
    assert done.exit_code == 3, done.output
    report = json.loads(done.output)
    jsonschema.validate(report, SCHEMA)
    assert not report["ok"]
    assert why in next(row["why"] for row in report["checks"] if row["check"] == check)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "Flow"], '"Flow" is no name of a driver'),
        (["check", "../etc"], "is no name of a driver"),
        (["check", "flow-meter"], "flow_meter.py: is not there; write it: firegrid driver new"),
        (["new", "contact"], "there is a driver contact already"),
        (["new", "flow-switch", "--quantity", "water/l"], "water/l is unknown"),
    ],
)
def test_a_mistake_is_told_in_one_line(arguments, said):
    with pytest.raises(driver.FiregridError, match=said):
        CliRunner().invoke(driver.command, arguments, catch_exceptions=False)


def test_nothing_is_overwritten(fresh):
    path = fresh / "flow_switch.py"
    path.write_text("mine")
    with pytest.raises(driver.FiregridError, match="is there already"):
        CliRunner().invoke(
            driver.command, ["new", "flow-switch", "--dir", str(fresh)], catch_exceptions=False
        )
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no entry of driver"),
        ("[drivers.flow-switch]\n", "is no entry of driver"),
        ("this is not TOML", "is no entry of driver"),
        ('[drivers.flow-switch]\ntitle="t"\ninputs=["gpio"]\nsource="s"\nstatus="t"\n'
         'quantities=["water/l"]\nparams={}\n', "water/l is unknown"),
        ('[drivers.flow-switch]\ntitle="t"\ninputs=["spi"]\nsource="s"\nstatus="t"\n'
         'quantities=["hydrant/kpa"]\nparams={}\n', "input spi is unknown"),
    ],
)  # fmt: skip
def test_a_broken_entry_is_told(fresh, text, said):
    (fresh / "flow-switch.toml").write_text(text)
    with pytest.raises(driver.FiregridError, match=said):
        driver.conformance("flow-switch", fresh)


def test_a_driver_that_does_not_compile_is_told(fresh):
    (fresh / "flow_switch.py").write_text("def\n")
    report = driver.conformance("flow-switch", fresh)
    assert not report["ok"]
    assert all("SyntaxError" in row["why"] for row in report["checks"])
