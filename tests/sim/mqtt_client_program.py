"""Runs in the VM: the MQTT client at work. Says what happens as lines of JSON.

It publishes numbered messages as an uplink would: at least once each, after a reconnect again from
the first that is not known to be acknowledged. A plan is a dict; see PLAN for its keys.
"""

import asyncio
import json
import sys
from random import random
from time import sleep_ms, ticks_diff, ticks_ms

from lib.backoff import Backoff
from link import LinkLost
from mqtt import MESSAGE_BYTES, Client

PLAN = {
    "address": "127.0.0.1",
    "port": 1883,
    "client_id": "gw-test",
    "keepalive_s": 20,
    "window": 8,
    "ack_limit_ms": 10000,
    "ping_limit_ms": 5000,
    "subscribe": "test/down",
    "count": 0,  # how many messages to publish; the program ends when all are acknowledged
    "size": 200,  # bytes of each
    "per_tick": 0,  # publish so many each tick; 0: as many as there is room for
    "last_id": 0,  # of a packet before this connection
    "reconnect": False,
    "echo": False,  # publish what comes in
    "stall_ms": 0,  # stand still for so long at the first message that comes in
    "close_ms": 0,  # close the connection after so long
    "end_ms": 0,  # end after so long without a reason
}


def say(what, **more):
    more["what"] = what
    print(json.dumps(more))


class Program:
    def __init__(self, plan):
        self._plan = plan
        self._client = Client(
            plan["client_id"], "test/status", "offline", plan["keepalive_s"], ticks_ms,
            window=plan["window"], ack_limit_ms=plan["ack_limit_ms"],
            ping_limit_ms=plan["ping_limit_ms"],
            out=bytearray(max(MESSAGE_BYTES, plan["size"] + 256) + 256),
        )  # fmt: skip
        self._client._waiting._last_id = plan["last_id"]
        self._payload = bytearray(b"." * plan["size"])
        self._sent = 0
        self._in_flight_most = 0
        self._subscribed = False
        self._begin_ms = ticks_ms()

    @property
    def done(self):
        return self._plan["count"] and self._sent - self._client.in_flight == self._plan["count"]

    def feed(self, most=1000000):
        client = self._client
        while most and self._sent < self._plan["count"]:
            self._payload[:7] = b"%07d" % self._sent
            if not client.publish("test/up", self._payload):
                break
            self._sent += 1
            most -= 1
        self._in_flight_most = max(self._in_flight_most, client.in_flight)

    def on_room(self):
        if not self._subscribed:
            self._subscribed = True
            say("subscribed")
        if not self._plan["per_tick"]:
            self.feed()
        if self.done:
            self._end("done")

    def on_tick(self, now_ms):
        if self._plan["per_tick"]:
            self.feed(self._plan["per_tick"])
        if self._plan["end_ms"] and ticks_diff(now_ms, self._begin_ms) > self._plan["end_ms"]:
            self._end("end")

    def on_message(self, topic, payload):
        say("message", topic=topic, size=len(payload), head=bytes(payload[:20]).decode())
        if self._plan["echo"]:
            self._client.publish("test/echo", payload)
        sleep_ms(self._plan["stall_ms"])
        self._plan["stall_ms"] = 0

    def _end(self, why):
        say(
            why,
            sent=self._sent,
            in_flight=self._client.in_flight,
            in_flight_most=self._in_flight_most,
            oversize=self._client.oversize,
        )
        sys.exit()

    async def session(self):
        client = self._client
        present = await client.connect(self._plan["address"], self._plan["port"])
        say("connected", present=present)
        self._subscribed = False
        await client.subscribe([self._plan["subscribe"]])
        if not self._plan["per_tick"]:
            self.feed()
        await client.flush()
        await client.serve(self.on_message, self.on_tick, self.on_room)

    async def close_later(self):
        await asyncio.sleep_ms(self._plan["close_ms"])
        await self._client.close()
        say("closed")

    async def run(self):
        backoff = Backoff(random)
        if self._plan["close_ms"]:
            self._closing = asyncio.create_task(self.close_later())
        while True:
            start_ms = ticks_ms()
            try:
                await self.session()
            except LinkLost as lost:
                self._sent -= self._client.in_flight
                after_ms = ticks_diff(ticks_ms(), start_ms)
                say("lost", why=str(lost), after_ms=after_ms, sent=self._sent)
            if not self._plan["reconnect"]:
                await asyncio.sleep_ms(50)  # for who closed it to say so
                return
            await asyncio.sleep_ms(backoff.next_ms())


def main(plan):
    asyncio.run(Program({key: plan.get(key, usual) for key, usual in PLAN.items()}).run())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
