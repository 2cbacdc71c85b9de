"""The uplink: journal → broker, and the desk's word back. Two tasks share one session.

Records go out in order, events before samples, a new event before the backlog; they leave the
journal only when `down/stored` covers them. After a reconnect everything not stored is sent again:
the desk drops what it has. Nobody upstream ever waits for this file.
"""

import asyncio
import json
from random import random
from time import ticks_add, ticks_diff

from micropython import const

from clock import DESK, HELD
from lib import record
from lib.address import is_address
from lib.backoff import Backoff
from lib.codes import NO_BROKER, NO_DESK
from lib.forget import forget
from lib.outgoing import Outgoing
from lib.payload import put_event, put_sample
from lib.silence import Silence
from mqtt import Client, LinkLost

STATE_MS = const(60000)
SETTLE_MS = const(500)  # changes close together go out as one state
TICK_MS = const(20)  # while the window is full, or the broker still has to answer
LOOK_MS = const(1000)  # while there is nothing to send or to hear
AWAY_MS = const(100)  # while there is no broker
EVENTS_PER_MESSAGE = const(8)
SAMPLES_PER_MESSAGE = const(12)
SPARE_SLOTS = const(2)  # of the window, kept free of samples for the next event
STORED_BYTES_MAX = const(256)


class Uplink:
    """`head` is the configuration's gateway line."""

    def __init__(self, head, board, clock, journal, recorder, report, operation):
        self._head = head
        self._board = board
        self._clock = clock
        self._journal = journal
        self._recorder = recorder
        self._report = report
        self._operation = operation
        self._heard = []  # what commands have come: see commands.py
        now_ms = clock.ms()
        desk_ms = head["desk_s"] * 1000  # sent and not stored for so long: TROUBLE, sent again
        self._events = Outgoing(journal.events, desk_ms, now_ms)
        self._samples = Outgoing(journal.samples, desk_ms, now_ms)
        self._record = bytearray(record.SIZE)
        self._topic = "firegrid/1/" + head["site"] + "/" + head["gateway"] + "/"
        self._stored_topic = self._topic + "down/stored"
        self._command_topic = self._topic + "down/command"
        self._client = Client(
            head["gateway"],
            self._topic + "up/status",
            self._status("offline"),
            head["keepalive_s"],
            clock.ms,
            out=board.send_buffer,
        )
        self._session = asyncio.Event()
        self._backoff = Backoff(random)
        self._found = None  # the broker's address, where it is known by name
        self._state_ms = now_ms  # when the next state is due
        self._broker = Silence(head["broker_s"] * 1000, now_ms)
        self._part = self._parts = 0  # the next part of the state to send, and how many it has
        self._reported = 0  # the newest event that a state has told of

    @property
    def connected(self):
        """Whether the broker is there."""
        return self._client.connected

    @property
    def confirmed(self):
        """Whether the desk has stored every event: what the link lamp shows steady."""
        events = self._journal.events
        return self._client.connected and events.stored == events.next - 1

    async def run(self, beat):
        """Task: keep a session, and send while it lasts."""
        await self._client.close()  # what the task had open when it failed
        while True:
            self._session.clear()
            try:
                await self._open(beat)
                while self._client.connected and self._board.has_network():
                    self._watch(beat)
                    await self._drain()
            except LinkLost:
                pass  # told by _watch, once it has lasted
            await self._client.close()
            await self._pause(self._backoff.next_ms(), beat)

    async def listen(self, beat):
        """Task: hear the broker while there is a session."""
        while True:
            beat(self._clock.ms())
            try:
                await asyncio.wait_for_ms(self._session.wait(), LOOK_MS)
                await self._client.serve(self._hear, beat)
            except asyncio.TimeoutError:
                pass
            except LinkLost:
                self._session.clear()  # the other task sees it, too

    async def _open(self, beat):
        head = self._head
        self._board.join_network(head["wifi_ssid"], head["wifi_key"])
        while not self._board.has_network():
            await self._pause(AWAY_MS, beat)
        self._watch(beat)
        client = self._client
        await client.connect(await self._address(head["broker_host"]), head["broker_port"])
        self._session.set()  # what the broker says is heard from now on
        await client.subscribe([self._stored_topic, self._command_topic])
        client.publish(self._topic + "up/status", self._status("online"), retain=True)
        self._part = self._parts
        self._state_ms = self._clock.ms()
        self._events.restart(self._state_ms)
        self._samples.restart(self._state_ms)

    async def _address(self, host):
        if is_address(host):
            return host
        from resolver import resolve  # loaded only where the broker is known by name

        try:
            self._found = await resolve(host, self._board.network()[0])
        except LinkLost:
            if self._found is None:
                raise
        return self._found  # where the name server is away: as it was last

    async def _drain(self):
        """Send what may go now, then give way: until there is news, where nothing is left."""
        news = self._recorder.news
        news.clear()
        more = self._send_next()
        await self._client.flush()
        if more or self._client.in_flight:
            await asyncio.sleep_ms(0 if more else TICK_MS)
            return
        try:
            wait_ms = min(LOOK_MS, ticks_diff(self._state_ms, self._clock.ms()))
            await asyncio.wait_for_ms(news.wait(), max(0, wait_ms))
        except asyncio.TimeoutError:
            pass

    def _send_next(self):
        """Queue one message; return False when there is none or the window is full."""
        free = self._client.window - self._client.in_flight
        if not free:
            return False
        if self._send_run(self._events, put_event, "up/event", EVENTS_PER_MESSAGE):
            return True
        if free <= SPARE_SLOTS:
            return False
        return self._send_state() or self._send_run(
            self._samples, put_sample, "up/sample", SAMPLES_PER_MESSAGE
        )

    def _send_run(self, outgoing, put, channel, most):
        first, count = outgoing.cursor.next(most)
        client = self._client
        if not count or not client.begin(self._topic + channel, "["):
            return False
        some = False
        for n in range(first, first + count):
            if not outgoing.lane.read(n, self._record):
                continue  # it is damaged, and the lane counts it
            put(client.text, self._record, self._journal.epoch, self._report.units, self._clock)
            if not client.put():
                count = n - first  # the message is full
                break
            some = True
        if some:
            client.end()
        outgoing.cursor.sent(first, count)
        return True

    def _send_state(self):
        if self._part == self._parts:
            if not self._state_due():
                return False
            self._part, self._parts = 0, self._report.renew()
        client = self._client
        if not client.begin(self._topic + f"up/state/{self._part}", "[" if self._part else "{"):
            return False
        self._report.put(self._part, client)
        client.end(retain=True)
        self._part += 1
        return True

    def _state_due(self):
        """Each minute, and soon after an event."""
        now_ms = self._clock.ms()
        if self._reported != self._journal.events.next:
            self._reported = self._journal.events.next
            soon_ms = ticks_add(now_ms, SETTLE_MS)
            if ticks_diff(self._state_ms, soon_ms) > 0:
                self._state_ms = soon_ms
        if ticks_diff(now_ms, self._state_ms) < 0:
            return False
        self._state_ms = ticks_add(now_ms, STATE_MS)
        return True

    def _hear(self, topic, payload):
        """A message from the broker: the desk's "stored up to", or a command."""
        if topic == self._command_topic:
            from commands import take  # loaded only when one comes

            take(payload, self._heard, self._operation)
            forget("commands", "acts", "lib.service", "lib.verbs")
        if topic != self._stored_topic or len(payload) > STORED_BYTES_MAX:
            return
        try:
            said = json.loads(payload)
            epoch, events, samples, time_s = [
                int(said[key]) for key in ("epoch", "events", "samples", "time_s")
            ]
        except (ValueError, KeyError, TypeError):
            return  # not a word of the desk
        if epoch == self._journal.epoch:
            now_ms = self._clock.ms()
            for outgoing, upto in ((self._events, events), (self._samples, samples)):
                outgoing.lane.release(upto)
                outgoing.answered(now_ms)
            self._backoff.restart()  # not before: a broker that drops us at once is no success
        held_s = self._clock.time_s() if self._clock.quality == HELD else time_s
        if time_s > 0 and self._clock.set(time_s, DESK):
            self._recorder.note(record.CLOCK)
            if self._operation.restored:
                from lib.lasting import slept  # loaded only where a bypass came back

                slept(self._operation, time_s - held_s)
                forget("lib.lasting", "lib.verbs")

    def _watch(self, beat):
        """Beat, and turn a broker or a desk that is away for too long into TROUBLE."""
        now_ms = self._clock.ms()
        beat(now_ms)
        if self._client.connected:
            self._broker.heard(now_ms)
            silent = self._events.desk_is_silent(now_ms)  # both are asked: each sends again
            silent = self._samples.desk_is_silent(now_ms) or silent
            self._recorder.trouble(NO_DESK, silent)
        self._recorder.trouble(NO_BROKER, self._broker.update(now_ms))

    async def _pause(self, wait_ms, beat):
        until_ms = ticks_add(self._clock.ms(), wait_ms)
        while ticks_diff(until_ms, self._clock.ms()) > 0:
            self._watch(beat)
            await asyncio.sleep_ms(AWAY_MS)

    def _status(self, word):
        return '{"status":"' + word + '","boot":' + str(self._clock.boot) + "}"
