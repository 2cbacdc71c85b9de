"""The wire: what is allowed comes through whole, everything else is refused in plain words."""

import copy
import dataclasses
import json
import string
import struct
import tomllib
import zlib
from pathlib import Path
from typing import Any

import pytest
from firegrid import wire
from firegrid.errors import FiregridError
from firegrid.wire import WireError
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tap import Description

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
DESCRIPTION = Description()


def goldens(kind: str) -> dict[str, dict[str, Any]]:
    files = sorted((GOLDEN / "wire" / kind).glob("*.json"))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


def payload_of(golden: dict[str, Any]) -> bytes:
    if "payload_hex" in golden:
        return bytes.fromhex(golden["payload_hex"])
    if "payload_text" in golden:
        return golden["payload_text"].encode()
    return json.dumps(golden["payload"], ensure_ascii=False).encode()


GOOD = goldens("good")
BAD = goldens("bad")
JSON_GOOD = {name: golden for name, golden in GOOD.items() if "payload" in golden}
# JSON Schema sees none of these; the tap asks firegrid.wire as well.
BEYOND_THE_SCHEMAS = {"event-key-twice", "state-points-two-versions", "command-too-long"}


def contents(message: wire.Message) -> Any:
    """What a parsed message says, in the shape of its payload."""
    match message:
        case wire.Events() | wire.Samples():
            return [record_of(record) for record in message.records]
        case wire.PointStates():
            head = {"version": message.version, "part": message.part}
            return [head | dataclasses.asdict(point) for point in message.points]
        case wire.StateHead():
            return message.fields
        case wire.Desired():
            return message.line
        case wire.Command():
            said = record_of(message)
            return {key: value for key, value in said.items() if value is not None}
        case _:
            return record_of(message)


def record_of(message: Any) -> dict[str, Any]:
    content = dataclasses.asdict(message)
    assert (content.pop("site"), content.pop("gateway")) == ("jinshui-garden", "gw-shops")
    content |= content.pop("act", None) or {}
    return content


@pytest.mark.parametrize("name", JSON_GOOD)
def test_a_good_message_says_all_that_its_payload_says(name):
    golden = JSON_GOOD[name]
    assert contents(wire.parse(golden["topic"], payload_of(golden))) == golden["payload"]


def test_a_chunk_of_an_update_comes_through_as_it_is():
    chunk = payload_of(GOOD["update"])
    update = wire.parse(GOOD["update"]["topic"], chunk)
    assert update == wire.Update("jinshui-garden", "gw-shops", chunk)


@pytest.mark.parametrize("name", GOOD)
def test_the_description_allows_a_good_message(name):
    assert DESCRIPTION.fault(GOOD[name]["topic"], payload_of(GOOD[name])) == ""


@pytest.mark.parametrize("name", BAD)
def test_a_bad_message_is_refused_by_name(name):
    golden = BAD[name]
    with pytest.raises(WireError) as refused:
        wire.parse(golden["topic"], payload_of(golden))
    assert golden["topic"] in str(refused.value)
    assert golden["key"] in str(refused.value)
    assert refused.value.hint
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", sorted(set(BAD) - BEYOND_THE_SCHEMAS))
def test_the_description_refuses_a_bad_message(name):
    assert DESCRIPTION.fault(BAD[name]["topic"], payload_of(BAD[name]))


def test_there_are_good_and_bad_messages_on_every_topic():
    up = {"up/event", "up/sample", "up/state", "up/status"}
    down = {"down/stored", "down/desired", "down/command", "down/update"}
    for some in (GOOD, BAD):
        topics = [golden["topic"] for golden in some.values()]
        assert {"/".join(topic.split("/")[4:6]) for topic in topics} >= up | down


def test_a_refusal_says_topic_key_what_was_seen_and_what_is_allowed():
    golden = BAD["event-mode-word"]
    with pytest.raises(WireError) as refused:
        wire.parse(golden["topic"], payload_of(golden))
    assert str(refused.value) == (
        "firegrid/1/jinshui-garden/gw-shops/up/event: "
        "\"mode\" is 'lve'; allowed: live | test | drill"
    )
    assert isinstance(refused.value, FiregridError)


# ---- records of the journal ----

EVENT = "<IHHIHIBBiiI"
NO_VALUE = -(2**31)


def vectors() -> list[tuple[bytes, dict[str, Any]]]:
    lines = (GOLDEN / "records.txt").read_text("utf-8").splitlines()
    pairs = [line.split(" | ", 1) for line in lines if not line.startswith("#")]
    return [(bytes.fromhex(record), json.loads(text)) for record, text in pairs]


def unpacked(record: bytes) -> dict[str, Any]:
    """Read a record by the layout alone, without epoch and unit, which it does not hold."""
    n, boot, point, up_s, flags, time_s, event, bits, value, limit, crc = struct.unpack(
        EVENT, record
    )
    assert crc == zlib.crc32(record[:28])
    code = value - NO_VALUE
    head = {
        "n": n,
        "boot": boot,
        "up_s": up_s,
        "up_ms": flags & 0x3FF,
        "time_s": time_s or None,
        "time_quality": wire.TIME_QUALITIES[flags >> 12 & 3],
        "point": point,
        "mode": wire.MODES[flags >> 10 & 3],
        "event": wire.EVENTS[event - 1],
    }
    if head["event"] == "act":
        return head | act_of(bits, value & 0xFFFF_FFFF, limit & 0xFFFF_FFFF)
    return head | {
        "conditions": bits & 15,
        "changed": bits >> 4,
        "value": None if code < 256 else value / 1000,
        "limit": None if limit == NO_VALUE else limit / 1000,
        "code": code if code < 256 else 0,
    }


def act_of(bits: int, who: int, command: int) -> dict[str, Any]:
    """What an act says, by the layout alone."""
    nothing = {"conditions": 0, "changed": 0, "value": None, "limit": None, "code": 0}
    return nothing | {
        "verb": wire.VERBS[(bits & 15) - 1],
        "result": wire.RESULTS[bits >> 4 & 3],
        "how": wire.HOWS[bits >> 6],
        "person": who & 0x3FFF,
        "reason": who >> 14 & 0x1F,
        "minutes": who >> 19,
        "id": command,
    }


@pytest.mark.parametrize("record, said", vectors())
def test_a_golden_record_and_its_json_say_the_same(record, said):
    payload = json.dumps([said]).encode()
    [event] = wire.parse(wire.topic("jinshui-garden", "gw-shops", "up", "event"), payload).records
    assert record_of(event) == unpacked(record) | {"epoch": said["epoch"], "unit": said["unit"]}


def test_the_golden_records_cover_every_word():
    said = [event for _, event in vectors()]
    assert {event["event"] for event in said} == set(wire.EVENTS)
    assert {event["mode"] for event in said} == set(wire.MODES)
    assert {event["time_quality"] for event in said} == set(wire.TIME_QUALITIES)
    acts = [event for event in said if event["event"] == "act"]
    assert {act["verb"] for act in acts} == set(wire.VERBS)
    assert {act["result"] for act in acts} == set(wire.RESULTS)
    assert {act["how"] for act in acts} == set(wire.HOWS)


# ---- what the host sends ----

ADDRESS = ("jinshui-garden", "gw-shops")
SENT = {
    "stored": wire.Stored(*ADDRESS, 2764031895, 7, 3, 1767225600, 250),
    "command": wire.Command(*ADDRESS, 305419896, "reset", 2, 1767225660, 41, 101),
    "command-bypass": wire.Command(
        *ADDRESS, 305419896, "bypass", 2, 1767225660, 41, 101, minutes=4320, reason=2
    ),
    "desired-output": wire.Desired(*ADDRESS, 1, JSON_GOOD["desired-output"]["payload"]),
    "desired-gateway-with-wifi": wire.Desired(
        *ADDRESS, 0, JSON_GOOD["desired-gateway-with-wifi"]["payload"]
    ),
}


@pytest.mark.parametrize("name", SENT)
def test_what_the_host_sends_is_the_golden_message(name):
    topic, payload = wire.encode(SENT[name])
    assert topic == GOOD[name]["topic"]
    assert json.loads(payload) == GOOD[name]["payload"]
    assert wire.parse(topic, payload) == SENT[name]


@pytest.mark.parametrize(
    "message, key",
    [
        (wire.Stored(*ADDRESS, 1, -1, 0, 1767225600, 0), "events"),
        (wire.Stored(*ADDRESS, 1, float("nan"), 0, 1767225600, 0), "NaN"),  # type: ignore[arg-type]
        (wire.Stored("Jinshui", "gw-shops", 1, 0, 0, 1767225600, 0), "unknown topic"),
        (wire.Command(*ADDRESS, 1, "evacuate", 2, 1767225660, 41, 0), "verb"),
        (wire.Desired(*ADDRESS, 1, {"what": "siren"}), "what"),
        (wire.Desired(*ADDRESS, 1, {"what": b"output"}), "bytes"),  # type: ignore[dict-item]
        (wire.Desired(*ADDRESS, 1, {"what": "\ud83d"}), "surrogates"),
        (wire.Desired(*ADDRESS, 1, {"what": "x" * 5000}), "4096"),
    ],
)
def test_the_host_cannot_send_what_a_gateway_must_refuse(message, key):
    with pytest.raises(WireError, match=key):
        wire.encode(message)


def test_a_topic_is_built_and_a_filter_too():
    assert wire.topic("s", "g", "up", "state", 3) == "firegrid/1/s/g/up/state/3"
    assert wire.topic("s", "+", "up", "#") == "firegrid/1/s/+/up/#"


# ---- words ----


def test_conditions_are_told_most_urgent_first():
    assert wire.condition_words(15) == ["ALARM", "PRE_ALARM", "SUPERVISORY", "TROUBLE"]
    assert wire.condition_words(wire.TROUBLE | wire.ALARM) == ["ALARM", "TROUBLE"]
    assert wire.condition_words(0) == []


def test_every_kind_of_the_table_can_be_sent():
    table = tomllib.loads((ROOT / "host" / "firegrid" / "kinds.toml").read_text("utf-8"))
    kinds = {key for key, value in table.items() if isinstance(value, dict)}
    assert kinds
    assert kinds <= set(wire.KINDS)


def enum(file: str, *path: str) -> tuple[str, ...]:
    node = json.loads((ROOT / "docs" / "schemas" / f"{file}.schema.json").read_text("utf-8"))
    for step in path:
        node = node[step]
    return tuple(node["enum"])


def test_the_words_are_those_of_the_schemas():
    record = ("items", "properties")
    assert enum("common", "$defs", "mode") == wire.MODES
    assert enum("common", "$defs", "time_quality") == wire.TIME_QUALITIES
    assert enum("event", *record, "event") == wire.EVENTS
    assert enum("state-points", *record, "kind") == wire.KINDS
    assert enum("state-head", "properties", "reset_cause") == wire.RESET_CAUSES
    assert enum("common", "$defs", "verb") == wire.VERBS
    assert enum("event", *record, "result") == wire.RESULTS
    assert enum("event", *record, "how") == wire.HOWS
    assert enum("desired-line", "$defs", "output", "properties", "name") == wire.OUTPUTS


# ---- any bytes at all ----

SETTINGS = settings(derandomize=True, deadline=None, max_examples=300)
TOPICS = sorted({golden["topic"] for golden in GOOD.values()})
HOSTILE: list[Any] = [None, True, False, [], {}, [1], {"a": 1}]
NUMBERS: list[Any] = [
    sign * number
    for number in (
        0,
        1,
        15,
        16,
        99,
        100,
        255,
        256,
        999,
        1000,
        65535,
        65536,
        2**31,
        2**32 - 1,
        2**32,
    )
    for sign in (1, -1)
] + [0.5, -12.345, 2147483.648, -2147483.649, 1e300]
WORDS: list[Any] = [
    *("", "x", "mA", "%LEL", "gpio32", "gpio25", "ads1115@0x4b/3", "a" * 13, "a" * 33, "Ä", "a b"),
    *(*wire.MODES, *wire.TIME_QUALITIES, *wire.EVENTS, *wire.KINDS, *wire.VERBS, *wire.OUTPUTS),
    *(*wire.RESET_CAUSES, "online", "output", "point", "jinshui-garden", "0.1.0", "a\tb"),
]
VALUES = st.sampled_from(HOSTILE + NUMBERS + WORDS)


def understood(topic: str, payload: bytes) -> bool:
    """Whether a message is taken; anything but a message or a WireError fails the test."""
    try:
        wire.parse(topic, payload)
    except WireError as error:
        assert str(error)
        return False
    return True


@SETTINGS
@given(st.sampled_from(TOPICS), st.binary(max_size=5000))
def test_random_bytes_are_refused_and_nothing_worse(topic, payload):
    assume(not payload.startswith(wire.UPDATE_MAGIC))
    assert not understood(topic, payload)


@pytest.mark.parametrize("number", ["9" * 3800, "-" + "9" * 3800, "1e-999", "1E+400"])
@pytest.mark.parametrize("key", ["value", "n"])
def test_a_number_of_any_length_is_no_trouble(key, number):
    seen = json.dumps(GOOD["event-alarm"]["payload"][0][key])
    text = payload_of(GOOD["event-alarm"]).decode()
    changed = text.replace(f'"{key}": {seen}', f'"{key}": {number}')
    assert changed != text
    assert understood(GOOD["event-alarm"]["topic"], changed.encode()) is (
        (key, number) == ("value", "1e-999")
    )


@SETTINGS
@given(st.text(alphabet=string.printable + "Ä\ud800", max_size=80), st.booleans())
def test_random_topics_are_refused_and_nothing_worse(text, below_ours):
    topic = f"firegrid/1/{text}" if below_ours else text
    assert not understood(topic, payload_of(GOOD["event-alarm"]))


@SETTINGS
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_message_with_bytes_changed_is_taken_or_refused_and_nothing_worse(name, data):
    payload = bytearray(payload_of(GOOD[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    understood(GOOD[name]["topic"], bytes(payload))


@settings(SETTINGS, max_examples=1500)
@given(st.sampled_from(sorted(JSON_GOOD)), st.data())
def test_the_host_and_the_description_agree_on_every_changed_key(name, data):
    content = copy.deepcopy(JSON_GOOD[name]["payload"])
    record = data.draw(st.sampled_from(content)) if isinstance(content, list) else content
    key = data.draw(st.sampled_from([*record, "a_new_key", "Ä"]))
    assume((name, key) != ("state-points", "version"))  # no schema can compare two objects
    if data.draw(st.integers(0, 9)):
        record[key] = data.draw(VALUES)
    else:
        record.pop(key, None)
    topic, payload = JSON_GOOD[name]["topic"], json.dumps(content).encode()
    fault = DESCRIPTION.fault(topic, payload)
    assert understood(topic, payload) is (fault == ""), (record, fault)
