"""The bench: every area gives its rows, the page stays whole, nothing outlives it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from firegrid.resources import schemas_dir
from vm import ROOT

ROWS = {
    "gateways": [
        "CPU of a gateway",
        "the same without its leakage point",
        "gateways per core (1 / CPU share)",
    ],
    "start": ["3 gateways until all have sent up/state"],
    "heap": [
        "smallest heap of the firmware",
        "free heap in each up/state",
        "lowest free heap that the gateway has seen",
        "heap of the HAL",
    ],
    "sampling": ["a point-sample"],
    "journal": [
        *["erases of a record, all included"] * 2,
        "an append",
        "bytes read after a start, full ring",
    ],
    "link": [
        *["firmware/mqtt.py, window 8"] * 2,
        *["firmware/mqtt.py, window 16"] * 2,
        "journal to broker through firmware/uplink.py, window 8",
        "heap of the client with its buffers",
        "bytes on the wire of an event, live",
        "bytes on the wire of an event, draining",
    ],
    "world": [
        "a day of four hydrants",
        "a day of two smoke, two hydrants",
        "a day of smoke, gas, leakage, hydrant",
    ],
}
HELD = {"≥ 0.30": (0.31, 0.29), "≤ 1.1": (1.1, 1.11), "0": (0.0, 0.1)}
OTHER = "## heap\n\nWhat was measured before.\n"


def start(place, *arguments):
    """Start the bench; all of its temporary files lie in `place`."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "tools"), "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(place, *arguments):
    process = start(place, *arguments)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def left_behind(place):
    """Return the processes that were started with temporary files in `place`."""
    mark = f"TMPDIR={place}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            pass  # it has just ended, or is not ours
    return found


@pytest.fixture
def bench(monkeypatch):
    """The bench's modules, to be imported by the test."""
    monkeypatch.syspath_prepend(ROOT / "tools")


SLOW = {"heap", "world"}
AREAS = [pytest.param(area, marks=pytest.mark.full if area in SLOW else ()) for area in ROWS]


@pytest.mark.parametrize("area", AREAS)
def test_an_area_gives_its_rows_as_the_schema_says(area, tmp_path):
    code, output, errors = run(tmp_path, area, "--quick", "--json")
    assert code == 0, errors
    printed = json.loads(output)
    schema = json.loads((schemas_dir() / "bench.schema.json").read_text())
    jsonschema.validate(printed, schema)
    assert list(printed["areas"]) == [area]
    rows = printed["areas"][area]["rows"]
    assert [row["what"] for row in rows] == ROWS[area]
    assert all(0 < row["low"] <= row["ratio"] <= row["high"] for row in rows)
    assert errors.startswith(area)  # plain lines of progress


def test_the_nuisance_area_counts_false_alarms_or_says_what_is_missing(tmp_path):
    code, output, errors = run(tmp_path, "nuisance", "--quick", "--json")
    if code:
        assert code == 1 and "no recordings in" in errors
        pytest.skip("no recordings beside this checkout")
    printed = json.loads(output)
    jsonschema.validate(printed, json.loads((schemas_dir() / "bench.schema.json").read_text()))
    rows, notes = printed["areas"]["nuisance"]["rows"], printed["areas"]["nuisance"]["notes"]
    assert [row["value"] for row in rows] == [0] * 7
    assert sum(row["against"] for row in rows) > 0
    assert notes[0].startswith("0 false alarms in 0.5 sensor-hours: less than 6.4")


def test_only_the_area_that_ran_is_replaced_on_the_page(tmp_path):
    page = tmp_path / "BENCH.md"
    page.write_text("# Bench\n\nold\n\n## link\n\nold figures\n\n" + OTHER)
    code, output, errors = run(tmp_path, "link", "--quick", "--page", page)
    assert code == 0, errors
    text = page.read_text()
    assert text.index(OTHER) < text.index("## link")
    assert output.strip() in text
    assert "old" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["BENCH.md"]


def test_an_unknown_area_is_a_usage_error_that_names_the_known_ones(tmp_path):
    code, output, errors = run(tmp_path, "heep")
    assert (code, output) == (2, "")
    assert "'heep' is not one of 'gateways', 'start', 'heap', 'sampling'," in errors


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's environment")
def test_ctrl_c_leaves_no_process_and_the_page_as_it_was(tmp_path):
    page = tmp_path / "BENCH.md"
    page.write_text(OTHER)
    with start(tmp_path, "heap", "--page", page) as process:
        try:
            eventually(lambda: len(list(tmp_path.rglob("trial-*/boards/*/seam.bin"))) >= 2)
            assert left_behind(tmp_path)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert "KeyboardInterrupt" not in errors
    assert page.read_text() == OTHER
    eventually(lambda: left_behind(tmp_path) == [])


def eventually(is_so, within_s=30):
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_row_has_the_medians_and_the_span_of_its_rounds(bench):
    from bench.result import Pair, compare

    row = compare("a", "s", "b", [Pair(2, 1), Pair(9, 3), Pair(4, 4)])
    assert (row.value, row.against, row.ratio) == (4, 3, 2)
    assert (row.low, row.high, row.n) == (1, 3, 3)


def test_a_figure_has_three_digits_that_count(bench):
    from bench.page import figure

    values = [0.06123, 1.2345, 999.4, 12345.6, 9999.9]
    assert [figure(value) for value in values] == ["0.0612", "1.23", "999", "12,300", "10,000"]


def test_the_cpu_time_that_ps_prints_is_read_in_every_form(bench):
    from bench.cpu import seconds

    assert [seconds(" 0:01.25\n"), seconds("75:00.50"), seconds("1:02:03")] == [1.25, 4500.5, 3723]


def test_a_trial_plays_every_step_at_every_point_of_its_kind(bench):
    from bench.trial import CYCLE_S, play
    from firegrid.resources import scenario_path, site_path
    from firegrid.site.load import load_site
    from firegrid_sim.scenario import Drive, load_scenario

    site = load_site(site_path("jinshui-garden"))
    scenario = load_scenario(scenario_path("first-alarm"), site)
    played = play(site, scenario, 2 * CYCLE_S, 20)
    points = {point.id: point for point in played.site.points}
    assert [gateway.id for gateway in played.site.gateways] == ["gw-shops"]
    assert {points[p].kind for p in points} == {"smoke", "gas", "leakage"}
    assert played.alarming == {point.number for point in points.values()}
    drives = [s for s in played.scenario.steps if isinstance(s.action, Drive)]
    assert {drive.action.point for drive in drives} == set(points)
    first = [d.at_s for d in drives if d.action.point == "smoke-noodle-shop"]
    assert first == [5, 50, 5 + CYCLE_S, 50 + CYCLE_S]
    top = max(d.action.value for d in drives if d.action.point == "leakage-shop-street")
    assert top == pytest.approx(450 * 400 / 300)  # as far past its own limit


@pytest.mark.parametrize("held_to", HELD)
def test_a_ratio_that_is_not_as_it_must_be_is_found(bench, held_to):
    from bench.result import Pair, compare

    good, bad = [compare("a", "s", "b", [Pair(one, 1.0)], held_to) for one in HELD[held_to]]
    assert good.holds and not bad.holds


def test_every_area_is_in_the_schema(bench):
    from bench.__main__ import AREAS as ALL

    schema = json.loads((schemas_dir() / "bench.schema.json").read_text())
    assert schema["properties"]["areas"]["propertyNames"]["enum"] == list(ALL)
