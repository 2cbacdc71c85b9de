"""`firegrid command` as a person or a program runs it, on the real embedded broker."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from firegrid import mqtt, wire
from firegrid.orders import Clerk, Order
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid_sim.broker import Broker
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "wire" / "good"
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "command-answer.schema.json").read_text("utf-8"))
SITE, GATEWAY = "jinshui-garden", "gw-shops"
GARDEN = load_site(site_path(SITE))


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))["payload"]


class Gateway:
    """Answers commands as it is told to, and keeps what it heard."""

    def __init__(self, url: str) -> None:
        self.heard: list[wire.Command] = []
        self.retained: list[bool] = []
        self.qos: list[int] = []
        self.answers: list[dict[str, Any]] = [{}]  # for each command: what its event says
        down = wire.topic(SITE, GATEWAY, "down", "command")
        self._client = mqtt.Client(url, "gateway", self._hear, [down])
        self._client.start()
        self.say("status", payload={"status": "online", "boot": 3})

    def say(self, *rest: object, payload: Any, retain: bool = True) -> None:
        raw = json.dumps(payload).encode()
        assert self._client.publish(wire.topic(SITE, GATEWAY, "up", *rest), raw, retain=retain)

    def state(self, **head: Any) -> None:
        """Report point 101 in ALARM."""
        self.say("state", 0, payload=golden("state-head") | head)
        self.say("state", 1, payload=golden("state-points"))

    def _hear(self, message: mqtt.Message) -> None:
        said = wire.parse(message.topic, message.payload)
        assert isinstance(said, wire.Command)
        self.heard.append(said)
        self.retained.append(message.retained)
        self.qos.append(message.qos)
        for answer in self.answers:
            event = golden("event-acts")[0] | {
                "verb": said.verb, "how": "desk", "person": said.issuer, "id": said.id,
                "point": said.point, "minutes": said.minutes or 0, "reason": said.reason or 0,
            }  # fmt: skip
            self.say("event", payload=[event | answer], retain=False)

    def stop(self) -> None:
        self._client.stop()


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def gateway(broker) -> Iterator[Gateway]:
    gateway = Gateway(broker.url)
    yield gateway
    gateway.stop()


@pytest.fixture
def order(broker) -> Callable[..., subprocess.CompletedProcess[str]]:
    def order(*arguments: str, gateway: str = GATEWAY) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "firegrid", "command", SITE, gateway, *arguments]
        command += ["--broker", broker.url.removeprefix("mqtt://")]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    return order


def test_a_bypass_reaches_the_gateway_whole_and_its_answer_is_told(order, gateway):
    done = order(
        *("bypass", "--point", "smoke-tailor", "--by", "leader-04"),
        *("--minutes", "240", "--reason", "cleaning"),
    )
    assert (done.stdout, done.stderr) == (
        "smoke-tailor: bypassed by leader-04 for 4 h: cleaning\n",
        "",
    )
    assert done.returncode == 0
    [said] = gateway.heard
    assert (said.verb, said.point, said.issuer) == ("bypass", 102, 7)
    assert (said.minutes, said.reason) == (240, 2)
    assert 0 < said.expires_s - time.time() <= 11
    assert (gateway.retained, gateway.qos) == ([False], [1])


def test_what_is_not_said_is_left_to_the_gateway(order, gateway):
    assert order("silence", "--by", "leader-04").returncode == 0
    [said] = gateway.heard
    assert (said.point, said.minutes, said.reason) == (0, None, None)


def test_a_program_reads_one_object_that_keeps_its_schema(order, gateway):
    done = order("walk-test", "--point", "101", "--by", "member-04", "--json")
    answer = json.loads(done.stdout)
    assert next(iter(answer)) == "schema"
    Draft202012Validator(SCHEMA).validate(answer)
    assert (answer["verb"], answer["result"], answer["id"]) == (
        "walk_test",
        "done",
        "smoke-noodle-shop",
    )
    assert answer["command"] == gateway.heard[0].id


def test_a_refused_reset_names_what_stands_in_the_way_and_ends_with_3(order, gateway):
    gateway.state()
    gateway.answers = [{"result": "refused", "point": 101}]
    done = order("reset", "--by", "leader-04")
    assert done.returncode == 3
    assert done.stdout == (
        "gw-shops: reset refused by leader-04: smoke-noodle-shop still in ALARM\n"
    )


def test_a_gateway_without_a_clock_is_named_as_the_reason(order, gateway):
    gateway.answers = [{"result": "refused", "time_s": None, "time_quality": "none"}]
    done = order("drill", "--by", "leader-04")
    assert done.returncode == 3
    assert done.stderr.startswith("firegrid: it does not know the time of day")


def test_a_command_that_came_too_late_ends_with_3(order, gateway):
    gateway.answers = [{"result": "expired"}]
    done = order("reset", "--by", "leader-04", "--lang", "zh")
    assert (done.returncode, done.stdout) == (3, "gw-shops: leader-04：复位来得太晚，未执行\n")


def test_a_verb_that_is_ended_is_a_success(order, gateway):
    gateway.answers = [{"result": "ended"}]
    done = order("drill", "--minutes", "0", "--by", "leader-04")
    assert (done.returncode, done.stdout) == (0, "gw-shops: drill ended by leader-04\n")
    assert gateway.heard[0].minutes == 0


def test_only_the_answer_to_this_command_counts(order, gateway):
    gateway.answers = [{"id": 1}, {"id": 0}]
    done = order("reset", "--by", "leader-04", "--wait", "1")
    assert done.returncode == 1
    assert "gw-shops gave no answer within 1 s" in done.stderr
    assert done.stdout == ""


def test_a_gateway_that_is_away_is_not_asked(order, gateway):
    gateway.say("status", payload={"status": "offline", "boot": 3})
    time.sleep(0.2)
    done = order("reset", "--by", "leader-04")
    assert done.returncode == 1
    assert done.stderr == "firegrid: gw-shops is offline; nothing was sent; try again later\n"
    assert gateway.heard == []


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        (["reset"], "Missing option '--by'", 2),
        (["evacuate", "--by", "leader-04"], "'evacuate' is not one of", 2),
        (["silence", "--by", "leader-04", "--minutes", "-1"], "-1 is not in the range", 2),
        (["reset", "--by", "leader-04", "--wait", "nan"], "'nan' is not a valid integer", 2),
        (["reset", "--by", "nobody"], "nobody is nobody in the site file", 1),
        (["bypass", "--by", "leader-04"], "bypass needs a point", 1),
        (["bypass", "--by", "leader-04", "--point", "9"], "has no point 9; it has: 101", 1),
        (
            ["bypass", "--by", "leader-04", "--point", "hydrant-market"],
            "hydrant-market is wired to gw-hydrants, not to gw-shops",
            1,
        ),
        (["silence", "--by", "leader-04", "--minutes", "31"], "allowed: 1 to 30, or 0", 1),
        (["reset", "--by", "leader-04", "--minutes", "1"], "reset has no time", 1),
        (["silence", "--by", "leader-04", "--point", "101"], "leave the point out", 1),
    ],
)
def test_a_mistake_is_told_and_nothing_is_sent(order, gateway, arguments, told, code):
    done = order(*arguments)
    assert told in done.stderr
    assert (done.returncode, done.stdout) == (code, "")
    assert gateway.heard == []


def test_an_unknown_gateway_and_no_broker_end_with_1(order, broker):
    assert "has no gateway gw-shop;" in order("reset", "--by", "x", gateway="gw-shop").stderr
    broker.stop()
    done = order("reset", "--by", "leader-04")
    assert done.returncode == 1
    assert "no broker at mqtt://127.0.0.1" in done.stderr


# ---- the sequence ----


def test_a_sequence_rises_within_a_moment_and_from_laptop_to_laptop(monkeypatch):
    now = [1_767_225_600.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    reset = Order(GATEWAY, "reset", "leader-04")
    clerk = Clerk(GARDEN)
    first, second = clerk.write(reset, 10), clerk.write(reset, 10)
    now[0] += 0.5
    other = Clerk(GARDEN).write(reset, 10)
    assert first.sequence < second.sequence < other.sequence
    assert len({first.id, second.id, other.id}) == 3
    assert first.expires_s == 1_767_225_610


def test_a_sequence_fits_32_bits_until_2041(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 2_240_524_800.0)  # 2041-01-01
    assert Clerk(GARDEN).write(Order(GATEWAY, "reset", "leader-04"), 10).sequence < 2**32
