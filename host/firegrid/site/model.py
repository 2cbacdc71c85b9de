"""A community as its site file describes it: tree, people, gateways, points."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from firegrid import tables
from firegrid.errors import FiregridError

__all__ = [
    "Gateway",
    "Grid",
    "Input",
    "Level",
    "Node",
    "Output",
    "Person",
    "Point",
    "Site",
    "level_in_class",
]

_GPIO = re.compile(r"gpio(\d{1,2})")
_ADS1115 = re.compile(r"ads1115@0x([0-9a-f]{2})/(\d)")
_RS485 = re.compile(r"rs485/(\d{1,3})")
_ONEWIRE = re.compile(r"onewire(\d{1,2})(?:/([0-9a-f]{16}))?")


@dataclass(frozen=True, slots=True)
class Input:
    """Where a sensor is connected.

    A pin of the ESP32, a channel of an ADS1115 on I2C, a station on the RS-485 line, or a probe on
    a 1-Wire bus: the only one, or the one with this ROM id.
    """

    pin: int | None = None
    address: int | None = None
    channel: int | None = None
    station: int | None = None
    wire: int | None = None  # the pin of a 1-Wire bus
    rom: str = ""

    @classmethod
    def parse(cls, text: str) -> "Input":
        """Read what stands in a site file; whether the board has it is checked elsewhere."""
        if found := _GPIO.fullmatch(text):
            return cls(pin=int(found[1]))
        if found := _ADS1115.fullmatch(text):
            return cls(address=int(found[1], 16), channel=int(found[2]))
        if found := _RS485.fullmatch(text):
            return cls(station=int(found[1]))
        if found := _ONEWIRE.fullmatch(text):
            return cls(wire=int(found[1]), rom=found[2] or "")
        forms = 'write "gpio34", "ads1115@0x48/0", "rs485/17" or "onewire13"'
        raise FiregridError(f'"{text}" is no input', forms)

    @property
    def bus(self) -> str:
        """Return what the drivers' table calls it: gpio, ads1115, rs485 or onewire."""
        if self.station is not None:
            return "rs485"
        if self.wire is not None:
            return "onewire"
        return "gpio" if self.address is None else "ads1115"

    def __str__(self) -> str:
        if self.station is not None:
            return f"rs485/{self.station}"
        if self.wire is not None:
            return f"onewire{self.wire}/{self.rom}" if self.rom else f"onewire{self.wire}"
        if self.address is None:
            return f"gpio{self.pin}"
        return f"ads1115@0x{self.address:02x}/{self.channel}"


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a point as it will be used: limit and hysteresis in the quantity's unit."""

    name: str
    bit: int
    above: bool
    latch: bool
    limit: float
    hysteresis: float
    hold_ms: int
    clear_hold_ms: int
    window_s: int  # 0, or limit and hysteresis are of a rise within this time

    @property
    def clears_at(self) -> float:
        """Return the value at which the condition begins to go."""
        return self.limit - self.hysteresis if self.above else self.limit + self.hysteresis


def level_in_class(
    level: tables.LevelTable, limits: dict[str, tables.Figure]
) -> tables.LevelTable:
    """Return a level with the default that a class gives it, in its own bounds."""
    if level.name not in limits:
        return level
    given = limits[level.name]
    figure = replace(given, low=level.limit.low, high=level.limit.high)
    return replace(level, limit=figure)


@dataclass(frozen=True, slots=True)
class Point:
    """One monitored quantity at one place."""

    number: int
    id: str
    kind: str
    quantity: str
    gateway: str
    place: str
    driver: str
    input: str
    period_ms: int
    levels: dict[str, Level]
    params: dict[str, int]
    building: str = ""  # the class of its building, where that decides about its defaults
    photo: str = ""  # the file name of a picture of its place

    @property
    def table(self) -> tables.Quantity:
        """Return what the table says of its quantity: unit, decimals, range."""
        return tables.kinds()[self.kind][self.quantity]

    def table_of(self, name: str) -> tables.LevelTable:
        """Return what the table says of one of its levels, in its class."""
        level = next(level for level in self.table.levels if level.name == name)
        return level_in_class(level, self.table.classes.get(self.building, {}))

    @property
    def unit(self) -> str:
        """Return the unit of its readings and limits."""
        return self.table.unit


@dataclass(frozen=True, slots=True)
class Output:
    """A lamp, a sounder, a relay: its pin, and the level (1 or 0) that switches it on."""

    name: str
    pin: int
    active: int = 1


@dataclass(frozen=True, slots=True)
class Gateway:
    """One board: the grid it stands in, its settings and pins."""

    id: str
    grid: str
    place: str
    sample_s: int
    keepalive_s: int
    broker_s: int
    desk_s: int
    taken_s: int
    wifi_ssid: str
    button_pin: int
    scl_pin: int
    sda_pin: int
    outputs: tuple[Output, ...]
    rs485: dict[str, int]  # its pins and settings, used where a point is a station on the line
    rules: tuple[tables.Rule, ...] = ()  # its own; what is in force says firegrid.site.rules


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the tree above the grids: city, district, street, community, station …"""

    id: str
    kind: str
    name: str
    parent: str = ""  # "": the root


@dataclass(frozen=True, slots=True)
class Grid:
    """The smallest area of the tree, with the people who answer for it."""

    id: str
    name: str
    parent: str
    leader: str
    members: tuple[str, ...]
    households: int | None = None
    residents: int | None = None

    @property
    def workers(self) -> tuple[str, ...]:
        """Return leader and members."""
        return (self.leader, *self.members)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a role. Names and phones never stand in a site file."""

    id: str
    roles: tuple[str, ...]
    number: int = 0  # as whom a gateway knows them, 0: they give no commands


@dataclass(frozen=True)
class Site:
    """A whole community, checked: every reference in it leads somewhere."""

    path: Path
    id: str
    name: str
    timezone: str
    mains_hz: int
    nodes: tuple[Node, ...]
    grids: tuple[Grid, ...]
    people: tuple[Person, ...]
    gateways: tuple[Gateway, ...]
    points: tuple[Point, ...]

    @cached_property
    def point_by_number(self) -> dict[int, Point]:
        """Return the points by number, as they are named on the wire."""
        return {point.number: point for point in self.points}

    @cached_property
    def person_by_number(self) -> dict[int, str]:
        """Return the ids of those people who have a number, as they are named on the wire."""
        return {person.number: person.id for person in self.people if person.number}

    def gateway(self, gateway_id: str) -> Gateway:
        """Return the gateway with this id."""
        for gateway in self.gateways:
            if gateway.id == gateway_id:
                return gateway
        known = ", ".join(gateway.id for gateway in self.gateways)
        raise FiregridError(f"{self.id} has no gateway {gateway_id}", f"it has: {known}")

    def point(self, id_or_number: str) -> Point:
        """Return the point that a person names by its id or number."""
        for point in self.points:
            if id_or_number in (point.id, str(point.number)):
                return point
        known = ", ".join(f"{point.number} {point.id}" for point in self.points)
        raise FiregridError(f"{self.id} has no point {id_or_number}", f"it has: {known}")

    @cached_property
    def points_by_gateway(self) -> dict[str, list[Point]]:
        """Return the points wired to each gateway, in the order of the file."""
        points: dict[str, list[Point]] = {}
        for point in self.points:
            points.setdefault(point.gateway, []).append(point)
        return points

    def points_of(self, gateway_id: str) -> tuple[Point, ...]:
        """Return the points wired to a gateway, in the order of the file."""
        return tuple(self.points_by_gateway.get(gateway_id, ()))

    def stations_of(self, gateway_id: str) -> tuple[Point, ...]:
        """Return the points of a gateway that are stations on its RS-485 line."""
        points = self.points_of(gateway_id)
        return tuple(point for point in points if point.input.startswith("rs485/"))

    def place_names(self, gateway: Gateway) -> tuple[str, ...]:
        """Return the names from the root of the tree down to the gateway's grid."""
        grid = next(grid for grid in self.grids if grid.id == gateway.grid)
        nodes = {node.id: node for node in self.nodes}
        names = [grid.name]
        parent = grid.parent
        while parent:
            names.append(nodes[parent].name)
            parent = nodes[parent].parent
        return tuple(reversed(names))
