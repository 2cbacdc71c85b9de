"""docs/asyncapi.yaml is valid AsyncAPI 3.0, hangs together, and leaves nothing open."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from tap import ASYNCAPI, Description, resolved, schema

OFFICIAL = Path(__file__).resolve().parents[1] / "data" / "asyncapi-3.0.0.schema.json"
DOCUMENT = yaml.safe_load(ASYNCAPI.read_text("utf-8"))
PAYLOADS = {
    name: ASYNCAPI.parent / message["payload"]["$ref"]
    for name, message in DOCUMENT["components"]["messages"].items()
}
VALIDATOR = Draft7Validator(json.loads(OFFICIAL.read_text("utf-8")))


def whole(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every payload schema in its place instead of referred to."""
    document = copy.deepcopy(document)
    for name, message in document["components"]["messages"].items():
        message["payload"] = {k: v for k, v in schema(PAYLOADS[name]).items() if k != "$schema"}
    return document


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object below a node, with where it stands."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{path}/{index}")


def test_the_file_is_valid_asyncapi_3_0():
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert [error.message for error in VALIDATOR.iter_errors(DOCUMENT)] == []


def test_it_is_valid_with_all_schemas_in_their_places_too():
    assert [error.message for error in VALIDATOR.iter_errors(whole(DOCUMENT))] == []


def change(path: str, value: Any) -> dict[str, Any]:
    document = whole(DOCUMENT)
    *way, last = path.split("/")
    node: Any = document
    for step in way:
        node = node[step]
    assert last in node or value != "gone"
    if value == "gone":
        del node[last]
    else:
        node[last] = value
    return document


@pytest.mark.parametrize(
    "path, value",
    [
        ("asyncapi", "2.6.0"),
        ("asyncapi", "gone"),
        ("info/version", "gone"),
        ("info/verison", "1"),
        ("servers/broker/protocol", "gone"),
        ("channels/event/address", 7),
        ("channels/event/topic", "firegrid"),
        ("operations/sendEvent/action", "publish"),
        ("operations/sendEvent/channel", "event"),
        ("operations/sendEvent/bindings/mqtt/qos", 3),
        ("operations/sendStatus/bindings/mqtt/retain", "yes"),
        ("components/messages/event/payload/items", 7),
        ("components/messages/event/payload/minItems", -1),
        ("components/messages/event/payload/type", "list"),
    ],
)
def test_the_official_schema_refuses_a_broken_file(path, value):
    assert list(VALIDATOR.iter_errors(change(path, value)))


def test_every_reference_leads_somewhere():
    references = [node["$ref"] for _, node in nodes(DOCUMENT) if "$ref" in node]
    assert len(references) > 40
    for reference in references:
        if reference.startswith("#/"):
            assert resolved(DOCUMENT, {"$ref": reference})
        else:
            assert (ASYNCAPI.parent / reference).is_file(), reference


def test_a_reference_stands_alone():
    """Older readers drop whatever stands beside a $ref."""
    files = [json.loads(file.read_text("utf-8")) for file in PAYLOADS.values()]
    for _, node in nodes([DOCUMENT, *files]):
        assert "$ref" not in node or len(node) == 1


@pytest.mark.parametrize("name", DOCUMENT["channels"])
def test_a_channel_declares_just_the_parameters_of_its_address(name):
    channel = DOCUMENT["channels"][name]
    assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"])
    for parameter in channel["parameters"].values():
        assert re.compile(resolved(DOCUMENT, parameter)["x-pattern"])


@pytest.mark.parametrize("name", DOCUMENT["operations"])
def test_an_operation_uses_a_message_of_its_channel(name):
    operation = DOCUMENT["operations"][name]
    channel = operation["channel"]["$ref"]
    assert operation["messages"]
    for message in operation["messages"]:
        assert message["$ref"].startswith(channel + "/messages/")
        assert resolved(DOCUMENT, message)["payload"]
    address = resolved(DOCUMENT, operation["channel"])["address"]
    assert operation["action"] == ("send" if "/up/" in address else "receive")


def test_the_topics_are_those_of_the_design():
    ours = "firegrid/1/{site}/{gateway}/"
    said = {channel["address"].removeprefix(ours) for channel in DOCUMENT["channels"].values()}
    up = {"up/event", "up/sample", "up/state/0", "up/state/{part}", "up/status"}
    down = {"down/stored", "down/desired/0", "down/desired/{part}", "down/command", "down/update"}
    assert said == up | down


def test_all_is_sent_at_qos_1_and_state_status_and_desired_are_retained():
    channels = Description().channels
    assert len(channels) == len(DOCUMENT["channels"]) == len(DOCUMENT["operations"])
    assert {channel.qos for channel in channels} == {1}
    retained = {channel.name for channel in channels if channel.retain}
    assert retained == {"stateHead", "statePoints", "status", "desiredGateway", "desiredLine"}


def test_the_examples_are_valid():
    shown = 0
    for name, message in DOCUMENT["components"]["messages"].items():
        for example in message.get("examples", []):
            Draft202012Validator(schema(PAYLOADS[name])).validate(example["payload"])
            shown += 1
    assert shown


@pytest.mark.parametrize("file", PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_schema_is_valid_json_schema_2020_12(file):
    raw = json.loads(file.read_text("utf-8"))
    assert raw["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema(file))


@pytest.mark.parametrize("file", PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_schema_leaves_nothing_open(file):
    for path, node in nodes(schema(file)):
        types = node.get("type", ())
        if "properties" in node and types == "object":
            check_object(path, node, LEFT_OUT.get(file.name, set()))
        if "integer" in types or "number" in types:
            assert {"minimum", "maximum"} <= set(node) or path_of_a_rule(path), path
        if types == "string":
            assert node.get("pattern", "").startswith("^"), path
        if types == "array":
            assert {"minItems", "maxItems"} <= set(node), path


# What need not be there; in an event, only an act has it, and then all of it.
LEFT_OUT = {
    "command.schema.json": {"minutes", "reason"},
    "state-head.schema.json": {"rssi_dbm"},  # firmware before it does not tell
    "event.schema.json": {"verb", "result", "how", "person", "reason", "minutes", "id"},
}


def check_object(path: str, node: dict[str, Any], left_out: set[str]) -> None:
    extra = node.get("additionalProperties")
    if "propertyNames" in node:  # the table of drivers says which parameters a point has
        assert extra == {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
    elif "if" in node:  # leaves it to the schema that it chooses
        return
    else:
        assert extra is False, path
    assert node["required"] == [key for key in node["properties"] if key not in left_out], path


def path_of_a_rule(path: str) -> bool:
    """Whether a node belongs to a rule between keys, which stands beside those of the keys."""
    return re.search("/(if|then|else)/properties/", path) is not None


def test_a_payload_at_its_fullest_is_told_apart_from_one_too_long():
    fault = Description().fault
    topic = "firegrid/1/a/b/down/update"
    assert fault(topic, b"FGU1" + bytes(4092)) == ""
    assert fault(topic, b"FGU1" + bytes(4093)) == "4097 bytes, more than 4096"
