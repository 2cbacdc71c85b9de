"""The parts of a seeded world, and its command."""

import json
import shlex
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner
from firegrid import cli
from firegrid.errors import FiregridError
from firegrid.resources import schemas_dir
from firegrid_sim import faults
from firegrid_sim.broker import Broker
from firegrid_sim.modelbroker import BrokerError, ModelBroker, publish_packet
from jsonschema import Draft202012Validator
from left_out import find
from mosquitto import Mosquitto
from mutants import MUTANTS, planted
from worlds import WILD

SCHEMA = Draft202012Validator(json.loads((schemas_dir() / "sim-world.schema.json").read_text()))


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
    assert said["checkers"]["dies"] >= 1
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
