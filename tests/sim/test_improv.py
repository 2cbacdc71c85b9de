"""Improv at simulated boards: the firmware that ships learns a network, tries it, keeps it or goes
back, and decides alarms meanwhile."""

import json
import time
from dataclasses import replace

import pytest
from firegrid.mqtt import Address
from firegrid.resources import hal_dir, site_path
from firegrid.site.load import load_site
from firegrid_sim.board import HEAP, Bench, compiled
from firegrid_sim.fleet import Fleet
from firegrid_sim.forkserver import ForkServer
from live import SITES

MARK = b"IMPROV"
SPEED = 10
WAIT_S = 40
NOWHERE = Address("127.0.0.1", 9)  # no broker
NO_ERROR, UNABLE = (2, b"\x00"), (2, b"\x03")
READY, PROVISIONING, PROVISIONED = (1, b"\x02"), (1, b"\x03"), (1, b"\x04")
KEPT = (4, b"\x01\x00")


def frame(data, kind=3):
    made = MARK + bytes([1, kind, len(data)]) + data
    return made + bytes([sum(made) & 0xFF]) + b"\n"


def wifi(ssid, key):
    data = bytes([len(ssid)]) + ssid.encode() + bytes([len(key)]) + key.encode()
    return frame(bytes([1, len(data)]) + data)


GET_STATE, GET_INFO, GET_NETWORKS = frame(b"\x02\x00"), frame(b"\x03\x00"), frame(b"\x04\x00")


class Gateway:
    """A gateway of a site, at its console."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.id = fleet.site.gateways[0].id
        self.board = fleet.boards[self.id]

    def frames(self):
        """Return all frames that it has sent: [(type, data)]."""
        path = self.board.directory / "console.log"
        _, *parts = (path.read_bytes() if path.exists() else b"").split(MARK)
        whole = [part for part in parts if len(part) > 3 and len(part) > 3 + part[2]]
        return [(part[1], part[3 : 3 + part[2]]) for part in whole]

    def send(self, data, answers=1):
        """Send bytes; wait for so many answers, and return all that came."""
        before = len(self.frames())
        self.until(lambda: self.board.send(data), "a VM that hears")
        self.until(lambda: len(self.frames()) >= before + answers, f"{answers} answers")
        return self.frames()[before:]

    def until(self, is_so, what):
        deadline = time.monotonic() + WAIT_S
        while not (found := is_so()):
            assert time.monotonic() < deadline, f"in vain: {what}\n{self.board.console()}"
            time.sleep(0.02)
        return found

    @property
    def learned(self):
        path = self.board.directory / "flash" / "etc" / "wifi.json"
        return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def start(tmp_path):
    """Start a site's gateway in the network Garden, with the named networks in reach."""
    server = ForkServer()
    server.start()
    fleets = []

    def start(path, networks=None, speed=SPEED, heap=HEAP):
        site = load_site(path)
        gateway = max(site.gateways, key=lambda one: len(site.points_of(one.id)))
        gateway = replace(gateway, wifi_ssid="Garden")
        site = replace(site, gateways=(gateway,), points=site.points_of(gateway.id))
        bench = Bench(server, compiled(None), hal_dir(), heap=heap, speed=speed)
        fleet = Fleet(site, tmp_path / "boards", bench, NOWHERE)
        fleets.append(fleet)
        if networks is not None:
            fleet.boards[gateway.id].set_networks(networks)
        fleet.start()
        return Gateway(fleet)

    yield start
    for fleet in fleets:
        fleet.stop()
    server.stop()


IN_REACH = {"Garden": "", "Street": "street key"}
ROOMY = "512K"  # the HAL's access points take heap that a board has not to give


@pytest.fixture
def gateway(start):
    gateway = start(SITES / "yard.toml", IN_REACH, heap=ROOMY)
    gateway.until(lambda: PROVISIONED in gateway.send(GET_STATE), "it is in Garden")
    return gateway


def test_it_says_who_it_is_between_the_lines_of_its_console(gateway):
    board = gateway.board
    said = gateway.send(b"help\n" + GET_INFO + b"ack\n")
    assert said[-1][1][2:].startswith(b"\x08firegrid\x050.1.0\x05ESP32\x07gw-gate")
    gateway.until(lambda: "acknowledge done" in board.console(), "the line behind the frame")
    assert "MINUTES 0 ends it" in board.console()
    assert [one[1][:2] for one in gateway.send(GET_NETWORKS, 2)] == [b"\x04\x0e", b"\x04\x00"]


def test_a_network_that_it_joins_is_kept_over_a_power_cut(gateway):
    said = gateway.send(wifi("Street", "street key"), 4)
    assert said == [NO_ERROR, PROVISIONING, PROVISIONED, KEPT]
    assert gateway.learned == {"format": 1, "wifi_ssid": "Street", "wifi_key": "street key"}
    gateway.board.set_networks({"Street": "street key"})
    gateway.board.power_cut(0.1)
    gateway.until(lambda: gateway.board.resets, "the power cut")
    gateway.until(lambda: PROVISIONED in gateway.send(GET_STATE), "it is in Street")
    assert b"\x06Street" in gateway.send(GET_NETWORKS, 2)[0][1]


def test_a_network_that_it_cannot_join_is_not_kept_and_an_alarm_meanwhile_sounds(gateway):
    begin = time.monotonic()
    assert gateway.send(wifi("Street", "wrong key"), 2) == [NO_ERROR, PROVISIONING]
    gateway.fleet.drive("smoke-gate", "smoke", 1.0)
    gateway.until(lambda: gateway.fleet.collect() or gateway.fleet.sounded[gateway.id], "an alarm")
    assert gateway.send(GET_STATE) == [PROVISIONING], "it was decided meanwhile"
    gateway.until(lambda: gateway.frames()[-2:] == [UNABLE, READY], "it gives up")
    assert time.monotonic() - begin > 29 / SPEED
    gateway.until(lambda: PROVISIONED in gateway.send(GET_STATE), "it is in Garden")
    assert gateway.learned is None and not gateway.board.resets


def test_garbage_and_broken_frames_never_stop_it(gateway):
    broken = wifi("Street", "street key")[:-2] + b"\x00\n"
    for noise in (b"\x00\xff" * 100, b"IMPROV" * 50, broken, MARK + b"\x01\x03\xff", b"\x03" * 9):
        gateway.board.send(noise + b"\n")
    gateway.until(lambda: gateway.frames()[-1:] == [(2, b"\x01")], "it calls them invalid")
    time.sleep(3 / SPEED)  # what does not end is given up
    gateway.send(b"\n" + GET_INFO)
    assert gateway.learned is None and not gateway.board.resets
    assert "task failed" not in gateway.board.console()


def test_the_largest_gateway_has_room_for_it(start):
    gateway = start(site_path("jinshui-garden"), speed=1)
    for _ in range(3):
        gateway.send(GET_INFO + b"status\n")
    said = gateway.send(wifi("Street", "street key"), 4)
    assert said == [NO_ERROR, PROVISIONING, PROVISIONED, KEPT]
    assert "MemoryError" not in gateway.board.console() and not gateway.board.resets
