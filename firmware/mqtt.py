"""An MQTT 3.1.1 client over one TCP connection: what the uplink stands on.

Use:

    client = Client("gw-shops", "…/up/status", "offline", 20, clock.ms)
    await client.connect("192.0.2.7", 1883)
    await client.subscribe(["…/down/stored"])
    packet_id = client.publish("…/up/event", "[…]")     # 0: no room now, try again later
    if client.begin("…/up/event", "["):                 # or printed piece by piece
        print(1, end="", file=client.text)
        client.put()
        packet_id = client.end()
    await client.flush()                                # one write of all that was queued
    await client.serve(on_message)                      # in a task of its own while the link lives

Only `connect` and `serve` raise LinkLost; a link that breaks anywhere else makes `serve` raise it.
Every publish is QoS 1. Nothing of a connection outlives it: sessions are clean, ids in flight are
forgotten. Whoever publishes sends again after a reconnect, from its journal; so no packet is kept,
and none ever carries the DUP flag.
"""

import asyncio
from io import BytesIO
from time import ticks_diff

from micropython import const

from lib import mqtt_packets as packets
from lib.inbox import Inbox
from lib.window import Window
from link import Link, LinkLost

CONNECT_MS = const(5000)  # for TCP and the broker's CONNACK together
FLUSH_MS = const(5000)  # for the port to take what was queued
TICK_MS = const(1000)  # how exact all limits are
_RETRY_MS = const(10)  # while the port's buffer is full

MESSAGE_BYTES = const(2304)  # the longest to send: payload, topic and header
_RECEIVED_BYTES = const(512)  # the longest to receive
_REPLIES_BYTES = const(256)  # kept free for PUBACK, PINGREQ and SUBSCRIBE
PIECE_BYTES = const(384)  # of a message, more than the longest record takes


_COMMA = const(44)
_CLOSING = const(2)  # from "[" to "]", and from "{" to "}"


def _nothing(*_):
    pass


class Client:
    """One connection after another. `clock_ms()` gives ticks. A publish without PUBACK for
    `ack_limit_ms`, or a ping and then silence for `ping_limit_ms`, ends the link. To be read:
    `connected`, `in_flight`, `window`; `oversize` counts the messages too long to receive."""

    def __init__(  # noqa: PLR0913
        self,
        client_id,
        will_topic,
        will_payload,
        keepalive_s,
        clock_ms,
        window=8,
        ack_limit_ms=10000,
        ping_limit_ms=5000,
        out=None,
    ):
        self.window = window
        self.connected = False
        self.oversize = 0
        self._hello = (client_id, keepalive_s, will_topic, will_payload)
        self._clock_ms = clock_ms
        self._ack_limit_ms = ack_limit_ms
        self._ping_limit_ms = ping_limit_ms
        self._ping_every_ms = keepalive_s * 500
        self._waiting = Window(window)
        self._inbox = Inbox(_RECEIVED_BYTES)
        self._out = out or bytearray(MESSAGE_BYTES + _REPLIES_BYTES)
        self._message_bytes = len(self._out) - _REPLIES_BYTES
        self._out_view = memoryview(self._out)
        self.text = BytesIO(PIECE_BYTES)
        self._topic = None  # of the message that is being written
        self._mark = self._end = 0  # the byte before its next piece, and where that goes
        self._link = None
        self._serving = False
        self._begin()
        self._fault = "not connected"

    def _begin(self):
        """Forget all that belonged to the last connection."""
        self._waiting.clear()
        self._inbox.clear()
        self._written = self._queued = 0  # in _out, what lies between waits for the port
        self._fault = None  # why there is no link, for serve() to say
        self._suspect = None  # what the broker seemed to owe us a tick ago
        self._pinged = False  # and not a byte heard since
        self._ping_ms = self._clock_ms()

    @property
    def in_flight(self):
        """How many messages wait for their PUBACK; at most `window`."""
        return self._waiting.in_flight

    async def connect(self, address, port):
        """Connect to a numeric address; return whether the broker says "session present"."""
        self._begin()
        try:
            self._link = Link(address, port)
            present = await asyncio.wait_for_ms(self._open(), CONNECT_MS)
            self.connected = True
        except asyncio.TimeoutError:
            raise LinkLost("no answer")
        except packets.PacketError as error:
            raise LinkLost("not MQTT: " + str(error))
        finally:
            if not self.connected:
                self._drop()
        return present

    async def _open(self):
        """Connect and be welcomed; return whether the broker says "session present"."""
        await self._link.open()
        self._queued = packets.put_connect(self._out, 0, *self._hello)
        await self.flush()
        self._must_be_sound()
        inbox = self._inbox
        while not inbox.next():
            inbox.received(await self._link.read(inbox.room()))
        present, code = packets.read_connack(inbox.buffer, inbox.at, inbox.end)
        if code:
            raise LinkLost("refused by the broker, code " + str(code))
        return present

    def publish(self, topic, payload, retain=False):
        """Queue a copy of texts or bytes; return its packet id, 0 while there is no room."""
        topic = memoryview(topic)
        payload = memoryview(payload)
        size = packets.publish_bytes(topic, payload)
        most = self._message_bytes
        if size > most:
            raise ValueError("message of " + str(size) + " bytes, at most " + str(most))
        if not self.connected or self.in_flight == self.window:
            return 0
        if not self._has_room(size, most):
            return 0
        packet_id = self._waiting.claim(self._clock_ms())
        self._queued = packets.put_publish(
            self._out, self._queued, packet_id, topic, payload, retain
        )
        return packet_id

    def begin(self, topic, opening):
        """Begin a JSON array or object ("[" or "{") in the send buffer; return whether there is
        room. Nothing else may be queued before its `end`."""
        if self._write() or not self.connected or self.in_flight == self.window:
            return False
        self._topic = topic = memoryview(topic)
        self._opening = self._mark = ord(opening)
        self._end = packets.payload_at(0, topic)
        self.text.seek(0)
        return True

    def put(self):
        """Take what was printed to `text` as the next piece; return False, and leave it out, where
        it does not fit."""
        at = self._end
        size = self.text.tell()
        self.text.seek(0)
        if at + size + 2 > self._message_bytes:
            return False
        self._out[at] = self._mark
        self.text.readinto(self._out_view[at + 1 :], size)
        self.text.seek(0)
        self._mark = _COMMA
        self._end = at + 1 + size
        return True

    def end(self, retain=False):
        """Queue the message that was begun; return its packet id."""
        self._out[self._end] = self._opening + _CLOSING
        begin = packets.payload_at(0, self._topic)
        return self.publish(self._topic, self._out_view[begin : self._end + 1], retain)

    async def subscribe(self, topics):
        """Ask for these topics, before anything is published; a refusal makes serve() raise."""
        packet_id = self._waiting.claim(self._clock_ms())
        self._queued = packets.put_subscribe(self._out, self._queued, packet_id, topics)
        await self.flush()

    async def flush(self):
        """Hand everything queued to the port: one write, unless the port's buffer is full."""
        for _ in range(FLUSH_MS // _RETRY_MS):
            if not self._write():
                return
            await asyncio.sleep_ms(_RETRY_MS)
        self._fail("the broker takes no bytes")

    async def serve(self, on_message, on_tick=_nothing, on_room=_nothing):
        """Hear the broker and keep the link alive until it is lost.

        `on_message(topic, payload)`: the payload is a view that ends with the call, and after it a
        message of QoS 1 is acknowledged. `on_tick(now_ms)` comes every TICK_MS, `on_room()` after
        a PUBACK or SUBACK. All three may publish: one write follows them."""
        self._serving = True
        try:
            while True:
                self._must_be_sound()
                try:
                    await asyncio.wait_for_ms(self._hear(on_message, on_room), TICK_MS)
                except asyncio.TimeoutError:
                    now_ms = self._clock_ms()
                    on_tick(now_ms)
                    self._keep_alive(now_ms)
        finally:
            self._serving = False
            self._drop()

    async def close(self):
        """Drop the connection without a word: the broker publishes the will. Ends serve() too."""
        self._fail("closed")
        while self._serving:
            await asyncio.sleep_ms(_RETRY_MS)
        self._drop()

    async def _hear(self, on_message, on_room):
        inbox = self._inbox
        while True:
            inbox.received(await self._link.read(inbox.room()))
            self._pinged = False
            try:
                self._understand(on_message, on_room)
            except packets.PacketError as error:
                raise LinkLost("not MQTT: " + str(error))
            self._write()

    def _understand(self, on_message, on_room):
        """Act on every whole packet in the inbox."""
        inbox = self._inbox
        room = False
        while inbox.next():
            kind = inbox.buffer[inbox.at] >> 4
            if kind == packets.PUBACK:
                self._waiting.release(packets.read_puback(inbox.buffer, inbox.at, inbox.end))
                room = True
            elif kind == packets.PUBLISH:
                self._deliver(on_message)
            elif kind == packets.SUBACK:
                self._subscribed()
                room = True
            else:
                packets.read_pingresp(inbox.buffer, inbox.at, inbox.end)
        if inbox.is_overfull():
            self._leave_out()
        if room:
            on_room()

    def _deliver(self, on_message):
        inbox = self._inbox
        topic, packet_id, payload_at = packets.read_publish(inbox.buffer, inbox.at, inbox.end)
        on_message(topic, inbox.view[payload_at : inbox.end])
        self._confirm(packet_id)

    def _leave_out(self):
        """Skip a message too long to receive, yet acknowledge it: it would never get shorter."""
        buffer = self._inbox.buffer
        packet_id = packets.read_publish(buffer, 0, len(buffer))[1]
        self._inbox.give_up()
        self.oversize += 1
        self._confirm(packet_id)

    def _subscribed(self):
        inbox = self._inbox
        packet_id, granted = packets.read_suback(inbox.buffer, inbox.at, inbox.end)
        if not granted:
            raise LinkLost("subscription refused by the broker")
        self._waiting.release(packet_id)

    def _keep_alive(self, now_ms):
        """Ping when it is time; raise LinkLost where the broker is silent for too long.

        It must seem so twice in a row: if it was the gateway that stood still, the broker's answer
        is heard in between."""
        suspect = self._silence(now_ms)
        if suspect and suspect == self._suspect:
            raise LinkLost(suspect)
        self._suspect = suspect
        if not self._pinged and ticks_diff(now_ms, self._ping_ms) >= self._ping_every_ms:
            self._reply(packets.put_pingreq)
            self._pinged = True
            self._ping_ms = now_ms
        self._write()

    def _silence(self, now_ms):
        """Return what the broker owes us for too long, or None."""
        if self._waiting.is_overdue(now_ms, self._ack_limit_ms):
            return "no PUBACK"
        if self._pinged and ticks_diff(now_ms, self._ping_ms) > self._ping_limit_ms:
            return "no PINGRESP"
        return None

    def _confirm(self, packet_id):
        if packet_id:  # QoS 0 has none
            self._reply(packets.put_puback, packet_id)

    def _reply(self, put, *packet_id):
        """Queue a short packet in the room that publishes leave."""
        if not self._has_room(packets.ACK_BYTES, len(self._out)):
            raise LinkLost("the broker takes no bytes")
        self._queued = put(self._out, self._queued, *packet_id)

    def _has_room(self, size, limit):
        """Return whether `size` bytes can be queued below `limit`, if need be after a write."""
        if self._queued + size > limit:
            self._write()
        return self._queued + size <= limit

    def _write(self):
        """Write what is queued; return whether the port left some of it."""
        if self._fault or self._written == self._queued:
            return False
        try:
            self._written += self._link.write(self._out_view[self._written : self._queued])
        except LinkLost as lost:
            self._fail(str(lost))
            return False
        if self._written < self._queued:
            return True
        self._written = self._queued = 0
        return False

    def _fail(self, reason):
        """The link is lost: publish no more, and let serve() say why."""
        self.connected = False
        self._fault = self._fault or reason

    def _must_be_sound(self):
        if self._fault:
            raise LinkLost(self._fault)

    def _drop(self):
        self._fail("not connected")
        if self._link:
            self._link.close()
            self._link = None
