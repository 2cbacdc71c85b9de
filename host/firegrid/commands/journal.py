"""The command `firegrid journal dump`: what stands in a gateway's journal flash."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from firegrid import words
from firegrid.errors import FiregridError
from firegrid.flashlog import SECTOR_BYTES, Image, read_image
from firegrid.options import lang_option

__all__ = ["command"]

DUMP = "firegrid.journal-dump/1"


@click.group()
def command() -> None:
    """Look into a gateway's journal: the flash where records wait for the desk."""


@command.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@lang_option
@click.pass_context
def dump(ctx: click.Context, image: Path, as_json: bool) -> None:
    """Print IMAGE, a copy of the flash partition `events` or `samples`.

    A simulated board has them as partition-events.bin and partition-samples.bin. Exit code 3:
    something in it is torn or damaged, and shown. docs/SPEC-journal.md describes every bit.
    """
    try:
        found = read_image(image.read_bytes())
    except FiregridError as error:
        raise FiregridError(f"{image}: {error.message}", error.hint) from None
    if as_json:
        click.echo(json.dumps(_report(image, found), indent=2))
    else:
        for line in _lines(found):
            click.echo(line)
    ctx.exit(3 if found.faults else 0)


def _report(image: Path, found: Image) -> dict[str, Any]:
    return {
        "schema": DUMP,
        "file": str(image),
        "lane": found.lane or None,
        "epoch": found.epoch,
        "sector_bytes": SECTOR_BYTES,
        "stored": found.stored,
        "told": found.told,
        "states": [
            {"point": point} | asdict(state) for point, state in sorted(found.states.items())
        ],
        "sectors": [asdict(sector) for sector in found.sectors],
        "records": found.records,
        "faults": [asdict(fault) for fault in found.faults],
    }


def _lines(found: Image) -> list[str]:
    lines = [
        words.tell(
            "journal.head",
            lane=words.word("journal", found.lane or "no_lane"),
            epoch=found.epoch or "-",
            records=len(found.records),
            stored=found.stored,
        )
    ]
    for sector in found.sectors:
        told = {key: "-" if value is None else value for key, value in asdict(sector).items()}
        told["state"] = words.word("journal", sector.state)
        lines.append(words.tell("journal.sector", **told))
    for point, state in sorted(found.states.items()):
        said = " ".join(f"{key}={int(value)}" for key, value in asdict(state).items())
        lines.append(words.tell("journal.remembered", point=point, state=said))
    lines += [
        " ".join(f"{key}={_shown(record[key])}" for key in record) for record in found.records
    ]
    for fault in found.faults:
        what = words.word("journal", fault.what.replace(" ", "_"))
        told = {"sector": fault.sector, "offset": fault.offset, "what": what}
        lines.append(words.tell("journal.fault", **told))
    return lines


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)
