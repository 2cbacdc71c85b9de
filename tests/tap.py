"""A tap on the broker: holds every message on it against docs/asyncapi.yaml.

Use:

    with Tap("127.0.0.1", port) as tap:
        ...  # whatever talks over that broker
    tap.assert_clean()

A message's QoS can only be judged on a broker that hands it on as it came (mosquitto does; the
embedded one raises it to the subscriber's), a missing retain flag on none.
"""

import json
import re
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
import yaml
from firegrid import wire
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from paho.mqtt.enums import CallbackAPIVersion

ASYNCAPI = Path(__file__).resolve().parents[1] / "docs" / "asyncapi.yaml"
PAYLOAD_BYTES_MAX = 4096
ANSWER_S = 30.0
RECONNECT_S = 0.2  # sooner than most gateways: what they say while the tap is away, it misses


class Channel(NamedTuple):
    """A channel of the AsyncAPI file, ready to judge."""

    name: str
    topic: re.Pattern[str]
    locations: dict[str, str]  # parameter -> where the payload repeats it
    is_json: bool
    payload: Draft202012Validator
    qos: int
    retain: bool


class Description:
    """What docs/asyncapi.yaml allows; `fault` is its judgement of one message."""

    def __init__(self, path: Path = ASYNCAPI) -> None:
        document = yaml.safe_load(path.read_text("utf-8"))
        channels = [self._channel(path, document, name) for name in document["channels"]]
        # A literal topic (up/state/0) goes before a parameter in its place.
        self.channels = sorted(channels, key=lambda channel: len(channel.topic.groupindex))

    def fault(self, topic: str, payload: bytes, qos: int = 1, retained: bool = False) -> str:
        """Return what is wrong with a message, "" where nothing is."""
        for channel in self.channels:
            match = channel.topic.fullmatch(topic)
            if match:
                break
        else:
            return "a topic of no channel"
        if qos != channel.qos:
            return f"QoS {qos}, not {channel.qos}"
        if retained and not channel.retain:
            return "retained, but its channel is not"
        if len(payload) > PAYLOAD_BYTES_MAX:
            return f"{len(payload)} bytes, more than {PAYLOAD_BYTES_MAX}"
        return _content_fault(channel, match.groupdict(), payload)

    @staticmethod
    def _channel(path: Path, document: dict[str, Any], name: str) -> Channel:
        channel = document["channels"][name]
        [message] = [resolved(document, ref) for ref in channel["messages"].values()]
        [operation] = [
            operation["bindings"]["mqtt"]
            for operation in document["operations"].values()
            if operation["channel"]["$ref"] == f"#/channels/{name}"
        ]
        parameters = {key: resolved(document, p) for key, p in channel["parameters"].items()}
        return Channel(
            name,
            _topic_pattern(channel["address"], parameters),
            {key: p["location"] for key, p in parameters.items() if "location" in p},
            message.get("contentType", document["defaultContentType"]) == "application/json",
            Draft202012Validator(schema(path.parent / message["payload"]["$ref"])),
            operation["qos"],
            operation["retain"],
        )


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow `$ref` within the document for as long as there is one."""
    while node.get("$ref", "").startswith("#/"):
        found: Any = document
        for step in node["$ref"][2:].split("/"):
            found = found[step]
        node = found
    return node


def schema(path: Path, pointer: str = "") -> Any:
    """Read a schema file, with every reference replaced by what it refers to."""
    node = json.loads(path.read_text("utf-8"))
    for step in pointer.split("/") if pointer else ():
        node = node[step]
    return _inlined(node, path)


def _inlined(node: Any, path: Path) -> Any:
    if isinstance(node, list):
        return [_inlined(item, path) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        file, _, pointer = node["$ref"].partition("#/")
        return schema(path.parent / file if file else path, pointer)
    return {key: _inlined(value, path) for key, value in node.items() if key != "$defs"}


def _topic_pattern(address: str, parameters: dict[str, Any]) -> re.Pattern[str]:
    def group(match: re.Match[str]) -> str:
        return f"(?P<{match[1]}>{parameters[match[1]]['x-pattern']})"

    return re.compile(re.sub(r"\{(\w+)\}", group, address))


def _content_fault(channel: Channel, parameters: dict[str, str], payload: bytes) -> str:
    try:
        content = _json(payload.decode()) if channel.is_json else payload.decode("latin-1")
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    worst = best_match(channel.payload.iter_errors(content))
    if worst:
        return f"{worst.json_path}: {worst.message:.300}"
    for name, location in channel.locations.items():
        if str(_at(content, location)) != parameters[name]:
            return f"{name} in the topic is not that in the payload"
    return "" if _is_flat(content) else "nested deeper than an array of objects"


def _json(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no number")

    return json.loads(text, parse_constant=refuse)


def _at(content: Any, location: str) -> Any:
    """Follow a runtime expression such as `$message.payload#/0/part`."""
    for step in location.partition("#/")[2].split("/"):
        content = content[int(step) if isinstance(content, list) else step]
    return content


def _is_flat(content: Any) -> bool:
    records = content if isinstance(content, list) else [content]
    values = [v for record in records if isinstance(record, dict) for v in record.values()]
    return not any(isinstance(value, list | dict) for value in values)


class Seen(NamedTuple):
    """One message as it came from the broker."""

    topic: str
    payload: bytes
    qos: int
    retained: bool


class Tap:
    """Subscribes to firegrid/# and keeps every message.

    It judges them when asked, not while they come: a live test's timing stays its own.
    """

    def __init__(self, host: str, port: int) -> None:
        self.seen: list[Seen] = []
        self._address = host, port
        self._description = Description()
        self._judged = 0
        self._violations: list[str] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "firegrid-tap")
        self._client.on_connect = lambda client, *_: client.subscribe("firegrid/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.reconnect_delay_set(RECONNECT_S, RECONNECT_S)
        self._client.on_message = self._keep

    def __enter__(self) -> "Tap":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return once the broker has taken the subscription; it is renewed after every loss."""
        self._client.connect(*self._address)
        self._client.loop_start()
        self.wait_until_listening()

    def stop(self) -> None:
        """Leave the broker; what was seen stays."""
        self._client.disconnect()
        self._client.loop_stop()

    def wait_until_listening(self, listening: bool = True) -> None:
        """Wait until the subscription stands (or has fallen), also after the broker was away."""
        deadline = time.monotonic() + ANSWER_S
        while self._subscribed.is_set() is not listening:
            assert time.monotonic() < deadline, f"no broker answered the tap at {self._address}"
            time.sleep(0.01)

    def wait_for(self, count: int, timeout_s: float = ANSWER_S) -> None:
        """Wait until so many messages were seen."""
        deadline = time.monotonic() + timeout_s
        while len(self.seen) < count:
            assert time.monotonic() < deadline, f"{len(self.seen)} of {count} messages seen"
            time.sleep(0.01)

    @property
    def violations(self) -> list[str]:
        """What was wrong with the messages so far, one line each."""
        while self._judged < len(self.seen):
            seen = self.seen[self._judged]
            self._judged += 1
            fault = self._description.fault(*seen) or _second_opinion(seen)
            if fault:
                self._violations.append(f"{seen.topic}: {fault}; payload {seen.payload!r:.400}")
        return self._violations

    def assert_clean(self) -> None:
        """Fail unless there was something to see and all of it was as described."""
        assert self.seen, "the tap saw no message at all"
        faults = self.violations
        assert not faults, f"{len(faults)} of {len(self.seen)} messages:\n" + "\n".join(
            faults[:20]
        )

    def _keep(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self.seen.append(Seen(message.topic, bytes(message.payload), message.qos, message.retain))


def _second_opinion(seen: Seen) -> str:
    """The host's own checks must not refuse what the description allows."""
    try:
        wire.parse(seen.topic, seen.payload)
    except wire.WireError as error:
        return f"allowed by docs/asyncapi.yaml but refused by firegrid.wire: {error}"
    return ""
