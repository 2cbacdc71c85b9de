"""`firegrid run`: a whole community in a box, its sum, and that nothing of it is left behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from firegrid.gaps import Gaps, Hole
from firegrid.resources import firmware_dir, hal_dir, schemas_dir
from firegrid.site.load import load_site
from firegrid.store import StoredEvent
from firegrid.wire import Act
from firegrid_sim.board import WATCHDOG
from firegrid_sim.broker import Broker, free_port
from firegrid_sim.fleet import Key, fingerprint
from firegrid_sim.run import Plan, Session, _Quiet
from firegrid_sim.scenario import load_scenario
from firegrid_sim.summary import FAILED, Seen, exit_code, faults, summarise
from jsonschema import Draft202012Validator
from tap import Tap

SCHEMA = Draft202012Validator(json.loads((schemas_dir() / "run.schema.json").read_text()))
YARD = Path(__file__).parent / "sites" / "yard.toml"
SMOKE = """
format = 1
[[step]]
at_s = 3
say = "smoke at the gate"
point = "smoke-gate"
signal = "smoke"
value = 1
sounder = true
expect = [{ point = "smoke-gate", conditions = ["ALARM"], within_s = 2 }]
"""
LINK_LOST = """
[[step]]
at_s = 2
say = "the uplink is cut for good"
gateway = "gw-gate"
link = "lost"
"""
ALARM, TROUBLE = 1, 8


class Silent:
    """A run that nobody watches; what it says is kept."""

    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)

    def take(self, message):
        pass

    def link(self, stands):
        pass

    def holes(self, count):
        pass


@pytest.fixture
def plan(tmp_path):
    """Make a plan for the yard with the given scenario and firmware."""

    def plan(scenario=SMOKE, firmware=None):
        site = load_site(YARD)
        path = tmp_path / "scenario.toml"
        path.write_text(scenario)
        return Plan(site, load_scenario(path, site), firmware or firmware_dir(), hal_dir())

    return plan


def command(*arguments):
    return [sys.executable, "-m", "firegrid", *map(str, arguments)]


def run(*arguments, timeout_s=60):
    return subprocess.run(
        command("run", *arguments), capture_output=True, text=True, timeout=timeout_s
    )


def summary_of(done):
    summary = json.loads(done.stdout)
    SCHEMA.validate(summary)
    return summary


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "smoke.toml"
    path.write_text(SMOKE)
    return path


def processes():
    """Return the command lines of all processes that a run starts."""
    lines = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True).stdout
    return [line for line in lines.splitlines() if "firegrid_sim." in line]


def ours(pid):
    """Return the children of a process, and theirs."""
    found, parents = [], {pid}
    for line in sorted(processes(), key=lambda line: int(line.split()[0])):
        child, parent = map(int, line.split()[:2])
        if parent in parents:
            parents.add(child)
            found.append(child)
    return found


def eventually(is_so, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.startswith("Z")


# ---- a short run ----


def test_smoke_sounds_is_stored_and_summed_up(plan, tmp_path):
    session = Session(plan(), tmp_path, Silent())
    with session, Tap("127.0.0.1", session.broker.port) as tap:
        session.run(6)
        summary = session.finish()
    SCHEMA.validate(summary)
    tap.assert_clean()
    assert faults(summary) == []
    assert exit_code(summary) == 0
    assert summary["raised"] == summary["stored"] >= 3
    assert (summary["missing"], summary["duplicates"]) == (0, 0)
    assert summary["firmware_sha256"] == summary["build_sha256"] == fingerprint(firmware_dir())
    [came] = summary["points"]["smoke-gate"]
    assert came["conditions"] == ["ALARM"]
    [sounded] = summary["sounded"]
    assert (sounded["step"], sounded["point"]) == (1, "smoke-gate")
    assert 400 <= sounded["after_ms"] <= 2000  # hold time 500 ms; test_promises measures the rest
    assert abs(came["t_s"] - 3 - sounded["after_ms"] / 1000) < 1  # a step may be late
    assert summary["latency_ms"]["n"] == summary["raised"]
    assert summary["latency_ms"]["p99"] is None  # too few for a percentile


def test_the_command_prints_one_object_and_leaves_nothing_behind(scenario, tmp_path):
    env = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    (tmp_path / "tmp").mkdir()
    arguments = command("run", YARD, "--scenario", scenario, "--for", 5.5, "--json")
    done = subprocess.run(arguments, capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == 0, done.stderr
    assert summary_of(done)["steps"] == [
        {"at_s": 3, "say": "smoke at the gate", "ok": True, "why": ""}
    ]
    assert "firegrid: 3 s: smoke at the gate" in done.stderr.splitlines()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.full
def test_without_a_terminal_each_change_is_a_line_and_the_first_alarm_is_explained(scenario):
    done = run(YARD, "--scenario", scenario, "--for", 5.5)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "ALARM" in said
    explained = r"» First alarm: smoke-gate 2[45]\.\d mA \(limit 15\), gw-gate sounds\. Try next: "
    assert re.search(explained, said)
    assert "offline" not in said  # taking it down is no news
    assert said.splitlines()[-2] == "✓     3 s  smoke at the gate"
    assert "1 gateways, 6 s: " in said.splitlines()[-1] or "events raised" in said.splitlines()[-1]


@pytest.mark.full
def test_a_state_folder_is_kept_and_a_second_run_adds_to_it(scenario, tmp_path):
    state = tmp_path / "state"
    for events in (1, 2):
        told = ["--scenario", scenario] if events == 1 else []
        done = run(YARD, *told, "--for", 5.5, "--state", state, "--json")
        assert done.returncode == 0, done.stderr
        summary = summary_of(done)
        # of this run alone: the alarm of the first one stands in the second, and does not come
        assert len(summary["points"]["smoke-gate"]) == 2 - events
        assert summary["duplicates"] == 0
        nvs = json.loads((state / "boards" / "gw-gate" / "nvs.json").read_text())
        assert nvs["firegrid"]["boot"] == events
    assert (state / "desk.db").exists()
    assert (state.stat().st_mode & 0o777) == 0o700


@pytest.mark.full
def test_a_run_can_use_a_broker_that_is_there(scenario, tmp_path):
    broker = Broker(tmp_path / "broker")
    broker.start()
    try:
        done = run(YARD, "--scenario", scenario, "--for", 5.5, "--broker", broker.url, "--json")
        assert broker.is_running
    finally:
        broker.stop()
    assert done.returncode == 0, done.stderr


# ---- what it must notice ----


@pytest.mark.full
def test_an_uplink_that_is_cut_for_good_is_missing_events_and_exit_code_3(tmp_path):
    path = tmp_path / "cut.toml"
    path.write_text(SMOKE + LINK_LOST)
    done = run(YARD, "--scenario", path, "--for", 5.5, "--json")
    summary = summary_of(done)
    assert done.returncode == FAILED
    assert summary["missing"] > 0
    assert summary["raised"] == summary["stored"] + summary["missing"]
    assert summary["sounded"][0]["after_ms"] is not None  # at the door all is well
    assert [step["ok"] for step in summary["steps"]] == [True, False]


@pytest.mark.full
def test_one_other_byte_in_one_file_of_the_firmware_is_noticed(plan, tmp_path):
    firmware = tmp_path / "firmware"
    shutil.copytree(firmware_dir(), firmware)
    app = firmware / "app.mpy"
    content = app.read_bytes()
    assert content.count(b"0.1.0") == 1
    app.write_bytes(content.replace(b"0.1.0", b"0.1.1"))
    with Session(plan(firmware=firmware), tmp_path, Silent()) as session:
        session.run(4)
        summary = session.finish()
    assert summary["build_sha256"] == fingerprint(firmware_dir())
    assert summary["firmware_sha256"] == fingerprint(firmware) != summary["build_sha256"]
    assert exit_code(summary) == FAILED


def test_a_gateway_that_dies_is_told_with_its_last_words_and_counted(plan, tmp_path):
    firmware = tmp_path / "firmware"
    shutil.copytree(firmware_dir(), firmware)
    (firmware / "boot.mpy").unlink()
    show = Silent()
    with Session(plan(firmware=firmware), tmp_path, show) as session:
        session.run(2)
        summary = session.finish()
    assert "ImportError: no module named 'boot'" in show.said[1]
    assert len(show.said) == 2  # once, not at every start
    assert summary["resets"]["gw-gate"]["hard"] > 1
    assert exit_code(summary) == FAILED


def test_for_a_script_the_loss_and_return_of_the_broker_are_told_once(capsys):
    quiet = _Quiet()
    for stands in (True, True, False, False, True):
        quiet.link(stands)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "firegrid: the broker is away; trying again",
        "firegrid: the broker is back",
    ]


# ---- how it ends ----


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_sums_up_stops_everything_and_is_no_failure(number, scenario, tmp_path):
    env = os.environ | {"TMPDIR": str(tmp_path)}
    arguments = command("run", YARD, "--scenario", scenario, "--json")
    running = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    for line in running.stderr:
        if "3 s: smoke" in line:
            break
    children = ours(running.pid)
    assert len(children) >= 4  # broker, fork server, reaper, a gateway
    running.send_signal(number)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 0, stderr
    SCHEMA.validate(json.loads(stdout))
    assert all(is_gone(pid) for pid in children)
    assert not list(tmp_path.glob("firegrid-*"))


def test_kill_9_leaves_no_process_behind(tmp_path):
    running = subprocess.Popen(
        command("run", YARD, "--state", tmp_path, "--json"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert eventually(lambda: len(ours(running.pid)) >= 4)
    children = ours(running.pid)
    running.kill()
    running.wait()
    assert eventually(lambda: all(is_gone(pid) for pid in children))


# ---- what it refuses before anything is started ----


def test_what_is_wrong_is_one_clear_line_and_nothing_is_started(tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SMOKE.replace("smoke-gate", "smoke-door"))
    taken = socket.create_server(("127.0.0.1", 0))  # something that is no broker
    no_broker = f"mqtt://127.0.0.1:{free_port()}"
    for arguments, line in (
        (["no-such-site"], "no-such-site: no such site file"),
        ([YARD, "--scenario", "none"], "none: no such scenario"),
        ([YARD, "--scenario", wrong], f'{wrong}: step 1: point: "smoke-door" is unknown'),
        ([YARD, "--broker", "http://here"], "'http://here' is not a broker's address"),
        ([YARD, "--broker", "mqtt://a:b@here"], "--broker: simulated gateways have no password"),
        ([YARD, "--broker", no_broker], f"no broker at {no_broker}"),
        ([YARD, "--firmware", tmp_path], f"{tmp_path}: holds no main.mpy"),
    ):
        done = run(*arguments, "--for", 2, "--json")
        said = [text for text in done.stderr.splitlines() if "starting" not in text]
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert said[0].startswith(f"firegrid: {line}"), said
        assert not any("Traceback" in text for text in said)
    taken.close()


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf"])
def test_a_time_that_is_none_is_a_usage_error(seconds):
    done = run(YARD, "--for", seconds)
    assert done.returncode == 2
    assert "--for" in done.stderr


# ---- the sum ----


@pytest.fixture
def seen(tmp_path):
    """What was witnessed of a run of 10 s in which one alarm came and was stored."""
    site = load_site(YARD)
    path = tmp_path / "scenario.toml"
    path.write_text(SMOKE)
    key = Key("gw-gate", 1, 7)
    return Seen(
        site,
        load_scenario(path, site),
        "a" * 64,
        begin_ns=10**9,
        end_ns=11 * 10**9,
        raised={key: 4_500_000_000},
        stored={key: 4_512_000_000},
        events=[event(7)],
        sounded={"gw-gate": [4_510_000_000]},
        firmware={"gw-gate": "a" * 64},
    )


def event(n, point=101, conditions=ALARM, what="condition"):
    stamp = (1, 5, 0, None, "none", point, "live", what, conditions, conditions)
    return StoredEvent("yard", "gw-gate", n, 99, *stamp, 25.0, "mA", 15.0, 0)


def test_the_sum_of_a_good_run(seen):
    summary = summarise(seen)
    SCHEMA.validate(summary)
    assert (summary["raised"], summary["stored"], summary["missing"]) == (1, 1, 0)
    assert summary["points"]["smoke-gate"] == [
        {"t_s": 3.5, "conditions": ["ALARM"], "mode": "live"}
    ]
    assert summary["points"]["gw-gate"] == []
    assert summary["latency_ms"] == {"p50": None, "p99": None, "max": 12.0, "n": 1}
    assert summary["sounded"] == [
        {"step": 1, "point": "smoke-gate", "gateway": "gw-gate", "after_ms": 510}
    ]
    assert faults(summary) == []


def test_percentiles_come_with_300_events(seen):
    for n in range(100, 400):
        seen.raised[Key("gw-gate", 1, n)] = 10**9
        seen.stored[Key("gw-gate", 1, n)] = 10**9 + (n - 100) * 1_000_000
    latency = summarise(seen)["latency_ms"]
    assert latency["n"] == 301
    assert latency["p50"] == pytest.approx(150, abs=2)
    assert latency["p99"] == pytest.approx(297, abs=2)
    assert latency["max"] == 299


def test_a_gateways_own_trouble_stands_under_its_own_id(seen):
    seen.raised[Key("gw-gate", 1, 8)] = 5 * 10**9
    seen.events.append(event(8, point=0, conditions=TROUBLE))
    assert summarise(seen)["points"]["gw-gate"] == [
        {"t_s": 4.0, "conditions": ["TROUBLE"], "mode": "live"}
    ]


def test_other_events_than_conditions_are_no_history(seen):
    seen.raised[Key("gw-gate", 1, 8)] = 5 * 10**9
    seen.events.append(event(8, point=0, conditions=TROUBLE, what="boot"))
    assert summarise(seen)["points"]["gw-gate"] == []


def test_a_lost_event_fails_the_run(seen):
    seen.raised[Key("gw-gate", 1, 8)] = 10**9
    summary = summarise(seen)
    assert (summary["raised"], summary["stored"], summary["missing"]) == (2, 1, 1)
    assert faults(summary) == ["1 of 2 events were never stored"]
    assert exit_code(summary) == FAILED


def test_an_event_that_is_stored_twice_fails_the_run(seen):
    seen.duplicates = 2
    assert faults(summarise(seen)) == ["2 events are stored twice"]


def test_a_hole_that_nobody_explains_fails_the_run(seen):
    seen.gaps = [Gaps("gw-gate", 9, "events", 9, 6, [Hole(2, 3, "overrun")])]
    assert faults(summarise(seen)) == []
    seen.gaps[0].holes.append(Hole(5, 5, "unexplained"))
    summary = summarise(seen)
    SCHEMA.validate(summary)
    assert (summary["holes"], summary["unexplained"]) == (2, 1)
    assert faults(summary) == ["holes in the records that nobody explains: 1"]
    assert exit_code(summary) == FAILED


@pytest.mark.parametrize("said", [{}, {"gw-gate": "b" * 64}, {"gw": "a" * 64, "x": "b" * 64}])
def test_another_firmware_or_none_that_is_known_fails_the_run(seen, said):
    seen.firmware = said
    summary = summarise(seen)
    SCHEMA.validate(summary)
    assert exit_code(summary) == FAILED


def test_a_step_that_was_not_seen_fails_the_run_and_says_what_was(seen):
    seen.events = [event(7, conditions=TROUBLE)]
    [fault] = faults(summarise(seen))
    assert fault.startswith("step at 3 s (smoke at the gate): smoke-gate: ALARM did not come")


def test_an_alarm_without_its_sounder_fails_the_run(seen):
    seen.sounded = {"gw-gate": []}
    [fault] = faults(summarise(seen))
    assert fault.endswith("the sounder did not begin within 2 s")


@pytest.mark.parametrize("end_s", [2, 4])
def test_a_step_beyond_the_end_is_neither_fine_nor_a_failure(seen, end_s):
    seen.end_ns = (1 + end_s) * 10**9
    seen.events, seen.raised = [], {}
    [step] = summarise(seen)["steps"]
    assert step["ok"] is None
    assert exit_code(summarise(seen)) == 0


@pytest.mark.parametrize(
    ("command", "result", "why"),
    [
        (77, "done", ""),
        (77, "refused", "the gateway answered: refused, not: done"),
        (78, "done", "the gateway did not answer within 5 s"),
    ],
)
def test_a_command_is_judged_by_the_act_that_carries_its_id(seen, command, result, why):
    [step] = seen.scenario.steps
    step = replace(step, result="done")
    seen.scenario = replace(seen.scenario, steps=(step,))
    seen.given = {step: 77}
    seen.raised[Key("gw-gate", 1, 8)] = 5 * 10**9
    act = Act("reset", result, "desk", person=1, reason=0, minutes=0, id=command)
    seen.events.append(replace(event(8, point=0, what="act", conditions=0), act=act))
    [told] = summarise(seen)["steps"]
    assert (told["ok"], told["why"]) == (not why, why)


def test_resets_are_told_by_cause(seen):
    seen.resets = {"gw-gate": Counter({WATCHDOG: 2}), "gw-other": Counter()}
    summary = summarise(seen)
    SCHEMA.validate(summary)
    assert summary["resets"] == {"gw-gate": {"watchdog": 2}}


# ---- the whole of it ----


SHIPPED = (
    ("jinshui-garden", "first-alarm", 116),
    ("jinshui-garden", "people-act", 116),
    ("baisheng-garden", "nine-systems", 90),
)


@pytest.mark.full
def test_shipped_communities_show_every_step_of_their_scenarios():
    """All at once: they wait most of the time."""
    with ThreadPoolExecutor(len(SHIPPED)) as pool:
        list(pool.map(lambda one: shows_every_step(*one), SHIPPED))


def shows_every_step(site, scenario, seconds):
    done = run(site, "--scenario", scenario, "--for", seconds, "--json", timeout_s=seconds + 90)
    summary = summary_of(done)
    assert done.returncode == 0, faults(summary)
    assert summary["gateways"] == 4
    assert summary["missing"] == 0
    assert all(step["ok"] for step in summary["steps"])
    assert all(sounded["after_ms"] is not None for sounded in summary["sounded"])
    assert not summary["resets"]
    for source, history in summary["points"].items():
        assert not history or history[-1]["conditions"] == [], source  # what came has gone
