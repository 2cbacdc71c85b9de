"""The command `firegrid provision`: who each gateway is, and the image that its board gets."""

import hashlib
import json
from pathlib import Path
from typing import Any

import click

from firegrid.errors import FiregridError
from firegrid.identity import Authority, public_material
from firegrid.image import fetch
from firegrid.image.build import IMAGE, parts_of, read_manifest, write_image
from firegrid.image.enrol import enrol, is_enrolled, prov_of
from firegrid.image.interpreter import Interpreter, read_interpreter
from firegrid.options import broker_option, micropython_option, state_option
from firegrid.passphrase import passphrase_options, read_passphrase
from firegrid.resources import firmware_dir, site_path
from firegrid.site.config import config_lines
from firegrid.site.load import load_site
from firegrid.site.model import Gateway, Site
from firegrid.state import State
from firegrid.wifi import key_of

__all__ = ["command"]

SCHEMA = "firegrid.provision/1"


@click.command()
@click.argument("site")
@click.argument("gateways", nargs=-1, metavar="[GATEWAY]...")
@micropython_option
@broker_option
@passphrase_options
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(site: str, gateways: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Make the identities and images of SITE's gateways, or of each GATEWAY that is named.

    An identity (key, certificate, claim code) is made once for each id, and kept; the passphrase
    is asked for only where one is made. An image is the whole flash of a board: MicroPython,
    partition table, identity, file system with application and configuration. The same inputs give
    the same bytes. Images hold keys: they stay in the community's folder, for its owner alone.
    """
    path = site_path(site)
    loaded = load_site(path)
    chosen = [loaded.gateway(name) for name in dict.fromkeys(gateways)] or loaded.gateways
    if not chosen:
        raise FiregridError(f"{loaded.id} has no gateways yet", "add one to the site file")
    state = State.of(path, given["state"])
    interpreter = read_interpreter(fetch.chosen(given["micropython"], state))
    material = public_material(state)
    configs = {gateway.id: _config(loaded, gateway, given["broker"], state) for gateway in chosen}
    new = [gateway.id for gateway in chosen if not is_enrolled(state, gateway.id)]
    if new:
        passphrase = read_passphrase(given["passphrase_file"], given["passphrase_fd"])
        authority = Authority.load(state, passphrase)
        for name in new:
            enrol(state, authority, loaded.id, name)
    if interpreter.is_stand_in:
        click.echo("this MicroPython is a stand-in: only simulated boards take it", err=True)
    rows = []
    for n, gateway in enumerate(chosen, 1):
        row = _build(state, loaded, gateway, interpreter, material, configs[gateway.id])
        rows.append(row | {"new": gateway.id in new})
        click.echo(f"{n} of {len(chosen)}: {_line(rows[-1])}", err=as_json)
    if as_json:
        head = {"schema": SCHEMA, "site": loaded.id, "micropython": interpreter.name}
        more = {"micropython_sha256": interpreter.sha256, "stand_in": interpreter.is_stand_in}
        click.echo(json.dumps(head | more | {"gateways": rows}, indent=2, ensure_ascii=False))


def _config(
    site: Site, gateway: Gateway, broker: tuple[str, int], state: State
) -> list[dict[str, Any]]:
    lines = config_lines(site, gateway, *broker)
    if gateway.wifi_ssid:
        lines[0]["wifi_key"] = key_of(state, gateway.wifi_ssid)
    else:
        click.echo(f"{gateway.id} names no Wi-Fi network (wifi_ssid): it will join none", err=True)
    return lines


def _build(
    state: State,
    site: Site,
    gateway: Gateway,
    interpreter: Interpreter,
    material: tuple[bytes, bytes],
    config: list[dict[str, Any]],
) -> dict[str, Any]:
    folder = state.images / gateway.id
    prov = prov_of(state, material, gateway.id)
    digest = hashlib.sha256(json.dumps(config).encode()).hexdigest()
    before = _before(folder)
    version = before.get("config_version", 0) + (before.get("config_sha256") != digest)
    config = [config[0] | {"version": version}, *config[1:]]
    parts = parts_of(interpreter, prov, firmware_dir(), config)
    about = {
        "site": site.id,
        "gateway": gateway.id,
        "micropython": interpreter.name,
        "micropython_sha256": interpreter.sha256,
        "stand_in": interpreter.is_stand_in,
        "config_version": version,
        "config_sha256": digest,
    }
    manifest = write_image(folder, parts, about)
    return {
        "gateway": gateway.id,
        "image": str(folder / IMAGE),
        "image_sha256": manifest["image_sha256"],
        "image_bytes": (folder / IMAGE).stat().st_size,
        "config_version": version,
        "identity": prov is not None,
    }


def _before(folder: Path) -> dict[str, Any]:
    """Return what was written before; nothing where there is none, or none of this format."""
    try:
        return read_manifest(folder)
    except (FiregridError, OSError):
        return {}


def _line(row: dict[str, Any]) -> str:
    identity = "a new identity" if row["new"] else "its identity as it was"
    if not row["identity"]:
        identity = "no identity: its board has it"
    return (
        f"{row['gateway']}: {row['image']}, {row['image_bytes']} bytes, "
        f"configuration {row['config_version']}, {identity}"
    )
