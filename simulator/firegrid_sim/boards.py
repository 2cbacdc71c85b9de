"""`firegrid sim boards`: simulated boards at serial ports, for the tools that real ones need."""

import importlib.util
import json
import os
import re
import select
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from firegrid.errors import FiregridError
from firegrid.resources import firmware_dir, hal_dir, site_path
from firegrid.site.load import load_site
from firegrid.site.model import Site

from firegrid_sim.board import Bench
from firegrid_sim.broker import Broker, require_broker
from firegrid_sim.electrical import Sensor, connect, sensor_for
from firegrid_sim.forkserver import ForkServer, require_vm
from firegrid_sim.scenario import PRESSES

if TYPE_CHECKING:
    from firegrid_sim.flashed import FlashedBoard

__all__ = ["boards"]

SCHEMA = "firegrid.sim-boards/1"
MIB = 1024 * 1024
CHIPS = ("esp32", "esp32s2", "esp32s3", "esp32c3")
TICK_S = 0.1
TYPED_BYTES = 65536
TYPED = """\
drive POINT SIGNAL VALUE     what a sensor sees: drive smoke-noodles smoke_db_m 0.3
fault POINT WHAT             break its wire (open, short), or mend it (none)
press GATEWAY WHAT           somebody presses the button: acknowledge, silence, reset
link GATEWAY on|off          the Wi-Fi
cut GATEWAY SECONDS          the power
unplug BOARD, plug BOARD     the USB cable; the board keeps its power
status                       what each board has become
end"""


@click.command(epilog="\b\nWhat can be typed:\n" + textwrap.indent(TYPED, "  "))
@click.option("--count", type=click.IntRange(1, 64), default=16, show_default=True)
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the ports and flashes lie; what was flashed stays there. [default: a new folder, "
    "gone at the end]",
)
@click.option(
    "--site",
    "site_name",
    metavar="SITE",
    help="Connect the sensors of this site to the boards that become its gateways.",
)
@click.option("--broker-port", type=click.IntRange(1, 65535), help="Start a broker there as well.")
@click.option("--chip", type=click.Choice(CHIPS), default="esp32", show_default=True)
@click.option("--flash-mib", type=click.Choice(["2", "4", "8", "16"]), default="4")
@click.option("--paced", is_flag=True, help="Bytes come no faster than the port's speed.")
@click.option(
    "--trouble",
    "troubles",
    multiple=True,
    metavar="BOARD:WHAT",
    help="What is wrong with a board: silent, cut=BYTES, stall=BYTES, flip=ADDRESS, baud=HIGHEST, "
    "chip=NAME, flash=MIB. May be given again.",
)
@click.option("--for", "for_s", type=click.FloatRange(0, min_open=True), metavar="SECONDS")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def boards(as_json: bool, for_s: float | None, **given: Any) -> None:
    """Offer simulated boards at serial ports, until Ctrl-C.

    Each is a link board-01, board-02 … to a pseudo-terminal, and the same board at a network port
    by RFC 2217. Real tools work with them: esptool writes their flash, and what was written is
    what they start, in the real VM; mpremote speaks to it. Images for them are made with
    `firegrid provision --micropython` and the file of `firegrid sim stand-in`.
    """
    require_vm()
    if importlib.util.find_spec("esp32_mock_bootloader") is None:
        raise FiregridError(
            "the ROM's loader is not installed", "pip install 'firegrid[sim,boards]'"
        )
    if given["broker_port"]:
        require_broker()
    site = load_site(site_path(given["site_name"])) if given["site_name"] else None
    names = [f"board-{n:02}" for n in range(1, given["count"] + 1)]
    troubled = _troubles(given["troubles"], names)
    with ExitStack() as stack:
        directory = given["directory"] or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="firegrid-boards-"))
        )
        directory.mkdir(parents=True, exist_ok=True)
        if given["broker_port"]:
            broker = Broker(directory / ".broker", given["broker_port"])
            broker.start()
            stack.callback(broker.stop)
        tell = _Teller(as_json)
        bench = _Benchtop(site, tell)
        server = ForkServer()
        server.start()
        stack.callback(server.stop)
        for name in names:
            stack.callback(bench.add(name, directory, server, given, troubled).power_off)
        tell.hint(f"ports: {directory}/board-*")
        try:
            bench.run(for_s)
        except KeyboardInterrupt:
            tell.hint("")


@dataclass(frozen=True)
class _Wrong:
    """What the command line says of one board."""

    trouble: dict[str, Any]
    chip: str | None = None
    flash_mib: int | None = None


def _troubles(given: Sequence[str], names: Sequence[str]) -> dict[str, _Wrong]:
    found: dict[str, _Wrong] = {}
    fields = {"cut": "cut_after_bytes", "stall": "stall_after_bytes", "flip": "flip_at"}
    for text in given:
        name, _, what = text.partition(":")
        key, _, value = what.partition("=")
        before = found.get(name, _Wrong({}))
        try:
            if name not in names:
                raise ValueError
            if key == "silent" and not value:
                after = replace(before, trouble=before.trouble | {"silent": True})
            elif key == "chip" and value in CHIPS:
                after = replace(before, chip=value)
            elif key == "flash" and value in ("1", "2", "4", "8", "16"):
                after = replace(before, flash_mib=int(value))
            elif key in fields or key == "baud":
                field = fields.get(key, "baud_max")
                after = replace(before, trouble=before.trouble | {field: int(value, 0)})
            else:
                raise ValueError
        except ValueError:
            raise click.BadParameter(
                f"{text!r}: write BOARD:WHAT, a board of {names[0]} to {names[-1]}",
                param_hint="--trouble",
            ) from None
        found[name] = after
    return found


class _Teller:
    """Says what happens: lines for people, objects for scripts."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def board(self, event: str, board: "FlashedBoard") -> None:
        """Say what a board is, or has become."""
        if self._as_json:
            about = {
                "schema": SCHEMA,
                "event": event,
                "board": board.name,
                "port": str(board.path),
                "rfc2217": f"rfc2217://127.0.0.1:{board.network.port}?ign_set_control",
                "mac": board.mac.hex(":"),
                "gateway": board.became,
            }
            click.echo(json.dumps(about))
        else:
            became = f", {board.became}" if board.became else ", blank"
            click.echo(
                f"{board.name}: {event}, {board.mac.hex(':')}{became}, "
                f"rfc2217://127.0.0.1:{board.network.port}"
            )
        sys.stdout.flush()

    def hint(self, text: str) -> None:
        """Tell a person."""
        click.echo(text, err=True)


class _Benchtop:
    """All boards, and the sensors of the places where they will hang."""

    def __init__(self, site: Site | None, tell: _Teller) -> None:
        self._site = site
        self._tell = tell
        self._boards: dict[str, FlashedBoard] = {}
        self._sensors: dict[str, Sensor] = {}
        if site:
            self._sensors = {one.id: sensor_for(one, site.mains_hz) for one in site.points}
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._typed = b""
        self._listens = False

    def add(
        self,
        name: str,
        directory: Path,
        server: ForkServer,
        given: dict[str, Any],
        troubled: dict[str, _Wrong],
    ) -> "FlashedBoard":
        """Put one more board on the bench and plug it in."""
        from firegrid_sim.flashed import FlashedBoard, Hardware  # needs the mock and esptool
        from firegrid_sim.rom import Trouble

        wrong = troubled.get(name, _Wrong({}))
        hardware = Hardware(
            wrong.chip or given["chip"],
            (wrong.flash_mib or int(given["flash_mib"])) * MIB,
            Trouble(**wrong.trouble),
            given["paced"],
        )
        bench = Bench(server, firmware_dir(), hal_dir(), start="start_flash.py")
        board = FlashedBoard(name, directory, bench, self._wire, hardware)
        self._boards[name] = board
        board.power_on()
        self._tell.board("plugged in", board)
        return board

    def _wire(self, board: "FlashedBoard") -> None:
        """In the board's thread, before each start."""
        if board.became:
            self._tell.board("starts", board)
        for sensor in self._sensors.values():
            if sensor.point.gateway == board.became:
                connect(sensor, self._sensors.values(), board.io)

    def run(self, for_s: float | None) -> None:
        """Let time pass, and do what is typed, until `end`."""
        until_s = None if for_s is None else time.monotonic() + for_s
        self._listens = True
        while until_s is None or time.monotonic() < until_s:
            now = time.monotonic()
            due = [act for at_s, act in self._later if at_s <= now]
            self._later = [one for one in self._later if one[0] > now]
            for act in due:
                act()
            for line in self._lines():
                if line == "end":
                    return
                self._do(line.split())

    def _lines(self) -> list[str]:
        """Return what was typed within a tick. In the background of a terminal nobody types."""
        keyboard = sys.stdin.fileno()
        if not self._listens or (os.isatty(keyboard) and os.tcgetpgrp(keyboard) != os.getpgrp()):
            time.sleep(TICK_S)
            return []
        if not select.select([keyboard], [], [], TICK_S)[0]:
            return []
        data = os.read(keyboard, TYPED_BYTES)
        self._listens = bool(data)
        *lines, self._typed = (self._typed + data).split(b"\n")
        return [line.decode(errors="replace").strip() for line in lines]

    def _do(self, words: Sequence[str]) -> None:
        if not words:
            return
        try:
            self._carry_out(words)
        except FiregridError as error:
            self._tell.hint(f"not done: {error}")
        except ValueError:
            self._tell.hint(f"not done: {_misunderstood(words)}")

    def _carry_out(self, words: Sequence[str]) -> None:
        match words:
            case ["help"]:
                self._tell.hint(TYPED)
            case ["status"]:
                for board in self._boards.values():
                    self._tell.board("is there", board)
            case ["drive", point, signal, value]:
                self._sensor(point).set(signal, float(value))
                self._changed(point)
            case ["fault", point, what]:
                self._break(point, None if what == "none" else what)
            case ["press", gateway, what] if what in PRESSES:
                self._press(gateway, True)
                self._after(PRESSES[what], partial(self._press, gateway, False))
            case ["link", gateway, ("on" | "off") as what]:
                self._gateway(gateway).io.set_link(what == "on")
            case ["cut", gateway, seconds]:
                self._gateway(gateway).power_cut(float(seconds))
            case [("plug" | "unplug") as what, board] if board in self._boards:
                getattr(self._boards[board], what)()
            case _:
                raise _misunderstood(words)

    def _break(self, point: str, fault: str | None) -> None:
        sensor = self._sensor(point)
        if fault:
            sensor.check_fault(fault)
        sensor.set_fault(fault)
        self._changed(point)

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, act))

    def _sensor(self, point: str) -> Sensor:
        if point not in self._sensors:
            raise FiregridError(f"no point {point}", "name the site with --site")
        return self._sensors[point]

    def _changed(self, point: str) -> None:
        sensor = self._sensors[point]
        connect(sensor, self._sensors.values(), self._gateway(sensor.point.gateway).io)

    def _gateway(self, name: str) -> "FlashedBoard":
        for board in self._boards.values():
            if board.became == name:
                return board
        raise FiregridError(f"no board is {name} yet", "flash one")

    def _press(self, gateway: str, down: bool) -> None:
        pin = self._site.gateway(gateway).button_pin if self._site else 0
        self._gateway(gateway).io.set_pin(pin, not down)


def _misunderstood(words: Sequence[str]) -> FiregridError:
    """Return what to say of a line: the usage of its verb, where that is one."""
    verb = re.compile(rf"\b{re.escape(words[0])} [A-Z]")
    usage = next((line for line in TYPED.splitlines() if verb.search(line)), "type help")
    return FiregridError(f"{' '.join(words)!r} is not understood", usage)
