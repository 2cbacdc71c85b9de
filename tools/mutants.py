"""Plants small named faults in copies of the firmware, one at a time: which checker catches which.

    make mutants                     # all of them
    make mutants ARGS="--only latch" # those whose name has this word

Each planted firmware lives through the same few worlds until one of their checkers says so. What
nobody catches is listed, and asks for a checker. Exit code 3: something got away. Where all are
planted, the firmware as it is lives through the same worlds first: they must find nothing.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click
from compile import compile_all
from firegrid.errors import FiregridError
from firegrid.resources import hal_dir
from firegrid.site.load import load_site
from firegrid_sim import faults
from firegrid_sim.board import Bench
from firegrid_sim.forkserver import ForkServer, require_vm
from firegrid_sim.simworld import Plan, play

SCHEMA = "firegrid.mutants/1"
ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"
SITE = ROOT / "tests" / "sim" / "sites" / "world.toml"
GATEWAY = "gw-yard"
DAYS = 0.1
WILD = 20.0  # times the usual rates
CAUGHT_NOT = 3


class Mutant(NamedTuple):
    """One fault: its name, where it sits, what stands there once, and what takes its place."""

    name: str
    file: str
    was: str
    becomes: str


class World(NamedTuple):
    """A world to live through: its seed, and how often what it is about comes."""

    seed: int
    times: float = 0.0  # the usual rates
    only: str = ""  # these faults alone: NAME=TIMES a day, a space between


# In the order in which they catch most.
WORLDS = (
    World(4),  # the counter wraps in a hold time
    World(22),  # a puff of steam is over before its hold time
    World(42, WILD),
    World(5, only="torn-write=100"),
    World(5, WILD),
    World(42, only="task-raises=100"),
    World(42, only="sensor-cut=100"),
    World(4, WILD),
    World(54, only="half-open=100"),
    World(54, only="broker-restart=100"),
    World(2, only="bus-stuck=100"),
    World(31, only="torn-write=1000 link-down=150"),
    World(3, only="power-cut=300"),
)

_HOLD = "if ticks_diff(now_ms, self._since_ms) >= wanted_ms:"

MUTANTS = (
    Mutant("hold time ignored", "lib/level.py", _HOLD, "if wanted_ms >= 0:"),
    Mutant(
        "hold time never over",
        "lib/level.py",
        _HOLD,
        "if ticks_diff(now_ms, self._since_ms) >= 1000 * wanted_ms + 1000:",
    ),
    Mutant(
        "wrap-unsafe subtraction",
        "lib/level.py",
        _HOLD,
        "if now_ms - self._since_ms >= wanted_ms:",
    ),
    Mutant(
        "uptime not across the wrap",
        "clock.py",
        "time.ticks_diff(now, self._last)",
        "now - self._last",
    ),
    Mutant(
        "reset while the cause stands",
        "lib/level.py",
        "self.stands = self.held\n",
        "self.stands = False\n",
    ),
    Mutant(
        "latch forgotten",
        "lib/level.py",
        "self.stands = beyond or (self.latches and self.stands)",
        "self.stands = beyond",
    ),
    Mutant("cause the wrong way round", "lib/level.py", "== self._above\n", "!= self._above\n"),
    Mutant(
        "lost TROUBLE",
        "lib/point.py",
        "conditions = TROUBLE if self._lost",
        "conditions = 0 if self._lost",
    ),
    Mutant(
        "TROUBLE for one lost reading",
        "lib/point.py",
        "TROUBLE_HOLD_MS = const(2000)",
        "TROUBLE_HOLD_MS = const(0)",
    ),
    Mutant(
        "TROUBLE never goes",
        "lib/point.py",
        "Hold(TROUBLE_HOLD_MS, TROUBLE_HOLD_MS)",
        "Hold(TROUBLE_HOLD_MS, 1 << 28)",
    ),
    Mutant(
        "alarm goes with its sensor",
        "lib/point.py",
        "self.conditions & ~TROUBLE | conditions",
        "conditions",
    ),
    Mutant(
        "nothing stands again after a power cut",
        "restore.py",
        "            stand_again(point, bits & 15, bits >> 4)",
        "            pass",
    ),
    Mutant(
        "cause forgotten over a power cut",
        "restore.py",
        "            level.restore()",
        "            pass",
    ),
    Mutant(
        "silence and bypass never end",
        "lib/panel.py",
        "if idle or ticks_diff(now_ms, act[2]) >= 0:",
        "if idle:",
    ),
    Mutant(
        "silence does nothing",
        "outputs.py",
        "if sounder and panel.calls and not panel.sounding:",
        "if False:",
    ),
    Mutant(
        "sounder takes no notice", "outputs.py", "ruled.pattern = pattern", "ruled.pattern = OFF"
    ),
    Mutant(
        "link lamp always steady",
        "outputs.py",
        "            return BLIP",
        "            return STEADY",
    ),
    Mutant(
        "watchdog fed unconditionally",
        "health.py",
        "if self._tasks.late(now_ms) is None:",
        "if True:",
    ),
    Mutant("watchdog never fed", "health.py", "self._watchdog.feed()", "pass"),
    Mutant(
        "a task is never started again",
        "lib/supervisor.py",
        "if task.restarts == RESTARTS_MAX:",
        "if True:",
    ),
    Mutant(
        "position let go before the desk has it",
        "uplink.py",
        "        outgoing.cursor.sent(first, count)",
        "        outgoing.cursor.sent(first, count)\n"
        "        outgoing.lane.release(first + count - 1)",
    ),
    Mutant(
        "a forgetful broker is trusted",
        "lib/outgoing.py",
        "        self.cursor.rewind()\n",
        "",
    ),
    Mutant(
        "what is new waits for a minute",
        "uplink.py",
        "            wait_ms = min(LOOK_MS, ticks_diff(self._state_ms, self._clock.ms()))\n"
        "            await asyncio.wait_for_ms(news.wait(), max(0, wait_ms))",
        "            await asyncio.sleep_ms(59000)",
    ),
    Mutant(
        "a half-open link is not noticed",
        "mqtt.py",
        "if suspect and suspect == self._suspect:",
        "if False:",
    ),
    Mutant(
        "numbers given out twice after a start",
        "lib/recovery.py",
        "                lane.next = n + 1\n",
        "                lane.next = n\n",
    ),
    Mutant(
        "CRC of a record skipped",
        "lib/record.py",
        'return struct.unpack_from("<I", record, _CRC_AT)[0] == crc32(body(record))',
        "return True",
    ),
    Mutant(
        "CRC of a half skipped",
        "lib/journal.py",
        "== crc32(memoryview(half)[: HALF - 4])",
        "!= 1",
    ),
    Mutant(
        "a failed task leaves its connection open",
        "uplink.py",
        "        await self._client.close()  # what",
        "        # what",
    ),
    Mutant("erases without need", "lib/journal.py", "if quiet and self.ready < 0:", "if quiet:"),
    Mutant(
        "a heap that leaks",
        "health.py",
        "            self._heap_ms = now_ms\n",
        "            self._heap_ms = now_ms\n"
        "            self.leak = (getattr(self, 'leak', None), bytearray(200))\n",
    ),
    Mutant(
        "a converter that does not answer is believed",
        "drivers/ads1115.py",
        "            self.code = NO_ANSWER\n        if self.code:",
        "            raw = 8000\n        if False:",
    ),
)

# The worlds must find nothing where nothing is planted: else what they catch says nothing.
CONTROL = Mutant("nothing planted", "boot.py", "import gc", "import gc")


def plant(mutant: Mutant, firmware: Path) -> None:
    """Write one fault into a copy of the firmware; raise where its text is not there just once."""
    path = firmware / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.was) != 1:
        raise FiregridError(
            f"{mutant.name}: {text.count(mutant.was)} places in {mutant.file}",
            f"exactly one is wanted of: {mutant.was!r}",
        )
    path.write_text(text.replace(mutant.was, mutant.becomes), encoding="utf-8")


def planted(mutant: Mutant, directory: Path) -> Path:
    """Return a folder of compiled firmware with the fault in it."""
    source = directory / "firmware"
    shutil.copytree(FIRMWARE, source)
    plant(mutant, source)
    compile_all(source, directory / "compiled")
    return directory / "compiled"


class Caught(NamedTuple):
    """What caught a fault, where anything did: the world's seed, and its checkers."""

    mutant: Mutant
    checkers: tuple[str, ...]
    world: World | None


def hunt(mutant: Mutant, server: ForkServer, worlds: tuple[World, ...] = WORLDS) -> Caught:
    """Let a fault live through worlds until a checker finds something."""
    site = load_site(SITE)
    with tempfile.TemporaryDirectory(prefix="fgm-") as folder:
        bench = Bench(server, planted(mutant, Path(folder)), hal_dir())
        for world in worlds:
            plan = Plan(site, GATEWAY, world.seed, DAYS, rates_of(world))
            found = play(plan, bench, hasty=True)
            if found.violations:
                names = dict.fromkeys(violation.checker for violation in found.violations)
                return Caught(mutant, tuple(names), world)
    return Caught(mutant, (), None)


def rates_of(world: World) -> dict[str, float]:
    """Return how often each fault comes a day."""
    if world.only:
        return faults.rates((*(f"{name}=0" for name in faults.FAULTS), *world.only.split()))
    return {name: rate * world.times for name, rate in faults.rates(()).items()}


def hunts(mutants: list[Mutant]) -> Iterator[Caught]:
    """Yield what became of each, in their order; a core each."""
    server = ForkServer()
    server.start()
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    running = [pool.submit(hunt, mutant, server) for mutant in mutants]
    try:
        for one in running:
            yield one.result()
    finally:
        for one in running:
            one.cancel()
        pool.shutdown()
        server.stop()


@click.command()
@click.option("--only", default="", help="Those whose name has this in it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(only: str, as_json: bool) -> None:
    """Plant faults in the firmware, and print which checker caught which."""
    require_vm()
    chosen = [mutant for mutant in MUTANTS if only in mutant.name]
    if not chosen:
        raise click.UsageError(f'no fault has "{only}" in its name')
    rows = []
    found = hunts(chosen if only else [CONTROL, *chosen])
    if not only and (control := next(found)).world:
        raise FiregridError(f"{control.checkers}: in {control.world}, with nothing planted")
    for n, caught in enumerate(found, 1):
        told = ", ".join(caught.checkers) or "nobody"
        click.echo(f"{n} of {len(chosen)}: {caught.mutant.name}: {told}", err=True)
        rows.append(row_of(caught))
    escaped = [row["mutant"] for row in rows if not row["checkers"]]
    if as_json:
        report = {"schema": SCHEMA, "n": len(rows), "caught": len(rows) - len(escaped)}
        click.echo(json.dumps(report | {"mutants": rows}, indent=2))
    else:
        click.echo("\n".join(lines(rows, escaped)))
    sys.exit(CAUGHT_NOT if escaped else 0)


def row_of(caught: Caught) -> dict[str, object]:
    """Return a row of the table."""
    world = caught.world
    return {
        "mutant": caught.mutant.name,
        "file": caught.mutant.file,
        "checkers": list(caught.checkers),
        "seed": world.seed if world else None,
        "faults": (world.only or f"{world.times:g} x") if world else None,
    }


def lines(rows: list[dict[str, object]], escaped: list[object]) -> Iterator[str]:
    """Yield the table for a person."""
    wide = max(len(str(row["mutant"])) for row in rows)
    for row in rows:
        checkers = row["checkers"]
        assert isinstance(checkers, list)
        told = f"{', '.join(checkers)} (seed {row['seed']}, faults {row['faults']})"
        yield f"{row['mutant']:{wide}}  {told if checkers else 'nobody'}"
    yield f"{len(rows) - len(escaped)} of {len(rows)} caught"


if __name__ == "__main__":
    main()
