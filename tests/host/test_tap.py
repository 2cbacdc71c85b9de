"""The tap on the broker: silent on what the description allows, loud on everything else."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from firegrid_sim.broker import Broker
from paho.mqtt.enums import CallbackAPIVersion
from tap import Description, Tap

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "wire"
ONLINE = b'{"status":"online","boot":3}'


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@contextmanager
def gateway(broker: Broker) -> Iterator[Callable[..., None]]:
    """A plain client; yields its publish, which returns once the broker has the message."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "a-gateway")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()

    def publish(topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> None:
        client.publish(topic, payload, qos, retain).wait_for_publish(10)

    yield publish
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def publish(broker):
    with gateway(broker) as publish:
        yield publish


def topic(rest: str) -> str:
    return f"firegrid/1/jinshui-garden/gw-shops/{rest}"


def test_good_messages_pass(broker, publish):
    files = sorted((GOLDEN / "good").glob("*.json"))
    with Tap("127.0.0.1", broker.port) as tap:
        for file in files:
            golden = json.loads(file.read_text("utf-8"))
            raw = golden.get("payload_hex")
            text = json.dumps(golden.get("payload"), ensure_ascii=False)
            publish(golden["topic"], bytes.fromhex(raw) if raw else text.encode())
        tap.wait_for(len(files))
    tap.assert_clean()


@pytest.mark.parametrize(
    "rest, payload, fault",
    [
        ("up/log", ONLINE, "a topic of no channel"),
        ("up/status", b'{"status":"online","boot":3,"ip":1}', "'ip' was unexpected"),
        ("up/status", b'{"status":"online"}', "'boot' is a required property"),
        ("up/status", b'{"status":"away","boot":3}', "$.status"),
        ("up/status", b'{"status":{"is":"online"},"boot":3}', "$.status"),
        ("up/status", b'{"status":"onl', "not JSON"),
        ("up/status", ONLINE + b" " * 4096, "4124 bytes"),
        ("up/status", b'{"status":"online","boot":3,"boot":3}', "a key stands twice"),
        ("up/state/2", "part-1", "part in the topic"),
        ("down/desired/0", "other-site", "site in the topic"),
    ],
)
def test_a_bad_message_is_a_violation(broker, publish, rest, payload, fault):
    named = {
        "part-1": "bad/state-points-part-not-of-topic.json",
        "other-site": "bad/desired-gateway-other-site.json",
    }
    if payload in named:
        golden = json.loads((GOLDEN / named[payload]).read_text("utf-8"))
        payload = golden["payload_text"].encode()
    with Tap("127.0.0.1", broker.port) as tap:
        publish(topic("up/status"), ONLINE)
        publish(topic(rest), payload)
        tap.wait_for(2)
    [violation] = tap.violations
    assert violation.startswith(topic(rest))
    assert fault in violation
    with pytest.raises(AssertionError, match="1 of 2 messages"):
        tap.assert_clean()


def test_a_message_that_was_wrongly_retained_is_a_violation(broker, publish):
    stored = topic("down/stored")
    payload = b'{"epoch":1,"events":0,"samples":0,"time_s":1767225600,"time_ms":0}'
    publish(topic("up/status"), ONLINE, retain=True)
    publish(stored, payload, retain=True)
    try:
        with Tap("127.0.0.1", broker.port) as tap:
            tap.wait_for(2)
        assert [violation.split("; ")[0] for violation in tap.violations] == [
            f"{stored}: retained, but its channel is not"
        ]
    finally:
        publish(topic("up/status"), b"", retain=True)
        publish(stored, b"", retain=True)


def test_a_message_at_another_qos_is_a_violation():
    assert Description().fault(topic("up/status"), ONLINE, qos=0) == "QoS 0, not 1"


def test_a_tap_that_saw_nothing_is_not_clean(broker):
    with Tap("127.0.0.1", broker.port) as tap:
        pass
    with pytest.raises(AssertionError, match="no message"):
        tap.assert_clean()


def test_a_tap_goes_on_after_the_broker_was_killed(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    with Tap("127.0.0.1", broker.port) as tap:
        broker.stop()
        tap.wait_until_listening(False)
        broker.start()
        tap.wait_until_listening()
        with gateway(broker) as publish:
            publish(topic("up/status"), ONLINE)
        tap.wait_for(1)
    broker.stop()
    tap.assert_clean()
