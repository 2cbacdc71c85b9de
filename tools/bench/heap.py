"""The smallest heap in which the firmware lives through ten minutes of scenario, by bisection."""

import math
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from firegrid.errors import FiregridError
from firegrid.resources import hal_dir, scenario_path, site_path
from firegrid.site.load import load_site
from firegrid_sim.board import FIRMWARE_KIB, HAL_KIB, I2C_OK, NAMES_KIB, Bench, Board
from firegrid_sim.forkserver import ForkServer
from firegrid_sim.scenario import load_scenario

from bench import rig
from bench.result import Area, Pair, Result, Row, Tell, compare
from bench.trial import CYCLE_S, Play, Trial, play

SITE, SCENARIO = "jinshui-garden", "first-alarm"
STANDARD_KIB = FIRMWARE_KIB + HAL_KIB + NAMES_KIB  # the heap of every simulated gateway
LOWEST_KIB = 100  # taken to be too small
TIME_S = 225  # no trial begins later: the area ends within five minutes
TICK_S = 0.005
SURVIVALS = 3
BUDGET = "160 KiB for an ESP32's 112 KB"
EMPTY = "import gc; gc.collect(); gc.collect(); print('bytes', gc.mem_alloc())"
SIDE_BY_SIDE = 2  # trials at a time, a core each
ABOUT = (
    f"The gateway of {SITE} with the most points (then drivers) plays {SCENARIO} over and over, "
    "in fast motion, each step at every one of its points of that kind. It survives with no "
    "reset, no MemoryError and no failed task on the console, no failed reading, every point's "
    "alarm in every cycle, and every event stored. The HAL, measured without the firmware, is "
    "subtracted: on a board it is C, outside of this heap. Free heap is that of the standard "
    "size: in a state garbage counts as used, the lowest that was seen is without garbage."
)


class Size(NamedTuple):
    """How much is measured."""

    simulated_s: int
    speed: int
    step_kib: int
    confirm: bool  # try what was found again


FULL = Size(simulated_s=5 * CYCLE_S, speed=21, step_kib=1, confirm=True)
QUICK = Size(simulated_s=CYCLE_S, speed=15, step_kib=STANDARD_KIB, confirm=False)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Measure the HAL, then bisect the heap of HAL and firmware together."""
    size = QUICK if quick else FULL
    empty_kib, hal_kib = _shares_kib(directory)
    tell(f"the HAL takes {hal_kib:.1f} KiB")
    site = load_site(site_path(SITE))
    scenario = load_scenario(scenario_path(SCENARIO), site)
    search = Search(play(site, scenario, size.simulated_s, size.speed), directory, tell)
    search.find(size.step_kib, size.confirm)
    notes = [
        f"In all {search.smallest_kib} KiB, {NAMES_KIB} KiB of them a table of names that only "
        f"the HAL's names make so large, HAL {hal_kib:.1f} KiB, of which an empty VM has "
        f"{empty_kib:.1f} KiB. Simulated: {size.simulated_s} s at FG_SPEED {size.speed}.",
        *search.notes(),
    ]
    return Result(_rows(search, hal_kib), notes)


class Search:
    """Looks for the smallest heap; `trials` are all that were run, the standard size first."""

    def __init__(self, play: Play, directory: Path, tell: Tell) -> None:
        self.trials: list[Trial] = []
        self._play = play
        self._directory = directory
        self._tell = tell
        self._deadline = time.monotonic() + TIME_S

    @property
    def failed_kib(self) -> int:
        """The largest heap that has failed."""
        return max((t.heap_kib for t in self.trials if t.death), default=LOWEST_KIB)

    @property
    def smallest_kib(self) -> int:
        """The smallest heap that has survived, and no larger one has failed."""
        return min(t.heap_kib for t in self.trials if t.heap_kib > self.failed_kib)

    @property
    def survivals(self) -> int:
        """How many trials the smallest heap has survived."""
        return sum(t.heap_kib == self.smallest_kib for t in self.trials)

    def find(self, step_kib: int, confirm: bool) -> None:
        """Bisect; try what was found again, and go on above it where it then fails."""
        self._try(STANDARD_KIB, (LOWEST_KIB + STANDARD_KIB) // 2)
        if self.trials[0].death:
            raise FiregridError(f"it does not survive {STANDARD_KIB} KiB: {self.trials[0].death}")
        self._bisect(step_kib)
        while confirm and self.survivals < SURVIVALS and time.monotonic() < self._deadline:
            self._try(*[self.smallest_kib] * SIDE_BY_SIDE)
            self._bisect(step_kib)

    def _bisect(self, step_kib: int) -> None:
        while self.smallest_kib - self.failed_kib > step_kib and time.monotonic() < self._deadline:
            third = (self.smallest_kib - self.failed_kib) / 3
            self._try(*(self.failed_kib + math.ceil(part * third) for part in (1, 2)))

    def _try(self, *heaps_kib: int) -> None:
        """Run a trial of each size, side by side."""
        self._tell(f"trying {' and '.join(map(str, heaps_kib))} KiB")
        with ExitStack() as stack:
            trials = [stack.enter_context(self._trial(kib)) for kib in heaps_kib]
            running = trials
            while running:
                time.sleep(TICK_S)
                running = [trial for trial in running if not trial.step()]
        for trial in trials:
            self._tell(f"{trial.heap_kib} KiB: {trial.death or 'survived'}")

    def _trial(self, heap_kib: int) -> Trial:
        directory = self._directory / f"trial-{len(self.trials)}"
        directory.mkdir()
        self.trials.append(Trial(heap_kib, self._play, directory))
        return self.trials[-1]

    def notes(self) -> list[str]:
        """Return what each trial came to, and how much is still open."""
        trials = sorted(self.trials, key=lambda trial: trial.heap_kib)
        found = [f"{trial.heap_kib} KiB in all: {trial.death or 'survived'}" for trial in trials]
        open_kib = self.smallest_kib - self.failed_kib
        if open_kib > FULL.step_kib:
            found.append(f"Bisected to {open_kib} KiB only.")
        return found


def _shares_kib(directory: Path) -> tuple[float, float]:
    """Return what an empty VM has allocated, and one that uses what a gateway uses of the HAL."""
    with ExitStack() as stack:
        server = rig.started(stack, ForkServer())
        app = rig.application(directory / "hal", "hal_share.py", "hal_use.py")
        bench = Bench(server, app, hal_dir())
        board = Board("hal", directory / "hal-board", bench)
        board.io.set_i2c(0x48, I2C_OK)
        rig.started(stack, board)
        rig.wait_for(lambda: "\n" in board.console(), "the HAL's share", 30)
        empty = rig.run_vm(server, ["-c", EMPTY], directory / "empty.log", 30)
        return _kib(empty), _kib(board.console())


def _kib(printed: str) -> float:
    word, _, number = printed.strip().partition(" ")
    if word != "bytes":
        raise FiregridError(f"a VM says: {printed.strip()}")
    return int(number) / 1024


def _rows(search: Search, hal_kib: float) -> list[Row]:
    firmware = Pair(search.smallest_kib - hal_kib - NAMES_KIB, FIRMWARE_KIB)
    trial = search.trials[0]
    free = [Pair(free / 1024, FIRMWARE_KIB) for free in trial.free_bytes]
    lowest = Pair(min(trial.low_bytes) / 1024, FIRMWARE_KIB)
    return [
        compare("smallest heap of the firmware", "KiB", BUDGET, [firmware] * search.survivals),
        compare("free heap in each up/state", "KiB", BUDGET, free),
        compare("lowest free heap that the gateway has seen", "KiB", BUDGET, [lowest], "≥ 0.10"),
        compare(
            "heap of the HAL",
            "KiB",
            "what a simulated gateway gets for it",
            [Pair(hal_kib, HAL_KIB)],
        ),
    ]


AREA = Area("heap", ABOUT, run)
