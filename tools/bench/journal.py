"""What the journal costs: erases, time of an append, reads after a start; beside LittleFS."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from bench import rig
from bench.result import Area, Pair, Result, Row, Tell, compare

ABOUT = (
    "The ring of events in the bare VM, on 288 KiB of RAM that stand for flash and count. 64 "
    "points take turns and each record changes what stands; the desk stores after every 8. The "
    "limit of erases is what the bytes of the records alone would need. The other journal is a "
    "file on LittleFS (the VM's VfsLfs2, 4 KiB blocks) that is flushed after each record of the "
    "same bytes."
)
PROGRAM = rig.VM_PROGRAMS / "journal_cost.py"
READ_MB_S = 4  # estimated: an ESP32 reads 128 bytes of its flash at a time, QIO, 40 MHz


class Size(NamedTuple):
    """How much is measured."""

    records: int
    rounds: int  # of appends that are timed


FULL = Size(records=30000, rounds=301)
QUICK = Size(records=2000, rounds=10)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Run the workload in the VM."""
    size = QUICK if quick else FULL
    tell(f"{size.records} records, then {size.rounds} rounds of appends")
    arguments = [PROGRAM, size.records, size.rounds]
    found = json.loads(rig.run_alone(arguments, directory, 200, heap="4M"))
    return Result(_rows(found), [_on_a_chip(found["recovery_bytes"])])


def _rows(found: dict[str, Any]) -> list[Row]:
    def pair(what: str, against: str) -> list[Pair]:
        return [Pair(found[what], found[against])]

    return [
        compare(
            "erases of a record, all included",
            "",
            "32 / 4096, the bytes of the record alone",
            pair("erases", "erase_limit"),
            "≤ 1.1",
        ),
        compare(
            "erases of a record, all included",
            "",
            "a file on LittleFS, flushed after each record",
            pair("erases", "littlefs_erases"),
        ),
        compare(
            "an append",
            "us",
            "write and flush of a record on LittleFS, in RAM",
            [Pair(*pair) for pair in found["appends_us"]],
        ),
        compare(
            "bytes read after a start, full ring",
            "B",
            "the ring",
            pair("recovery_bytes", "ring_bytes"),
        ),
    ]


def _on_a_chip(read_bytes: int) -> str:
    ms = read_bytes / READ_MB_S / 1000
    return (
        f"At {READ_MB_S} MB/s (estimated) an ESP32 reads these in {ms:.0f} ms, of 300 ms allowed."
    )


AREA = Area("journal", ABOUT, run)
