"""The command `firegrid walktest`: put points into test, see each tried, keep what came."""

import json
import math
import os
import queue
import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any
from uuid import uuid4

import click

from firegrid import mqtt, wire, words
from firegrid.acceptance.area import points_of
from firegrid.acceptance.results import Results
from firegrid.acceptance.walk import Walk
from firegrid.errors import FiregridError
from firegrid.ingest import Ingest
from firegrid.options import broker_url_option, lang_option, state_option
from firegrid.orders import Clerk, Order, fault
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.site.model import Site
from firegrid.state import State
from firegrid.store import Store

__all__ = ["command"]

SCHEMA = "firegrid.walktest/1"
OPEN = 3  # exit code: something has not passed
STEP_S = 0.1
LINE_BYTES = 4096
GREETING_S = 3.0  # how long what the broker retains may take to come
VALID_S = 10.0  # of a command
ENDING_S = 3.0  # how long the gateways may take to end their tests


@click.command()
@click.argument("site")
@click.option(
    "--area",
    "areas",
    multiple=True,
    metavar="ID",
    help="A node, grid, gateway or point; may be given again. Without it, the whole site.",
)
@click.option(
    "--by",
    metavar="PERSON",
    required=True,
    envvar="FIREGRID_PERSON",
    help="Who tests: an id of the site file, with a number there. [env: FIREGRID_PERSON]",
)
@click.option(
    "--minutes",
    type=click.IntRange(1, 240),
    default=60,
    show_default=True,
    help="How long a gateway keeps points in test; it is asked again while some are left.",
)
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End after so long; without it, when all has passed, or at `end` or Ctrl-C.",
)
@click.option(
    "--points-only", is_flag=True, help="End when the points have passed: no power, no network."
)
@broker_url_option
@click.option(
    "--desk", is_flag=True, help="Be the desk, too, and store: where no other one is reached."
)
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@lang_option
@click.pass_context
def command(ctx: click.Context, /, site: str, areas: tuple[str, ...], **given: Any) -> None:
    """Try the points of SITE one by one; keep what each gateway and the desk made of it.

    While it runs, type a line and Enter: the number or id of a point at the moment at which you
    stimulate it; `wires POINT` where nothing can stimulate it, then break its line and mend it;
    `photo POINT FILE`; `end`. Cut each gateway's power, and its network for a minute while this
    computer keeps its own: what comes of that is kept, too. What has passed stays; call it again
    to go on with the rest.

    Exit code 3: something in the area has not passed yet.
    """
    planned = load_site(site_path(site))
    state = State.of(site_path(site), given["state"]).make()
    points = points_of(planned, areas)
    if why := fault(Order(points[0].gateway, "walk_test", given["by"]), planned):
        raise FiregridError(why)
    say = _say_aside if given["as_json"] else click.echo
    results = Results(state.reports, planned.id)
    walk = Walk(planned, points, given["by"], given["minutes"], results, say)
    with ExitStack() as stack:
        if given["desk"]:
            _open_desk(stack, given["broker"], planned, state)
        tour = _Tour(planned, walk, given["broker"], given["points_only"])
        tour.run(given["for_s"])
    report = _report(planned, walk, given["points_only"])
    if given["as_json"]:
        click.echo(json.dumps({"schema": SCHEMA} | report, ensure_ascii=False))
    else:
        click.echo(_sum(report))
    ctx.exit(0 if report["passed"] else OPEN)


def _say_aside(text: str) -> None:
    click.echo(text, err=True)


def _open_desk(stack: ExitStack, broker: str, site: Site, state: State) -> None:
    store = Store(f"sqlite:///{state.store}")
    stack.callback(store.close)
    desk = Ingest(broker, site.id, store, say=_say_aside)
    desk.start()
    stack.callback(desk.stop)


class _Tour:
    """One visit at the broker, with somebody at the keyboard."""

    def __init__(self, site: Site, walk: Walk, broker: str, points_only: bool) -> None:
        self._walk = walk
        self._points_only = points_only
        self._clerk = Clerk(site)
        self._inbox: queue.SimpleQueue[tuple[float, mqtt.Message | str]] = queue.SimpleQueue()
        heard = ("up/status", "up/state/#", "up/event", "down/stored")
        topics = [wire.topic(site.id, name, what) for name in walk.gateways for what in heard]
        name = f"firegrid-walktest-{uuid4().hex[:8]}"
        self._client = mqtt.Client(broker, name, self._take, topics)

    def _take(self, said: mqtt.Message | str) -> None:
        self._inbox.put((time.time(), said))

    def run(self, for_s: float | None) -> None:
        """Go on until all has passed, somebody ends it, or the time is over."""
        until_s = None if for_s is None else time.monotonic() + for_s
        try:
            self._client.start()
            threading.Thread(target=self._listen, name="keyboard", daemon=True).start()
            self._walk.tell_todo()
            greeted_s = time.monotonic() + GREETING_S
            while not self._done() and (until_s is None or time.monotonic() < until_s):
                for order in self._walk.orders(time.time()):
                    self._send(order)
                if self._step():
                    break
                if time.monotonic() > greeted_s:
                    greeted_s = math.inf
                    self._walk.tell_silent()
        except KeyboardInterrupt:
            pass  # an end like any other: what was found is kept
        finally:
            self._end()

    def _done(self) -> bool:
        walk = self._walk
        return not walk.open_points and (self._points_only or not walk.open_tests)

    def _listen(self) -> None:
        """Hand on each line; read past Python's own buffer, whose lock would outlive us."""
        rest = b""
        with suppress(OSError, ValueError):  # nobody is there
            while chunk := os.read(sys.stdin.fileno(), LINE_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(line.decode(errors="replace").strip())

    def _send(self, order: Order) -> None:
        command = self._clerk.write(order, VALID_S)
        sent_s = time.time()
        if self._client.publish(*wire.encode(command)):
            self._walk.sent(command, sent_s)

    def _step(self) -> bool:
        """Take in what comes next; return whether somebody wants to end."""
        try:
            now_s, said = self._inbox.get(timeout=STEP_S)
        except queue.Empty:
            return False
        if isinstance(said, str):
            return self._typed(said, now_s)
        try:
            self._walk.hear(wire.parse(said.topic, said.payload), now_s)
        except wire.WireError as error:
            _say_aside(words.tell("monitor.not_understood", error=error))
        return False

    def _typed(self, line: str, now_s: float) -> bool:
        try:
            match line.split(maxsplit=2):
                case ["end"]:
                    return True
                case ["wires", point]:
                    self._walk.check_wires(point, now_s)
                case ["photo", point, file]:
                    self._walk.show(point, file, now_s)
                case [point]:
                    self._walk.mark(point, now_s)
                case [_, *_]:
                    _say_aside(words.tell("walktest.typed"))
        except FiregridError as error:
            _say_aside(str(error))
        return False

    def _end(self) -> None:
        """Take every point out of test, then leave."""
        self._walk.close(time.time())
        for order in self._walk.last_orders():
            self._send(order)
        until_s = time.monotonic() + ENDING_S
        while list(self._walk.last_orders()) and time.monotonic() < until_s:
            self._step()
        for order in self._walk.last_orders():
            told = words.tell("walktest.still_in_test", gateway=order.gateway)
            _say_aside(told)
        self._client.stop()


def _report(site: Site, walk: Walk, points_only: bool) -> dict[str, Any]:
    tests = [] if points_only else walk.open_tests
    return {
        "site": site.id,
        "passed": not walk.open_points and not tests,
        "points": len(walk.tasks),
        "points_passed": len(walk.tasks) - len(walk.open_points),
        "open_points": walk.open_points,
        "open_tests": [{"gateway": gateway, "test": what} for gateway, what in tests],
    }


def _sum(report: dict[str, Any]) -> str:
    tests = [
        f"{words.word('walk_tests', row['test'])} {row['gateway']}" for row in report["open_tests"]
    ]
    left = words.listed([*report["open_points"], *tests]) or words.tell("walktest.nothing")
    figures = {"points": report["points"], "passed": report["points_passed"]}
    return words.tell("walktest.sum", left=left, **figures)
