"""The command `firegrid verify`: does a board hold what it should?"""

import json
from typing import Any

import click

from firegrid.flash.look import compare
from firegrid.image.build import image_of
from firegrid.image.enrol import CERTIFICATE
from firegrid.options import state_option
from firegrid.progress import bytes_told
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.verify/1"
NOT_SO = 3


@click.command()
@click.argument("site")
@click.argument("gateway")
@click.option("--port", required=True, help="The board's serial port: /dev/ttyUSB0, COM3.")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(site: str, gateway: str, port: str, as_json: bool, **given: Any) -> None:
    """Check that the board at a port holds the image of GATEWAY, byte for byte.

    MicroPython and table by their MD5, the identity by its certificate, the file system file by
    file: what the application has added is its own. Nothing is written; the board starts anew
    afterwards. Exit code 3: something differs, and it is named.
    """
    path = site_path(site)
    loaded = load_site(path)
    loaded.gateway(gateway)
    state = State.of(path, given["state"])
    image = image_of(state, gateway, site)
    certificate = (state.identities / gateway / CERTIFICATE).read_bytes()
    with bytes_told(f"{port}: reading") as tell:
        seen, who, wrong = compare(port, image, certificate, tell)
    if as_json:
        head = {"schema": SCHEMA, "site": loaded.id, "gateway": gateway, "port": port}
        found: dict[str, Any] = {"mac": seen.mac, "is_gateway": who.gateway if who else None}
        found |= {"same": not wrong, "different": wrong}
        click.echo(json.dumps(head | found, indent=2, ensure_ascii=False))
    elif wrong:
        it_is = f"it is {who.gateway} of {who.site}" if who else "it has no identity"
        click.echo(f"{seen.mac} does not hold {gateway} ({it_is}): {', '.join(wrong)} differ")
    else:
        click.echo(f"{seen.mac} holds {gateway}, all of it")
    if wrong:
        raise SystemExit(NOT_SO)
