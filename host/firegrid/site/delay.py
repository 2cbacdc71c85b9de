"""How much later than at its place a value is known, where a sensor or a bus takes its time.

It comes on top of the hold time; what is read at a pin or a converter adds nothing.
"""

from firegrid.site.model import Point, Site

__all__ = ["added_ms"]

CONVERSION_MS = 750  # DS18B20 data sheet, "Operation - Measuring Temperature": 12 bits

# One request and its answer, as in firmware/drivers/rs485.py.
FRAMES_BITS = 17 * 11  # 8 characters of request, 9 of answer
STATION_MS = 50  # ours: what a usual station takes to answer
LOOKS_MS = 40  # the gateway looks every 20 ms, and lets the line rest
EVERY_MS = 100


def added_ms(site: Site, point: Point) -> int:
    """Return by how much a point's value can lag behind, beside sampling and hold time."""
    if point.driver == "ds18b20":  # a change just after a conversion began is in the next one
        conversion_ms = -(-CONVERSION_MS // point.period_ms) * point.period_ms
        return 2 * conversion_ms
    if point.driver == "modbus":
        baud = site.gateway(point.gateway).rs485["baud"]
        turn_ms = FRAMES_BITS * 1000 // baud + STATION_MS + LOOKS_MS
        return max(EVERY_MS, len(site.stations_of(point.gateway)) * turn_ms) + turn_ms
    return 0
