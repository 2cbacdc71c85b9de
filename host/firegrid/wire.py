"""The wire between gateways and host: every topic and payload, checked before use.

`parse` turns what came from the broker into frozen dataclasses, `encode` is its way back for
what the host sends. docs/asyncapi.yaml with docs/schemas/ says the same to other programs; here
it is written by hand because ingest reads thousands of records a second. Tests hold both together.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, TypeAlias

from firegrid import tables
from firegrid.errors import FiregridError

VERSION = "1"
PAYLOAD_BYTES_MAX = 4096
COMMAND_BYTES_MAX = 256  # a gateway makes room for no more
UPDATE_MAGIC = b"FGU1"
RECORDS_MAX = 32  # more cannot fit into a payload

ALARM, PRE_ALARM, SUPERVISORY, TROUBLE = 1, 2, 4, 8
# Most urgent first: the one order in which the host shows conditions.
CONDITIONS = {
    ALARM: "ALARM",
    PRE_ALARM: "PRE_ALARM",
    SUPERVISORY: "SUPERVISORY",
    TROUBLE: "TROUBLE",
}

MODES = ("live", "test", "drill")
TIME_QUALITIES = ("none", "held", "ntp", "desk")
EVENTS = ("condition", "boot", "clock", "link", "config", "act", "lost")
HOST = "[0-9A-Za-z.:-]{1,253}"  # a name or an address, as a pattern
SOILED = 12  # the one trouble code that may stand beside a value
KINDS = (
    *("gateway", "smoke", "gas", "leakage", "hydrant", "sprinkler"),
    *("callpoint", "lift", "lane", "valve", "tamper", "cap", "contact"),
    *("temperature", "analog", "mains", "battery", "sounder_line"),
)
VERBS = tuple(tables.verbs().values())
RESULTS = tuple(tables.results().values())
HOWS = tuple(tables.hows().values())
PERSON_MAX = 16383  # 14 bits of a record
RESET_CAUSES = ("unknown", "power_on", "hard", "watchdog", "deep_sleep", "soft")
OUTPUTS = (
    *("sounder", "power_lamp", "alarm_lamp", "trouble_lamp", "link_lamp", "strobe"),
    *("disabled_lamp", "gas_valve", "lift_request", "charging_relay", "fail_safe"),
)
RULED = ("sounder", "strobe", "gas_valve", "lift_request", "charging_relay")
CONDITION_KEYS = ("alarm", "pre_alarm", "supervisory", "trouble")


class WireError(FiregridError):
    """A topic or payload that is not of this wire."""


@dataclass(frozen=True, slots=True)
class Act:
    """What was done at a gateway: a verb, what came of it, and who did it why and for how long."""

    verb: str
    result: str
    how: str
    person: int  # 0: not said
    reason: int  # 0: none given
    minutes: int  # 0: not a timed verb, or it ended
    id: int  # of the command that this answers, 0: none


@dataclass(frozen=True, slots=True)
class Event:
    """A condition came or went, a person acted, or the gateway changed."""

    site: str
    gateway: str
    n: int
    epoch: int
    boot: int
    up_s: int
    up_ms: int
    time_s: int | None
    time_quality: str
    point: int
    mode: str
    event: str
    conditions: int
    changed: int
    value: float | None
    unit: str
    limit: float | None
    code: int
    act: Act | None = None  # exactly where `event` is "act"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a point measured over an interval."""

    site: str
    gateway: str
    n: int
    epoch: int
    boot: int
    up_s: int
    up_ms: int
    time_s: int | None
    time_quality: str
    point: int
    mode: str
    interval_s: int
    min: float
    mean: float
    max: float
    last: float
    unit: str


@dataclass(frozen=True, slots=True)
class Events:
    """up/event: records of the events lane."""

    site: str
    gateway: str
    records: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Samples:
    """up/sample: records of the samples lane."""

    site: str
    gateway: str
    records: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class StateHead:
    """up/state/0: firmware, configuration, journal and health of the gateway."""

    site: str
    gateway: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PointState:
    """What one point says now; point 0 is the gateway itself."""

    point: int
    kind: str
    mode: str
    conditions: int
    value: float | None
    unit: str
    code: int
    bypassed_s: int = 0  # time left, 0: not bypassed
    acknowledged: int = 0  # bits of the conditions that a person has taken


@dataclass(frozen=True, slots=True)
class PointStates:
    """up/state/1 and on: some of the points, as of one version of the state."""

    site: str
    gateway: str
    version: int
    part: int
    points: tuple[PointState, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """up/status: online, or the last will saying offline."""

    site: str
    gateway: str
    status: str
    boot: int


@dataclass(frozen=True, slots=True)
class Stored:
    """down/stored: the desk keeps all events and samples up to these, and this is its time."""

    site: str
    gateway: str
    epoch: int
    events: int
    samples: int
    time_s: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Desired:
    """down/desired/<part>: one line of the configuration, the gateway's own line first."""

    site: str
    gateway: str
    part: int
    line: dict[str, int | str]


@dataclass(frozen=True, slots=True)
class Command:
    """down/command: one verb by one person, void after `expires_s` (Unix time).

    `minutes` 0 ends a timed verb now; without them the gateway takes the table's default.
    """

    site: str
    gateway: str
    id: int
    verb: str
    issuer: int
    expires_s: int
    sequence: int
    point: int
    minutes: int | None = None
    reason: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """down/update: one chunk of a signed bundle, its magic included."""

    site: str
    gateway: str
    chunk: bytes


Message: TypeAlias = (
    Events | Samples | StateHead | PointStates | Status | Stored | Desired | Command | Update
)


def topic(site: str, gateway: str, *rest: object) -> str:
    """Return a topic of one gateway, or a filter where wildcards are given."""
    return "/".join(("firegrid", VERSION, site, gateway, *map(str, rest)))


def condition_words(bits: int) -> list[str]:
    """Return the conditions in `bits` as words, the most urgent first."""
    return [word for bit, word in CONDITIONS.items() if bits & bit]


def parse(topic: str, payload: bytes) -> Message:
    """Return what a message says; raise WireError, and nothing else, on whatever is not ours."""
    at = _address(topic)
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError(
            f"{topic}: {len(payload)} bytes", f"at most {PAYLOAD_BYTES_MAX} are allowed"
        )
    return _READERS[at.name](at, payload)


def encode(message: Stored | Desired | Command) -> tuple[str, bytes]:
    """Return topic and payload of what the host sends; raise WireError where parse refuses it."""
    if isinstance(message, Desired):
        to = topic(message.site, message.gateway, "down", "desired", message.part)
        content: dict[str, Any] = message.line
    else:
        to = topic(message.site, message.gateway, "down", type(message).__name__.lower())
        said = {field.name: getattr(message, field.name) for field in fields(message)[2:]}
        content = {key: value for key, value in said.items() if value is not None}
    try:
        payload = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise WireError(f"{to}: {error}", "allowed: numbers and text") from None
    parse(to, payload)
    return to, payload


# ---- what a value may be ----


class Rule(NamedTuple):
    """What a key may hold, in words and as a test."""

    allowed: str
    accepts: Callable[[Any], bool]


def _whole(low: int, high: int) -> Rule:
    return Rule(f"a whole number {low}..{high}", lambda v: type(v) is int and low <= v <= high)


def _word(*words: str) -> Rule:
    return Rule(" | ".join(words), lambda v: v in words)


def _text(pattern: str, allowed: str) -> Rule:
    match = re.compile(pattern).fullmatch
    return Rule(allowed, lambda v: type(v) is str and match(v) is not None)


def _or_null(rule: Rule) -> Rule:
    return Rule(f"{rule.allowed}, or null", lambda v: v is None or rule.accepts(v))


def _is_number(value: Any) -> bool:
    return (type(value) is float or type(value) is int) and -_NUMBER_MAX <= value <= _NUMBER_MAX


_NUMBER_MAX = 2147483.648  # the gateway counts thousandths in 32 bits
_NUMBER = Rule(f"a number -{_NUMBER_MAX}..{_NUMBER_MAX}", _is_number)
_U32 = _whole(0, 0xFFFF_FFFF)
_U32_FROM_1 = _whole(1, 0xFFFF_FFFF)
_U16 = _whole(0, 0xFFFF)
_MS = _whole(0, 999)
_BITS = _whole(0, 15)
_CODE = _whole(0, 255)
_PART = _whole(1, 99)
_PIN = _whole(0, 39)
_MODE = _word(*MODES)
_UNIT = _text("[A-Za-z0-9%/.°µΩ²³·-]{0,12}", "up to 12 letters, digits and unit signs")
_ID = _text("[a-z0-9][a-z0-9-]{0,31}", "1 to 32 of a-z, 0-9 and -")
_NAME = _text("[a-z][a-z0-9_-]{0,31}", "1 to 32 of a-z, 0-9, - and _")
_PRINTABLE = r"[^\u0000-\u001f\u007f\ud800-\udfff]"

_TIME = {"time_s": _or_null(_U32_FROM_1), "time_quality": _word(*TIME_QUALITIES)}
_STAMP = {"n": _U32_FROM_1, "epoch": _U32, "boot": _U16, "up_s": _U32, "up_ms": _MS} | _TIME
_EVENT = _STAMP | {
    "point": _U16,
    "mode": _MODE,
    "event": _word(*EVENTS),
    "conditions": _BITS,
    "changed": _BITS,
    "value": _or_null(_NUMBER),
    "unit": _UNIT,
    "limit": _or_null(_NUMBER),
    "code": _CODE,
}
_NOTHING = {  # what an act has none of
    "conditions": _whole(0, 0),
    "changed": _whole(0, 0),
    "value": Rule("null", lambda v: v is None),
    "unit": Rule('""', lambda v: v == ""),
    "limit": Rule("null", lambda v: v is None),
    "code": _whole(0, 0),
}
_ACT = {
    "verb": _word(*VERBS),
    "result": _word(*RESULTS),
    "how": _word(*HOWS),
    "person": _whole(0, PERSON_MAX),
    "reason": _whole(0, 31),
    "minutes": _whole(0, 8191),
    "id": _U32,
}
_ACT_EVENT = _EVENT | _NOTHING | _ACT
_SAMPLE = _STAMP | {
    "point": _whole(1, 0xFFFF),
    "mode": _MODE,
    "interval_s": _whole(1, 0xFFFF),
    "min": _NUMBER,
    "mean": _NUMBER,
    "max": _NUMBER,
    "last": _NUMBER,
    "unit": _UNIT,
}
_STATE_HEAD = _TIME | {
    "version": _U32,
    "part": _whole(0, 0),
    "parts": _whole(1, 100),
    "firmware": _text("[0-9A-Za-z][0-9A-Za-z.+-]{0,31}", "1 to 32 of letters, digits, . + -"),
    "firmware_sha256": _text("[0-9a-f]{64}", "64 hex digits"),
    "config_version": _U32,
    "epoch": _U32,
    "boot": _U16,
    "up_s": _U32,
    "reset_cause": _word(*RESET_CAUSES),
    "heap_free_bytes": _U32,
    "heap_low_bytes": _U32,
    "points": _whole(0, 64),
    "events_first": _U32_FROM_1,
    "events_next": _U32_FROM_1,
    "events_stored": _U32,
    "events_lost": _U32,
    "samples_first": _U32_FROM_1,
    "samples_next": _U32_FROM_1,
    "samples_stored": _U32,
    "samples_lost": _U32,
    "events_erases": _U32,
    "samples_erases": _U32,
    "tasks_restarted": _U32,
    "silenced_s": _U32,
    "first_alarm": _or_null(_whole(1, 0xFFFF)),
}
_STATE_HEAD_MAY = {"rssi_dbm": _or_null(_whole(-127, 0))}
_POINT_STATE = {
    "version": _U32,
    "part": _PART,
    "point": _U16,
    "kind": _word(*KINDS),
    "mode": _MODE,
    "conditions": _BITS,
    "value": _or_null(_NUMBER),
    "unit": _UNIT,
    "code": _CODE,
    "bypassed_s": _U32,
    "acknowledged": _BITS,
}
_STATUS = {"status": _word("online", "offline"), "boot": _U16}
_STORED = {"epoch": _U32, "events": _U32, "samples": _U32, "time_s": _U32_FROM_1, "time_ms": _MS}
_COMMAND = {
    "id": _U32_FROM_1,
    "verb": _word(*VERBS),
    "issuer": _whole(1, PERSON_MAX),
    "expires_s": _U32_FROM_1,
    "sequence": _U32,
    "point": _U16,
}
_COMMAND_MAY = {
    "minutes": _whole(0, max(int(figure.high) for figure in tables.verb_minutes().values())),
    "reason": _whole(0, max(tables.reasons())),
}
_GATEWAY_LINE = {
    "what": _word("gateway"),
    "format": _whole(1, 1),
    "version": _U32_FROM_1,
    "site": _ID,
    "gateway": _ID,
    "points": _whole(0, 64),
    "broker_host": _text(HOST, "a host name or address"),
    "broker_port": _whole(1, 0xFFFF),
    "wifi_ssid": _text(_PRINTABLE + "{0,32}", "up to 32 printable characters"),
    "wifi_key": _text(_PRINTABLE + "{0,64}", "up to 64 printable characters"),
    "keepalive_s": _whole(5, 60),
    "sample_s": _whole(1, 3600),
    "broker_s": _whole(5, 60),
    "desk_s": _whole(10, 60),
    "taken_s": _whole(10, 600),
    "mains_hz": Rule("50 | 60", lambda v: type(v) is int and v in (50, 60)),
    "button_pin": _PIN,
    "scl_pin": _PIN,
    "sda_pin": _PIN,
}
_OUTPUT_LINE = {
    "what": Rule("output | rule | point | rs485", lambda v: v == "output"),
    "name": _word(*OUTPUTS),
    "pin": _PIN,
    "active": _whole(0, 1),
}
_RS485_LINE = {
    "what": _word("rs485"),
    "tx_pin": _PIN,
    "rx_pin": _PIN,
    "de_pin": _PIN,
    "baud": _whole(1200, 115200),
    "parity": _whole(0, 2),
    "timeout_ms": _whole(50, 1000),
}
_RULE_LINE = {
    "what": _word("rule"),
    "output": _word(*RULED),
    "when": _word(*CONDITION_KEYS),
    "pattern": _NAME,
    "stays": _whole(0, 1),
    "drills": _whole(0, 1),
}
_RULE_TARGETS = {"kind": _word(*KINDS[1:]), "point": _whole(1, 0xFFFF)}
_POINT_LINE = {
    "what": _word("point"),
    "point": _whole(1, 0xFFFF),
    "kind": _word(*KINDS[1:]),
    "quantity": _NAME,
    "driver": _NAME,
    "input": _text(
        "gpio3[2-9]|ads1115@0x4[89ab]/[0-3]|rs485/[1-9][0-9]{0,2}"
        "|onewire[0-9]{1,2}(/28[0-9a-f]{14})?",
        "gpio32..gpio39, ads1115@0x48..0x4b/0..3, rs485/1..247 or onewire<pin>[/<ROM id>]",
    ),
    "period_ms": _whole(1, 3_600_000),
}
_INTEGER = _whole(-0x8000_0000, 0x7FFF_FFFF)


# ---- from topic and payload to a message ----


class _Address(NamedTuple):
    """Who speaks (site, gateway), about what (name, as in "up/event"), and in which part."""

    topic: str
    site: str
    gateway: str
    name: str
    part: int


_TOPIC = re.compile(
    "firegrid/([0-9]{1,9})/([a-z0-9][a-z0-9-]{0,31})/([a-z0-9][a-z0-9-]{0,31})"
    "/((?:up|down)/[a-z]+)(?:/(0|[1-9][0-9]?))?"
)
_IN_PARTS = ("up/state", "down/desired")


@lru_cache(maxsize=65536)
def _address(text: str) -> _Address:
    match = _TOPIC.fullmatch(text)
    if match and match[1] != VERSION:
        raise WireError(f"{text}: wire version {match[1]}", f"this program speaks {VERSION}")
    if not match or match[4] not in _READERS or (match[5] is None) is (match[4] in _IN_PARTS):
        names = [name + "/<part>" if name in _IN_PARTS else name for name in _READERS]
        allowed = topic("<site>", "<gateway>", "|".join(names))
        raise WireError(f"{text!a:.200}: unknown topic", f"allowed: {allowed}")
    return _Address(text, match[2], match[3], match[4], int(match[5] or 0))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


def _not_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_not_json)


def _content(at: _Address, payload: bytes) -> Any:
    try:
        return _JSON.decode(payload.decode())
    except (ValueError, RecursionError) as error:
        raise WireError(f"{at.topic}: {error}", "allowed: flat JSON in UTF-8") from None


def _list(at: _Address, payload: bytes) -> list[Any]:
    records = _content(at, payload)
    allowed = f"allowed: an array of 1..{RECORDS_MAX} objects"
    if not isinstance(records, list):
        raise WireError(f"{at.topic}: {records!a:.60}", allowed)
    if not 1 <= len(records) <= RECORDS_MAX:
        raise WireError(f"{at.topic}: an array of {len(records)}", allowed)
    return records


def _checked(at: _Address, content: Any, rules: dict[str, Rule]) -> dict[str, Any]:
    """Return the content once its keys and values are what the rules allow."""
    record = _with_keys(at, content, rules)
    for key, rule in rules.items():
        if not rule.accepts(record[key]):
            raise _wrong(at, key, record[key], rule.allowed)
    return record


def _with_keys(at: _Address, content: Any, rules: dict[str, Rule]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise WireError(
            f"{at.topic}: {content!a:.60}", f"allowed: an object of {', '.join(rules)}"
        )
    if content.keys() != rules.keys():
        unknown = [f"unknown key {key!a:.60}" for key in content if key not in rules]
        missing = [f'no "{key}"' for key in rules if key not in content]
        raise WireError(f"{at.topic}: {(unknown + missing)[0]}", f"allowed: {', '.join(rules)}")
    return content


def _wrong(at: _Address, key: str, seen: Any, allowed: str) -> WireError:
    return WireError(f'{at.topic}: "{key}" is {seen!a:.60}', f"allowed: {allowed}")


def _check_time(at: _Address, record: dict[str, Any]) -> None:
    """A time is known exactly when it has a quality."""
    if (record["time_s"] is None) is not (record["time_quality"] == "none"):
        allowed = 'null exactly when "time_quality" is "none"'
        raise _wrong(at, "time_s", record["time_s"], allowed)


def _check_code(at: _Address, record: dict[str, Any]) -> None:
    """A missing value has a code that says why; a value has none, or one that asks for care."""
    if record["value"] is not None:
        if record["code"] not in (0, SOILED):
            raise _wrong(at, "code", record["code"], f'0 or {SOILED} beside a "value"')
    elif not record["code"] and record["point"] and record.get("event") in (None, "condition"):
        raise _wrong(at, "code", 0, '1..255 where a point has no "value"')


def _event(at: _Address, record: Any) -> Event:
    is_act = isinstance(record, dict) and record.get("event") == "act"
    _check_time(at, _checked(at, record, _ACT_EVENT if is_act else _EVENT))
    _check_code(at, record)
    act = Act(**{key: record.pop(key) for key in _ACT}) if is_act else None
    return Event(at.site, at.gateway, **record, act=act)


def _events(at: _Address, payload: bytes) -> Events:
    records = tuple([_event(at, record) for record in _list(at, payload)])
    return Events(at.site, at.gateway, records)


def _sample(at: _Address, record: Any) -> Sample:
    _check_time(at, _checked(at, record, _SAMPLE))
    return Sample(at.site, at.gateway, **record)


def _samples(at: _Address, payload: bytes) -> Samples:
    records = tuple([_sample(at, record) for record in _list(at, payload)])
    return Samples(at.site, at.gateway, records)


def _state(at: _Address, payload: bytes) -> StateHead | PointStates:
    if at.part:
        return _point_states(at, payload)
    content = _content(at, payload)
    said = content if isinstance(content, dict) else {}
    may = {key: rule for key, rule in _STATE_HEAD_MAY.items() if key in said}
    head = _checked(at, content, _STATE_HEAD | may)
    _check_time(at, head)
    return StateHead(at.site, at.gateway, head)


def _point_states(at: _Address, payload: bytes) -> PointStates:
    records = _list(at, payload)
    points = tuple([_point_state(at, record) for record in records])
    version = records[0]["version"]
    for record in records:
        if record["version"] != version:
            raise _wrong(at, "version", record["version"], f"{version} as in the first object")
    return PointStates(at.site, at.gateway, version, at.part, points)


def _point_state(at: _Address, record: Any) -> PointState:
    _check_code(at, _checked(at, record, _POINT_STATE))
    if record["part"] != at.part:
        raise _wrong(at, "part", record["part"], f"{at.part} as in the topic")
    return PointState(*[record[key] for key in PointState.__slots__])


def _status(at: _Address, payload: bytes) -> Status:
    return Status(at.site, at.gateway, **_checked(at, _content(at, payload), _STATUS))


def _stored(at: _Address, payload: bytes) -> Stored:
    return Stored(at.site, at.gateway, **_checked(at, _content(at, payload), _STORED))


def _command(at: _Address, payload: bytes) -> Command:
    if len(payload) > COMMAND_BYTES_MAX:
        raise WireError(
            f"{at.topic}: {len(payload)} bytes", f"at most {COMMAND_BYTES_MAX} are allowed"
        )
    content = _content(at, payload)
    said = content if isinstance(content, dict) else {}
    may = {key: rule for key, rule in _COMMAND_MAY.items() if key in said}
    return Command(at.site, at.gateway, **_checked(at, content, _COMMAND | may))


def _desired(at: _Address, payload: bytes) -> Desired:
    line = _content(at, payload)
    if not at.part:
        _check_gateway_line(at, line)
    elif isinstance(line, dict) and line.get("what") == "point":
        _checked(at, line, _parameters(line) | _POINT_LINE)
    elif isinstance(line, dict) and line.get("what") == "rs485":
        _checked(at, line, _RS485_LINE)
    elif isinstance(line, dict) and line.get("what") == "rule":
        key = "point" if "point" in line else "kind"
        _checked(at, line, _RULE_LINE | {key: _RULE_TARGETS[key]})
    else:
        _checked(at, line, _OUTPUT_LINE)
    return Desired(at.site, at.gateway, at.part, line)


def _check_gateway_line(at: _Address, line: Any) -> None:
    _checked(at, line, _GATEWAY_LINE)
    for key, addressed in (("site", at.site), ("gateway", at.gateway)):
        if line[key] != addressed:
            raise _wrong(at, key, line[key], f"{addressed} as in the topic")


def _parameters(line: dict[str, Any]) -> dict[str, Rule]:
    """Limits and driver parameters of a point line; which ones there are, the tables know."""
    return {key: _INTEGER for key in line if _NAME.accepts(key)}


def _update(at: _Address, payload: bytes) -> Update:
    if not payload.startswith(UPDATE_MAGIC) or len(payload) == len(UPDATE_MAGIC):
        raise WireError(f"{at.topic}: {payload[:8]!r}", f"allowed: {UPDATE_MAGIC!r} and a chunk")
    return Update(at.site, at.gateway, payload)


_READERS: dict[str, Callable[[_Address, bytes], Message]] = {
    "up/event": _events,
    "up/sample": _samples,
    "up/state": _state,
    "up/status": _status,
    "down/stored": _stored,
    "down/desired": _desired,
    "down/command": _command,
    "down/update": _update,
}
