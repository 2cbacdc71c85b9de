"""The command `firegrid audit gaps`: is anything missing in the store, and why."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from firegrid import words
from firegrid.errors import FiregridError
from firegrid.gaps import Gaps, Hole, find_gaps, unexplained
from firegrid.options import lang_option
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.store import Store

__all__ = ["command"]

SCHEMA = "firegrid.audit-gaps/1"
STORE = "desk.db"  # in the folder that `firegrid run --state` names


@click.group()
def command() -> None:
    """Prove from the desk's store what it holds."""


@command.command()
@click.argument("site")
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=".",
    help="Where the desk keeps desk.db, as in `firegrid run --state DIR`; otherwise here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@lang_option
@click.pass_context
def gaps(ctx: click.Context, site: str, state: Path, as_json: bool) -> None:
    """Look for holes in the records of SITE's gateways; name each with its cause.

    SITE is the path of a site file, or the name of a shipped example such as jinshui-garden.
    A gateway numbers its records from 1. Exit code 3: a hole is there that nobody explains.
    """
    planned = load_site(site_path(site))
    found = _found(planned, state.resolve() / STORE)
    report = _report(planned, found)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for line in _lines(planned, found):
            click.echo(line)
        counts = {key: report[key] for key in ("holes", "unexplained")}
        click.echo(words.tell("audit.sum", **counts))
    ctx.exit(3 if report["unexplained"] else 0)


def _found(site: Site, path: Path) -> list[Gaps]:
    if not path.is_file():
        hint = "name the folder with --state DIR; `firegrid run SITE --state DIR` keeps its store"
        raise FiregridError(f"there is no store {path}", hint)
    store = Store(f"sqlite:///{path}")
    try:
        return find_gaps(store, site.id)
    finally:
        store.close()


def _report(site: Site, found: list[Gaps]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "site": site.id,
        "holes": sum(len(gaps.holes) for gaps in found),
        "unexplained": len(unexplained(found)),
        "gateways": [
            {"gateway": name, "journals": [_row(one) for one in found if one.gateway == name]}
            for name in _gateways(site, found)
        ],
    }


def _gateways(site: Site, found: list[Gaps]) -> list[str]:
    """Return the planned ones, then those that the store has beside them."""
    planned = [gateway.id for gateway in site.gateways]
    return list(dict.fromkeys([*planned, *(gaps.gateway for gaps in found)]))


def _row(gaps: Gaps) -> dict[str, Any]:
    row = asdict(gaps)
    del row["gateway"]
    return row


def _lines(site: Site, found: list[Gaps]) -> Iterator[str]:
    for name in _gateways(site, found):
        of_gateway = [gaps for gaps in found if gaps.gateway == name]
        if not of_gateway:
            yield words.tell("audit.nothing", gateway=name)
        for gaps in of_gateway:
            told = asdict(gaps) | {"lane": words.word("audit", gaps.lane)}
            yield words.tell("audit.holed" if gaps.holes else "audit.whole", **told)
            yield from map(_hole, gaps.holes)


def _hole(hole: Hole) -> str:
    key = "audit.ended" if hole.last is None else "audit.hole"
    cause = words.word("audit", hole.cause)
    return words.tell(key, first=hole.first, last=hole.last, cause=cause)
