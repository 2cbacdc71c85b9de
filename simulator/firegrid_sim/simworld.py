"""`firegrid sim world`: the real firmware in a seeded world that breaks things, judged outside."""

import hashlib
import json
import os
import shlex
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import click
from firegrid import wire
from firegrid.errors import FiregridError
from firegrid.resources import firmware_dir, hal_dir, site_path
from firegrid.site.load import load_site
from firegrid.site.model import Site

from firegrid_sim import faults, timeline
from firegrid_sim.board import Bench, compiled
from firegrid_sim.boards import boards
from firegrid_sim.checkers import Checkers, Violation
from firegrid_sim.fleet import fingerprint
from firegrid_sim.forkserver import ForkServer, require_vm
from firegrid_sim.judges import judge
from firegrid_sim.rooms import room
from firegrid_sim.standin import write_stand_in
from firegrid_sim.world import SETTLE_S, GatewayWorld, S

__all__ = ["Plan", "Sum", "command", "is_tight", "play", "replaying"]

SCHEMA = "firegrid.sim-world/1"
DAY_S = 86400.0
DAYS_MAX = 400.0
WRAP_MS = 2**30
BEFORE_WRAP_MS = 600_000
PROGRESS_S = 2.0
FAILED = 3


@dataclass(frozen=True)
class Plan:
    """One gateway's world: all that decides what happens in it."""

    site: Site
    gateway: str
    seed: int
    days: float
    rates: dict[str, float]
    until_s: float | None = None  # end it earlier: what was drawn stays

    @property
    def end_s(self) -> float:
        """Return when it ends."""
        return self.days * DAY_S if self.until_s is None else self.until_s


@dataclass(frozen=True)
class Sum:
    """What one world came to."""

    gateway: str
    events_sha256: str
    counts: dict[str, int]
    resets: dict[str, int]
    heap_low_bytes: int | None
    violations: list[Violation]
    log: list[dict[str, Any]]


def play(
    plan: Plan, bench: Bench, worlds: list[GatewayWorld] | None = None, hasty: bool = False
) -> Sum:
    """Live through one world; it is added to `worlds`, for whoever looks on or ends it. `hasty`:
    it ends with the first violation that is seen at once."""
    gateway = plan.site.gateway(plan.gateway)
    checkers = Checkers(plan.site, gateway, hasty)
    start_ms = _start_ms(plan)
    with tempfile.TemporaryDirectory(prefix="fgw-") as folder:
        world = GatewayWorld(
            plan.site,
            gateway,
            plan.seed,
            plan.days,
            plan.rates,
            bench,
            Path(folder),
            start_ms,
            is_tight(plan.seed),
            checkers.hear,
        )
        world.end_us = min(world.end_us, round(plan.end_s * S))
        checkers.world = world
        if worlds is not None:
            worlds.append(world)
        world.run()
        judge(checkers, world)
    events = hashlib.sha256()
    for row in checkers.log:
        events.update(json.dumps(row, sort_keys=True).encode())
    for record in checkers.durable.values():
        events.update(repr(record).encode())
    lows = [head["heap_low_bytes"] for _, head in world.heads]
    return Sum(
        plan.gateway,
        events.hexdigest(),
        dict(sorted(checkers.counts.items())),
        world.resets,
        min(lows) if lows else None,
        checkers.violations,
        checkers.log,
    )


def _start_ms(plan: Plan) -> int:
    """Return what ticks_ms() says at first; every other world meets the wrap: in the middle of the
    first hold time, or within minutes."""
    rng = Random(f"{plan.seed}/ticks")
    if rng.random() < 0.5:
        return 0
    first_ms = _first_hold_ms(plan)
    if first_ms and rng.random() < 0.5:
        return WRAP_MS - first_ms
    return WRAP_MS - rng.randrange(1000, BEFORE_WRAP_MS)


def _first_hold_ms(plan: Plan) -> int:
    """Return when the first ALARM is in its hold time, 0 where none comes."""
    moments = []
    for point in plan.site.points_of(plan.gateway):
        holds = {level.bit: level.hold_ms for level in point.levels.values()}
        truths = room(point, plan.seed, plan.days).truths
        moments += [
            round(begin_s * 1000) + holds[bit] // 2
            for begin_s, _, _, bit in truths
            if bit == wire.ALARM and holds[bit]
        ]
    return min(moments, default=0)


def is_tight(seed: int) -> bool:
    """Return whether the board has no more heap than a real one; most have, and live faster."""
    return Random(f"{seed}/heap").random() < 0.25


def shrunk(plan: Plan, failed: Violation, bench: Bench) -> Plan:
    """Return a smaller world in which the same checker still finds something."""

    def fails(smaller: Plan, how: str) -> bool:
        click.echo(f"it failed; does it {how}, too?", err=True)
        found = play(smaller, bench).violations
        return any(violation.checker == failed.checker for violation in found)

    shorter = replace(plan, until_s=min(plan.end_s, failed.at_s + SETTLE_S))
    if shorter.until_s != plan.until_s and fails(shorter, f"within {shorter.until_s:.0f} s"):
        plan = shorter
    for name, rate in plan.rates.items():
        without = replace(plan, rates=plan.rates | {name: 0.0})
        if rate and fails(without, f"without {name}"):
            plan = without
    return plan


def replaying(plan: Plan, site: str) -> str:
    """Return the command that plays this world again."""
    words = ["firegrid", "sim", "world", site, "--gateway", plan.gateway]
    words += ["--seed", str(plan.seed), "--days", f"{plan.days:g}"]
    if plan.until_s is not None:
        words += ["--until", f"{plan.until_s:.3f}"]
    usual = faults.rates(())
    for name, rate in plan.rates.items():
        if rate != usual[name]:
            words += ["--fault", f"{name}={rate:g}"]
    return shlex.join(words)


@click.group()
def command() -> None:
    """Simulate what no one can wait for, and boards that nobody has at hand."""


command.add_command(boards)
command.add_command(write_stand_in)


@command.command()
@click.argument("site")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True)
@click.option(
    "--days",
    type=click.FloatRange(0.02, DAYS_MAX),
    default=0.25,
    show_default=True,
    help="How long the world lasts.",
)
@click.option("--gateway", "only", help="This gateway alone; otherwise all of the site.")
@click.option(
    "--fault",
    "given",
    multiple=True,
    metavar="NAME=RATE",
    help=f"How often a fault comes a day, 0 for never. Names: {', '.join(faults.FAULTS)}.",
)
@click.option("--until", "until_s", type=click.FloatRange(1), help="End it after so many seconds.")
@click.option("--firmware", help="A folder of compiled firmware, otherwise the one built.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what happened as a page: points as rows, conditions as bars, faults as marks.",
)
@click.option("--shrink/--no-shrink", default=True, help="Make a failing world smaller.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def world(  # noqa: PLR0913
    ctx: click.Context,
    site: str,
    seed: int,
    days: float,
    only: str | None,
    given: tuple[str, ...],
    until_s: float | None,
    firmware: str | None,
    page: Path | None,
    shrink: bool,
    as_json: bool,
) -> None:
    """Let the real firmware of SITE's gateways live through days in minutes.

    Fires, leaks, nuisances, power cuts, broken links, brokers and desks come as the seed says;
    what must hold is judged from outside of the firmware. The same seed gives the same world. Exit
    code 3: something did not hold; the command that repeats it is printed, made smaller.
    """
    require_vm()
    loaded = load_site(site_path(site))
    names = [gateway.id for gateway in loaded.gateways]
    if only and only not in names:
        raise FiregridError(f'{site} has no gateway "{only}"', f"it has: {', '.join(names)}")
    a_day = faults.rates(given)
    chosen = [only] if only else names
    plans = [Plan(loaded, name, seed, days, a_day, until_s) for name in chosen]
    if page and not page.parent.is_dir():
        raise FiregridError(f"{page.parent}: no such folder")
    with ExitStack() as stack:
        server = ForkServer()
        server.start()
        stack.callback(server.stop)
        bench = Bench(server, compiled(firmware), hal_dir())
        sums = _play_all(plans, bench)
        small: str | None = None
        failed = [(plan, one) for plan, one in zip(plans, sums, strict=True) if one.violations]
        if failed:
            plan, one = failed[0]
            if shrink:
                plan = shrunk(plan, one.violations[0], bench)
            small = replaying(plan, site)
    if page:
        rows = sorted((row for one in sums for row in one.log), key=lambda row: row["t_ms"])
        points = [p.id for name in chosen for p in loaded.points_of(name)]
        title = f"{loaded.name}, seed {seed}"
        page.write_text(timeline.page(rows, points, title, max(p.end_s for p in plans) / DAY_S))
    report = _report_of(seed, days, bench, sums, small)
    click.echo(json.dumps(report, indent=2) if as_json else "\n".join(_lines(report)))
    ctx.exit(FAILED if failed else 0)


def _play_all(plans: Sequence[Plan], bench: Bench) -> list[Sum]:
    """Play worlds side by side, a core each."""
    worlds: list[GatewayWorld] = []
    whole_s = sum(plan.end_s for plan in plans)
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(worlds, whole_s, done), daemon=True)
    teller.start()
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    running = [pool.submit(play, plan, bench, worlds) for plan in plans]
    try:
        return [one.result() for one in running]
    finally:  # where it was interrupted, or one has failed, the others end as well
        for one in running:
            one.cancel()
        for world in worlds:
            world.stop()
        pool.shutdown()
        done.set()
        teller.join()


def _tell(worlds: list[GatewayWorld], whole_s: float, done: threading.Event) -> None:
    """Show how far all are: a line that changes in a terminal, else one now and then."""
    terminal = sys.stderr.isatty()
    shown = -1.0
    while not done.wait(PROGRESS_S):
        lived_s = sum(world.now_us for world in worlds) / S
        share = lived_s / whole_s
        text = f"{share:4.0%}, {lived_s:.0f} of {whole_s:.0f} s lived"
        if terminal:
            click.echo(f"\r{text} ", nl=False, err=True)
        elif share >= shown + 0.1:
            shown = share
            click.echo(text.strip(), err=True)
    if terminal:
        click.echo("\r\x1b[2K", nl=False, err=True)


def _report_of(
    seed: int, days: float, bench: Bench, sums: Sequence[Sum], small: str | None
) -> dict[str, Any]:
    everything = hashlib.sha256("".join(one.events_sha256 for one in sums).encode())
    counts: Counter[str] = Counter()
    for one in sums:
        counts.update(one.counts)
    return {
        "schema": SCHEMA,
        "seed": seed,
        "days": days,
        "events_sha256": everything.hexdigest(),
        "firmware_sha256": fingerprint(bench.firmware),
        "build_sha256": fingerprint(firmware_dir()),
        "faults": {name: counts[f"fault {name}"] for name in faults.FAULTS},
        "gateways": [
            {
                "gateway": one.gateway,
                "events": one.counts.get("durable", 0),
                "stored": one.counts.get("stored", 0),
                "alarms": one.counts.get("alarms", 0),
                "fires": one.counts.get("fires", 0),
                "fires_not_judged": one.counts.get("fires not judged", 0),
                "lost_sensors": one.counts.get("lost sensors", 0),
                "resets": one.resets,
                "erases": one.counts.get("erases", 0),
                "heap_low_bytes": one.heap_low_bytes,
            }
            for one in sums
        ],
        "checkers": {
            name: sum(v.checker == name for one in sums for v in one.violations)
            for name in Checkers.NAMES
        },
        "violations": [
            {
                "gateway": one.gateway,
                "at_s": round(v.at_s, 3),
                "checker": v.checker,
                "what": v.what,
            }
            for one in sums
            for v in one.violations
        ],
        "replay": small,
    }


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [
        f"seed {report['seed']}, {report['days']:g} days, events {report['events_sha256'][:16]}"
    ]
    lines.append("faults: " + ", ".join(f"{n} {name}" for name, n in report["faults"].items()))
    for one in report["gateways"]:
        resets = ", ".join(f"{n} {cause}" for cause, n in one["resets"].items())
        lines.append(
            f"{one['gateway']}: {one['events']} events, {one['alarms']} alarms, "
            f"{one['fires']} fires judged, {one['lost_sensors']} lost sensors, resets: {resets}"
        )
    for violation in report["violations"]:
        lines.append(
            f"{violation['at_s']:.1f} s {violation['gateway']} {violation['checker']}: "
            f"{violation['what']}"
        )
    if report["replay"]:
        lines.append(f"to repeat it: {report['replay']}")
    else:
        lines.append(f"all of {', '.join(report['checkers'])} held")
    return lines
