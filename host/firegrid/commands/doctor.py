"""The command `firegrid doctor`: whether this bench can work."""

import json
from pathlib import Path

import click

from firegrid.checkup import checkup
from firegrid.options import HostPort, ports_option, state_option
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.doctor/1"
NOT_SO = 3


@click.command()
@click.argument("site")
@ports_option("Look at these ports")
@click.option("--broker", type=HostPort(), metavar="HOST[:PORT]", help="Try this broker, too.")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    site: str,
    patterns: tuple[str, ...],
    broker: tuple[str, int] | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Check what a bench needs for SITE: ports, disk, clock, keys, networks, identities.

    Exit code 3 where something is missing; each line says what was seen and what to do.
    """
    path = site_path(site)
    loaded = load_site(path)
    rows = []
    for finding in checkup(loaded, State.of(path, state), broker, patterns):
        rows.append(finding._asdict())
        if not as_json:
            mark = "ok     " if finding.ok else "MISSING"
            advice = f"; {finding.advice}" if finding.advice and not finding.ok else ""
            click.echo(f"{mark}  {finding.check:10}  {finding.seen}{advice}")
    ok = all(row["ok"] for row in rows)
    if as_json:
        head = {"schema": SCHEMA, "site": loaded.id, "ok": ok, "checks": rows}
        click.echo(json.dumps(head, indent=2, ensure_ascii=False))
    raise SystemExit(0 if ok else NOT_SO)
