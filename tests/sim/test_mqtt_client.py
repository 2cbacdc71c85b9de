"""The firmware's MQTT client in the VM, against the embedded broker and against worse."""

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from firegrid_sim.board import HEAP
from firegrid_sim.broker import Broker
from firegrid_sim.link import MUTE, REFUSED, SWALLOW, UP, Links
from firegrid_sim.nameserver import NameServer
from vm import ROOT, VM, new_board, run_board, run_vm

FULL = pytest.mark.full
FIRMWARE = ROOT / "firmware"
PROGRAM = ROOT / "tests" / "sim" / "mqtt_client_program.py"
TICK_S = 0.25  # limits are looked at so often, and a silence must be seen twice
SLACK_S = 3.0  # a loaded machine
WAIT_S = 30.0
AT_ONCE_MS = 3000  # well before the 5 s that an address without an answer gets


class Program:
    """One run of mqtt_client_program.py; its lines are read as they come."""

    def __init__(self, **plan):
        self.process = subprocess.Popen(
            [VM, "-X", "heapsize=160K", str(PROGRAM), json.dumps(plan)],
            env={"PATH": os.environ["PATH"], "MICROPYPATH": f"{FIRMWARE}:.frozen"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines = queue.Queue()
        self.said = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, what, within_s=WAIT_S):
        """Return the next line that says `what`, its arrival time in `at_s`."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no {what!r} within {within_s} s, but {self.said}")
            try:
                event = json.loads(line) | {"at_s": time.monotonic()}
            except ValueError:
                pytest.fail(f"the program says {line}{''.join(self._lines.queue)}")
            self.said.append(event)
            if event["what"] == what:
                return event

    def stop(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.process.stdout.close()


@pytest.fixture
def start():
    """Start programs in the VM; they end with the test."""
    with contextlib.ExitStack() as stack:

        def begin(**plan):
            program = Program(**plan)
            stack.callback(program.stop)
            return program

        yield begin


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


class Desk:
    """A subscriber of everything, and a publisher. It comes back by itself."""

    def __init__(self, port):
        self.seen = []
        self.there = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="desk")
        self._client.reconnect_delay_set(0.05, 0.05)
        self._client.on_connect = lambda *_: self._client.subscribe("test/#", qos=1)
        self._client.on_subscribe = lambda *_: self.there.set()
        self._client.on_message = lambda _c, _u, message: self.seen.append(message)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self.there.wait(WAIT_S)

    def publish(self, topic, payload, retain=False):
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_S)

    def numbers(self):
        return [int(m.payload[:7]) for m in list(self.seen) if m.topic == "test/up"]

    def wait_for(self, found, within_s=WAIT_S):
        deadline = time.monotonic() + within_s
        while not found():
            assert time.monotonic() < deadline, [m.topic for m in self.seen[-20:]]
            time.sleep(0.01)

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def desk(broker):
    desk = Desk(broker.port)
    yield desk
    desk.stop()


class Server:
    """A broker of our own making, on one connection: the test decides every byte."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._peer = None

    def accept(self, connack=b"\x20\x02\x00\x00"):
        """Take the connection and its CONNECT, and answer; return the CONNECT."""
        self._listener.settimeout(WAIT_S)
        self._peer, _ = self._listener.accept()
        self._peer.settimeout(WAIT_S)
        packet = self.packet()
        assert packet[0] == 0x10
        self.send(connack)
        return packet

    def subscribed(self):
        """Grant the next packet, a SUBSCRIBE for one topic."""
        packet = self.packet()
        assert packet[0] == 0x82
        self.send(b"\x90\x03" + packet[2:4] + b"\x01")

    def send(self, data):
        self._peer.sendall(data)

    def packet(self):
        """Return the next packet with a remaining length of one byte or two."""
        head = self._exactly(2)
        size = head[1]
        if size > 127:
            head += self._exactly(1)
            size = (size & 127) + (head[2] << 7)
        return head + self._exactly(size)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self._peer.recv(count - len(data))
            assert more, "the client closed the connection"
            data += more
        return data

    def close_peer(self):
        self._peer.close()

    def close(self):
        self._listener.close()
        if self._peer:
            self._peer.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def links():
    """Networks that can be broken."""
    links = Links()
    links.start()
    yield links
    links.stop()


@pytest.fixture
def link(links):
    """A network in front of nothing."""
    return links.add("127.0.0.1", 1)


def publish_packet(topic, payload, packet_id):
    """A PUBLISH of QoS 1."""
    body = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + payload
    size = len(body)
    field = b""
    while size > 127:
        field += bytes([size & 127 | 128])
        size >>= 7
    return b"\x32" + field + bytes([size]) + body


# Publishing


@pytest.mark.parametrize("window", [1, 8, 16])
def test_2000_publishes_arrive_once_each_and_in_order(start, broker, desk, window):
    done = start(port=broker.port, count=2000, window=window).until("done")
    assert done["in_flight_most"] == window
    desk.wait_for(lambda: len(desk.numbers()) >= 2000)
    assert desk.numbers() == list(range(2000))


def test_messages_up_to_4_kib_arrive_whole(start, broker, desk):
    start(port=broker.port, count=40, size=4096).until("done")
    desk.wait_for(lambda: len(desk.numbers()) == 40)
    assert {len(m.payload) for m in desk.seen if m.topic == "test/up"} == {4096}


def test_packet_ids_wrap_from_65535_to_1(start, server):
    start(port=server.port, count=12, size=7, last_id=65529)
    server.accept()
    server.subscribed()
    ids = []
    for _ in range(12):
        packet = server.packet()
        packet_id = packet[-9:-7]
        ids.append(int.from_bytes(packet_id, "big"))
        server.send(b"\x40\x02" + packet_id)
    assert ids[:6] == [65531, 65532, 65533, 65534, 65535, 1]
    assert len(set(ids)) == 12 and max(ids[5:]) < 20


def test_acknowledgements_count_by_id_in_any_order_and_unknown_ones_not_at_all(start, server):
    program = start(port=server.port, count=8, size=7, window=4)
    server.accept()
    server.subscribed()
    first = [server.packet()[-9:-7] for _ in range(3)]  # one slot waited for the SUBACK
    first.append(server.packet()[-9:-7])
    server.send(b"\x40\x02\x12\x34" + b"\x40\x02\x00\x00" + b"\x40\x02" + first[3])
    fifth = server.packet()[-9:-7]
    assert fifth not in first
    for packet_id in (first[1], first[1], fifth, first[0], first[2]):
        server.send(b"\x40\x02" + packet_id)
    for _ in range(3):
        server.send(b"\x40\x02" + server.packet()[-9:-7])
    done = program.until("done")
    assert done["sent"] == 8 and done["in_flight_most"] == 4


def test_a_slow_broker_gets_every_byte_in_order(start, server):
    program = start(port=server.port, count=2000, size=4000, window=2000)
    server.accept()
    server.subscribed()
    time.sleep(0.7)  # the port's buffer and ours fill up
    for number in range(2000):
        packet = server.packet()
        assert packet[-4000:-3993] == b"%07d" % number and packet[-3993:] == b"." * 3993
        server.send(b"\x40\x02" + packet[-4002:-4000])
    program.until("done")


# Receiving


def test_a_message_is_acknowledged_after_it_was_handled(start, server):
    program = start(port=server.port, echo=True)
    server.accept()
    server.subscribed()
    server.send(publish_packet(b"test/down", b"hello", 7))
    echo = server.packet()
    assert echo[0] == 0x32 and echo.endswith(b"hello")  # what the handler published comes first
    assert server.packet() == b"\x40\x02\x00\x07"
    assert program.until("message")["head"] == "hello"


def test_messages_come_in_while_publishes_go_out(start, broker, desk):
    program = start(port=broker.port, count=1000000)
    program.until("subscribed")
    for i in range(50):
        desk.publish("test/down", f"{i:04d}")
    assert [program.until("message")["head"] for _ in range(50)] == [f"{i:04d}" for i in range(50)]
    assert len(desk.numbers()) > 50


@pytest.mark.parametrize("cut", [3, *(pytest.param(cut, marks=FULL) for cut in (1, 4100))])
def test_a_message_too_long_is_passed_over_counted_and_acknowledged(start, server, cut):
    program = start(port=server.port, end_ms=2500)
    server.accept()
    server.subscribed()
    stream = publish_packet(b"test/down", b"x" * 6000, 1) + publish_packet(b"test/down", b"y", 2)
    for at in range(0, 20, cut):
        server.send(stream[at : at + cut])
        time.sleep(0.01)
    server.send(stream[at + cut :])
    assert server.packet() == b"\x40\x02\x00\x01"
    assert server.packet() == b"\x40\x02\x00\x02"
    assert program.until("message") | {"at_s": 0} == {
        "what": "message", "topic": "test/down", "size": 1, "head": "y", "at_s": 0
    }  # fmt: skip
    assert program.until("end")["oversize"] == 1


def test_the_broker_may_send_messages_too_long_for_us(start, broker, desk):
    program = start(port=broker.port, end_ms=2500)
    program.until("subscribed")
    desk.publish("test/down", "x" * 15000)
    desk.publish("test/down", "short")
    assert program.until("message")["head"] == "short"
    assert program.until("end")["oversize"] == 1


# A broker that goes away


@pytest.mark.full
def test_a_killed_broker_loses_nothing_once_it_is_back(start, broker, desk, links):
    link = links.add("127.0.0.1", broker.port)
    link.rtt_ms = 5  # or all is sent before the broker can be killed
    count = 3000  # below 1 MiB: there this broker forgets what a slow subscriber has yet to read
    program = start(port=link.port, count=count, size=20, reconnect=True)
    desk.wait_for(lambda: len(desk.seen) > 500)
    os.kill(broker.pid, signal.SIGKILL)
    lost = program.until("lost", within_s=SLACK_S)
    link.set_mode(REFUSED)  # until the desk is back: nobody else is told of what it missed
    time.sleep(1.0)
    desk.there.clear()
    broker.start()
    assert desk.there.wait(WAIT_S)
    link.set_mode(UP)
    back_s = time.monotonic()
    assert program.until("connected")["at_s"] - back_s < 4.0 + SLACK_S  # the steps of the backoff
    program.until("done")
    desk.wait_for(lambda: desk.numbers()[-1] == count - 1)
    numbers = desk.numbers()
    # What the broker acknowledged and had not delivered went down with it: the journal's business.
    assert set(range(count)) - set(numbers) <= set(range(lost["sent"]))
    assert len(numbers) - len(set(numbers)) <= 8


@pytest.mark.full
def test_a_broker_that_stands_still_is_noticed_while_idle(start, broker):
    program = start(port=broker.port, keepalive_s=2, ping_limit_ms=1000)
    program.until("connected")
    time.sleep(2.2)  # pings are answered meanwhile
    os.kill(broker.pid, signal.SIGSTOP)
    stopped_s = time.monotonic()
    lost = program.until("lost")
    assert lost["why"] == "no PINGRESP"
    assert lost["at_s"] - stopped_s < 1.0 + 1.0 + 3 * TICK_S + SLACK_S


def test_a_broker_that_stands_still_is_noticed_while_publishing(start, broker):
    program = start(port=broker.port, count=1000000, ack_limit_ms=1000)
    program.until("connected")
    time.sleep(0.5)
    stopped_s = time.monotonic()
    os.kill(broker.pid, signal.SIGSTOP)
    lost = program.until("lost")
    assert lost["why"] == "no PUBACK"
    assert 0.5 < lost["at_s"] - stopped_s < 1.0 + 3 * TICK_S + SLACK_S


def test_a_broker_that_takes_no_bytes_is_noticed_with_a_full_buffer(start, server):
    program = start(port=server.port, count=9999, size=4096, window=4000, ack_limit_ms=800)
    server.accept()
    lost = program.until("lost")
    assert lost["why"] == "no PUBACK"


@pytest.mark.full
def test_a_link_that_is_quiet_for_long_is_kept_alive(start, server):
    program = start(port=server.port, keepalive_s=1, ping_limit_ms=1500)
    server.accept()
    server.subscribed()
    for _ in range(5):
        assert server.packet() == b"\xc0\x00"
        server.send(b"\xd0\x00")
    assert program.process.poll() is None


@pytest.mark.full
def test_any_byte_after_a_ping_is_a_sign_of_life(start, server):
    program = start(port=server.port, keepalive_s=2, ping_limit_ms=700)
    server.accept()
    server.subscribed()
    assert server.packet() == b"\xc0\x00"
    pinged_s = time.monotonic()
    server.send(publish_packet(b"test/down", b"busy", 1))
    assert server.packet() == b"\x40\x02\x00\x01"
    assert server.packet() == b"\xc0\x00"  # the next ping is due, and not answered at all
    lost = program.until("lost")
    assert lost["why"] == "no PINGRESP"
    assert lost["at_s"] - pinged_s > 1.0  # counted from the second ping


def test_a_gateway_that_stood_still_itself_does_not_blame_the_broker(start, server):
    program = start(
        port=server.port, count=1, size=7, ack_limit_ms=1000, ping_limit_ms=1000, stall_ms=2000
    )
    server.accept()
    server.subscribed()
    publish = server.packet()
    server.send(publish_packet(b"test/down", b"stall", 1))
    program.until("message")
    server.send(b"\x40\x02" + publish[-9:-7])  # in time, while the gateway stands still
    assert program.until("done")["sent"] == 1


def test_an_idle_link_costs_next_to_no_time(start, broker):
    program = start(port=broker.port)
    program.until("subscribed")

    def spent_s():
        stat = Path(f"/proc/{program.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before_s = spent_s()
    time.sleep(2)
    assert spent_s() - before_s < 0.2


# Connections that do not come about


def test_a_refused_connection_is_lost_at_once(start, link):
    link.set_mode(REFUSED)
    lost = start(port=link.port).until("lost")
    assert "ECONNREFUSED" in lost["why"] and lost["after_ms"] < AT_ONCE_MS


@pytest.mark.full
@pytest.mark.parametrize("mode", [MUTE, pytest.param(SWALLOW, marks=FULL)])
def test_an_address_without_an_answer_is_given_up_in_time(start, link, mode):
    link.set_mode(mode)
    lost = start(port=link.port).until("lost")
    assert lost["why"] == "no answer"
    assert 4900 < lost["after_ms"] < 5000 + 1000 * SLACK_S


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff\xff"]
)
def test_a_server_that_does_not_speak_mqtt_is_lost_at_once(start, server, data):
    program = start(port=server.port)
    server.accept(connack=data)
    lost = program.until("lost")
    assert lost["why"].startswith("not MQTT"), lost
    assert lost["after_ms"] < AT_ONCE_MS


@pytest.mark.parametrize(
    "data", [b"\x00\x00", b"\x20\x02\x00\x00", b"\x62\x02\x00\x01", b"\x36\x02ab"]
)
def test_garbage_in_mid_stream_ends_the_link(start, server, data):
    program = start(port=server.port)
    server.accept()
    server.subscribed()
    server.send(data)
    assert program.until("lost")["why"].startswith("not MQTT")


def test_a_broker_that_refuses_us_says_its_code(start, server):
    program = start(port=server.port)
    server.accept(connack=b"\x20\x02\x00\x05")
    assert program.until("lost")["why"] == "refused by the broker, code 5"


def test_a_broker_that_refuses_a_subscription_ends_the_link(start, server):
    program = start(port=server.port)
    server.accept()
    packet = server.packet()
    server.send(b"\x90\x03" + packet[2:4] + b"\x80")
    assert program.until("lost")["why"] == "subscription refused by the broker"


def test_a_closed_connection_is_noticed_at_once(start, server):
    program = start(port=server.port)
    server.accept()
    server.subscribed()
    time.sleep(0.2)
    closed_s = time.monotonic()
    server.close_peer()
    lost = program.until("lost")
    assert lost["why"] == "closed by the broker" and lost["at_s"] - closed_s < SLACK_S


def test_half_a_message_is_forgotten_with_its_connection(start, server):
    program = start(port=server.port, reconnect=True)
    server.accept()
    server.subscribed()
    for size in (40, 6000):  # cut off in the buffer, and while it is passed over
        server.send(publish_packet(b"test/down", b"x" * size, 1)[: size - 10])
        time.sleep(0.2)
        server.close_peer()
        program.until("lost")
        server.accept()
        server.subscribed()
    server.send(publish_packet(b"test/down", b"whole", 2))
    assert program.until("message")["head"] == "whole"


def test_a_session_that_is_present_is_no_trouble(start, server):
    program = start(port=server.port, count=3, size=7)
    connect = server.accept(connack=b"\x20\x02\x01\x00")
    assert connect[9] & 2, "a clean session is asked for"
    server.subscribed()
    server.send(b"\x40\x02\x77\x77")  # what an old session may still have to say
    for _ in range(3):
        server.send(b"\x40\x02" + server.packet()[-9:-7])
    program.until("done")
    assert program.said[0]["present"] is True


# Ends


def test_the_broker_publishes_our_will_when_the_gateway_dies(start, broker, desk):
    program = start(port=broker.port)
    program.until("connected")
    program.stop()
    desk.wait_for(lambda: [m.payload for m in desk.seen] == [b"offline"])
    late = Desk(broker.port)  # retained: also for who asks later
    late.wait_for(lambda: [m.payload for m in late.seen] == [b"offline"])
    late.stop()


def test_close_from_another_task_ends_serve_and_leaves_the_will(start, broker, desk):
    program = start(port=broker.port, close_ms=500)
    program.until("connected")
    assert program.until("lost")["why"] == "closed"
    program.until("closed")
    desk.wait_for(lambda: [m.payload for m in desk.seen] == [b"offline"])


# On the simulated board


@pytest.fixture
def board(tmp_path):
    """Run the program on a simulated board; return the completed VM."""
    app = tmp_path / "app"
    shutil.copytree(FIRMWARE / "lib", app / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    for source in (FIRMWARE / "mqtt.py", FIRMWARE / "link.py", PROGRAM):
        shutil.copy(source, app)
    (app / "boot.py").write_text("")

    def run(link_is_up=True, ticks_start=0, **plan):
        main = f"import mqtt_client_program\nmqtt_client_program.main({plan})\n"
        (app / "main.py").write_text(main)
        directory = new_board(tmp_path / "board")
        with (directory / "io.bin").open("r+b") as io:
            io.seek(4)
            io.write(bytes([link_is_up]))
        return run_board(directory, app, heap=HEAP, FG_TICKS_START=ticks_start)

    return run


def test_it_runs_on_the_esp32s_sockets_while_the_ticks_wrap(board, broker, desk):
    wrap = 2**30 - 1000  # a second after the start
    done = board(ticks_start=wrap, port=broker.port, count=40, keepalive_s=1, per_tick=8)
    assert '"done"' in done.stdout, done.stdout + done.stderr
    desk.wait_for(lambda: len(desk.numbers()) >= 40)
    assert desk.numbers() == list(range(40))


def test_a_board_out_of_reach_of_its_access_point_is_a_lost_link(board, broker):
    done = board(link_is_up=False, port=broker.port)
    assert '"lost"' in done.stdout and "EHOSTUNREACH" in done.stdout, done.stdout + done.stderr


# Names


RESOLVE = """
import asyncio
from link import LinkLost
from resolver import resolve
from time import ticks_diff, ticks_ms

late_ms = 0

async def watch():
    global late_ms
    while True:
        before = ticks_ms()
        await asyncio.sleep_ms(10)
        late_ms = max(late_ms, ticks_diff(ticks_ms(), before) - 10)

async def main():
    asyncio.create_task(watch())
    await asyncio.sleep_ms(0)
    start = ticks_ms()
    try:
        found = await resolve({name!r}, "127.0.0.1", {port}, 900)
    except LinkLost as lost:
        found = lost
    print(found, ticks_diff(ticks_ms(), start), late_ms, sep="|")

asyncio.run(main())
"""


@pytest.fixture
def nameserver():
    nameserver = NameServer({"broker.example.org": "192.0.2.7"})
    nameserver.start()
    yield nameserver
    nameserver.stop()


def resolved(tmp_path, name, port):
    """Return (address or reason, how long it took, how long it held up everything else)."""
    script = tmp_path / "resolve.py"
    script.write_text(RESOLVE.format(name=name, port=port))
    done = run_vm(script, MICROPYPATH=f"{FIRMWARE}:.frozen")
    found, took_ms, late_ms = done.stdout.strip().split("|")
    return found, int(took_ms), int(late_ms)


def test_a_name_is_resolved(tmp_path, nameserver):
    found, took_ms, _ = resolved(tmp_path, "broker.example.org", nameserver.port)
    assert found == "192.0.2.7" and took_ms < 300


def test_a_name_that_is_not_there_is_said_at_once(tmp_path, nameserver):
    found, took_ms, _ = resolved(tmp_path, "other.example.org", nameserver.port)
    assert found == "name server: no such name" and took_ms < 300


def test_a_silent_name_server_is_asked_three_times_and_holds_up_nothing(tmp_path, nameserver):
    nameserver.silent = True
    found, took_ms, late_ms = resolved(tmp_path, "broker.example.org", nameserver.port)
    assert found == "name server: no answer"
    assert nameserver.queries == 3
    assert 890 < took_ms < 1500 and late_ms < 200


def test_an_answer_to_a_later_question_is_enough(tmp_path, nameserver):
    nameserver.silent = True
    threading.Timer(0.45, lambda: setattr(nameserver, "silent", False)).start()
    assert resolved(tmp_path, "broker.example.org", nameserver.port)[0] == "192.0.2.7"


def test_rubbish_before_the_answer_is_passed_over(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer():
            query, client = server.recvfrom(512)
            head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
            address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4"
            forged = bytes([query[0] ^ 1]) + head[1:] + query[12:] + address + b"\6\6\6\6"
            for message in (b"", b"?", query, forged):
                server.sendto(message, client)
            server.sendto(head + query[12:] + address + b"\xc0\0\2\7", client)

        thread = threading.Thread(target=answer)
        thread.start()
        found = resolved(tmp_path, "broker.example.org", server.getsockname()[1])
        thread.join()
    assert found[0] == "192.0.2.7" and found[1] < 300


def test_no_name_server_at_all_is_a_lost_link(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    found, took_ms, _ = resolved(tmp_path, "broker.example.org", port)
    assert found.startswith("name server: ") and took_ms < 1500
