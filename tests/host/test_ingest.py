"""The ingest on the real embedded broker: stored, then acknowledged, then answered."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from firegrid import ingest as ingest_module
from firegrid import mqtt, wire
from firegrid.errors import FiregridError
from firegrid.ingest import Counts, Ingest
from firegrid.store import Store, StoreError
from firegrid.wire import Event, Sample, StateHead, Status
from firegrid_sim.broker import Broker, free_port
from tap import Tap

SITE, GATEWAY, EPOCH = "jinshui-garden", "gw-shops", 7
SHOPS = (SITE, GATEWAY, EPOCH)
EVENT = Event(
    SITE, GATEWAY, 1, EPOCH, 3, 12, 250, 1_750_000_000, "desk", 101, "live", "condition",
    1, 1, 16.2, "mA", 15.0, 0,
)  # fmt: skip
SAMPLE = Sample(
    SITE, GATEWAY, 1, EPOCH, 3, 60, 0, None, "none", 103, "live", 60, 0.5, 1.25, 2.0, 1.0, "%LEL"
)
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "wire" / "good"
HEAD = json.loads((GOLDEN / "state-head.json").read_text("utf-8"))["payload"] | {
    "epoch": EPOCH, "events_first": 1, "samples_first": 1
}  # fmt: skip


def until(true: Callable[[], object], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    """One for each test: what is retained in one must not reach the next."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "desk.db"


@pytest.fixture
def store(path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


class BrokenStore:
    """A store that cannot be written while `broken`; else the real one."""

    def __init__(self, store: Store) -> None:
        self.broken: Exception | None = None
        self.tried = 0
        self._store = store

    def add(self, *records: Any) -> Any:
        self.tried += 1
        if self.broken:
            raise self.broken
        return self._store.add(*records)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@contextmanager
def running(broker: Broker, store: Any, **more: Any) -> Iterator[Ingest]:
    ingest = Ingest(broker.url, SITE, store, **more)
    ingest.start()
    yield ingest
    ingest.stop()


class Gateway:
    """Publishes as a gateway does, and keeps what the desk answers."""

    def __init__(self, url: str) -> None:
        self.answers: list[wire.Stored] = []
        self.commands: list[wire.Command] = []
        down = [wire.topic(SITE, "+", "down", name) for name in ("stored", "command")]
        self._client = mqtt.Client(url, "gateway", self._hear, down)
        self._client.start()

    def _hear(self, message: mqtt.Message) -> None:
        said = wire.parse(message.topic, message.payload)
        (self.commands if isinstance(said, wire.Command) else self.answers).append(said)

    def send(self, *rest: object, payload: Any, retain: bool = False, site: str = SITE) -> None:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        assert self._client.publish(wire.topic(site, GATEWAY, "up", *rest), raw, retain=retain)

    def events(self, *numbers: int, **changes: Any) -> None:
        self.send("event", payload=[_row(replace(EVENT, n=n, **changes)) for n in numbers])

    def samples(self, *numbers: int) -> None:
        self.send("sample", payload=[_row(replace(SAMPLE, n=n)) for n in numbers])

    def state(self, **changes: Any) -> None:
        self.send("state", 0, payload=HEAD | changes, retain=True)

    def position(self) -> tuple[int, int]:
        """Return what the desk said last."""
        return (self.answers[-1].events, self.answers[-1].samples) if self.answers else (-1, -1)

    @property
    def connected(self) -> bool:
        return self._client.connected

    def stop(self) -> None:
        self._client.stop()


def _row(record: Event | Sample) -> dict[str, Any]:
    row = asdict(record)
    return {key: row[key] for key in row if key not in ("site", "gateway", "act")}


@pytest.fixture
def gateway(broker) -> Iterator[Gateway]:
    gateway = Gateway(broker.url)
    yield gateway
    gateway.stop()


def numbers(store: Store) -> list[int]:
    return [event.n for event in store.events(SITE)]


# ---- the promise ----


def test_a_command_goes_to_its_gateway_or_is_refused_without_a_broker(broker, store, gateway):
    command = wire.Command(SITE, GATEWAY, 5, "reset", 7, 1_767_225_660, 1, 0)
    with running(broker, store) as ingest:
        assert ingest.send(command)
        until(lambda: gateway.commands == [command])
        broker.stop()
        until(lambda: not ingest.connected)
        assert not ingest.send(command)


def test_records_are_stored_counted_and_answered(broker, store, gateway):
    with running(broker, store) as ingest:
        gateway.events(1, 2)
        gateway.samples(1)
        until(lambda: gateway.position() == (2, 1))
        until(lambda: ingest.counts.messages == 2)
    assert numbers(store) == [1, 2]
    counts = replace(ingest.counts, batches=0)
    assert counts == Counts(messages=2, events=2, samples=1)
    assert 1 <= ingest.counts.batches <= 2


def test_the_answer_tells_the_desks_time(broker, store, gateway):
    with running(broker, store):
        before = time.time()
        gateway.events(1)
        until(lambda: gateway.answers)
        answer = gateway.answers[0]
    assert before - 0.001 <= answer.time_s + answer.time_ms / 1000 <= time.time()
    assert answer.epoch == EPOCH


def test_whoever_hears_the_answer_finds_the_records_on_the_disk(broker, store, path, gateway):
    """Read through a connection of its own, as another program would."""
    missing = []

    def look(answer: mqtt.Message) -> None:
        other = Store(f"sqlite:///{path}")
        upto = wire.parse(answer.topic, answer.payload).events
        missing.extend(set(range(1, upto + 1)) - set(numbers(other)))
        other.close()
        looked.append(upto)

    looked: list[int] = []
    eye = mqtt.Client(broker.url, "eye", look, [wire.topic(SITE, "+", "down", "stored")])
    eye.start()
    with running(broker, store):
        for n in range(1, 40):
            gateway.events(n)
        until(lambda: looked and looked[-1] == 39)
    eye.stop()
    assert missing == []


def test_what_is_on_the_wire_is_as_described(broker, store, gateway):
    with Tap("127.0.0.1", broker.port) as tap, running(broker, store):
        gateway.events(1)
        until(lambda: gateway.answers)
        gateway.state()
        tap.wait_for(4)
    tap.assert_clean()


def test_an_alarm_that_overtakes_is_stored_at_once_and_the_position_waits(broker, store, gateway):
    with running(broker, store):
        gateway.events(1, 2)
        until(lambda: gateway.position() == (2, 0))
        gateway.events(9)
        until(lambda: len(gateway.answers) == 2)
        assert gateway.position() == (2, 0)
        assert numbers(store) == [1, 2, 9]
        gateway.events(*range(3, 9))
        until(lambda: gateway.position() == (9, 0))


def test_what_is_sent_again_is_answered_but_stored_once(broker, store, gateway):
    with running(broker, store) as ingest:
        for _ in range(5):
            gateway.events(1, 2, 3)
        until(lambda: ingest.counts.messages == 5)
    assert numbers(store) == [1, 2, 3]
    assert (ingest.counts.events, ingest.counts.redelivered) == (3, 12)
    until(lambda: gateway.position() == (3, 0))
    assert store.duplicates() == 0


# ---- a gateway shows up ----


def test_a_state_is_answered_so_that_the_gateway_gets_time_and_position(broker, store, gateway):
    store.add([EVENT])
    with running(broker, store):
        gateway.state()
        until(lambda: gateway.position() == (1, 0))


def test_a_state_retained_from_before_is_answered_too(broker, store, gateway):
    gateway.state(events_first=5)
    time.sleep(0.1)
    with running(broker, store):
        until(lambda: gateway.position() == (4, 0))


def test_what_the_gateway_lost_is_waited_for_no_more(broker, store, gateway):
    with running(broker, store):
        gateway.events(20, 21)
        until(lambda: gateway.position() == (0, 0))
        gateway.state(events_first=20, samples_first=3)
        until(lambda: gateway.position() == (21, 2))


def test_coming_online_is_answered_once_the_journal_is_known(broker, store, gateway):
    online = {"status": "online", "boot": 3}
    with running(broker, store) as ingest:
        gateway.send("status", payload=online)
        until(lambda: ingest.counts.messages == 1)
        assert gateway.answers == [], "nobody knows its journal yet"
        gateway.events(1)
        until(lambda: len(gateway.answers) == 1)
        gateway.send("status", payload=online)
        until(lambda: len(gateway.answers) == 2)
        gateway.send("status", payload=online | {"status": "offline"})
        until(lambda: ingest.counts.messages == 4)
        gateway.events(2)
        until(lambda: gateway.position() == (2, 0))
        assert len(gateway.answers) == 3, "who goes offline is not answered"


def test_a_new_journal_is_answered_for_itself(broker, store, gateway):
    with running(broker, store):
        gateway.events(1, 2, 3)
        until(lambda: gateway.position() == (3, 0))
        gateway.events(1, epoch=8)
        until(lambda: gateway.position() == (1, 0))
        assert gateway.answers[-1].epoch == 8
    assert store.stored_upto(*SHOPS) == (3, 0)


# ---- broken input ----


@pytest.mark.parametrize(
    "rest, payload",
    [
        (("event",), b"\x00\xff not JSON"),
        (("event",), b""),
        (("event",), b"[" * 4000),
        (("event",), b"[]"),
        (("event",), [{"n": 1}]),
        (("event",), b" " * 5000),
        (("sample",), [_row(EVENT)]),
        (("log",), b"hello"),
        (("state", "x"), b"{}"),
        (("status",), {"status": "tired", "boot": 1}),
    ],
)
def test_what_cannot_be_read_is_put_aside_and_blocks_nothing(
    broker, store, gateway, rest, payload
):
    with running(broker, store) as ingest:
        gateway.send(*rest, payload=payload)
        gateway.events(1)
        until(lambda: gateway.position() == (1, 0))
    assert (ingest.counts.rejected, ingest.counts.messages) == (1, 2)
    [reject] = ingest.rejects
    assert reject.topic == wire.topic(SITE, GATEWAY, "up", *rest)
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    assert reject.first_bytes == raw[:64]
    assert reject.why


def test_rubbish_is_acknowledged_and_kept_only_up_to_a_bound(broker, store, gateway):
    """More than the broker's window of 100: without acknowledgement it would stop there."""
    with running(broker, store) as ingest:
        for _ in range(250):
            gateway.send("event", payload=b"rubbish")
        gateway.events(1)
        until(lambda: gateway.position() == (1, 0))
    assert ingest.counts.rejected == 250
    assert len(ingest.rejects) == ingest_module.REJECTS_KEPT


def test_another_site_is_not_stored(broker, store, gateway):
    with running(broker, store) as ingest:
        gateway.send("event", payload=[_row(EVENT)], site="other-garden")
        other = wire.topic("other-garden", GATEWAY, "up", "event")
        raw = json.dumps([_row(EVENT)]).encode()
        ingest._inbox.put(mqtt.Message(other, raw, False, 1, 0, ingest._client._connection))
        gateway.events(2)
        until(lambda: ingest.counts.messages == 2)
    assert [reject.why.split(";")[0] for reject in ingest.rejects] == ["site other-garden"]
    assert numbers(store) == [2]


# ---- trouble with the store ----


def test_while_the_store_cannot_be_written_nobody_is_told_otherwise(broker, store, gateway):
    broken, said = BrokenStore(store), []
    with running(broker, broken, say=said.append):
        broken.broken = StoreError("the disk is full", "make room")
        gateway.events(1, 2)
        until(lambda: broken.tried > 2)
        assert gateway.answers == []
        until(lambda: said)
        assert said == [
            "the disk is full; make room; trying again, nothing is acknowledged until then"
        ]
        broken.broken = None
        until(lambda: gateway.position() == (2, 0))
        until(lambda: said[1:] == ["storing again; nothing was lost"])
    assert numbers(store) == [1, 2]


def test_without_the_store_the_broker_keeps_the_messages(broker, store, gateway):
    """The proof that no PUBACK went out: the broker's window of 100 fills and stays full."""
    broken = BrokenStore(store)
    with running(broker, broken, say=lambda text: None) as ingest:
        broken.broken = StoreError("no")
        for n in range(1, 301):
            gateway.events(n)
        until(lambda: broken.tried > 2)
        waiting = ingest._inbox.qsize()
        assert waiting <= 200, f"{waiting} messages came without any acknowledgement"
        broken.broken = None
        until(lambda: gateway.position() == (300, 0))
    assert numbers(store) == list(range(1, 301))


def test_any_other_failure_of_the_store_is_treated_alike(broker, store, gateway):
    broken, said = BrokenStore(store), []
    with running(broker, broken, say=said.append):
        broken.broken = OverflowError("too large")
        gateway.events(1)
        until(lambda: said)
        assert "OverflowError('too large')" in said[0]
        broken.broken = None
        until(lambda: gateway.position() == (1, 0))


def test_stopping_does_not_wait_for_a_broken_store(broker, store, gateway):
    broken = BrokenStore(store)
    broken.broken = StoreError("no")
    with running(broker, broken, say=lambda text: None):
        gateway.events(1)
        until(lambda: broken.tried)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert (numbers(store), gateway.answers) == ([], [])


# ---- restarts ----


def test_the_next_ingest_goes_on_where_the_last_one_stopped(broker, store, gateway):
    with running(broker, store):
        gateway.events(1, 2)
        until(lambda: gateway.position() == (2, 0))
    with running(broker, store):
        gateway.events(3)
        until(lambda: gateway.position() == (3, 0))


def test_what_came_before_stopping_is_stored(broker, store, gateway):
    with running(broker, store) as ingest:
        for n in range(1, 101):
            gateway.events(n)
        until(lambda: ingest.counts.messages > 0)
    assert store.stored_upto(*SHOPS)[0] == ingest.counts.events == len(numbers(store))


def test_two_ingests_at_once_store_nothing_twice(broker, store, path, gateway):
    second = Store(f"sqlite:///{path}")
    with running(broker, store) as one, running(broker, second) as two:
        for n in range(1, 201):
            gateway.events(n)
        until(lambda: one.counts.messages == two.counts.messages == 200)
    second.close()
    assert numbers(store) == list(range(1, 201))
    assert one.counts.events + two.counts.events == 200
    assert one.counts.redelivered + two.counts.redelivered == 200


def test_a_broker_that_is_killed_and_returns_loses_nothing_that_was_answered(
    broker, store, gateway
):
    """The gateway does what the real one does: it sends again whatever was not answered."""
    with running(broker, store) as ingest:
        gateway.events(1, 2)
        until(lambda: gateway.position() == (2, 0))
        os.kill(broker.pid, signal.SIGKILL)
        until(lambda: not ingest.connected and not gateway.connected)
        broker.start()
        until(lambda: ingest.connected and gateway.connected)
        gateway.events(2, 3)
        until(lambda: gateway.position() == (3, 0))
    assert numbers(store) == [1, 2, 3]


def test_no_broker_is_told_at_the_start(store):
    ingest = Ingest(f"mqtt://127.0.0.1:{free_port()}", SITE, store)
    with pytest.raises(FiregridError, match="no broker at"):
        ingest.start()
    ingest.stop()


# ---- who watches ----


def test_the_watcher_sees_every_message_after_it_is_stored(broker, store, gateway):
    seen: list[wire.Message] = []
    stored_then: list[int] = []

    def watch(message: wire.Message) -> None:
        seen.append(message)
        stored_then.append(len(numbers(store)))

    with running(broker, store, on_stored=watch):
        gateway.events(1)
        until(lambda: len(seen) == 1)
        gateway.send("status", payload={"status": "online", "boot": 3})
        gateway.state()
        until(lambda: len(seen) == 3)
    assert [type(message) for message in seen] == [wire.Events, Status, StateHead]
    assert stored_then[0] == 1


def test_a_watcher_that_fails_does_not_stop_the_storing(broker, store, gateway, caplog):
    def fail(message: wire.Message) -> None:
        raise ZeroDivisionError("a bug in the picture")

    with running(broker, store, on_stored=fail):
        gateway.events(1)
        until(lambda: gateway.position() == (1, 0))
        gateway.events(2)
        until(lambda: gateway.position() == (2, 0))
        until(lambda: caplog.text.count("a bug in the picture") >= 2)


def test_a_watcher_that_stalls_does_not_stop_the_storing(broker, store, gateway, monkeypatch):
    """As when its output is a terminal that somebody has paused."""
    monkeypatch.setattr(ingest_module, "SHOWN_MAX", 3)
    monkeypatch.setattr(ingest_module, "SHOW_END_S", 0.2)
    paused = threading.Event()
    with running(broker, store, on_stored=lambda message: paused.wait(30)):
        for n in range(1, 11):
            gateway.events(n)
        until(lambda: gateway.position() == (10, 0))
        began = time.monotonic()
    assert time.monotonic() - began < 15, "stopping waited for it"
    paused.set()


def test_stopping_leaves_no_thread_behind(broker, store):
    before = set(threading.enumerate())
    with running(broker, store):
        assert set(threading.enumerate()) - before
    until(lambda: set(threading.enumerate()) <= before)


def test_thousands_go_through_in_few_transactions(broker, store, gateway):
    with running(broker, store) as ingest:
        for n in range(1, 8001, 8):
            gateway.events(*range(n, n + 8))
        until(lambda: gateway.position() == (8000, 0), within_s=60)
    assert numbers(store) == list(range(1, 8001))
    assert ingest.counts.batches < 1000, "a commit for each message would be one fsync for each"


# ---- holes ----


def test_a_hole_that_nobody_explains_is_an_alarm_once_and_after_a_restart_again(
    broker, store, gateway
):
    said: list[str] = []
    hole = "gw-shops events 3 to 4 (epoch 7)"
    with running(broker, store, say=said.append) as ingest:
        gateway.events(1, 2, 5)
        until(lambda: gateway.position() == (2, 0))
        assert ingest.holes == []
        gateway.state(events_first=5, events_stored=4, events_lost=0)
        until(lambda: gateway.position() == (5, 0))
        until(lambda: ingest.holes)
        gateway.state(events_first=6, events_stored=5, events_lost=0)
        gateway.events(6)
        until(lambda: gateway.position() == (6, 0))
    assert said == [f"ALARM: records are missing and nobody explains it: {hole}"]
    with running(broker, store, say=said.append):
        until(lambda: len(said) == 2)
    assert said[1] == said[0]


def test_a_hole_that_the_gateway_explains_is_none(broker, store, gateway):
    said: list[str] = []
    with running(broker, store, say=said.append) as ingest:
        gateway.events(1, 2, 5)
        gateway.state(events_first=5, events_stored=2, events_lost=2)
        until(lambda: gateway.position() == (5, 0))
    assert (said, ingest.holes) == ([], [])


def test_no_answer_goes_across_a_hole_that_the_gateway_can_still_fill(broker, store, gateway):
    with running(broker, store):
        gateway.events(1, 4)
        gateway.state(events_first=2, events_stored=1, events_lost=0)
        gateway.events(5)
        until(lambda: len(numbers(store)) == 3)
        until(lambda: gateway.position() == (1, 0))
        gateway.events(2, 3)
        until(lambda: gateway.position() == (5, 0))
    assert all(answer.events in (1, 5) for answer in gateway.answers)
