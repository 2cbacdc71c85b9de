"""From the broker into the store: what is acknowledged is on the disk.

The order is the promise: commit, then PUBACK, then "stored up to" to each gateway touched. Nothing
rests on the broker's memory: a gateway keeps its records until it hears of them, and the store
drops what comes twice.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from firegrid import mqtt, wire, words
from firegrid.gaps import Gaps, Hole, find_gaps, tell_missing, unexplained
from firegrid.store import Journal, Store, StoreError

__all__ = ["Counts", "Ingest", "Intake", "Positions", "Reject", "answers"]

BATCH_MESSAGES = 500
BATCH_S = 0.02
RETRY_S = (0.1, 0.5, 2.0)  # while the store cannot be written; the last one stays
REJECTS_KEPT = 100
FIRST_BYTES = 64
SHOWN_MAX = 10_000  # messages that wait to be shown
SHOW_END_S = 2.0

_log = logging.getLogger(__name__)
Positions: TypeAlias = dict[Journal, tuple[int, int]]


@dataclass(slots=True)
class Counts:
    """What went through so far; events and samples are the new ones."""

    messages: int = 0
    events: int = 0
    samples: int = 0
    redelivered: int = 0
    rejected: int = 0
    batches: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """A message that was acknowledged but not taken, and why."""

    topic: str
    why: str
    first_bytes: bytes


class Intake:
    """What is done with a batch of messages: store, once, and say how far the store reaches."""

    def __init__(self, site_id: str, store: Store, counts: Counts) -> None:
        self._site = site_id
        self._store = store
        self._counts = counts
        self._epochs: dict[str, int] = {}  # by gateway, as its state or its records said last

    def take(self, batch: list[wire.Message]) -> Positions:
        """Return the positions that are safe once this returns; raise where nothing is."""
        events = _records(batch, wire.Events)
        samples = _records(batch, wire.Samples)
        added = self._store.add(events, samples)
        self._counts.events += len(added.new_events)
        self._counts.samples += len(added.new_samples)
        self._counts.redelivered += added.redelivered
        positions = added.positions
        for said in batch:
            if isinstance(said, wire.StateHead):
                positions |= self._meet(said)
            elif isinstance(said, wire.Status) and said.status == "online":
                positions |= self._greet(said.gateway)
        self._epochs |= {gateway: epoch for _, gateway, epoch in positions}
        return positions

    def _meet(self, head: wire.StateHead) -> Positions:
        said = head.fields
        journal = (head.site, head.gateway, said["epoch"])
        first, stored, lost = [
            (said[f"events_{what}"], said[f"samples_{what}"])
            for what in ("first", "stored", "lost")
        ]
        return {journal: self._store.forget_below(journal, first, stored, lost)}

    def _greet(self, gateway: str) -> Positions:
        """A gateway came online: tell it our time and its position, if its journal is known."""
        if gateway not in self._epochs:
            return {}  # its state follows, and says
        journal = (self._site, gateway, self._epochs[gateway])
        return {journal: self._store.stored_upto(*journal)}


def answers(positions: Positions, now_ns: int) -> Iterator[wire.Stored]:
    """Yield what each gateway is to hear."""
    for (site, gateway, epoch), (events, samples) in positions.items():
        time_s, time_ms = divmod(now_ns // 1_000_000, 1000)
        yield wire.Stored(site, gateway, epoch, events, samples, time_s, time_ms)


class Ingest:
    """Start it and it stores a site's records until stopped, through every loss of broker or disk.

    `on_stored` gets every message once what it brings is safe; `say` gets the few sentences meant
    for a person. Both run in a thread that may stall or fail without holding up the storing.
    """

    def __init__(
        self,
        url: str,
        site_id: str,
        store: Store,
        on_stored: Callable[[wire.Message], None] | None = None,
        say: Callable[[str], None] = _log.warning,
    ) -> None:
        self.counts = Counts()
        self.holes: list[tuple[Gaps, Hole]] = []  # in the store that nobody explains
        self.rejects: deque[Reject] = deque(maxlen=REJECTS_KEPT)
        self._site = site_id
        self._store = store
        self._on_stored = on_stored
        self._say = say
        self._noted = store.noted
        self._intake = Intake(site_id, store, self.counts)
        self._inbox: queue.SimpleQueue[mqtt.Message | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._client = mqtt.Client(
            url,
            f"firegrid-ingest-{uuid4().hex[:8]}",
            self._inbox.put,
            [wire.topic(site_id, "+", "up", "#")],
            manual_ack=True,
        )
        self._worker = threading.Thread(target=self._work, name="ingest", daemon=True)
        self._shown: queue.Queue[tuple[Callable[[Any], None], Any]] = queue.Queue(SHOWN_MAX)
        self._shower = threading.Thread(target=self._show_all, name="ingest-show", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._client.connected

    def start(self) -> None:
        """Return once subscribed; raise where no broker answers."""
        self._client.start()
        self._worker.start()
        self._shower.start()
        self._show(self._find_holes, None)

    def stop(self) -> None:
        """Store what has come, acknowledge it, leave."""
        self._stopping.set()
        self._inbox.put(None)
        if self._worker.is_alive():
            self._worker.join()
        self._client.stop()
        if self._shower.is_alive():
            with suppress(queue.Full):
                self._shown.put((_end, None), timeout=SHOW_END_S)
            self._shower.join(SHOW_END_S)

    def send(self, command: wire.Command) -> bool:
        """Give a gateway a command; False while there is no broker: nothing is kept for later."""
        return self._client.publish(*wire.encode(command))

    def _work(self) -> None:
        while batch := self._collect():
            said = [said for message in batch if (said := self._parse(message))]
            positions = self._commit(said)
            if positions is None:
                return  # stopped while the store could not be written: nobody was told otherwise
            for message in batch:
                self._client.ack(message)
            self.counts.messages += len(batch)
            self.counts.batches += 1
            self._answer(positions)
            if self._store.noted != self._noted:
                self._noted = self._store.noted
                self._show(self._find_holes, None)
            if self._on_stored:
                for one in said:
                    self._show(self._on_stored, one)

    def _collect(self) -> list[mqtt.Message]:
        """Return what has come: waits for the first message, then takes what follows at once."""
        messages: list[mqtt.Message] = []
        until = float("inf")
        while len(messages) < BATCH_MESSAGES and time.monotonic() < until:
            try:
                message = self._inbox.get(block=not messages)
            except queue.Empty:
                break  # waiting longer would only idle: brokers send no more before our PUBACK
            if message is None:
                self._inbox.put(None)  # for the next round: first what came before it
                break
            if not messages:
                until = time.monotonic() + BATCH_S
            messages.append(message)
        return messages

    def _parse(self, message: mqtt.Message) -> wire.Message | None:
        try:
            said = wire.parse(message.topic, message.payload)
            if said.site != self._site:
                raise wire.WireError(f"site {said.site}", f"this ingest stores {self._site}")
        except wire.WireError as error:
            first = message.payload[:FIRST_BYTES]
            self.rejects.append(Reject(message.topic, str(error), first))
            self.counts.rejected += 1
            return None
        return said

    def _commit(self, batch: list[wire.Message]) -> Positions | None:
        """Store a batch however long it takes; None where we were stopped before it was done."""
        attempt = 0
        while True:
            try:
                positions = self._intake.take(batch)
            except Exception as error:  # whatever it is: nobody is told that it is stored
                if not attempt:
                    why = str(error) if isinstance(error, StoreError) else repr(error)
                    told = words.tell("ingest.not_stored", why=why)
                    self._show(self._say, told)
                if self._stopping.wait(RETRY_S[min(attempt, len(RETRY_S) - 1)]):
                    return None
                attempt += 1
            else:
                if attempt:
                    self._show(self._say, words.tell("ingest.storing_again"))
                return positions

    def _answer(self, positions: Positions) -> None:
        for stored in answers(positions, time.time_ns()):
            self._client.publish(*wire.encode(stored))

    def _show(self, to: Callable[[Any], None], what: Any) -> None:
        with suppress(queue.Full):  # who is so far behind is mended by the gateways' next state
            self._shown.put_nowait((to, what))

    def _find_holes(self, _: None) -> None:
        """What no gateway can send any more and nobody explains is an alarm of its own."""
        found = unexplained(find_gaps(self._store, self._site))
        if news := [hole for hole in found if hole not in self.holes]:
            self._say(words.tell("ingest.holes", holes=tell_missing(news)))
        self.holes = found

    def _show_all(self) -> None:
        to = None
        while to is not _end:
            to, what = self._shown.get()
            try:
                to(what)
            except Exception:
                _log.exception("what shows the messages has failed")


def _end(_: None) -> None:
    """Shown last: there is no more."""


def _records(batch: list[wire.Message], kind: type[wire.Events | wire.Samples]) -> list[Any]:
    return [record for said in batch if isinstance(said, kind) for record in said.records]
