"""Runs in the VM: one point of a configuration, its voltages, and every change of its conditions.

Arguments: a JSON file (head and line of the configuration, row_ms), a file with a voltage a line
in microvolts, each held for row_ms. Prints one JSON array for each change: row, conditions, value
in thousandths or null, code; at the end one with the number of readings.
"""

import json
import sys
from time import ticks_add

from assembly import make_driver, make_point

FULL = {"gpio": (150_000, 2_450_000), "ads1115": (0, 4_095_875)}
SATURATED = 8


class Wire:
    """The input of a board, which is also the board."""

    def __init__(self, bus):
        self.floor_uv, self.ceiling_uv = FULL[bus]
        self.volts_uv = 0
        self.uv = None
        self.code = 0

    def input(self, name, scl_pin, sda_pin):
        return self

    def read_uv(self):
        self.code = SATURATED if self.volts_uv > self.ceiling_uv else 0
        self.uv = None if self.code else max(self.volts_uv, self.floor_uv)
        return self.uv


def main(about, rows):
    with open(about) as file:
        job = json.load(file)
    line, row_ms = job["line"], job["row_ms"]
    period_ms = line["period_ms"]
    wire = Wire("gpio" if line["input"].startswith("gpio") else "ads1115")
    point, driver = make_point(line), make_driver(line, job["head"], wire, None, {})
    now_ms = ticks_add(0, -60_000)  # soon across the wrap
    readings = row = left_ms = 0
    with open(rows) as file:
        for text in file:
            wire.volts_uv = int(text)
            left_ms += row_ms
            while left_ms > 0:
                left_ms -= period_ms
                now_ms = ticks_add(now_ms, period_ms)
                readings += 1
                value = driver.read(now_ms)
                if point.update(value, driver.code, now_ms):
                    print(json.dumps([row, point.conditions, value, driver.code]))
            row += 1
    print(json.dumps([readings]))


main(*sys.argv[1:])
