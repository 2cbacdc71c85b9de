"""For `link`: MQTT clients that others publish, each as it is meant to be used."""

import asyncio
import builtins
import sys
from time import ticks_diff, ticks_ms, ticks_us

ADDRESS = "127.0.0.1"
_PATIENCE_MS = 5000


class Machine:
    """What aiomqttc takes of a board's module: the date, for its statistics."""

    class RTC:
        def datetime(self):
            return (2026, 1, 1, 3, 0, 0, 0, 0)


async def aiomqttc(port, window, count, topic, payload):
    """As many tasks as the window is wide: a publish returns when it is acknowledged."""
    sys.modules["machine"] = Machine
    builtins.TimeoutError = asyncio.TimeoutError  # it names one that no MicroPython has
    from aiomqttc import MQTTClient

    client = MQTTClient("bench-aiomqttc", ADDRESS, port)
    await client.connect()

    async def some():
        for _ in range(count // window):
            if not await client.publish(topic, payload, qos=1):
                raise OSError("aiomqttc: a publish failed")

    begin_us = ticks_us()
    await asyncio.gather(*[some() for _ in range(window)])
    rate = count // window * window * 1000000 / ticks_diff(ticks_us(), begin_us)
    await client.disconnect()
    return rate


async def chumicro(port, window, count, topic, payload):
    """Ticked in a busy loop; a callback tells of each acknowledgement."""
    from chumicro_mqtt import MQTTClient
    from chumicro_sockets.sockets_factory import fixed_connector_factory

    client = MQTTClient(
        transport_factory=fixed_connector_factory(ADDRESS, port),
        client_id="bench-chumicro",
        max_tx_queue_size=2 * window,
    )
    client.connect()
    done = 0

    def one_more(*_):
        nonlocal done
        done += 1

    limit_ms = ticks_ms() + _PATIENCE_MS
    while client.state != "connected" and ticks_ms() < limit_ms:
        client.handle(ticks_ms())
    sent = 0
    begin_us = ticks_us()
    while done < count:
        while sent < count and sent - done < window:
            client.publish(topic, payload, qos=1, on_publish=one_more)
            sent += 1
        client.handle(ticks_ms())
    rate = count * 1000000 / ticks_diff(ticks_us(), begin_us)
    client.disconnect()
    return rate
