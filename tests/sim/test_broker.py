"""The embedded broker: it serves on loopback, can be broken at will, and never outlives us."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from firegrid.errors import FiregridError
from firegrid_sim.broker import Broker, free_port
from paho.mqtt.enums import CallbackAPIVersion

WAIT_S = 30


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def connected(broker, client_id):
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    return client


def carried(broker, payload):
    """Publish over the broker; return what a subscriber got."""
    got = []
    come, ready = threading.Event(), threading.Event()
    reader = connected(broker, "reader")
    reader.on_message = lambda _c, _d, message: (got.append(message.payload), come.set())
    reader.on_subscribe = lambda *_: ready.set()
    reader.subscribe("some/topic", 1)
    assert ready.wait(WAIT_S)
    writer = connected(broker, "writer")
    writer.publish("some/topic", payload, 1).wait_for_publish(WAIT_S)
    assert come.wait(WAIT_S)
    for client in (reader, writer):
        client.disconnect()
        client.loop_stop()
    return got


def refuses(host, port):
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return True
    return False


def eventually(is_so, timeout_s=WAIT_S):
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


def test_it_carries_a_message(broker):
    assert carried(broker, b"smoke") == [b"smoke"]


def test_it_listens_on_127_0_0_1_alone(broker):
    assert not refuses("127.0.0.1", broker.port)
    if sys.platform == "linux":  # elsewhere the rest of 127/8 is not ours to begin with
        assert refuses("127.0.0.2", broker.port)


def test_two_brokers_have_two_ports(broker, tmp_path):
    other = Broker(tmp_path / "other")
    other.start()
    assert other.port != broker.port
    other.stop()


def test_after_kill_9_it_comes_back_on_its_port_and_has_forgotten_everything(broker):
    writer = connected(broker, "writer")
    writer.publish("some/topic", b"kept", 1, retain=True).wait_for_publish(WAIT_S)
    writer.loop_stop()
    port, pid = broker.port, broker.pid
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not broker.is_running)
    assert refuses("127.0.0.1", port)
    broker.start()
    assert broker.port == port
    assert broker.pid != pid
    assert carried(broker, b"fresh") == [b"fresh"]


def test_a_stopped_one_can_go_on_and_can_be_ended(broker):
    os.kill(broker.pid, signal.SIGSTOP)
    os.kill(broker.pid, signal.SIGCONT)
    assert carried(broker, b"again") == [b"again"]
    os.kill(broker.pid, signal.SIGSTOP)
    broker.stop()
    assert refuses("127.0.0.1", broker.port)


def test_stopping_twice_does_no_harm(broker):
    broker.stop()
    broker.stop()
    assert not broker.is_running


def test_a_port_that_is_taken_is_refused_by_number(tmp_path):
    port = free_port()
    refused = pytest.raises(FiregridError, match=f"somebody else listens on 127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", port)), refused:
        Broker(tmp_path, port).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells its range so")
def test_no_connection_is_given_the_port_of_a_broker_that_is_down():
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    for _ in range(100):
        assert not low <= free_port() <= high


def test_it_prints_nothing(tmp_path):
    program = (
        "import sys; from pathlib import Path; from firegrid_sim.broker import Broker; "
        "b = Broker(Path(sys.argv[1])); b.start(); b.stop()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_it_ends_when_the_program_that_started_it_is_killed(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from firegrid_sim.broker import Broker; "
        "b = Broker(Path(sys.argv[1])); b.start(); print(b.port, flush=True); "
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert eventually(lambda: refuses("127.0.0.1", int(done.stdout)))
