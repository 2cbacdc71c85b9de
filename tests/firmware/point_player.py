"""Runs in the VM: feeds readings to real points and says when their conditions change.

Started by tests/vm_points.py. Each line of its input is one case, a JSON object: `line` is a
point's configuration line, `start_ms` the first tick, `period_ms` the time between two readings,
`feed` a list of [value, count], where value is a reading, null for a lost one, or "reset" for a
person who presses the button once, which takes no time. The answer is a line with [at, conditions]
for each change; `at` counts the readings from 0, and a reset belongs to the reading before it.
"""

import json
import sys
from time import ticks_add

from assembly import make_point
from lib.codes import OPEN
from lib.service import reset


def play(case):
    """Return [at, conditions] at every change."""
    point = make_point(case["line"])
    seen = []
    at = -1
    for value, count in case["feed"]:
        for _ in range(count):
            if value == "reset":
                changed = reset(point)
            else:
                at += 1
                now_ms = ticks_add(case["start_ms"], at * case["period_ms"])
                changed = point.update(value, OPEN if value is None else 0, now_ms)
            if changed:
                seen.append([at, point.conditions])
    return seen


while True:
    text = sys.stdin.readline()
    if not text:
        break
    print(json.dumps(play(json.loads(text))))
