"""`firegrid driver`: a new driver from a template, and what every driver must bear, in the VM."""

import json
import os
import re
import subprocess
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from firegrid import tables
from firegrid.errors import FiregridError
from firegrid.resources import checkout, hal_dir
from firegrid.site.fields import nearest
from firegrid.tables import Driver, Figure

from firegrid_sim.driver_template import files
from firegrid_sim.forkserver import require_vm

SCHEMA = "firegrid.driver-check/1"
FAILED = 3
TABLE = "host/firegrid/drivers.toml"
TIMEOUT_S = 300
INPUTS = ("gpio", "ads1115", "rs485", "onewire")
MARK = "\x02"  # begins a result in the VM's output
_NAME = re.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Where a default leaves a driver waiting for what no trial brings.
_TRIED_WITH = {"warm_up_s": 0, "clean_air_ohm": 10000}


@click.group()
def command() -> None:
    """Write a driver for a new sensor, check that it bears what every driver must.

    It works in a checkout; docs/DRIVERS.md leads through it in ten minutes.
    """


@command.command()
@click.argument("name")
@click.option("--dir", "folder", metavar="DIR", help="Put all files there, not into the checkout.")
@click.option("--quantity", default="hydrant/kpa", show_default=True, help="What it delivers.")
def new(name: str, folder: str | None, quantity: str) -> None:
    """Write driver NAME from a template: its file, its test, its entry in the table."""
    _named(name)
    if quantity not in tables.quantities():
        raise FiregridError(f"{quantity} is unknown", nearest(quantity, tables.quantities()))
    if name in tables.drivers():
        raise FiregridError(f"there is a driver {name} already", "choose another name")
    root = None if folder else checkout()
    texts = files(name, quantity, in_checkout=root is not None)
    places = {path: _place(path, root, folder) for path in texts}
    for path, place in places.items():
        if place.exists() and path != TABLE:
            raise FiregridError(f"{place}: is there already", "choose another name or folder")
    for path, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a", encoding="utf-8") as file:  # the table is added to
            file.write(texts[path])
        click.echo(f"wrote {place}")
    where = f" --dir {folder}" if folder else ""
    click.echo(f"next: firegrid driver check {name}{where}; then docs/DRIVERS.md")


@command.command()
@click.argument("name")
@click.option("--dir", "folder", metavar="DIR", help="Where `driver new --dir` has put it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(ctx: click.Context, name: str, folder: str | None, as_json: bool) -> None:
    """Run what every driver must bear on NAME, in the MicroPython VM.

    Absent, stuck, noisy, out of range, slow, recovering; no exception, no heap once it runs, None
    always with a code. Ends with exit code 3 where it does not.
    """
    require_vm()
    report = conformance(name, Path(folder) if folder else None)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for row in report["checks"]:
            said = f"FAILED: {row['why']}" if row["why"] else "ok"
            click.echo(f"{row['quantity']} at {row['input']}: {row['check']}: {said}")
    ctx.exit(0 if report["ok"] else FAILED)


def conformance(name: str, folder: Path | None = None) -> dict[str, Any]:
    """Return what each check said, for each quantity and input of a driver."""
    _named(name)
    root = checkout()
    source = (folder or root / "firmware" / "drivers") / f"{_module(name)}.py"
    if not source.is_file():
        raise FiregridError(f"{source}: is not there", f"write it: firegrid driver new {name}")
    driver = _driver(name, folder)
    rows = [row for plan in _plans(driver, folder) for row in _tried(plan, root, folder)]
    return {
        "schema": SCHEMA,
        "driver": name,
        "ok": not any(row["why"] for row in rows),
        "checks": rows,
    }


def _named(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise FiregridError(f'"{name}" is no name of a driver', 'write it like "flow-switch"')


def _module(name: str) -> str:
    return name.replace("-", "_")


def _place(path: str, root: Path | None, folder: str | None) -> Path:
    return root / path if root else Path(folder or "") / Path(path).name


def _driver(name: str, folder: Path | None) -> Driver:
    """Return the driver's entry: of the table, or of NAME.toml beside a driver elsewhere."""
    if folder is None:
        if name not in tables.drivers():
            raise FiregridError(f"{TABLE} has no driver {name}", "add its entry")
        return tables.drivers()[name]
    path = folder / f"{name}.toml"
    try:
        row = tomllib.loads(path.read_text(encoding="utf-8"))["drivers"][name]
        return tables.driver_of(name, row)
    except (KeyError, TypeError, ValueError) as error:
        raise FiregridError(f"{path}: is no entry of driver {name}: {error}") from None


def _plans(driver: Driver, folder: Path | None) -> Iterator[dict[str, Any]]:
    """Yield what to try: each quantity at each input, with the usual parameters."""
    for key in driver.quantities:
        quantity = tables.quantities().get(key)
        if quantity is None:
            raise FiregridError(f"driver {driver.name}: {key} is unknown")
        figures = driver.params_for(key)
        for where in driver.inputs:
            if where not in INPUTS:
                raise FiregridError(f"input {where} is unknown", f"known: {', '.join(INPUTS)}")
            yield {
                "module": f"{'' if folder else 'drivers.'}{_module(driver.name)}",
                "class": "".join(part.capitalize() for part in driver.name.split("-")),
                "quantity": key,
                "input": where,
                "params": {name: _value(name, figure) for name, figure in figures.items()},
                "range": [tables.thousandths(quantity.low), tables.thousandths(quantity.high)],
                "clock": driver.name == "residual-current",
            }


def _value(name: str, figure: Figure) -> int:
    return int(_TRIED_WITH.get(name, figure.default))


def _tried(plan: dict[str, Any], root: Path, folder: Path | None) -> Iterator[dict[str, str]]:
    """Yield the outcome of every check, as the VM says it."""
    conform = root / "simulator" / "conform"
    parts = [root / "firmware", conform, root / "tests" / "firmware", hal_dir()]
    path = ":".join(map(str, [*([folder.resolve()] if folder else []), *parts, ".frozen"]))
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "plan.json"
        file.write_text(json.dumps(plan))
        argv = [
            str(Path(sysconfig.get_path("scripts")) / "micropython"),
            "-X",
            "heapsize=1M",
            str(conform / "conform.py"),
            str(file),
        ]
        env = {"PATH": os.environ.get("PATH", ""), "MICROPYPATH": path}
        try:
            done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise FiregridError(f"the VM was still busy after {TIMEOUT_S} s") from None
    lines = [line[1:] for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines or done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["nothing"]
        raise FiregridError(f"the VM gave up: {said[-1]}")
    for line in lines:
        yield {"quantity": plan["quantity"], "input": plan["input"], **json.loads(line)}
