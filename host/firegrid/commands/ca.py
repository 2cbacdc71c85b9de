"""The command `firegrid ca init`: the community's own keys."""

import json
from pathlib import Path

import click

from firegrid.identity import Authority
from firegrid.options import state_option
from firegrid.passphrase import passphrase_options, read_passphrase
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.ca-init/1"


@click.group()
def command() -> None:
    """Make the community's own keys: certificate authority, signing key, update key."""


@command.command()
@click.argument("site")
@passphrase_options
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def init(
    site: str,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Make SITE's keys, once, encrypted with a passphrase.

    Keep a copy of the folder and the passphrase in two places: without them no gateway can be
    added, no report signed and no update sent.
    """
    path = site_path(site)
    loaded = load_site(path)
    folder = State.of(path, state)
    passphrase = read_passphrase(passphrase_file, passphrase_fd, new=True)
    authority = Authority.create(folder, loaded.id, passphrase)
    row = {
        "schema": SCHEMA,
        "site": loaded.id,
        "folder": str(folder.ca),
        "ca": str(authority.certificate_path),
        "ca_sha256": authority.fingerprint,
        "valid_until": authority.valid_until.isoformat(),
    }
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"keys of {loaded.id} in {folder.ca}, valid until {row['valid_until'][:10]}")
    click.echo(f"CA certificate, for whoever checks a report: {row['ca']}")
    click.echo(f"its SHA-256: {row['ca_sha256']}")
