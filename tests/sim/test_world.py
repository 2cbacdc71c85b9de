"""A seeded world: the same twice, judged from outside, and the judges bite."""

import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner
from compile import compile_all
from firegrid import cli
from firegrid.errors import FiregridError
from firegrid.resources import hal_dir, schemas_dir, site_path
from firegrid.site.load import load_site
from firegrid_sim import faults
from firegrid_sim.board import Bench, compiled
from firegrid_sim.broker import Broker
from firegrid_sim.forkserver import ForkServer
from firegrid_sim.modelbroker import BrokerError, ModelBroker, publish_packet
from firegrid_sim.simworld import Plan, play, replaying
from jsonschema import Draft202012Validator
from left_out import find
from mosquitto import Mosquitto
from vm import ROOT

SCHEMA = Draft202012Validator(json.loads((schemas_dir() / "sim-world.schema.json").read_text()))
SITE = load_site(site_path("jinshui-garden"))
# So much in so little time as years would bring.
WILD = {
    "power-cut": 150.0,
    "brown-out": 20.0,
    "link-down": 60.0,
    "half-open": 40.0,
    "broker-restart": 60.0,
    "desk-dies": 60.0,
    "sensor-cut": 40.0,
    "bus-stuck": 20.0,
    "slow-link": 40.0,
}
PEACE = dict.fromkeys(WILD, 0.0)


@pytest.fixture(scope="module")
def bench():
    server = ForkServer()
    server.start()
    yield Bench(server, compiled(None), hal_dir())
    server.stop()


def plan(gateway, seed, days, rates, until_s=None):
    return Plan(SITE, gateway, seed, days, rates, until_s)


# ---- the same seed, and wild ones ----


def test_the_same_seed_is_the_same_world(bench):
    one, other = (play(plan("gw-hydrants", 5, 0.1, WILD, 200.0), bench) for _ in range(2))
    assert one.events_sha256 == other.events_sha256
    assert one.counts == other.counts and one.resets == other.resets
    another = play(plan("gw-hydrants", 6, 0.1, WILD, 200.0), bench)
    assert another.events_sha256 != one.events_sha256


@pytest.mark.parametrize(
    ("gateway", "seed", "days"),
    [
        ("gw-hydrants", 1, 0.02),
        pytest.param("gw-hydrants", 2, 0.3, marks=pytest.mark.full),
        pytest.param("gw-shops", 3, 0.06, marks=pytest.mark.full),
        pytest.param("gw-power", 4, 0.06, marks=pytest.mark.full),
    ],
)
def test_what_must_hold_holds_in_a_wild_world(gateway, seed, days, bench, request):
    """In `make soak` each of its seeds is another world."""
    drawn = int(request.config.getoption("--hypothesis-seed") or 0)
    wild = plan(gateway, (seed + drawn) % 2**32, days, WILD)
    found = play(wild, bench)
    assert found.violations == [], replaying(wild, "jinshui-garden")
    assert found.counts["stored"] > 0
    assert drawn or found.resets["power"] > 0


@pytest.mark.full
def test_what_it_has_found_stays_mended(bench):
    """Seed 1 of gw-shops: on a slow link each word of the desk moved the clock, an event each."""
    found = play(plan("gw-shops", 1, 0.02, faults.rates(())), bench)
    assert found.counts["fault slow-link"] == 1
    assert found.counts["stored"] <= 4


# ---- the checkers bite ----

PLANTED = [
    ("lib/hold.py", "if ticks_diff(now_ms, self._since_ms) >= wanted_ms:", "if False:", "trouble"),
    ("lib/level.py", "if ticks_diff(now_ms, self._since_ms) >= wanted_ms:", "if False:", "sounds"),
]


def planted(file, was, becomes, directory):
    """Return a folder of compiled firmware with one small fault in it."""
    source = directory / "firmware"
    shutil.copytree(ROOT / "firmware", source)
    text = (source / file).read_text()
    assert text.count(was) >= 1, (file, was)
    (source / file).write_text(text.replace(was, becomes))
    compile_all(source, directory / "compiled")
    return directory / "compiled"


@pytest.mark.full
@pytest.mark.parametrize(("file", "was", "becomes", "checker"), PLANTED)
def test_a_planted_fault_is_caught(file, was, becomes, checker, bench, tmp_path):
    broken = Bench(bench.server, planted(file, was, becomes, tmp_path), hal_dir())
    rates = PEACE | {"sensor-cut": 60.0}  # and what the places bring
    found = play(plan("gw-hydrants", 2, 0.5, rates, 21000.0), broken)
    assert checker in {violation.checker for violation in found.violations}


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
    hungry = planted("health.py", "self._watchdog.feed()", "pass", tmp_path)
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
