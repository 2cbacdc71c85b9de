"""In the VM: the firmware's uplink drains a backlog while alarms go on.

Arguments: port, backlog, milliseconds between two alarms. Prints a JSON list of [number, time
in ns] of each alarm that was raised while records from before it waited for the desk.
"""

import asyncio
import json
import sys

import utime
from backlog import Gateway


async def main(port, backlog, every_ms):
    gateway = Gateway(port, backlog)
    lane = gateway.journal.events
    alarms = []
    await gateway.begin()
    while lane.stored < backlog:
        alarms.append((lane.next, utime.time_ns()))
        gateway.happen()
        await asyncio.sleep_ms(every_ms)
    while lane.stored < lane.next - 1:
        await asyncio.sleep_ms(every_ms)
    await gateway.end()
    print(json.dumps(alarms))


asyncio.run(main(*map(int, sys.argv[1:])))
