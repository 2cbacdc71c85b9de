"""The command `firegrid replace`: another board at a gateway's place, under an id of its own."""

import difflib
import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from firegrid import words
from firegrid.acceptance.replacing import Exchange
from firegrid.acceptance.results import utc
from firegrid.errors import FiregridError
from firegrid.options import lang_option, state_option
from firegrid.resources import examples_dir, site_path
from firegrid.site.load import load_site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.replace/1"


@click.command()
@click.argument("site")
@click.argument("old")
@click.argument("new")
@click.option(
    "--by",
    metavar="PERSON",
    required=True,
    envvar="FIREGRID_PERSON",
    help="Who exchanges it: an id of the site file. [env: FIREGRID_PERSON]",
)
@click.option("--why", default="", metavar="TEXT", help="What was wrong with the old one.")
@click.option("--yes", is_flag=True, help="Change the site file without asking.")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; needs --yes.")
@lang_option
def command(site: str, old: str, new: str, as_json: bool, **given: Any) -> None:
    """Let gateway NEW of SITE take the place of OLD, with all its points.

    NEW is an id that no gateway ever had. The site file is shown as it will be, and changed when
    you say so. The records of OLD stay what they are; the points keep their numbers. Then
    provision and flash NEW, and walk its points: what was tried with OLD does not count for it.
    """
    path = site_path(site)
    if path.resolve().is_relative_to(examples_dir().resolve()):
        raise FiregridError(f"{site} is a shipped example", "copy it, and change the copy")
    planned = load_site(path)
    if given["by"] not in {person.id for person in planned.people}:
        raise FiregridError(f"{given['by']} is nobody in the site file", "name a person by id")
    exchange = Exchange(planned, State.of(path, given["state"]), old, new)
    if not given["yes"]:
        if as_json or not sys.stdin.isatty():
            raise FiregridError("the site file would be changed", "say so with --yes")
        _ask(exchange, path)
    mac = exchange.carry_out(utc(time.time()), given["by"], given["why"])
    points = [point.id for point in planned.points_of(old)]
    if as_json:
        row = {"schema": SCHEMA, "site": planned.id, "old": old, "new": new}
        click.echo(json.dumps(row | {"retired_mac": mac or None, "points": points}))
        return
    click.echo(words.tell("replace.done", old=old, new=new, points=len(points)))
    if mac:
        click.echo(words.tell("replace.retired", mac=mac))
    click.echo(words.tell("replace.next", old=old, new=new))


def _ask(exchange: Exchange, path: Path) -> None:
    """Show what will change in the site file; end where nobody says yes."""
    before, after = (text.splitlines() for text in (exchange.before, exchange.after))
    for line in difflib.unified_diff(before, after, str(path), str(path), lineterm="", n=1):
        click.echo(line)
    if not click.confirm(words.tell("replace.ask"), err=True):
        raise click.exceptions.Exit(1)
