"""Many simulated gateways together: a site's boards, the sensors on them, the network between.

Also the witness: it reads at every board what the journal took and when the sounder sounded, so
that a run can say what was raised without asking the very path that it tests.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from firegrid.mqtt import Address
from firegrid.site.config import config_lines
from firegrid.site.model import Gateway, Site

from firegrid_sim.board import EVENTS, Bench, Board
from firegrid_sim.electrical import Sensor, connect, sensor_for
from firegrid_sim.link import SWALLOW, UP, Link, Links


class Key(NamedTuple):
    """What tells one event from every other: the same at the journal, the wire and the store."""

    gateway: str
    boot: int
    n: int


class Fleet:
    """All boards of a site, each behind its own link to the broker: the `World` of a scenario."""

    def __init__(self, site: Site, directory: Path, bench: Bench, broker: Address) -> None:
        self.site = site
        self.links = Links()
        self.boards = {
            gateway.id: Board(gateway.id, directory / gateway.id, bench)
            for gateway in site.gateways
        }
        self.sensors = {point.id: sensor_for(point, site.mains_hz) for point in site.points}
        self.raised: dict[Key, int] = {}  # events, by the time (ns) at which the journal took them
        self.sounded: dict[str, list[int]] = {gateway.id: [] for gateway in site.gateways}
        self._sounders = {gateway.id: _sounder(gateway) for gateway in site.gateways}
        self._broker = broker
        self._link_of: dict[str, Link] = {}

    def start(self) -> None:
        """Wire the sensors, in peace; configure every board; switch them all on."""
        self.links.start()
        for gateway in self.site.gateways:
            link = self._link_of[gateway.id] = self.links.add(self._broker.host, self._broker.port)
            lines = config_lines(self.site, gateway, "127.0.0.1", link.port)
            self.boards[gateway.id].configure(lines)
        for sensor in self.sensors.values():
            self._wire(sensor)
        for board in self.boards.values():
            board.start()

    def stop(self) -> None:
        """Switch everything off."""
        for board in self.boards.values():
            board.stop()
        self.links.stop()

    def link(self, gateway: str) -> Link:
        """Return the link of a gateway, to break it in other ways than `set_link` does."""
        return self._link_of[gateway]

    def value(self, point: str, signal: str) -> float:
        """Return what a signal of a point's sensor is now; at rest where another one drives it."""
        sensor = self.sensors[point]
        return sensor.value if sensor.signal == signal else sensor.signals[signal].rest

    def drive(self, point: str, signal: str, value: float) -> None:
        """Drive a point's sensor."""
        self.sensors[point].set(signal, value)
        self._wire(self.sensors[point])

    def set_fault(self, point: str, fault: str | None) -> None:
        """Break a point's sensor, or mend it."""
        self.sensors[point].set_fault(fault)
        self._wire(self.sensors[point])

    def set_link(self, gateway: str, up: bool) -> None:
        """Take a gateway's network away, or give it back: access point and connections."""
        self.boards[gateway].io.set_link(up)
        self.link(gateway).set_mode(UP if up else SWALLOW)

    def press(self, gateway: str, down: bool) -> None:
        """Press the gateway's reset button, or let go of it."""
        self.boards[gateway].io.set_pin(self.site.gateway(gateway).button_pin, not down)

    def cut_power(self, gateway: str, off_s: float) -> None:
        """Take a gateway's power away for a while."""
        self.boards[gateway].power_cut(off_s)

    def collect(self) -> None:
        """Take in what the boards have done since the last call."""
        for name, board in self.boards.items():
            for took in board.seam.new():
                if took.lane == EVENTS:
                    self.raised[Key(name, took.boot, took.n)] = took.time_ns
            sounder = self._sounders[name]
            for edge in board.edges.new():
                if (edge.pin, edge.value) == sounder:
                    self.sounded[name].append(edge.time_ns)

    def _wire(self, sensor: Sensor) -> None:
        connect(sensor, self.sensors.values(), self.boards[sensor.point.gateway].io)


def _sounder(gateway: Gateway) -> tuple[int, int] | None:
    """Return pin and level at which a gateway's sounder sounds."""
    for output in gateway.outputs:
        if output.name == "sounder":
            return output.pin, output.active
    return None


def fingerprint(root: Path) -> str:
    """Return the hash of a compiled firmware, as every gateway says it of what it booted from."""
    total = hashlib.sha256()
    for path in sorted(found.relative_to(root).as_posix() for found in root.rglob("*.mpy")):
        total.update(path.encode() + b"\0")
        total.update(hashlib.sha256((root / path).read_bytes()).digest())
    return total.hexdigest()
