"""What a person sees of a run: the live view while it lasts, its sum at the end."""

import time
from typing import Any

import click
from firegrid import wire
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
        self._opened_s = time.time()
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

    def _explain(self, event: wire.Event) -> None:
        point = self._site.point_by_number.get(event.point)
        if point is None:
            return
        self._has_explained = True
        after_s = time.time() - self._opened_s
        sounds = f"{event.gateway} sounds, " if point.table.sounds else ""
        says = "is active"  # a contact has no limit
        if event.unit:
            says = f"says {event.value} {event.unit}, its limit is {event.limit}"
        self.say(
            f"First alarm, {after_s:.0f} s after the start: {point.id} {says}; "
            f"{sounds}the desk has stored it. "
            "Try next: copy the scenario, change it, run it with --scenario"
        )


def tell(summary: dict[str, Any]) -> None:
    """Print the sum of a run for a person."""
    for step in summary["steps"]:
        click.echo(f"{_SHAPES[step['ok']]} {step['at_s']:5g} s  {step['say']}")
    latency = summary["latency_ms"]["max"]
    slowest = f", the slowest {latency:g} ms after it was raised" if latency is not None else ""
    click.echo(
        f"{summary['gateways']} gateways, {summary['seconds']:.0f} s: {summary['raised']} events "
        f"raised, {summary['stored']} stored{slowest}"
    )
    for fault in faults(summary):
        click.echo(f"firegrid: {fault}", err=True)
