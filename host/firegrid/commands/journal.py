"""The command `firegrid journal dump`: what stands in a gateway's journal flash."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from firegrid import words
from firegrid.errors import FiregridError
from firegrid.flashlog import LANES, SECTOR_BYTES, Image, read_image
from firegrid.options import lang_option
from firegrid.progress import bytes_told

__all__ = ["command"]

DUMP = "firegrid.journal-dump/1"


@click.group()
def command() -> None:
    """Look into a gateway's journal: the flash where records wait for the desk."""


@command.command()
@click.argument("image", type=click.Path(path_type=Path), required=False)
@click.option("--port", help="Read a board at this serial port instead: /dev/ttyUSB0, COM3.")
@click.option(
    "--lane",
    type=click.Choice(LANES),
    default="events",
    show_default=True,
    help="Which partition of the board.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the copy of the board's partition in this file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@lang_option
@click.pass_context
def dump(
    ctx: click.Context,
    image: Path | None,
    port: str | None,
    lane: str,
    save: Path | None,
    as_json: bool,
) -> None:
    """Print IMAGE, a copy of the flash partition `events` or `samples`; or that of a board.

    A simulated board has them as partition-events.bin and partition-samples.bin. With --port the
    gateway stands still for up to two minutes and then starts anew. Exit code 3: something in it
    is torn or damaged, and shown. docs/SPEC-journal.md describes every bit.
    """
    if save and not port:
        raise click.UsageError("--save keeps what comes from --port")
    if image and not port:
        source, data = str(image), image.read_bytes()
    elif port and not image:
        source, data = port, _from_board(port, lane)
    else:
        raise click.UsageError("name either IMAGE or --port")
    if save:
        part = save.with_name(save.name + ".new")
        part.write_bytes(data)
        part.replace(save)
    try:
        found = read_image(data)
    except FiregridError as error:
        raise FiregridError(f"{source}: {error.message}", error.hint) from None
    if as_json:
        click.echo(json.dumps(_report(source, found), indent=2))
    else:
        for line in _lines(found):
            click.echo(line)
    ctx.exit(3 if found.faults else 0)


def _from_board(port: str, lane: str) -> bytes:
    from firegrid.boardport import read_partition  # only this one needs a serial port

    with bytes_told(f"{port} {lane}") as tell:
        return read_partition(port, lane, tell)


def _report(source: str, found: Image) -> dict[str, Any]:
    return {
        "schema": DUMP,
        "file": source,
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
