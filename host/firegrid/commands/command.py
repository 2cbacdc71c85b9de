"""The command `firegrid command`: one verb to one gateway, and what came of it."""

import json
import queue
import sys
import time
from typing import Any
from uuid import uuid4

import click

from firegrid import acts, mqtt, tables, wire, words
from firegrid.errors import FiregridError
from firegrid.options import broker_url_option, lang_option
from firegrid.orders import Clerk, Order, fault
from firegrid.picture import Picture
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.site.model import Site

__all__ = ["command"]

SCHEMA = "firegrid.command/1"
NOT_DONE = 3  # exit code of a command that was refused or came too late
GREETING_S = 1.0  # how long what the broker retains may take to come


class _Verb(click.Choice[str]):
    """A verb; walk-test is taken for walk_test."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(str(value).replace("-", "_"), param, ctx)


@click.command()
@click.argument("site")
@click.argument("gateway")
@click.argument("verb", type=_Verb(list(tables.verbs().values())))
@click.option("--point", metavar="ID|NUMBER", help="One point; without it the whole gateway.")
@click.option(
    "--by",
    metavar="PERSON",
    required=True,
    envvar="FIREGRID_PERSON",
    help="Who orders it: an id of the site file, with a number there. [env: FIREGRID_PERSON]",
)
@click.option(
    "--minutes",
    type=click.IntRange(min=0),
    help="How long silence, bypass, walk_test or drill lasts; 0 ends it now.",
)
@click.option("--reason", type=click.Choice(list(tables.reasons().values())), help="Why.")
@broker_url_option
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(1, 600),
    metavar="SECONDS",
    default=10,
    show_default=True,
    help="How long to wait for the answer; later the gateway does not carry it out any more.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@lang_option
def command(site: str, gateway: str, verb: str, as_json: bool, **given: Any) -> None:
    """Order GATEWAY of SITE to carry out VERB, and tell what came of it.

    SITE is the path of a site file, or the name of a shipped example such as jinshui-garden.
    The gateway decides, and answers. Exit code 0: done or ended; 1: no broker or no answer;
    3: refused, or it came too late.
    """
    community = load_site(site_path(site))
    community.gateway(gateway)
    point = given["point"] and community.point(given["point"]).id
    asked = (given["minutes"], given["reason"] or "")
    order = Order(gateway, verb, given["by"], point or "", *asked)
    if why := fault(order, community):
        raise FiregridError(why)
    answer = _Call(community, given["broker"]).give(order, given["wait_s"])
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA} | answer, ensure_ascii=False))
    else:
        done = answer["result"] in ("done", "ended")
        click.echo(f"{(done and answer['id']) or gateway}: {answer['told']}")
    if answer["result"] in ("refused", "expired"):
        if answer["hint"]:
            click.echo(f"firegrid: {answer['hint']}", err=True)
        sys.exit(NOT_DONE)


class _Call:
    """One visit at the broker: look, order, wait for the answer."""

    def __init__(self, site: Site, broker: str) -> None:
        self._site = site
        self._broker = broker
        self._picture = Picture(site)
        self._inbox: queue.SimpleQueue[mqtt.Message] = queue.SimpleQueue()

    def give(self, order: Order, wait_s: int) -> dict[str, Any]:
        """Return the answer as a program reads it; raise where there is none."""
        heard = [wire.topic(self._site.id, order.gateway, "up", "#")]
        name = f"firegrid-command-{uuid4().hex[:8]}"
        client = mqtt.Client(self._broker, name, self._inbox.put, heard)
        try:
            client.start()
            self._greet(order.gateway)
            began = time.monotonic()
            said = Clerk(self._site).write(order, wait_s)
            if not client.publish(*wire.encode(said)):
                raise FiregridError("the broker has gone", "nothing was sent; try again")
            answer = self._answer(said.id, began + wait_s)
        finally:
            client.stop()
        if answer is None:
            raise FiregridError(
                f"{order.gateway} gave no answer within {wait_s} s",
                "whether it has carried it out is not known: look at `firegrid monitor`",
            )
        return self._row(answer, time.monotonic() - began)

    def _greet(self, gateway: str) -> None:
        """Take in what is known of the gateway; nobody orders around one that is away."""
        view = self._picture.gateways[gateway]
        until = time.monotonic() + GREETING_S
        while (left_s := until - time.monotonic()) > 0 and not (view.head and view.parts):
            self._take(left_s)
            if view.status == "offline":
                raise FiregridError(f"{gateway} is offline", "nothing was sent; try again later")

    def _answer(self, command_id: int, until: float) -> wire.Event | None:
        while (left_s := until - time.monotonic()) > 0:
            for event in self._take(left_s):
                if event.act and event.act.id == command_id:
                    return event
        return None

    def _take(self, wait_s: float) -> tuple[wire.Event, ...]:
        """Wait for the next message; return the events that it brings."""
        try:
            message = self._inbox.get(timeout=wait_s)
            said = wire.parse(message.topic, message.payload)
        except (queue.Empty, wire.WireError):
            return ()
        self._picture.apply(said, time.time())
        return said.records if isinstance(said, wire.Events) else ()

    def _row(self, event: wire.Event, seconds: float) -> dict[str, Any]:
        assert event.act is not None
        point = self._picture.points.get((event.gateway, event.point))
        name = point.id if point else ""
        conditions = point.conditions if point else 0
        return {
            "site": event.site,
            "gateway": event.gateway,
            "point": event.point,
            "id": name or None,
            **acts.row(event.act, self._site),
            "told": acts.tell(event.act, self._site, name, conditions),
            "hint": self._hint(event),
            "seconds": round(seconds, 3),
        }

    def _hint(self, event: wire.Event) -> str | None:
        """What stands in the way, where the answer cannot say."""
        refused = event.act is not None and event.act.result == "refused"
        return words.tell("command.no_clock") if refused and event.time_s is None else None
