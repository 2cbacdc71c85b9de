"""Seconds to write a gateway over a serial line, against what the line takes for the bytes."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from community import SITE, community
from firegrid.errors import FiregridError
from firegrid.image.layout import FLASH_BYTES
from firegrid.resources import firmware_dir, hal_dir
from firegrid_sim.board import Bench
from firegrid_sim.flashed import FlashedBoard, Hardware
from firegrid_sim.forkserver import ForkServer

from bench import rig
from bench.result import Area, Pair, Result, Tell, compare

BAUD = 921_600
PORTS = 8
WITHIN_S = 200
ABOUT = (
    f"`firegrid flash` with the real esptool and simulated boards of {SITE}: from the command to "
    f"the exit, with erase, MD5 of every part, reset and the started application's word. Bytes "
    f"come no faster than {BAUD} baud; a chip's own erase and programming time, about half as "
    "much again on a real board, is not simulated. The yardstick is what that line takes for the "
    "bytes that came over it: bytes * 10 / baud."
)


class Size(NamedTuple):
    """How much is measured."""

    rounds: int
    boards: int


FULL = Size(rounds=3, boards=16)
QUICK = Size(rounds=1, boards=2)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Write one board several times, each time a new one; then many at eight ports."""
    size = QUICK if quick else FULL
    made = community(directory / "made", app_bytes=20_000 if quick else 1_600_000).parent
    ones, many, wires = [], [], []
    for n in range(size.rounds):
        tell(f"one board, round {n + 1} of {size.rounds}")
        took_s, _, sent = _flash(made, directory / f"one-{n}", 1)
        ones.append(Pair(took_s, sent[0] * 10 / BAUD))
        wires.append(Pair(sent[0] / 1e6, FLASH_BYTES / 1e6))
    tell(f"{size.boards} boards at {PORTS} ports")
    took_s, cpu_s, sent = _flash(made, directory / "many", size.boards)
    rounds = -(-size.boards // PORTS)
    many.append(Pair(took_s, rounds * max(sent) * 10 / BAUD))
    cores = os.cpu_count() or 1
    rows = [
        compare("one gateway", "s", "its bytes at that speed", ones, "≤ 1.3"),
        compare(f"{size.boards} gateways at {PORTS} ports", "s", f"{rounds} times one", many),
        compare("processor meanwhile, tool and boards", "s", f"all of {cores} cores",
                [Pair(cpu_s, took_s * cores)], "≤ 1"),
        compare("on the wire for each gateway", "MB", "a full flash of 4 MiB", wires),
    ]  # fmt: skip
    return Result(rows)


def _flash(made: Path, directory: Path, count: int) -> tuple[float, float, list[int]]:
    """Return seconds, processor seconds, and the bytes that came to each board."""
    shutil.copytree(made, directory / "site")
    with ExitStack() as stack:
        server = rig.started(stack, ForkServer())
        bench = Bench(server, firmware_dir(), hal_dir(), start="start_flash.py")
        boards = []
        for n in range(1, count + 1):
            board = FlashedBoard(
                f"board-{n:02}", directory / "ports", bench, hardware=Hardware(paced=True)
            )
            board.power_on()
            stack.callback(board.power_off)
            boards.append(board)
        command = [sys.executable, "-m", "firegrid", "flash", directory / "site" / "shops.toml"]
        command += ["--all", "--ports", directory / "ports" / "board-*", "--jobs", PORTS]
        command += ["--wait", 0, "--no-label", "--json"]
        began_s, busy_s = time.monotonic(), _busy_s()
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
        took_s, cpu_s = time.monotonic() - began_s, _busy_s() - busy_s
        report = json.loads(done.stdout)
        if sum(one["result"] == "done" for one in report["boards"]) != count:
            raise FiregridError(f"not all boards were written: {done.stderr[-500:]}")
        return took_s, cpu_s, [board.received_bytes for board in boards]


def _busy_s() -> float:
    """Return the processor seconds of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


AREA = Area("flash", ABOUT, run)
