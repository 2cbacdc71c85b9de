"""The host's MQTT client against the real embedded broker, a broken one, and none at all."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from firegrid import mqtt
from firegrid.errors import FiregridError
from firegrid.mqtt import Address, Client
from firegrid_sim.broker import Broker, free_port

SILENT, HANGS_UP = b"", None
CONNACK = b"\x20\x02\x00\x00"


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def clients() -> Iterator[Callable[..., Client]]:
    """Yields a maker of started clients, each with a list `got` of its messages."""
    made: list[Client] = []

    def make(url: str, *subscriptions: str, manual_ack: bool = False) -> Client:
        got: list[mqtt.Message] = []
        client = Client(url, f"test-{len(made)}", got.append, subscriptions, manual_ack)
        client.got = got
        made.append(client)
        client.start()
        return client

    yield make
    for client in made:
        client.stop()


def until(true: Callable[[], object], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@contextmanager
def not_a_broker(*answers: bytes | None) -> Iterator[str]:
    """Accepts one connection and gives one answer for each packet; yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as peer:
                for answer in answers:
                    peer.recv(4096)
                    if answer is HANGS_UP:
                        return
                    peer.sendall(answer)
                peer.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"mqtt://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


# ---- addresses ----


@pytest.mark.parametrize(
    "url, address",
    [
        ("mqtt://localhost", Address("localhost", 1883)),
        ("mqtt://10.0.0.7:1884/", Address("10.0.0.7", 1884)),
        ("mqtt://[::1]:1883", Address("::1", 1883)),
        ("mqtt://desk:p%40ss@broker.example", Address("broker.example", 1883, "desk", "p@ss")),
    ],
)
def test_an_address_is_read(url, address):
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url",
    ["", "localhost:1883", "http://localhost", "mqtt://", "mqtt://h:port", "mqtt://h:99999",
     "mqtt://h/topic", "mqtt://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_plain_words(url):
    with pytest.raises(FiregridError, match="is not a broker's address; write mqtt://HOST:PORT"):
        Address.parse(url)


def test_a_password_is_never_shown():
    with pytest.raises(FiregridError) as refused:
        Address.parse("mqtts://desk:secret@broker:8883")
    assert "secret" not in str(refused.value)
    assert "secret" not in str(Address.parse("mqtt://desk:secret@broker"))


# ---- no broker ----


def test_no_broker_says_what_was_tried_and_what_to_do():
    port = free_port()
    with pytest.raises(FiregridError) as refused:
        Client(f"mqtt://127.0.0.1:{port}", "test", print).start()
    said = str(refused.value)
    assert said.startswith(f"no broker at mqtt://127.0.0.1:{port}: connection refused; ")
    assert "--broker" in said


@pytest.mark.parametrize(
    "error, why",
    [
        (socket.gaierror(-2, "Name or service not known"), "no such host name"),
        (UnicodeError("label empty or too long"), "no such host name"),
        (TimeoutError("timed out"), "no answer"),
        (OSError(113, "No route to host"), "no route to host"),
    ],
)
def test_why_there_is_no_connection_is_told(monkeypatch, error, why):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(FiregridError, match=f"no broker at mqtt://nowhere:1883: {why}; "):
        Client("mqtt://nowhere", "test", print).start()


@pytest.mark.parametrize(
    "answers, why",
    [
        ([HANGS_UP], "hung up"),
        ([SILENT], "gave no answer"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "something listens there but"),
        ([b"\x20\x02\x00\x05"], "the broker refused us: not authorized"),
        ([CONNACK, b"\x90\x03\x00\x01\x80"], "the broker does not let us read a/#"),
    ],
)
def test_what_is_no_broker_or_refuses_us_is_told(monkeypatch, answers, why):
    monkeypatch.setattr(mqtt, "ANSWER_S", 2.0)
    with not_a_broker(*answers) as url:
        client = Client(url, "test", print, ["a/#"])
        with pytest.raises(FiregridError, match=why):
            client.start()
        client.stop()


# ---- with a broker ----


def test_what_is_published_arrives(broker, clients):
    reader = clients(broker.url, "a/+/c")
    assert clients(broker.url).publish("a/b/c", b"\x00\xff")
    until(lambda: reader.got)
    message = reader.got[0]
    assert (message.topic, message.payload, message.retained) == ("a/b/c", b"\x00\xff", False)


def test_a_retained_message_is_marked_for_who_comes_later(broker, clients):
    clients(broker.url).publish("kept/1", b"x", retain=True)
    time.sleep(0.1)
    reader = clients(broker.url, "kept/#")
    until(lambda: reader.got)
    assert reader.got[0].retained


def test_the_broker_holds_back_until_messages_are_acknowledged(broker, clients):
    """Its window is 100: what was not acknowledged fills it."""
    eager = clients(broker.url, "flood")
    careful = clients(broker.url, "flood", manual_ack=True)
    writer = clients(broker.url)
    for number in range(250):
        writer.publish("flood", str(number).encode())
    until(lambda: len(eager.got) == 250)
    time.sleep(0.2)
    held = len(careful.got)
    assert held < 250, "nothing was held back: was it acknowledged without us?"
    for number in range(250):
        until(lambda number=number: len(careful.got) > number)
        careful.ack(careful.got[number])
    assert [int(message.payload) for message in careful.got] == list(range(250))


def test_a_handler_that_fails_does_not_end_the_connection(broker, clients, caplog):
    got: list[bytes] = []

    def take(message: mqtt.Message) -> None:
        got.append(message.payload)
        if message.payload == b"bad":
            raise ValueError("not that one")

    reader = Client(broker.url, "fragile", take, ["fragile"])
    reader.start()
    writer = clients(broker.url)
    writer.publish("fragile", b"bad")
    writer.publish("fragile", b"good")
    until(lambda: got == [b"bad", b"good"])
    reader.stop()
    assert "not that one" in caplog.text


def test_stopping_leaves_no_thread_behind(broker):
    before = set(threading.enumerate())
    client = Client(broker.url, "short", print, ["a"])
    client.start()
    assert set(threading.enumerate()) - before
    client.stop()
    until(lambda: set(threading.enumerate()) <= before)
    assert not client.connected


def test_what_was_published_before_stopping_still_goes_out(broker, clients):
    reader = clients(broker.url, "last/words")
    writer = clients(broker.url)
    writer.publish("last/words", b"good-bye")
    writer.stop()
    until(lambda: reader.got)


# ---- losing it ----


@pytest.fixture
def fragile(tmp_path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()


def test_it_comes_back_by_itself_with_its_subscriptions(fragile, clients):
    reader, writer = clients(fragile.url, "news"), clients(fragile.url)
    writer.publish("news", b"before")
    until(lambda: reader.got)
    os.kill(fragile.pid, signal.SIGKILL)
    until(lambda: not reader.connected and not writer.connected)
    assert not writer.publish("news", b"into the void"), "there is no broker to take it"
    time.sleep(1)  # some attempts fail
    fragile.start()
    until(lambda: reader.connected and writer.connected)
    assert writer.publish("news", b"after")
    until(lambda: len(reader.got) == 2)
    assert [message.payload for message in reader.got] == [b"before", b"after"]


def test_a_late_acknowledgement_does_not_touch_the_next_connection(fragile, clients):
    reader, writer = clients(fragile.url, "job", manual_ack=True), clients(fragile.url)
    writer.publish("job", b"old")
    until(lambda: reader.got)
    os.kill(fragile.pid, signal.SIGKILL)
    until(lambda: not reader.connected and not writer.connected)
    fragile.start()
    until(lambda: reader.connected and writer.connected)
    writer.publish("job", b"new")
    until(lambda: len(reader.got) == 2)
    old, new = reader.got
    assert old.mid == new.mid, "the point of this test: the numbers begin anew"
    reader.ack(old)  # must not be taken for the new one's
    reader.ack(new)
    writer.publish("job", b"next")
    until(lambda: len(reader.got) == 3)
    assert reader.connected


def test_a_broker_that_stands_still_is_noticed(monkeypatch, fragile, clients):
    monkeypatch.setattr(mqtt, "KEEPALIVE_S", 1)
    reader = clients(fragile.url, "a")
    os.kill(fragile.pid, signal.SIGSTOP)
    until(lambda: not reader.connected, within_s=10)
    os.kill(fragile.pid, signal.SIGCONT)
    until(lambda: reader.connected)


def test_stopping_while_the_broker_is_away_does_not_hang(fragile):
    client = Client(fragile.url, "patient", print, ["a"])
    client.start()
    fragile.stop()
    until(lambda: not client.connected)
    began = time.monotonic()
    client.stop()
    assert time.monotonic() - began < 15
