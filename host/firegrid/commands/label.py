"""The command `firegrid label`: what is stuck on each gateway."""

import json
from pathlib import Path
from typing import Any

import click

from firegrid.errors import FiregridError
from firegrid.files import write_file
from firegrid.image.enrol import is_enrolled
from firegrid.label import draw, find_font, label_of, pdf_bytes, png_bytes, zpl
from firegrid.options import state_option
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.label/1"


@click.command()
@click.argument("site")
@click.argument("gateways", nargs=-1, metavar="[GATEWAY]...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["pdf", "png", "zpl"]),
    default="pdf",
    show_default=True,
    help="A page each; a file each; or for a label printer of 300 dpi.",
)
@click.option(
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="File, or folder with --format png; otherwise labels in the community's reports.",
)
@click.option(
    "--font",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A font with all letters of your places; otherwise one that is found.",
)
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(site: str, gateways: tuple[str, ...], kind: str, as_json: bool, **given: Any) -> None:
    """Write the labels of SITE's gateways, or of each GATEWAY that is named.

    Each is 60 x 30 mm: a QR code with site, id and claim code, and the same for people, with the
    place where it goes. No key stands on it. Provision first: that makes the claim code.
    """
    path = site_path(site)
    loaded = load_site(path)
    state = State.of(path, given["state"])
    chosen = [loaded.gateway(name) for name in dict.fromkeys(gateways)] or list(loaded.gateways)
    missing = [gateway.id for gateway in chosen if not is_enrolled(state, gateway.id)]
    if not chosen or missing:
        what = f"{', '.join(missing)} have no claim code yet" if missing else "no gateways yet"
        raise FiregridError(f"{loaded.id}: {what}", f"make them: firegrid provision {site}")
    font = find_font(given["font"])
    labels = [label_of(loaded, state, gateway) for gateway in chosen]
    pictures = [draw(label, font) for label in labels]
    out = given["out"] or state.reports / ("labels" if kind == "png" else f"labels.{kind}")
    if kind == "png":
        named = zip(labels, pictures, strict=True)
        files = {out / f"{one.gateway}.png": png_bytes(picture) for one, picture in named}
    elif kind == "pdf":
        files = {out: pdf_bytes(pictures)}
    else:
        files = {out: "".join(map(zpl, pictures)).encode("ascii")}
    if given["out"] is None:
        state.make()
    for file, data in files.items():
        write_file(file, data)
    names = [gateway.id for gateway in chosen]
    if as_json:
        head = {"schema": SCHEMA, "site": loaded.id, "format": kind, "font": str(font)}
        click.echo(json.dumps(head | {"files": list(map(str, files)), "gateways": names}))
        return
    click.echo(f"{len(labels)} labels ({', '.join(names)}): {out}")
