"""The `firegrid` command: lists commands by who uses them, loads each only when it is called."""

import os
import signal
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from typing import Any, NamedTuple, NoReturn

import click

from firegrid import __version__, words
from firegrid.errors import FiregridError

__all__ = ["main"]


class Listed(NamedTuple):
    """A command as --help lists it; its module is imported only when the command is called."""

    group: str
    summary: str
    extra: str = ""  # what to install where it is missing


GROUPS = ("Plan", "Bench", "On site", "Desk", "Develop", "Plug-ins")
COMMANDS = {
    "site": Listed("Plan", "Make, check and show a community's site file; join two."),
    "monitor": Listed("Desk", "Watch a community on a broker that runs already.", "desk"),
    "journal": Listed("Bench", "Print the flash where a gateway keeps its records."),
    "walktest": Listed("On site", "Try every point, and keep what came of it.", "desk"),
    "accept": Listed("On site", "Write the signed acceptance report, or check one."),
    "replace": Listed("On site", "Put another gateway in a gateway's place."),
    "command": Listed(
        "Desk", "Order a gateway to do something, and tell what came of it.", "desk"
    ),
    "audit": Listed(
        "Desk", "Prove from the store that no record of a gateway is missing.", "desk"
    ),
    "ca": Listed("Plan", "Make the keys of a community: certificates, signatures, updates."),
    "provision": Listed("Bench", "Make each gateway's identity and the image of its board."),
    "doctor": Listed("Bench", "Check what a bench needs: ports, disk, clock, keys, broker."),
    "flash": Listed("Bench", "Write boards, one or many; each must answer.", "flash"),
    "inspect": Listed("Bench", "Say which board is plugged in, and who it is.", "flash"),
    "verify": Listed("Bench", "Check that a board holds the image of its gateway.", "flash"),
    "webtools": Listed("Bench", "Write what a web page needs to install a gateway."),
    "console": Listed("Bench", "Talk to a gateway at its serial port; tell it a Wi-Fi network."),
    "label": Listed("Bench", "Write the labels of the gateways: QR code, id, place.", "labels"),
    "run": Listed("Develop", "Run a community: simulated gateways, broker, live view.", "sim"),
    "replay": Listed("Develop", "Feed a recorded trace to a simulated gateway.", "sim"),
    "sim": Listed(
        "Develop", "Worlds that break things, from one seed; boards without hardware.", "sim"
    ),
    "driver": Listed(
        "Develop", "Write a driver for a new sensor, check what it must bear.", "sim"
    ),
    "deploy": Listed("Develop", "Put what changed in the firmware on a board that runs it."),
}
OWN = {
    "site": "firegrid.commands.site:command",
    "journal": "firegrid.commands.journal:command",
    "monitor": "firegrid.commands.monitor:command",
    "command": "firegrid.commands.command:command",
    "audit": "firegrid.commands.audit:command",
    "ca": "firegrid.commands.ca:command",
    "provision": "firegrid.commands.provision:command",
    "doctor": "firegrid.commands.doctor:command",
    "flash": "firegrid.commands.flash:command",
    "inspect": "firegrid.commands.inspect:command",
    "verify": "firegrid.commands.verify:command",
    "webtools": "firegrid.commands.webtools:command",
    "console": "firegrid.commands.console:command",
    "label": "firegrid.commands.label:command",
    "deploy": "firegrid.commands.deploy:command",
    "accept": "firegrid.commands.accept:command",
    "replace": "firegrid.commands.replace:command",
    "walktest": "firegrid.commands.walktest:command",
}
PLUG_INS = "firegrid.commands"  # entry-point group: what other packages bring into this command

# The package that is missing -> the extra that brings it, where the command itself names none.
EXTRAS = {
    "firegrid_sim": "sim",
    "iotcore": "sim",
    "micropython_module": "sim",
    "esptool": "flash",
    "esp32_mock_bootloader": "boards",
    "PIL": "labels",
    "segno": "labels",
    "paho": "desk",
    "sqlalchemy": "desk",
}
INTERRUPTED = 130
CALLED = "firegrid.called"  # in the context: the command that was called


class Commands(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command: our own, and what plug-ins bring."""
        return list(dict.fromkeys([*COMMANDS, *_plug_ins()]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        ctx.meta[CALLED] = cmd_name
        if target := OWN.get(cmd_name):
            module, name = target.split(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        if plug_in := _plug_ins().get(cmd_name):
            return plug_in.load()  # type: ignore[no-any-return]
        if listed := COMMANDS.get(cmd_name):
            raise FiregridError(f"`{cmd_name}` is not installed", _install(listed.extra))
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each kind of user, from the table: nothing is imported."""
        plug_ins = _plug_ins()
        names = self.list_commands(ctx)
        listed = {name: COMMANDS.get(name) or _foreign(plug_ins[name]) for name in names}
        for group in GROUPS:
            rows = [(name, row.summary) for name, row in listed.items() if row.group == group]
            if rows:
                with formatter.section(group):
                    formatter.write_dl(rows, col_max=12)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a person's mistake ends in one line and never in a traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except (FiregridError, ModuleNotFoundError, OSError) as error:
            _refuse(ctx, error)


@click.group("firegrid", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="firegrid")
@click.option(
    "--lang",
    type=click.Choice(words.LANGUAGES),
    help="Language of what is shown; otherwise LC_ALL, LC_MESSAGES or LANG tell it.",
)
def main(lang: str | None) -> None:
    """Open fire-safety gateways for a community: plan, simulate, watch.

    It supplements certified fire systems and never replaces one.
    """
    words.use(lang or words.preferred(os.environ))
    for number in (signal.SIGINT, signal.SIGTERM):  # a script's background job ignores Ctrl-C
        signal.signal(number, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console that lacks a letter shows "?" for it
            stream.reconfigure(errors="replace")


def _plug_ins() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=PLUG_INS)}


def _foreign(plug_in: EntryPoint) -> Listed:
    source = plug_in.dist.name if plug_in.dist else plug_in.module
    return Listed("Plug-ins", f"From {source}.")


def _refuse(ctx: click.Context, error: Exception) -> NoReturn:
    """End with exit code 1 and what was seen, what is allowed, what to do; our own bugs go on."""
    text = _told(error, COMMANDS.get(ctx.meta.get(CALLED, "")))
    if not text or os.environ.get("FIREGRID_DEBUG") == "1":
        raise error
    for line in text.splitlines():
        click.echo(f"firegrid: {line}", err=True)
    ctx.exit(1)


def _told(error: Exception, called: Listed | None) -> str:
    if isinstance(error, FiregridError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").split(".")[0]
        if missing in EXTRAS:
            extra = called.extra if called and called.extra else EXTRAS[missing]
            return f"{missing} is missing; {_install(extra)}"
    if isinstance(error, OSError) and error.filename and not isinstance(error, BrokenPipeError):
        return f"{error.filename}: {error.strerror}"
    return ""


def _install(extra: str) -> str:
    return f"install it with: pip install 'firegrid[{extra}]'"
