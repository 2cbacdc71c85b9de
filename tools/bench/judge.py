"""What the firmware makes of a point's voltages, as fast as the VM goes.

The same files as on a board, without its clock: an hour of readings takes a second or two.
"""

import json
import os
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from firegrid.errors import FiregridError
from firegrid.site.config import config_lines
from firegrid.site.model import Site

VM = Path(sysconfig.get_path("scripts")) / "micropython"
PROGRAM = Path(__file__).parent / "vm" / "judge.py"


class Change(NamedTuple):
    """The conditions of a point from a row on."""

    row: int
    conditions: int
    value: float | None  # in the unit
    code: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every change, and of how many readings."""

    changes: list[Change]
    readings: int

    def first(self, bit: int) -> Change | None:
        """Return the change with which a condition came first."""
        return next((change for change in self.changes if change.conditions & bit), None)

    def onsets(self, bit: int) -> int:
        """Return how often a condition came."""
        stood = [bool(change.conditions & bit) for change in self.changes]
        return sum(now and not before for before, now in zip([False, *stood], stood, strict=False))


def judge(
    site: Site, number: int, volts: Iterable[float], row_s: float, firmware: Path
) -> Verdict:
    """Return what the firmware in this folder makes of a point whose input shows these volts."""
    point = site.point_by_number[number]
    head, *lines = config_lines(site, site.gateway(point.gateway), "", 1883)
    line = next(line for line in lines if line.get("point") == number)
    with tempfile.TemporaryDirectory(prefix="firegrid-judge-") as directory:
        about, rows = Path(directory, "about.json"), Path(directory, "rows")
        about.write_text(json.dumps({"head": head, "line": line, "row_ms": round(row_s * 1000)}))
        rows.write_text("".join(f"{round(v * 1e6)}\n" for v in volts))
        done = subprocess.run(
            [VM, "-X", "heapsize=2M", PROGRAM, about, rows],
            env={"PATH": os.environ["PATH"], "MICROPYPATH": f"{firmware}:.frozen"},
            capture_output=True,
            text=True,
            timeout=280,
        )
    if done.returncode:
        raise FiregridError(f"the VM failed: {(done.stderr or done.stdout).strip()}")
    *changes, (readings,) = map(json.loads, done.stdout.splitlines())
    return Verdict([_change(*change) for change in changes], readings)


def _change(row: int, conditions: int, thousandths: int | None, code: int) -> Change:
    return Change(row, conditions, None if thousandths is None else thousandths / 1000, code)
