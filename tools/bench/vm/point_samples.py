"""Times the sampling path, from the input's microvolts to condition bits, against a plain loop.

Arguments: points, readings of each in a round, rounds. Prints [[us a point-sample, us an element
of the loop] of each round] as JSON.
"""

import json
import sys
from array import array
from time import ticks_add, ticks_diff, ticks_us

from peaceful import PERIOD_MS, Quiet, channels
from sampling import Sampling

START_MS = ticks_add(0, -5000)
LIMIT = 900_000
LIKE = 80  # about as many elements take as long as a point-sample: both sides suffer alike


def plain(values, limit):
    """The yardstick: how many values are above a limit."""
    n = 0
    for v in values:
        if v > limit:
            n += 1
    return n


def main(points, readings, rounds):
    """Time both sides, in turns."""
    quiet = Quiet()
    some = []
    while len(some) < points:
        some += channels(START_MS)
    sampling = Sampling(some[:points], quiet, quiet, quiet)
    values = array("i", [LIMIT + n % 7 - 3 for n in range(points)])
    now_ms = START_MS
    times = []
    for _ in range(rounds + 1):
        begin_us = ticks_us()
        for _ in range(readings):
            sampling.step(now_ms)
            now_ms = ticks_add(now_ms, PERIOD_MS)
        middle_us = ticks_us()
        for _ in range(readings * LIKE):
            plain(values, LIMIT)
        end_us = ticks_us()
        count = points * readings
        sampled_us = ticks_diff(middle_us, begin_us) / count
        times.append([sampled_us, ticks_diff(end_us, middle_us) / count / LIKE])
    print(json.dumps(times[1:]))  # the first round warms up


main(*[int(word) for word in sys.argv[1:]])
