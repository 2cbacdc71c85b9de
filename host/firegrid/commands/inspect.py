"""The command `firegrid inspect`: who is this board?"""

import json
from typing import Any

import click

from firegrid.flash.boards import Boards
from firegrid.flash.look import inspect
from firegrid.options import state_option
from firegrid.progress import bytes_told
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.inspect/1"


@click.command()
@click.argument("site", required=False)
@click.option("--port", required=True, help="The board's serial port: /dev/ttyUSB0, COM3.")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(site: str | None, port: str, as_json: bool, **given: Any) -> None:
    """Say which board is plugged in: chip, MAC, flash, and which gateway it is.

    Nothing is written; the board starts anew afterwards. With SITE, what this computer has noted
    of it as well. Keys are never shown.
    """
    boards = None
    if site:
        path = site_path(site)
        load_site(path)
        boards = Boards(State.of(path, given["state"]).boards)
    with bytes_told(f"{port}: reading") as tell:
        seen, ours, who = inspect(port, tell)
    report = {
        "schema": SCHEMA,
        "port": port,
        "chip": seen.chip,
        "mac": seen.mac,
        "flash_bytes": seen.flash_bytes,
        "firegrid_layout": ours,
        "site": who.site if who else None,
        "gateway": who.gateway if who else None,
        "claim_code": who.claim_code if who else None,
        "made_s": who.made_s if who else None,
        "noted_gateway": boards.gateway_of(seen.mac) if boards else None,
        "noted_started": boards.has_answered(seen.mac) if boards else None,
    }
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(f"{seen.chip}, {seen.mac}, {seen.flash_bytes / 1024 / 1024:g} MB of flash")
    if who:
        click.echo(f"gateway {who.gateway} of {who.site}, claim code {who.claim_code}")
    else:
        click.echo("laid out by firegrid, without an identity" if ours else "no gateway yet")
    if boards:
        noted = boards.gateway_of(seen.mac)
        began = "has started as" if boards.has_answered(seen.mac) else "was begun as"
        click.echo(f"noted here: it {began} {noted}" if noted else "not noted here")
