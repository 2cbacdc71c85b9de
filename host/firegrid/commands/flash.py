"""The command `firegrid flash`: boards get what their gateway needs, and must answer."""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.console import Console

from firegrid.errors import FiregridError
from firegrid.files import write_file
from firegrid.flash.bench import BAUDS, Bench, Order, Outcome, check_stand_in
from firegrid.flash.boards import Boards, alone
from firegrid.flash.show import Screen, table
from firegrid.image.build import Image, image_of, read_image
from firegrid.image.enrol import KEY, about_of
from firegrid.options import ports_option, state_option
from firegrid.ports import plugged, ports
from firegrid.resources import site_path
from firegrid.serialport import not_there
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.state import State

__all__ = ["command"]

SCHEMA = "firegrid.flash/1"
OPEN = 3  # exit code: a gateway has no board that has answered
WAIT_S = 5.0  # for one more board, where nobody watches
EARLY_S = 86_400
WIDTH = 120  # of the table, where there is no terminal


@click.command()
@click.argument("site")
@click.argument("gateway", required=False)
@click.option("--port", metavar="PORT", help="The port of the one board for GATEWAY.")
@click.option("--all", "everyone", is_flag=True, help="All gateways of the plan, hands-free.")
@ports_option("With --all: the ports to serve")
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="With --all: how long to wait for one more board. [default: at a terminal until the plan "
    f"is through or Ctrl-C, else {WAIT_S:g}]",
)
@click.option("--scan", is_flag=True, help="A board waits until its label is scanned or typed.")
@click.option("--baud", type=click.Choice(list(map(str, BAUDS))), help="The highest.")
@click.option("--again", is_flag=True, help="Write boards that have this image already, too.")
@click.option(
    "--wipe", is_flag=True, help="Empty a known board's journal and counters; its identity stays."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--label/--no-label", "labelled", default=True, show_default=True,
    help="Write the label of each board that has answered, into the community's reports.",
)  # fmt: skip
@click.option(
    "--release",
    metavar="GATEWAY",
    help="Let go of the board that was begun for GATEWAY and never answered; write nothing.",
)
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(site: str, gateway: str | None, as_json: bool, **given: Any) -> None:
    """Write the images of SITE's gateways to boards: one board, or one after another.

    A board is done when its application has started and says who it is; then it is green, may be
    unplugged, and its key is deleted here. A new board is erased first. On a known one identity,
    counters and journal stay. Whatever interrupts it, no gateway and no board is used twice: call
    it again, and it goes on. Provision first.
    """
    path = site_path(site)
    loaded = load_site(path)
    state = State.of(path, given["state"])
    if given["release"]:
        _release(loaded, state, given["release"], as_json)
        return
    _check_usage(gateway, given)
    chosen = [loaded.gateway(gateway)] if gateway else list(loaded.gateways)
    images = {one.id: image_of(state, one.id, site) for one in chosen}
    if given["wipe"] and not given["yes"]:
        click.confirm("Empty journal and counters of known boards?", abort=True, err=True)
    console = _console()
    _check_clock(state, images)
    with alone(state):
        boards = Boards(state.boards)
        for name in images:
            if boards.has_answered(boards.mac_of(name) or ""):
                _forget_key(state, name)  # left over where the last run ended between the two
        patterns = [given["port"]] if given["port"] else list(given["patterns"])
        _check_ports(images, given["port"], patterns, site)
        wait_s = given["wait_s"]
        if wait_s is None and not console.is_terminal:
            wait_s = WAIT_S
        order = Order(
            loaded.id, images, gateway, given["again"] or bool(gateway), given["wipe"],
            given["scan"], given["jobs"], wait_s, _bauds(given["baud"]),
        )  # fmt: skip
        scanned = _scanner() if given["scan"] else None
        with _Show(console, loaded, state, given["labelled"]) as show:
            bench = Bench(
                order, boards, show, lambda: _plugged(patterns),
                lambda name: _forget_key(state, name), scanned,
            )  # fmt: skip
            _greet(console, order, patterns)
            stopped = _stopped(bench)
        _tell(console, loaded, bench, boards, as_json, stopped)
    if stopped:
        raise KeyboardInterrupt
    if bench.missing:
        sys.exit(OPEN)


def _console() -> Console:
    console = Console(stderr=True)
    return console if console.is_terminal else Console(stderr=True, width=WIDTH)


def _check_usage(gateway: str | None, given: dict[str, Any]) -> None:
    if bool(gateway) == given["everyone"]:
        raise click.UsageError("name one GATEWAY with --port, or give --all")
    if gateway and not given["port"]:
        raise click.UsageError("name the port: --port /dev/ttyUSB0")
    if given["everyone"] and given["port"]:
        raise click.UsageError("with --all it is --ports GLOB")


def _check_ports(
    images: dict[str, Image], port: str | None, patterns: Sequence[str], site: str
) -> None:
    """Raise where a port that is named is not there, or is none for these images."""
    there = _plugged(patterns)
    if port and not there:
        raise not_there(port, site)
    check_stand_in(images.values(), [port] if port else there)


def _bauds(highest: str | None) -> tuple[int, ...]:
    return tuple(baud for baud in BAUDS if highest is None or baud <= int(highest))


def _check_clock(state: State, images: dict[str, Image]) -> None:
    """Warn where this computer's clock is behind what was made with it."""
    made_s = max(int(str(about_of(state, name)["made_s"])) for name in images)
    if time.time() < made_s - EARLY_S:
        click.echo(
            "this computer's clock is wrong: it stands before the day on which these identities "
            "were made; set it, or the record of this bench is misdated",
            err=True,
        )


def _forget_key(state: State, gateway: str) -> None:
    """The board has the key now; here it is no more."""
    folder = state.images / gateway
    image = read_image(folder)
    if image.holds_identity:
        image.without_identity().write(folder)
    (state.identities / gateway / KEY).unlink(missing_ok=True)


def _plugged(patterns: Sequence[str]) -> list[str]:
    return [port.device for port in plugged(patterns)]


def _scanner() -> Callable[[], Sequence[str]]:
    """Return what returns the labels read since the last call: a scanner types them."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            if line.strip():
                lines.put(line)

    threading.Thread(target=read, daemon=True).start()

    def scanned() -> Sequence[str]:
        return [lines.get() for _ in range(lines.qsize())]

    return scanned


class _Show(Screen):
    """The screen, and the labels."""

    def __enter__(self) -> "_Show":
        super().__enter__()
        return self

    def __init__(self, console: Console, site: Site, state: State, labelled: bool) -> None:
        super().__init__(console)
        self._site = site
        self._state = state
        self._labelled = labelled

    def about(self, port: str) -> str:
        """Return what the system knows of what is plugged in at a port."""
        found = {one.device: one.description for one in ports()}
        return found.get(port, "")

    def label(self, gateway: str) -> str | None:
        """Write the label of a gateway; return where it is."""
        if not self._labelled:
            return None
        try:
            from firegrid.label import draw, find_font, label_of, png_bytes
        except ModuleNotFoundError:
            self._labelled = False
            self.say("labels", "none are written: pip install 'firegrid[labels]'")
            return None
        file = self._state.reports / "labels" / f"{gateway}.png"
        label = label_of(self._site, self._state, self._site.gateway(gateway))
        write_file(file, png_bytes(draw(label, find_font())))
        return str(file)


def _release(site: Site, state: State, gateway: str, as_json: bool) -> None:
    """Let a gateway be given to another board. Its key may lie on the first: it gets another."""
    site.gateway(gateway)
    with alone(state):
        boards = Boards(state.boards)
        mac = boards.mac_of(gateway)
        if mac is None:
            raise FiregridError(f"{gateway}: no board was begun for it", "nothing is to be done")
        if boards.has_answered(mac):
            raise FiregridError(
                f"{gateway}: the board {mac} has answered as it, and has its key",
                "put another in its place: firegrid replace, which gives it a new id",
            )
        boards.note(mac, gateway, "released", "")
        for folder in (state.images / gateway, state.identities / gateway):
            for file in folder.glob("*"):
                file.unlink()
            if folder.is_dir():
                folder.rmdir()
    if as_json:
        gone = {"gateway": gateway, "mac": mac}
        click.echo(json.dumps({"schema": SCHEMA, "site": site.id, "released": gone}))
        return
    click.echo(f"{gateway} has let go of {mac}; make it a new identity: firegrid provision")


def _stopped(bench: Bench) -> bool:
    """Serve the ports; return whether a person has ended it."""
    try:
        bench.run()
    except KeyboardInterrupt:
        return True
    return False


def _greet(console: Console, order: Order, patterns: Sequence[str]) -> None:
    if not order.fixed:
        where = ", ".join(patterns) or "any USB serial port"
        told = f"{len(order.images)} gateways in the plan; plug boards in at {where}; Ctrl-C ends"
        console.print(told, highlight=False, markup=False)


def _tell(
    console: Console, site: Site, bench: Bench, boards: Boards, as_json: bool, stopped: bool
) -> None:
    if bench.outcomes or bench.missing:
        console.print(table(bench.outcomes, bench.missing, boards.mac_of))
    if stopped:
        console.print("stopped: boards that were being written go on next time; no id is lost")
    if as_json:
        report = {
            "schema": SCHEMA,
            "site": site.id,
            "stopped": stopped,
            "boards": [_row(one) for one in bench.outcomes],
            "missing": bench.missing,
        }
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))


def _row(one: Outcome) -> dict[str, Any]:
    return {
        "port": one.port,
        "mac": one.mac,
        "gateway": one.gateway,
        "result": one.result,
        "detail": one.detail,
        "advice": one.advice,
        "took_s": round(one.seconds, 1),
        "flash_bytes": one.bytes,
    }
