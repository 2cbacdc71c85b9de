"""Seconds that a simulated day takes, all checkers on, against a bare sampling task."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from firegrid.resources import hal_dir
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid_sim import faults
from firegrid_sim.board import Bench, compiled
from firegrid_sim.forkserver import ForkServer
from firegrid_sim.simworld import Plan, play
from firegrid_sim.world import GatewayWorld, S

from bench import rig
from bench.result import Area, Pair, Result, Tell, compare

ABOUT = (
    "One gateway of four points, read as often as usual, lives through a part of a day with the "
    "usual faults (`firegrid sim world`), and all checkers judge it; the figure is the wall time "
    "that a whole day would take on one core. The heap is roomy, as in three of four worlds. The "
    "yardstick is the sampling task alone over the same four points, in the same virtual time, "
    "just before. Held to one simulated day in a minute: where the points are hydrants; a leakage "
    "point takes 100 samples of the mains in each second, of four reads each, and costs the most."
)
KINDS = {
    "four hydrants": ["hydrant/kpa"] * 4,
    "two smoke, two hydrants": ["smoke/loop_ma"] * 2 + ["hydrant/kpa"] * 2,
    "smoke, gas, leakage, hydrant": list(rig.QUIET),
}
PINS = list(rig.QUIET.values())
SEED = 1
DAY_S = 86400.0


class Size(NamedTuple):
    """How much is measured."""

    days: float
    rounds: int


FULL = Size(days=0.1, rounds=3)
QUICK = Size(days=0.01, rounds=1)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Let each gateway live, after its bare sampling task has."""
    size = QUICK if quick else FULL
    server = ForkServer()
    server.start()
    rows, notes = [], []
    try:
        for n, (name, kinds) in enumerate(KINDS.items()):
            place = directory / str(n)
            place.mkdir()
            site = _site(place, kinds)
            rounds = []
            for nth in range(size.rounds):
                tell(f"{name}, round {nth + 1} of {size.rounds}")
                bare_s = _bare_s(site, server, size.days, place / f"bare-{nth}")
                rounds.append(Pair(_world_s(site, server, size.days), bare_s))
            row = compare(f"a day of {name}", "s", "a bare sampling task of the same", rounds)
            rows.append(row)
            speed = DAY_S / row.value
            notes.append(f"{name}: {speed:,.0f} simulated seconds in a second of one core.")
    finally:
        server.stop()
    return Result(rows, notes)


def _site(directory: Path, kinds: list[str]) -> Site:
    lines = '[[gateway]]\nid = "gw-0"\ngrid = "grid"\nplace = "Place"\n'
    for n, (key, pin) in enumerate(zip(kinds, PINS, strict=True), 1):
        lines += (
            f'[[point]]\nnumber = {n}\nid = "point-{n}"\nkind = "{key.partition("/")[0]}"\n'
            f'gateway = "gw-0"\nplace = "Place {n}"\ninput = "{pin}"\n'
        )
    return load_site(rig.write_site(directory, lines))


def _world_s(site: Site, server: ForkServer, days: float) -> float:
    bench = Bench(server, compiled(None), hal_dir())
    begin_s = time.perf_counter()
    play(Plan(site, "gw-0", SEED, days, faults.rates(())), bench)
    return (time.perf_counter() - begin_s) / days


def _bare_s(site: Site, server: ForkServer, days: float, directory: Path) -> float:
    application = directory / "application"
    shutil.copytree(compiled(None), application)
    (application / "main.mpy").unlink()
    shutil.copy(rig.VM_PROGRAMS / "bare_sampling.py", application / "main.py")
    bench = Bench(server, application, hal_dir())
    peace = dict.fromkeys(faults.FAULTS, 0.0)
    with tempfile.TemporaryDirectory(prefix="fgw-") as folder:
        gateway = site.gateway("gw-0")
        world = GatewayWorld(
            site, gateway, SEED, days, peace, bench, Path(folder), 0, False, _nobody_hears
        )
        begin_s = time.perf_counter()
        world.run()
        spent_s = time.perf_counter() - begin_s
        assert world.now_us >= round(days * DAY_S * S) and len(world.starts) == 1
    return spent_s / days


def _nobody_hears(what: str, **about: object) -> None:
    pass


AREA = Area("world", ABOUT, run)
