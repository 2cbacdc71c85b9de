"""The command `firegrid webtools`: what a web page needs to install a gateway from a browser."""

import hashlib
import json
from pathlib import Path
from typing import Any

import click

from firegrid import __version__
from firegrid.errors import FiregridError
from firegrid.files import write_file
from firegrid.image import fetch
from firegrid.image.build import MANIFEST, Part, parts_of
from firegrid.image.interpreter import read_interpreter
from firegrid.options import broker_option, micropython_option
from firegrid.resources import firmware_dir, site_path
from firegrid.site.config import config_lines
from firegrid.site.load import load_site
from firegrid.site.model import Gateway, Site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.webtools/1"
NAME = "firegrid"  # what the firmware calls itself by Improv: the page knows it again
IMPROV_WAIT_S = 15  # from the end of the writing until the gateway answers


@click.command()
@click.argument("site")
@click.argument("gateway", required=False)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write manifest.json and the parts there.",
)
@micropython_option
@broker_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    site: str,
    gateway: str | None,
    out: Path,
    micropython: Path | None,
    broker: tuple[str, int],
    as_json: bool,
) -> None:
    """Write the manifest and the parts with which ESP Web Tools installs a GATEWAY of SITE.

    Whoever sees the web page has all of it, so it holds no identity and no Wi-Fi network: the page
    asks for the network once the board runs (Improv). The board's place for its identity is left
    as it is. GATEWAY may be left out where the site has only one.
    """
    path = site_path(site)
    loaded = load_site(path)
    chosen = _chosen(loaded, gateway)
    interpreter = read_interpreter(fetch.chosen(micropython, State.of(path)))
    if interpreter.is_stand_in:
        click.echo("this MicroPython is a stand-in: no real board takes it", err=True)
    config = _public(config_lines(loaded, chosen, *broker))
    parts = parts_of(interpreter, None, firmware_dir(), config)
    for part in parts:
        write_file(out / _file(part), part.data)
    manifest = _manifest(parts)  # last: whoever reads it finds its parts
    write_file(out / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())
    if as_json:
        row = {
            "schema": SCHEMA,
            "site": loaded.id,
            "gateway": chosen.id,
            "version": __version__,
            "micropython": interpreter.name,
            "micropython_sha256": interpreter.sha256,
            "stand_in": interpreter.is_stand_in,
            "manifest": str(out / MANIFEST),
            "parts": [_row(out, part) for part in parts],
        }
        click.echo(json.dumps(row, indent=2, ensure_ascii=False))
        return
    size = sum(len(part.data) for part in parts)
    what = f"{len(parts)} parts of {size} bytes, no secret in them"
    click.echo(f"{chosen.id}: {out / MANIFEST}, {what}")


def _chosen(site: Site, gateway: str | None) -> Gateway:
    if gateway is not None:
        return site.gateway(gateway)
    if len(site.gateways) == 1:
        return site.gateways[0]
    known = ", ".join(one.id for one in site.gateways)
    if not known:
        raise FiregridError(f"{site.id} has no gateways yet", "add one to the site file")
    raise FiregridError(f"{site.id} has {len(site.gateways)} gateways", f"name one of: {known}")


def _public(config: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a configuration that joins no network: without its key, a stranger's would do."""
    return [config[0] | {"wifi_ssid": "", "wifi_key": ""}, *config[1:]]


def _manifest(parts: list[Part]) -> dict[str, Any]:
    """Return it as ESP Web Tools has it (esphome.github.io/esp-web-tools)."""
    found = [{"path": _file(part), "offset": part.offset} for part in parts]
    return {
        "name": NAME,
        "version": __version__,
        "new_install_prompt_erase": True,  # a board that has been on site has an identity to lose
        "new_install_improv_wait_time": IMPROV_WAIT_S,
        "builds": [{"chipFamily": "ESP32", "parts": found}],
    }


def _file(part: Part) -> str:
    return part.label.replace(" ", "-") + ".bin"


def _row(out: Path, part: Part) -> dict[str, Any]:
    return {
        "label": part.label,
        "path": str(out / _file(part)),
        "offset": part.offset,
        "bytes": len(part.data),
        "sha256": hashlib.sha256(part.data).hexdigest(),
    }
