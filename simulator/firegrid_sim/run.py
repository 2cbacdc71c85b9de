"""`firegrid run`: a community in a box, from simulated sensors to the desk, and its sum."""

import json
import math
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click
from firegrid import wire, words
from firegrid.errors import FiregridError
from firegrid.gaps import find_gaps
from firegrid.ingest import Ingest
from firegrid.mqtt import Address
from firegrid.options import lang_option
from firegrid.orders import Clerk, Order
from firegrid.resources import firmware_dir, hal_dir, scenario_path, site_path
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.store import Store

from firegrid_sim.board import HEAP, Bench, compiled
from firegrid_sim.broker import Broker, require_broker
from firegrid_sim.fleet import Fleet, Key, fingerprint
from firegrid_sim.forkserver import ForkServer, require_vm
from firegrid_sim.scenario import ANSWER_S, Player, Scenario, Step, load_scenario
from firegrid_sim.screen import Screen, tell
from firegrid_sim.summary import Seen, exit_code, faults, summarise

TICK_S = 0.05
SETTLE_S = 10.0  # how long the end waits until everything raised is stored


class Show(Protocol):
    """Where a run is watched; called from any thread."""

    def say(self, text: str) -> None:
        """Tell a person one line."""

    def take(self, message: wire.Message) -> None:
        """Take in what the desk has heard, and stored where it is a record."""

    def link(self, stands: bool) -> None:
        """Take in whether the desk has its broker."""

    def holes(self, count: int) -> None:
        """Take in how many holes of the store nobody explains."""


@dataclass(frozen=True)
class Plan:
    """What to run: everything in it was read and checked before anything is started."""

    site: Site
    scenario: Scenario | None
    firmware: Path
    hal: Path
    broker: Address | None = None  # None: our own
    heap: str = HEAP


class Session:
    """A running community: broker, desk and boards, from `with` to its end."""

    def __init__(self, plan: Plan, directory: Path, show: Show) -> None:
        self.plan = plan
        self.directory = directory
        self.seen = Seen(plan.site, plan.scenario, fingerprint(firmware_dir()))
        self.broker: Broker | None = None
        self._show = show
        self._shows = True
        self._told: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Session":
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        self.seen.begin_ns = time.time_ns()
        return self

    def __exit__(self, *error: object) -> None:
        self._shows = False  # how it is taken down is nobody's news
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        """Start all of it, the fork server before there are threads and sockets to inherit."""
        plan = self.plan
        self._show.say(words.tell("run.starting", count=len(plan.site.gateways)))
        server = ForkServer()
        server.start()
        stack.callback(server.stop)
        address = plan.broker or self._own_broker(stack)
        self.store = Store(f"sqlite:///{self.directory / 'desk.db'}")
        stack.callback(self.store.close)
        self.ingest = Ingest(str(address), plan.site.id, self.store, self._stored, self._show.say)
        self.ingest.start()
        stack.callback(self.ingest.stop)
        bench = Bench(server, plan.firmware, plan.hal, plan.heap)
        self.fleet = Fleet(plan.site, self.directory / "boards", bench, address)
        stack.callback(self.fleet.stop)
        self.fleet.start()
        self._clerk = Clerk(plan.site)
        self._player = (
            Player(plan.scenario, self.fleet, self._show.say, self._give)
            if plan.scenario
            else None
        )

    def _own_broker(self, stack: ExitStack) -> Address:
        broker = self.broker = Broker(self.directory / "broker")
        broker.start()
        stack.callback(broker.stop)
        return Address.parse(broker.url)

    def _give(self, step: Step, order: Order) -> None:
        """Give a gateway a command, as the desk would; without a broker nobody answers it."""
        command = self._clerk.write(order, ANSWER_S)
        if self.ingest.send(command):
            self.seen.given[step] = command.id

    def _stored(self, message: wire.Message) -> None:
        """In the ingest's thread: what the message brings is on the disk."""
        now_ns = time.time_ns()
        if isinstance(message, wire.Events):
            for event in message.records:
                self.seen.stored.setdefault(Key(event.gateway, event.boot, event.n), now_ns)
        elif isinstance(message, wire.StateHead):
            self.seen.firmware.setdefault(message.gateway, message.fields["firmware_sha256"])
        if self._shows:
            self._show.take(message)

    @property
    def now_s(self) -> float:
        """Seconds since all boards are switched on: the scenario's time."""
        return (time.time_ns() - self.seen.begin_ns) / 1e9

    def run(self, for_s: float | None) -> None:
        """Let time pass, for so long or until Ctrl-C."""
        while for_s is None or self.now_s < for_s:
            if self._player:
                self._player.advance(self.now_s)
            self._look()
            time.sleep(TICK_S)

    def finish(self) -> dict[str, Any]:
        """Let nothing more happen, wait until all raised so far is stored; return the summary."""
        seen = self.seen
        seen.end_ns = time.time_ns()
        self._look()
        seen.raised = {key: at for key, at in self.fleet.raised.items() if at <= seen.end_ns}
        deadline = time.monotonic() + SETTLE_S
        with suppress(KeyboardInterrupt):  # a second Ctrl-C does not wait
            while seen.raised.keys() - seen.stored.keys() and time.monotonic() < deadline:
                self._look()
                time.sleep(TICK_S)
        seen.events = list(self.store.events(self.plan.site.id))
        seen.duplicates = self.store.duplicates()
        seen.gaps = find_gaps(self.store, self.plan.site.id)
        seen.redelivered = self.ingest.counts.redelivered
        seen.sounded = self.fleet.sounded
        seen.resets = {name: board.resets for name, board in self.fleet.boards.items()}
        return summarise(seen)

    def _look(self) -> None:
        self.fleet.collect()
        self._show.link(self.ingest.connected)
        self._show.holes(len(self.ingest.holes))
        self._tell_resets()

    def _tell_resets(self) -> None:
        """Say that a board was reset and what it said last, but not the same again and again."""
        for name, board in self.fleet.boards.items():
            said = board.last_words() if board.resets else ""
            if said != self._told.get(name, ""):
                self._told[name] = said
                self._show.say(words.tell("run.was_reset", gateway=name, said=said))


class _Quiet:
    """For --json: only what a person must know, on stderr."""

    def __init__(self) -> None:
        self._stands = True

    def say(self, text: str) -> None:
        click.echo(f"firegrid: {text}", err=True)

    def take(self, message: wire.Message) -> None:
        """There is nothing to show it on."""

    def holes(self, count: int) -> None:
        """The desk says it, and the summary counts them."""

    def link(self, stands: bool) -> None:
        """Say when the desk's broker goes, and when it is back."""
        if stands is not self._stands:
            self._stands = stands
            self.say(words.tell("monitor.broker_back" if stands else "monitor.broker_away"))


@click.command()
@click.argument("site")
@click.option("--scenario", metavar="FILE", help="What happens: a file, or a shipped example.")
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End after so long; without it, Ctrl-C ends the run.",
)
@click.option("--state", metavar="DIR", help="Keep the desk's store and the boards there.")
@click.option("--broker", metavar="URL", help="Use this broker instead of an embedded one.")
@click.option("--firmware", metavar="DIR", help="Boot this, compare it with what was built.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@lang_option
def command(site: str, as_json: bool, for_s: float | None, **given: str | None) -> None:
    """Run SITE: simulated gateways, a real broker, the desk, and a live view of it all.

    SITE is the path of a site file, or the name of a shipped example such as jinshui-garden.
    Ends with exit code 3 where an event was lost or stored twice, or a step was not seen.
    """
    if for_s is not None and not math.isfinite(for_s):
        raise click.BadParameter(f"{for_s} is no time; give seconds", param_hint="--for")
    plan = _plan(site, given)
    with ExitStack() as stack:
        directory = _directory(given["state"], stack)
        show = _Quiet() if as_json else stack.enter_context(Screen(plan.site))
        summary, interrupted = _run(Session(plan, directory, show), for_s)
    if as_json:
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False))
        for fault in faults(summary):
            click.echo(f"firegrid: {fault}", err=True)
    else:
        tell(summary)
    sys.exit(0 if interrupted else exit_code(summary))


def _plan(site_name: str, given: dict[str, str | None]) -> Plan:
    """Read and check all that was asked for."""
    require_vm()
    broker = Address.parse(given["broker"]) if given["broker"] else None
    if broker is None:
        require_broker()
    elif broker.user is not None:
        raise FiregridError(
            "--broker: simulated gateways have no password", "name a broker without"
        )
    site = load_site(site_path(site_name))
    name = given["scenario"]
    scenario = load_scenario(scenario_path(name), site) if name else None
    return Plan(site, scenario, compiled(given["firmware"]), hal_dir(), broker)


def _directory(state: str | None, stack: ExitStack) -> Path:
    """Return the folder that --state names, else one that is gone after the run."""
    if state is None:
        temporary = tempfile.TemporaryDirectory(prefix="firegrid-", ignore_cleanup_errors=True)
        return Path(stack.enter_context(temporary)).resolve()
    path = Path(state).resolve()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _run(session: Session, for_s: float | None) -> tuple[dict[str, Any], bool]:
    """Return the summary, and whether a person ended the run."""
    interrupted = False
    with session:
        try:
            session.run(for_s)
        except KeyboardInterrupt:
            interrupted = True
        return session.finish(), interrupted
