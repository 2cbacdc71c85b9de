"""The command `firegrid deploy`: the compiled application, onto a board on the desk."""

import json
from pathlib import Path
from typing import Any

import click

from firegrid.boardport import StoppedBoard
from firegrid.deploy import Plan, check, compare, heard, prepare, send, switch
from firegrid.image.filesystem import application
from firegrid.progress import bytes_told
from firegrid.resources import firmware_dir

__all__ = ["command"]

SCHEMA = "firegrid.deploy/1"


@click.command()
@click.option("--port", required=True, help="The board's serial port: /dev/ttyUSB0, COM3.")
@click.option(
    "--firmware",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The compiled application; otherwise what `make compile` made.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(port: str, firmware: Path | None, dry_run: bool, as_json: bool) -> None:
    """Put the compiled application on a board that runs firegrid already: what has changed.

    Files are compared by their SHA-256, written into the slot that does not run, and read back;
    then the board starts from there. Whatever breaks before, it starts what ran. Identity,
    configuration and journal stay. The gateway stands still meanwhile and starts anew in any case.
    For development: nothing is signed, and nothing is on trial.
    """
    app = application(firmware or firmware_dir())
    with StoppedBoard(port) as board:
        _hint(f"{port}: comparing {len(app)} files")
        plan = compare(board, app)
        deploys = plan.changed and not dry_run
        if deploys:
            _deploy(board, plan)
        slot = plan.to if deploys else plan.runs
        board.restart()
        _hint(f"{port}: slot {slot} starts")
        said = heard(board, slot)
    copied = len(plan.send) if plan.changed else 0
    report = {
        "schema": SCHEMA,
        "port": port,
        "dry_run": dry_run,
        "changed": plan.changed,
        "copied": copied,
        "unchanged": len(app) - copied,
        "deleted": len(plan.gone),
        "bytes_sent": plan.send_bytes if plan.changed else 0,
        "slot": slot,
        "started": said,
    }
    if as_json:
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for line in _lines(plan, report):
        click.echo(line)


def _deploy(board: StoppedBoard, plan: Plan) -> None:
    """Everything that changes the board."""
    _hint(f"{board.port}: slot {plan.to}: {len(plan.keep)} files kept from slot {plan.runs}")
    prepare(board, plan)
    _hint(f"{board.port}: slot {plan.to}: {_files(plan.send)}, {plan.send_bytes} bytes to send")
    with bytes_told(board.port) as tell:
        send(board, plan, tell)
    _hint(f"{board.port}: slot {plan.to}: reading back {len(plan.app)} files")
    check(board, plan)
    switch(board, plan)


def _lines(plan: Plan, report: dict[str, Any]) -> list[str]:
    lines = []
    if not plan.changed:
        lines.append(f"nothing has changed: slot {plan.runs} runs these {len(plan.app)} files")
    elif report["dry_run"]:
        lines += [f"would send   {path}, {len(plan.app[path])} bytes" for path in plan.send]
        lines += [f"would delete {path}" for path in plan.gone]
        lines.append(f"would send {_files(plan.send)}, {plan.send_bytes} bytes, into {plan.to}")
    else:
        lines.append(
            f"{_files(plan.send)} sent, {plan.send_bytes} bytes; {report['unchanged']} unchanged, "
            f"{len(plan.gone)} deleted"
        )
    said = report["started"]
    lines.append(
        f"slot {report['slot']} runs: {said.get('site')}/{said.get('gateway')}, firmware "
        f"{said.get('firmware')}, configuration {said.get('config_version')}, "
        f"self-test: {said.get('self_test')}"
    )
    return lines


def _files(paths: list[str]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths)} files"


def _hint(text: str) -> None:
    click.echo(text, err=True)
