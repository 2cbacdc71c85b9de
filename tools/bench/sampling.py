"""Microseconds of a point-sample, from the input to condition bits, against a plain loop."""

import json
from pathlib import Path
from typing import NamedTuple

from bench import rig
from bench.result import Area, Pair, Result, Row, Tell, compare

ABOUT = (
    "64 points at 10 Hz in the bare VM: each driver of the tables in turn, over an input in "
    "memory that shows its voltage in peace, through firmware/sampling.py, qualification, levels "
    "and hold times. Left out are drivers that wait for something outside: the residual-current "
    "transformer (it listens to a whole mains cycle) and what hangs on a serial bus. The "
    "yardstick is `for v in a: if v > limit: n += 1` over an array, per element, in the same "
    "round. By an estimated factor of 60 between this VM and an ESP32, 64 points at 10 Hz take "
    "there what the note says."
)
PROGRAM = rig.VM_PROGRAMS / "point_samples.py"
FACES = Path(__file__).parents[2] / "tests" / "firmware"  # every driver in peace
POINTS = 64
RATE_HZ = 10
ESP32_FACTOR = 60  # estimated: how much slower an ESP32 runs the same bytecode
HELD_TO = "≤ 100"


class Size(NamedTuple):
    """How much is measured."""

    readings: int
    rounds: int


FULL = Size(readings=20, rounds=301)
QUICK = Size(readings=2, rounds=2)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Time the sampling path and the plain loop in turns."""
    size = QUICK if quick else FULL
    tell(f"{size.rounds} rounds of {size.readings} readings of {POINTS} points")
    arguments = [PROGRAM, POINTS, size.readings, size.rounds]
    printed = rig.run_alone(arguments, directory, 120, f"{FACES}:", "1M")
    row = compare(
        "a point-sample",
        "us",
        "an element of a plain loop over an array",
        [Pair(*pair) for pair in json.loads(printed)],
        HELD_TO,
    )
    return Result([row], [_on_a_chip(row)])


def _on_a_chip(row: Row) -> str:
    share = row.value * ESP32_FACTOR * POINTS * RATE_HZ / 1e6
    return f"{POINTS} points at {RATE_HZ} Hz: about {share:.0%} of an ESP32 (estimated)."


AREA = Area("sampling", ABOUT, run)
