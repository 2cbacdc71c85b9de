"""Rubbish at every input: no exception leaves a driver, and no ALARM comes out of nothing."""

import json

import pytest
from bench.rig import write_site
from firegrid import tables
from firegrid.resources import firmware_dir
from firegrid.site.config import config_lines
from firegrid.site.load import load_site
from vm import ROOT, run_vm

WIRED = [
    (driver.name, key, bus)
    for driver in tables.drivers().values()
    for key in driver.quantities
    for bus in driver.inputs
    if bus in ("gpio", "ads1115")
]
INPUTS = {"gpio": "gpio34", "ads1115": "ads1115@0x48/0"}
GATEWAY = '[[gateway]]\nid = "gw-{n}"\ngrid = "grid"\nplace = "Place"\n'
POINT = """\
[[point]]
number = {number}
id = "point-{number}"
kind = "{kind}"
quantity = "{quantity}"
driver = "{driver}"
gateway = "gw-{n}"
place = "Place"
input = "{input}"
"""
MORE = {"mq-element": "clean_air_ohm = 100000\nwarm_up_s = 5\n"}


def lines(directory):
    """Yield the head of a configuration and a line for each driver, quantity, sort of input."""
    text = ""
    for n, (driver, key, bus) in enumerate(WIRED):
        kind, quantity = key.split("/")
        point = POINT.format(
            number=n + 1, n=n, kind=kind, quantity=quantity, driver=driver, input=INPUTS[bus]
        )
        text += GATEWAY.format(n=n) + point + MORE.get(driver, "")
    site = load_site(write_site(directory, text))
    for gateway in site.gateways:
        head, *rest = config_lines(site, gateway, "", 1883)
        line = rest[-1]
        table = site.point_by_number[line["point"]].table
        line["range"] = [tables.thousandths(table.low), tables.thousandths(table.high)]
        line["above"] = table.levels[0].above
        yield head, line


def fuzz(directory, readings, seed):
    heads, told = zip(*lines(directory), strict=True)
    about = directory / "about.json"
    about.write_text(json.dumps({"head": heads[0], "lines": told}))
    done = run_vm(
        *(ROOT / "tests" / "sim" / "fuzz_program.py", about, readings, seed),
        timeout_s=280,
        MICROPYPATH=f"{firmware_dir()}:.frozen",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(rows, readings):
    assert [row["readings"] for row in rows] == [readings] * len(WIRED)
    for row in rows:
        assert row["valued"] > 0, row  # or nothing was tried
    assert sum(row["alarms"] for row in rows) > 5


def test_no_rubbish_makes_an_exception_or_an_alarm_out_of_nothing(tmp_path):
    check(fuzz(tmp_path, 20_000, seed=1), 20_000)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 10))
def test_a_million_samples_make_neither(tmp_path, seed):
    readings = 1_000_000 // len(WIRED) + 1
    check(fuzz(tmp_path, readings, seed), readings)
