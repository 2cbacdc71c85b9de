"""The command `firegrid monitor`: the live view on a broker that runs already."""

import json
import queue
import signal
import time
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import click
from rich.console import Console

from firegrid import mqtt, wire, words
from firegrid.options import broker_url_option, lang_option
from firegrid.picture import Change, Picture
from firegrid.resources import site_path
from firegrid.site.load import load_site
from firegrid.view import LiveView

__all__ = ["command"]

SCHEMA = "firegrid.monitor/1"
STEP_S = 0.25


@click.command()
@click.argument("site")
@broker_url_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per change.")
@lang_option
def command(site: str, broker: str, as_json: bool) -> None:
    """Watch a community on a broker that runs already. Ctrl-C ends.

    SITE is the path of a site file, or the name of a shipped example such as jinshui-garden.
    It only looks: what it shows is stored by whoever runs the desk.
    """
    picture = Picture(load_site(site_path(site)))
    inbox: queue.SimpleQueue[mqtt.Message] = queue.SimpleQueue()
    everything = wire.topic(picture.site.id, "+", "up", "#")
    client = mqtt.Client(broker, f"firegrid-monitor-{uuid4().hex[:8]}", inbox.put, [everything])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave the terminal in order
    began = time.monotonic()
    try:
        client.start()
        _show(picture, client, inbox, as_json)
    except KeyboardInterrupt:
        click.echo(_summary(picture, time.monotonic() - began), err=as_json)
    finally:
        client.stop()


def _show(
    picture: Picture, client: mqtt.Client, inbox: queue.SimpleQueue[mqtt.Message], as_json: bool
) -> None:
    if as_json:
        picture.on_change = partial(_print_json, picture)
        _watch(picture, client, inbox, lambda text: click.echo(text, err=True))
    else:
        with LiveView(picture, Console()) as view:
            _watch(picture, client, inbox, view.say)


def _watch(
    picture: Picture,
    client: mqtt.Client,
    inbox: queue.SimpleQueue[mqtt.Message],
    say: Callable[[str], None],
) -> None:
    """Feed the picture until interrupted."""
    say(words.tell("monitor.watching", site=picture.site.name, address=client.address))
    while True:
        try:
            message = inbox.get(timeout=STEP_S)
            picture.apply(wire.parse(message.topic, message.payload), time.time())
        except queue.Empty:
            pass  # nothing came: look at the link all the same
        except wire.WireError as error:
            say(words.tell("monitor.not_understood", error=error))
        connected = client.connected
        if connected is (picture.broker_lost is not None):
            picture.link(connected, time.time())
            say(words.tell("monitor.broker_back" if connected else "monitor.broker_away"))


def _print_json(picture: Picture, change: Change) -> None:
    row = change.row(picture.site)
    click.echo(json.dumps({"schema": SCHEMA} | row, ensure_ascii=False))


def _summary(picture: Picture, watched_s: float) -> str:
    return words.tell(
        "monitor.sum",
        seconds=f"{watched_s:.0f}",
        online=picture.online,
        gateways=len(picture.gateways),
        changes=len(picture.changes),
        alarms=picture.alarms,
    )
