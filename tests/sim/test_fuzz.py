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
]
INPUTS = {
    "gpio": "gpio34",
    "ads1115": "ads1115@0x48/0",
    "rs485": "rs485/17",
    "onewire": "onewire4",
}
GATEWAY = '[[gateway]]\nid = "gw-{n}"\ngrid = "grid"\nplace = "Place"\n'
BUTTON = "button_pin = 13\n"  # elsewhere than the wire of the probes
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
MORE = {
    "mq-element": "clean_air_ohm = 100000\nwarm_up_s = 5\n",
}
TWO_WORDS = "words = 2\nlow_word_first = 1\n"  # every other Modbus quantity
SIGNED = "signed = 1\n"  # and what may be below zero
DEFAULT = 6_000


def lines(directory):
    """Yield the head of a configuration and a line for each driver, quantity, sort of input."""
    text = ""
    for n, (driver, key, bus) in enumerate(WIRED):
        kind, quantity = key.split("/")
        point = POINT.format(
            number=n + 1, n=n, kind=kind, quantity=quantity, driver=driver, input=INPUTS[bus]
        )
        text += GATEWAY.format(n=n) + BUTTON * (bus == "onewire") + point + MORE.get(driver, "")
        if driver == "modbus":
            text += TWO_WORDS * (n % 2) + SIGNED * (quantity == "c")
    site = load_site(write_site(directory, text))
    for gateway in site.gateways:
        head, *rest = config_lines(site, gateway, "", 1883)
        line = rest[-1]
        table = site.point_by_number[line["point"]].table
        line["range"] = [tables.thousandths(table.low), tables.thousandths(table.high)]
        if line.get("signed"):  # believed as far below zero as above
            line["range"][0] = -1000 * line["span"]
        line["above"] = bool(table.levels) and table.levels[0].above
        line["window_ms"] = 1000 * max((level.window_s for level in table.levels), default=0)
        yield head, line


def fuzz(directory, readings, seed):
    heads, told = zip(*lines(directory), strict=True)
    about = directory / "about.json"
    about.write_text(json.dumps({"head": heads[0], "lines": told}))
    done = run_vm(
        *(ROOT / "tests" / "sim" / "fuzz_program.py", about, readings, seed),
        timeout_s=280,
        MICROPYPATH=f"{firmware_dir()}:{ROOT / 'tests' / 'firmware'}:.frozen",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(rows, readings):
    assert [row["readings"] for row in rows] == [readings] * len(WIRED)
    for row in rows:
        assert row["valued"] > 0, row  # or nothing was tried
    assert sum(row["alarms"] for row in rows) > 5


def test_no_rubbish_makes_an_exception_or_an_alarm_out_of_nothing(tmp_path):
    check(fuzz(tmp_path, DEFAULT, seed=1), DEFAULT)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_million_samples_make_neither(tmp_path, seed):
    readings = 1_000_000 // len(WIRED) + 1
    check(fuzz(tmp_path, readings, seed), readings)
