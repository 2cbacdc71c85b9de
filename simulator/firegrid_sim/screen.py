"""What a person sees of a run: the live view while it lasts, its sum at the end."""

import time
from typing import Any

import click
from firegrid import wire, words
from firegrid.picture import Picture
from firegrid.site.model import Site
from firegrid.view import LiveView

from firegrid_sim.summary import faults

_SHAPES = {True: "✓", False: "✗", None: "-"}


class Screen:
    """The live view of a run; a context, in which the view stays open."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._picture = Picture(site)
        self._view = LiveView(self._picture)
        self._has_explained = False

    def __enter__(self) -> "Screen":
        self._view.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._view.__exit__(*error)

    def say(self, text: str) -> None:
        """Show one line."""
        self._view.say(text)

    def take(self, message: wire.Message) -> None:
        """Bring the picture up to date; explain the first alarm of all."""
        self._picture.apply(message, time.time())
        if isinstance(message, wire.Events) and not self._has_explained:
            for event in message.records:
                if event.changed & event.conditions & wire.ALARM:
                    self._explain(event)
                    return

    def link(self, stands: bool) -> None:
        """Show whether the desk has its broker."""
        self._picture.link(stands, time.time())

    def holes(self, count: int) -> None:
        """Show how many holes of the store nobody explains."""
        self._picture.holes = count

    def _explain(self, event: wire.Event) -> None:
        point = self._site.point_by_number.get(event.point)
        if point is None or event.value is None or event.limit is None:
            return
        self._has_explained = True
        told = words.tell(
            "run.first_sounds" if point.table.sounds else "run.first_alarm",
            point=point.id,
            value=f"{event.value:.1f}",
            unit=event.unit,
            limit=f"{event.limit:g}",
            gateway=event.gateway,
        )
        self.say(told)


def tell(summary: dict[str, Any]) -> None:
    """Print the sum of a run for a person."""
    for step in summary["steps"]:
        click.echo(f"{_SHAPES[step['ok']]} {step['at_s']:5g} s  {step['say']}")
    latency = summary["latency_ms"]["max"]
    counts = {name: summary[name] for name in ("gateways", "raised", "stored")}
    total = words.tell("run.sum", seconds=f"{summary['seconds']:.0f}", **counts)
    if latency is not None:
        total += words.tell("run.slowest", latency=f"{latency:g}")
    click.echo(total)
    for fault in faults(summary):
        click.echo(f"firegrid: {fault}", err=True)
