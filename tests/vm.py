"""Starts the MicroPython VM for tests: a script of its own, or a whole simulated board.

Use:

    directory = new_board(tmp_path / "board")
    done = run_board(directory, app, FG_SPEED=20)
    assert done.returncode == 0, done.stderr
"""

import os
import struct
import subprocess
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HAL = ROOT / "simulator" / "hal"

VM = Path(sysconfig.get_path("scripts")) / "micropython"
_IO_SIZE = 1024
_IO_HEAD = struct.Struct("<IIiIQQ")  # magic, link, rssi_dbm, watchdog's limit and last feed, pins
_MAGIC = 0x4F494746


def run_vm(*arguments, heap="2M", timeout_s=60, cwd=None, **env):
    """Run the VM to its end; return the completed process with its text output."""
    return subprocess.run(
        [VM, "-X", f"heapsize={heap}", *map(str, arguments)],
        env={"PATH": os.environ["PATH"]} | {name: str(value) for name, value in env.items()},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
    )


def new_board(directory):
    """Make the directory of a simulated board whose link is there; return it."""
    (directory / "flash" / "etc").mkdir(parents=True)
    head = _IO_HEAD.pack(_MAGIC, 1, -60, 0, 0, 2**64 - 1)
    (directory / "io.bin").write_bytes(head.ljust(_IO_SIZE, b"\0"))
    return directory


def run_board(directory, app, heap="160K", timeout_s=60, **env):
    """Run one board from power-on (FG_RESET_CAUSE says otherwise) until its VM ends."""
    (directory / "reset").unlink(missing_ok=True)
    board = {"FG_BOARD": directory, "FG_HAL": HAL, "FG_APP": app}
    return run_vm(HAL / "start.py", heap=heap, timeout_s=timeout_s, **board | env)
