"""What tests of seeded worlds share: sites, rates of faults, a world that must hold."""

import json
from pathlib import Path

from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid_sim import faults
from firegrid_sim.simworld import Plan, play, replaying

SITE = load_site(site_path("jinshui-garden"))
YARD = load_site(Path(__file__).parent / "sites" / "world.toml")
SEEDS = Path(__file__).parent / "seeds"  # worlds that failed once
WILD = {name: 20 * rate for name, rate in faults.rates(()).items()}  # as much as years would bring
MILD = {name: 4 * rate for name, rate in faults.rates(()).items()}  # more fires can be judged
PEACE = dict.fromkeys(WILD, 0.0)


def plan(gateway, seed, days, rates, until_s=None):
    return Plan(YARD if gateway == "gw-yard" else SITE, gateway, seed, days, rates, until_s)


def lives_through(plan, bench):
    """Play a world in which everything must hold; keep one in which something does not."""
    found = play(plan, bench)
    if found.violations:
        keep(plan)
    said = "\n".join(map(str, found.violations[:5]))
    assert not said, f"{said}\n{replaying(plan, f'SITE ({plan.site.id})')}"
    return found


def keep(plan):
    SEEDS.mkdir(exist_ok=True)
    kept = {"gateway": plan.gateway, "seed": plan.seed, "days": plan.days, "rates": plan.rates}
    path = SEEDS / f"{plan.gateway}-{plan.seed}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def kept():
    """Return every world that was kept."""
    for path in sorted(SEEDS.glob("*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        rates = PEACE | {name: rate for name, rate in said["rates"].items() if name in PEACE}
        yield plan(said["gateway"], said["seed"], said["days"], rates)
