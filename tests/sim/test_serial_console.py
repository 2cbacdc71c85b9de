"""`firegrid console` at the firmware that ships: a pseudo-terminal before the VM that runs it."""

import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from firegrid.mqtt import Address
from firegrid.resources import hal_dir
from firegrid.site.load import load_site
from firegrid_sim.board import Bench, compiled
from firegrid_sim.fleet import Fleet
from firegrid_sim.forkserver import ForkServer
from live import SITES
from serial_console import SerialConsole

SPEED = 5
ROOMY = "512K"  # the simulated access points take heap that a board has not to give
WAIT_S = 40


@pytest.fixture
def console(tmp_path):
    """The serial port of a gateway in the network Garden."""
    server = ForkServer()
    server.start()
    site = load_site(SITES / "yard.toml")
    site = replace(site, gateways=(replace(site.gateways[0], wifi_ssid="Garden"),))
    bench = Bench(server, compiled(None), hal_dir(), heap=ROOMY, speed=SPEED)
    fleet = Fleet(site, tmp_path / "boards", bench, Address("127.0.0.1", 9))
    board = fleet.boards["gw-gate"]
    board.set_networks({"Garden": "", "Street": "street key"})
    try:
        fleet.start()
        with SerialConsole(board) as console:
            yield console
    finally:
        fleet.stop()
        server.stop()


def call(console, *arguments, typed=""):
    command = [sys.executable, "-m", "firegrid", "console", "--port", console.port, *arguments]
    return subprocess.run(
        list(map(str, command)), input=typed, capture_output=True, text=True, timeout=100
    )


def key_file(tmp_path, key):
    path = tmp_path / "key"
    path.write_text(key + "\n")
    return path


@pytest.mark.full
def test_lines_are_answered_by_the_gateway(console):
    done = call(console, "--seconds", 3, typed="help\nstatus\nbypass 101 5\nstatus\n")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "MINUTES 0 ends it" in done.stdout
    assert "bypass done: 101 smoke: bypassed" in done.stdout
    assert "bypass 101: " in done.stdout.split("bypass done")[1]


def test_ctrl_c_is_its_normal_end_and_the_gateway_runs_on(console):
    keyboard, slave = pty.openpty()
    command = [sys.executable, "-m", "firegrid", "console", "--port", console.port]
    shown = subprocess.PIPE
    with subprocess.Popen(command, stdin=slave, stdout=shown, stderr=shown, text=True) as running:
        os.write(keyboard, b"help\n")
        line = ""
        while "MINUTES 0 ends it" not in line:
            line = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=WAIT_S)
    os.close(keyboard)
    os.close(slave)
    assert running.returncode == 0
    assert "Ctrl-C ends it" in errors and "Traceback" not in errors and "Fatal" not in errors
    assert "acknowledge done" in call(console, typed="ack\n").stdout


def test_a_network_is_given_and_kept(console, tmp_path):
    path = key_file(tmp_path, "street key")
    done = call(console, "--wifi", "Street", "--key-file", path)
    assert done.returncode == 0, done.stderr
    tries, kept = done.stdout.splitlines()
    assert tries == "gw-gate tries Street, for up to 30 s"
    assert kept.startswith("gw-gate has joined Street and keeps it")
    assert "street key" not in done.stdout + done.stderr


@pytest.mark.full
def test_a_wrong_key_is_told_and_the_gateway_is_back_where_it_was(console, tmp_path):
    done = call(console, "--wifi", "Street", "--key-file", key_file(tmp_path, "wrong key"))
    assert done.returncode == 1
    assert "gw-gate could not join Street in 30 s, and goes back" in done.stderr
    assert "wrong key" not in done.stdout + done.stderr
    again = call(console, "--wifi", "Garden", "--open")
    assert again.returncode == 0, again.stderr


@pytest.mark.full
def test_a_port_where_nobody_hears_is_told(console):
    console.deaf = True
    begin = time.monotonic()
    done = call(console, "--wifi", "Street", "--open")
    assert done.returncode == 1 and "no gateway answers at this port" in done.stderr
    assert time.monotonic() - begin < WAIT_S
