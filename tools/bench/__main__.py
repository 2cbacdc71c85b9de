"""Runs the areas one after another: progress on stderr, figures on stdout and in docs/BENCH.md.

make bench                   # all areas
make bench AREA=heap         # one
"""

import json
import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from firegrid.errors import FiregridError
from firegrid.resources import checkout
from firegrid_sim.forkserver import require_vm

from bench import flashing, gateways, heap, journal, link, nuisance, page, sampling, start, world
from bench.machine import commit, machine
from bench.page import Measured
from bench.result import Area

_MODULES = (gateways, start, heap, sampling, journal, link, flashing, world, nuisance)
AREAS = {module.AREA.name: module.AREA for module in _MODULES}
INTERRUPTED = 130
NOT_SO = 3  # exit code: a ratio is not what it is held to
CLEAR = "\r\x1b[2K"


class Progress:
    """How far an area is: one line that changes in a terminal, else a line for each change."""

    def __init__(self, area: Area) -> None:
        self._name = area.name
        self._begin_s = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def tell(self, text: str) -> None:
        """Show what is being done now."""
        line = f"{self._name:8} {time.monotonic() - self._begin_s:4.0f} s  {text}"
        if self._terminal:
            line = CLEAR + line[: shutil.get_terminal_size().columns - 1]
        print(line, end="" if self._terminal else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave nothing of a line that changes."""
        if self._terminal:
            print(CLEAR, end="", file=sys.stderr, flush=True)


@click.command()
@click.argument("areas", nargs=-1, type=click.Choice(list(AREAS)))
@click.option("--quick", is_flag=True, help="Seconds instead of minutes; the figures mean little.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--page",
    "to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures there instead of docs/BENCH.md; --quick writes only with it.",
)
def main(areas: tuple[str, ...], quick: bool, as_json: bool, to: Path | None) -> None:
    """Measure AREAS (without any: all of them) against their yardsticks.

    Exit code 3: a ratio is not what it is held to; --quick holds nothing to anything.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a script's background job ignores Ctrl-C
        signal.signal(number, signal.default_int_handler)
    target = to or (None if quick else checkout() / "docs" / "BENCH.md")
    done, failed = [], False
    try:
        require_vm()
        for name in areas or AREAS:
            try:
                done.append(_measure(AREAS[name], quick))
            except FiregridError as error:
                failed = True
                click.echo(f"{name}: {error}", err=True)
                continue
            if target:
                page.write(target, done[-1], AREAS)
            if not as_json:
                click.echo(page.section(done[-1]))
    except KeyboardInterrupt:
        click.echo("bench: interrupted; areas that had ended are on the page", err=True)
        sys.exit(INTERRUPTED)
    if as_json:
        click.echo(json.dumps(page.as_json(done), indent=2, ensure_ascii=False))
    missed = [] if quick else [row for one in done for row in one.result.rows if not row.holds]
    for row in missed:
        click.echo(f"{row.what}: {page.figure(row.ratio)}, held to {row.held_to}", err=True)
    sys.exit(1 if failed else NOT_SO if missed else 0)


def _measure(area: Area, quick: bool) -> Measured:
    """Run one area in a folder of its own, which is gone afterwards."""
    origin = (datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), commit(), machine())
    progress = Progress(area)
    try:
        with tempfile.TemporaryDirectory(prefix="firegrid-bench-") as directory:
            return Measured(
                area, area.run(quick, Path(directory).resolve(), progress.tell), *origin
            )
    finally:
        progress.end()


if __name__ == "__main__":
    main(prog_name="bench")
