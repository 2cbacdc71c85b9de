"""Real points in the VM, fed with readings from a test on the host.

    with PointVm() as vm:
        line = point_line(tables.quantities()["hydrant/kpa"])
        changes = vm.play(line, 1000, [(300_000, 5), (90_000, 10), (None, 3)])

Changes are (index of the reading, condition bits). Values are thousandths of the unit, None is a
lost reading, "reset" a press of the button after the reading before it.
"""

import json
import os
import subprocess

from firegrid.tables import thousandths
from vm import HAL, ROOT, VM

_PLAYER = ROOT / "tests" / "firmware" / "point_player.py"


class PointVm:
    """One VM that plays any number of cases, each with a new point."""

    def __enter__(self):
        path = f"{ROOT / 'firmware'}:{HAL}:.frozen"
        self._vm = subprocess.Popen(
            [VM, "-X", "heapsize=4M", _PLAYER],
            env={"PATH": os.environ["PATH"], "MICROPYPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        self._vm.communicate()

    def play(self, line, period_ms, feed, start_ms=0):
        """Return [(index of the reading, condition bits)] at every change."""
        case = {"line": line, "period_ms": period_ms, "feed": feed, "start_ms": start_ms}
        self._vm.stdin.write(json.dumps(case) + "\n")
        self._vm.stdin.flush()
        answer = self._vm.stdout.readline()
        assert answer, f"the VM has ended on {case}"
        return [tuple(change) for change in json.loads(answer)]


def point_line(quantity, choose=lambda figure: figure.default):
    """Return a point's configuration line; `choose` takes a value for each figure of the table."""
    line = {"point": 1, "kind": quantity.kind, "quantity": quantity.name}
    for level in quantity.levels:
        line[level.name] = thousandths(choose(level.limit))
        line[f"{level.name}_hysteresis"] = thousandths(choose(level.hysteresis))
        line[f"{level.name}_hold_ms"] = choose(level.hold_ms)
        line[f"{level.name}_clear_hold_ms"] = choose(level.clear_hold_ms)
    return line
