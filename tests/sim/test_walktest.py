"""`firegrid walktest` as an installer runs it, with real gateways that somebody stands before."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import jsonschema
import pytest
from authority import Authority
from click.testing import CliRunner
from firegrid import cli, resources
from firegrid.commands import accept as accept_command
from firegrid.store import Store
from live import SITES, WAIT_S, Live

SLACK_MS = 100  # between the sounder's pin, seen from outside, and the gateway's own record
SITE = SITES / "walk.toml"


def schema(name):
    return json.loads((resources.schemas_dir() / f"{name}.schema.json").read_text())


class Installer:
    """Somebody at the keyboard of `firegrid walktest`."""

    def __init__(self, live, state, *options):
        self._live = live
        command = [sys.executable, "-m", "firegrid", "walktest", SITE, "--by", "ben", "--json"]
        command += ["--broker", live.broker.url, "--state", state, *options]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(list(map(str, command)), text=True, **pipes)
        self.said = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.said.append(line.strip())

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, text):
        """Wait until it has said something."""
        self._live.until(lambda: any(text in line for line in self.said), f"{text!r}")

    def end(self):
        """Return the report and the exit code."""
        report = json.loads(self.process.stdout.read())
        code = self.process.wait(WAIT_S)
        self._reader.join()
        jsonschema.validate(report, schema("walktest"))
        return report, code


@contextmanager
def installer(live, state, *options):
    one = Installer(live, state, *options)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout, one.process.stderr):
            pipe.close()


def findings(state):
    rows = [
        json.loads(line)
        for path in sorted((state / "reports").glob("walktest-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    for row in rows:
        jsonschema.validate(row, schema("walktest-finding"))
    return rows


@pytest.fixture
def live(tmp_path):
    with Live("walk", tmp_path / "live") as started:
        started.until_settled()
        yield started


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def test_each_point_is_tried_and_a_walk_that_was_broken_off_goes_on(live, state):
    with installer(live, state, "--area", "grid-1", "--points-only") as ben:
        ben.until("gw-gate: in test: all points")
        ben.type("101")
        marked_ns = live.smoke("smoke-gate")
        ben.until("smoke-gate: passed (stimulated)")
        ben.process.kill()
    assert not live.acts("gw-yard"), "the other grid stays in earnest"
    [row] = findings(state)
    assert (row["by"], row["method"], row["conditions"]) == ("ben", "stimulus", ["ALARM"])
    [alarm] = live.alarms("smoke-gate")
    assert (row["n"], row["boot"], alarm.event.mode) == (alarm.event.n, alarm.event.boot, "test")
    chirp_ns = next(at for at, sounds in live.sounder("gw-gate") if sounds)
    allowed_ms = row["within_ms"] + SLACK_MS
    assert abs(row["sounder_ms"] - (chirp_ns - marked_ns) / 1e6) <= allowed_ms
    assert row["sounder_ms"] >= 500 - allowed_ms, "its hold time"

    with installer(live, state, "--area", "gw-gate", "--points-only") as ben:
        ben.until("gw-gate: in test")
        ben.type("wires leakage-gate")
        live.fleet.set_fault("leakage-gate", "open")
        number = live.site.point("leakage-gate").number
        live.until(lambda: any(t.event.point == number and t.event.code for t in live.taken), "!")
        live.fleet.set_fault("leakage-gate", None)
        ben.until("leakage-gate: passed (wires checked)")
        report, code = ben.end()
    assert (code, report["passed"], report["points_passed"]) == (0, True, 2)
    assert findings(state)[-1]["method"] == "electrical"
    live.until(lambda: ("walk_test", "ended", 0) in live.acts("gw-gate"), "the end of the test")


def test_a_point_that_nobody_stimulates_has_not_passed(live, state):
    with installer(live, state, "--area", "smoke-yard", "--points-only") as ben:
        ben.until("in test")
        ben.type("999")
        ben.until("no point 999")
        ben.type("end")
        report, code = ben.end()
    assert (code, report["open_points"]) == (3, ["smoke-yard"])
    assert findings(state) == []
    live.until(lambda: ("walk_test", "ended", 0) in live.acts("gw-yard"), "the end of the test")


@pytest.mark.full
def test_power_and_network_are_cut_and_the_backlog_arrives_whole(live, state):
    with installer(live, state, "--area", "gw-gate") as ben:
        ben.until("in test")
        live.fleet.set_link("gw-gate", False)
        live.until(lambda: "gw-gate" not in live.online(), "the broker misses it")
        live.smoke("smoke-gate")
        live.until(lambda: live.alarms("smoke-gate"), "it alarms all the same")
        live.fleet.set_link("gw-gate", True)
        ben.until("gw-gate: network test passed")
        live.cut_power("gw-gate")
        ben.until("gw-gate: power test passed")
        ben.type("end")
        report, code = ben.end()
    assert (code, report["open_tests"], report["open_points"]) == (3, [], ["leakage-gate"])
    rows = {row["what"]: row for row in findings(state)}
    assert rows["network"]["backlog"] >= 1 and rows["power"]["cause"] == "power_on"
    assert rows["network"]["missing"] == rows["power"]["missing"] == []
    assert rows["point"]["sounder_ms"] is None, "nobody has marked when"


@pytest.mark.full
def test_from_the_first_stimulus_to_a_report_that_anybody_can_check(live, state, monkeypatch):
    with installer(live, state, "--points-only") as ben:
        ben.until("gw-gate: in test")
        ben.until("gw-yard: in test")
        for point in ("smoke-gate", "smoke-yard"):
            ben.type(point)
            live.smoke(point)
        live.fleet.drive("leakage-gate", "leakage_ma", 900.0)
        report, code = ben.end()
    assert (code, report["open_points"]) == (0, [])
    authority = Authority()
    (state / "ca.pem").write_bytes(authority.ca)
    (state / "passphrase").write_text("x")
    monkeypatch.setattr(accept_command, "open_signer", lambda state, passphrase: authority)
    command = ["accept", SITE, "--by", "anna", "--state", state, "--json"]
    for test in ("power", "network"):
        for gateway in ("gw-gate", "gw-yard"):
            command += ["--except", f"{gateway}/{test}", "anna", "2099-01-01", "next visit"]
    written = run(*command, "--passphrase-file", state / "passphrase")
    assert written["accepted"] and (written["passed"], written["excepted"]) == (3, 4)
    html = written["files"]["html"]
    assert run("accept", "--verify", html, "--ca", state / "ca.pem", "--json")["ok"]


def run(*arguments):
    done = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    return json.loads(done.stdout)


@pytest.mark.full
def test_where_no_desk_is_reached_the_walk_is_its_own_and_stores_what_came(live, state):
    live.stop_desk()
    with installer(live, state, "--area", "smoke-yard", "--points-only", "--desk") as ben:
        ben.until("gw-yard: in test")
        live.smoke("smoke-yard")
        ben.until("smoke-yard: passed")
        report, code = ben.end()
    assert (code, report["passed"]) == (0, True)
    [row] = findings(state)
    store = Store(f"sqlite:///{state / 'desk.db'}")
    kept = {(event.gateway, event.epoch, event.n) for event in store.events(live.site.id)}
    store.close()
    assert ("gw-yard", row["epoch"], row["n"]) in kept
    live.start_desk()
    live.until_settled()


@pytest.mark.full
def test_a_point_that_was_seen_but_not_stored_is_tried_again(live, state):
    live.stop_desk()
    with installer(live, state, "--area", "smoke-yard", "--points-only") as ben:
        ben.until("gw-yard: in test")
        live.smoke("smoke-yard")
        ben.until("smoke-yard: seen")
        ben.process.kill()
    assert findings(state) == []
    live.until_clean("smoke-yard", live.smoke("smoke-yard", there=False))
    live.start_desk()
    live.until_settled()
    with installer(live, state, "--area", "smoke-yard", "--points-only") as ben:
        ben.until("gw-yard: in test")
        assert live.acts("gw-yard")[-2:] == [("walk_test", "ended", 0), ("walk_test", "done", 0)]
        live.smoke("smoke-yard")
        ben.until("smoke-yard: passed")
        _, code = ben.end()
    assert code == 0


@pytest.mark.full
def test_a_real_alarm_outside_the_area_stays_real(live, state):
    with installer(live, state, "--area", "smoke-gate", "--points-only") as ben:
        ben.until("gw-gate: in test: smoke-gate")
        live.smoke("smoke-yard")
        live.until(lambda: live.is_sounding("gw-yard"), "the real one sounds")
        assert live.alarms("smoke-yard")[-1].event.mode == "live"
        ben.process.send_signal(signal.SIGINT)
        report, code = ben.end()
    assert (code, report["open_points"]) == (3, ["smoke-gate"]), "Ctrl-C is an end like any other"
    live.until(lambda: ("walk_test", "ended", 101) in live.acts("gw-gate"), "the end of the test")
