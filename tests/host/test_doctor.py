"""`firegrid doctor`: each check can be well and can fail, and says what to do."""

import json
import shutil
import socket

import firegrid.ports
import jsonschema
import pytest
from click.testing import CliRunner
from firegrid import checkup, cli
from firegrid.identity import Authority
from firegrid.image.enrol import enrol
from firegrid.ports import Port, ports
from firegrid.resources import schemas_dir, site_path
from firegrid.site.load import load_site
from firegrid.state import State
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

PASSPHRASE = "correct horse battery"
WIFI = 'format = 1\n[[network]]\nssid = "Nanyuan-Fire"\nkey = "12345678"\n'


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A community for whose bench all is there."""
    path = tmp_path_factory.mktemp("ready") / "nanyuan-shops.toml"
    shutil.copy(site_path("nanyuan-shops"), path)
    state = State.of(path)
    authority = Authority.create(state, "nanyuan-shops", PASSPHRASE)
    for gateway in load_site(path).gateways:
        enrol(state, authority, "nanyuan-shops", gateway.id)
    state.wifi.write_text(WIFI)
    return path


@pytest.fixture
def plugged(monkeypatch, tmp_path):
    """A board at a port."""
    device = tmp_path / "ttyUSB0"
    device.touch()
    board = Port(str(device), "CP2102, USB 10c4:ea60")
    monkeypatch.setattr(firegrid.ports, "ports", lambda: [board])
    return device


def doctor(path, *arguments):
    done = CliRunner().invoke(cli.main, ["doctor", str(path), *arguments])
    assert done.exit_code in (0, 3), done.output
    return done


def failing(path, *arguments):
    done = doctor(path, *arguments, "--json")
    said = json.loads(done.stdout)
    schema = json.loads((schemas_dir() / "doctor.schema.json").read_text("utf-8"))
    jsonschema.validate(said, schema)
    assert (done.exit_code == 0) == said["ok"]
    return {row["check"]: row["seen"] for row in said["checks"] if not row["ok"]}


@pytest.fixture
def broker():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_where_all_is_there_it_says_so(ready, plugged, broker):
    assert failing(ready, "--broker", broker) == {}
    lines = doctor(ready, "--broker", broker).stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines) and len(lines) == 8


def test_without_a_board_it_asks_for_one(ready, monkeypatch):
    monkeypatch.setattr(firegrid.ports, "ports", list)
    assert failing(ready) == {"ports": "no serial port"}
    assert "charge-only cable" in doctor(ready).stdout


def test_it_looks_at_the_ports_that_are_named(ready, plugged, tmp_path):
    other = tmp_path / "board-01"
    other.touch()
    assert failing(ready, "--ports", f"{tmp_path}/board-*") == {}
    shown = doctor(ready, "--ports", str(other), "--ports", f"{tmp_path}/ttyUSB*").stdout
    assert f"{other}: serial port" in shown and "ttyUSB0: CP2102" in shown
    assert failing(ready, "--ports", "/dev/none*") == {"ports": "no serial port /dev/none*"}


def test_a_port_that_may_not_be_opened_is_told(ready, plugged, monkeypatch):
    monkeypatch.setattr(checkup.os, "access", lambda path, mode: False)
    assert "no permission" in failing(ready)["ports"]
    assert "dialout" in doctor(ready).stdout


def test_a_full_disk_is_told(ready, plugged, monkeypatch):
    monkeypatch.setattr(checkup, "FREE_BYTES", 1 << 60)
    assert set(failing(ready)) == {"disk"}


def test_a_clock_before_the_keys_is_told(ready, plugged, monkeypatch):
    monkeypatch.setattr(checkup.time, "time", lambda: 1_000_000_000.0)
    assert failing(ready)["clock"].startswith("2001-09-09")


def test_a_broker_that_does_not_answer_is_told(ready, plugged, broker):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "does not answer" in failing(ready, "--broker", f"127.0.0.1:{port}")["broker"]


def test_a_new_community_lacks_keys_networks_and_identities(plugged, tmp_path):
    path = tmp_path / "nanyuan-shops.toml"
    shutil.copy(site_path("nanyuan-shops"), path)
    assert set(failing(path)) == {"keys", "wifi", "identities"}
    shown = doctor(path).stdout
    assert "firegrid ca init" in shown and "firegrid provision" in shown
    assert not path.with_suffix(".firegrid").exists()  # it only looks


def test_ports_are_told_with_what_is_plugged_in(monkeypatch):
    empty, board = ListPortInfo("/dev/ttyS0"), ListPortInfo("/dev/ttyUSB0")
    board.description, board.vid, board.pid = "CP2102", 0x10C4, 0xEA60
    board.serial_number, board.location, board.hwid = "0001", "1-1.2", "USB"
    monkeypatch.setattr(list_ports, "comports", lambda: [board, empty])
    [found] = ports()
    assert found.device == "/dev/ttyUSB0"
    assert found.description == "CP2102, USB 10c4:ea60, serial number 0001, at 1-1.2"


def test_a_wrong_broker_is_a_wrong_call(ready):
    done = CliRunner().invoke(cli.main, ["doctor", str(ready), "--broker", "desk:x"])
    assert done.exit_code == 2 and "HOST:PORT" in done.output
