"""The bench: boards come and go at its ports; each gets the next gateway of the plan.

One process for each port writes (flash/writer.py); here it is decided who is who. What is decided
is on the disk before a board is touched.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from firegrid.errors import FiregridError
from firegrid.flash.boards import BOOTED, LABELLED, MATCHED, Boards
from firegrid.flash.failures import Failure
from firegrid.image.build import Image
from firegrid.image.layout import FLASH_BYTES, partition
from firegrid.ports import is_simulated

__all__ = [
    "BAUDS",
    "DONE",
    "UP_TO_DATE",
    "Bench",
    "Order",
    "Outcome",
    "Show",
    "check_stand_in",
]

TICK_S = 0.25
BAUDS = (921_600, 460_800, 115_200)  # tried in this order
KEPT = ("nvs", "prov", "events", "samples")  # of a board that has answered
WIPED = ("nvs", "events", "samples")  # its key is nowhere else, so prov stays
DONE, UP_TO_DATE, FAILED, TOO_MANY = "done", "up to date", "failed", "left as it is"


@dataclass(frozen=True)
class Order:
    """What the person wants. `images` are those of the chosen gateways, in the order of the
    plan."""

    site: str
    images: dict[str, Image]
    fixed: str | None = None  # this one gateway for the one board
    again: bool = False  # also boards that have it already
    wipe: bool = False
    scan: bool = False  # boards wait for a label
    jobs: int = 8
    wait_s: float | None = 0.0  # how long to wait for more boards; None: until Ctrl-C
    bauds: tuple[int, ...] = BAUDS


@dataclass
class Outcome:
    """What came of one board."""

    port: str
    result: str
    mac: str | None = None
    gateway: str | None = None
    detail: str = ""
    advice: str = ""
    seconds: float = 0.0
    bytes: int = 0


class Show(Protocol):
    """What a person sees of it."""

    def say(self, port: str, text: str) -> None:
        """A board has come further."""

    def progress(self, port: str, gateway: str, done: int, total: int) -> None:
        """So many bytes of its flash are written."""

    def done(self, outcome: Outcome) -> None:
        """A board is through."""

    def about(self, port: str) -> str:
        """Return what is known of what is plugged in there: adapter, serial number, place."""

    def label(self, gateway: str) -> str | None:
        """Write the label of a gateway; return where it is, None where none is wanted."""


@dataclass
class _Station:
    """A port with a board."""

    port: str
    process: Any
    pipe: Connection
    began_s: float = field(default_factory=time.monotonic)
    mac: str | None = None
    gateway: str | None = None
    waits: bool = False  # for a label to be scanned
    size: int = 0


class Bench:
    """Serves ports until the plan is through or no more boards come.

    `ports()` returns what is plugged in now; `scanned()` the labels that were read since the last
    call. `answered(gateway)` is called once a board has answered as its gateway.
    """

    def __init__(
        self,
        order: Order,
        boards: Boards,
        show: Show,
        ports: Callable[[], Collection[str]],
        answered: Callable[[str], None],
        scanned: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self.outcomes: list[Outcome] = []
        self._order = order
        self._boards = boards
        self._show = show
        self._ports = ports
        self._answered = answered
        self._scanned = scanned
        self._labels: list[str] = []
        self._busy: dict[str, _Station] = {}
        self._there: list[str] = []  # what is plugged in, as of the last look
        self._served: set[str] = set()  # until they are unplugged
        self._context = multiprocessing.get_context("spawn")

    def run(self) -> None:
        """Serve; return when it is over. On Ctrl-C nothing is half-noted: what was begun goes on
        next time."""
        quiet_s = time.monotonic()
        try:
            while True:
                self._look()
                if self._busy:
                    quiet_s = time.monotonic()
                elif self._is_over(time.monotonic() - quiet_s):
                    return
                self._hear()
        finally:
            for station in self._busy.values():
                station.process.kill()
                station.process.join()

    @property
    def missing(self) -> list[str]:
        """Return the chosen gateways that have no board that has started them."""
        good = {one.gateway for one in self.outcomes if one.result in (DONE, UP_TO_DATE)}
        return [name for name in self._order.images if name not in good]

    def _is_over(self, quiet_s: float) -> bool:
        order = self._order
        if order.fixed and self.outcomes:
            return True
        if set(self._there) - self._served:
            return False
        return not self.missing or (order.wait_s is not None and quiet_s >= order.wait_s)

    def _look(self) -> None:
        """Begin with what was plugged in, forget what was unplugged."""
        self._there = list(self._ports())
        self._served &= set(self._there)
        for port in self._there:
            idle = port not in self._busy and port not in self._served
            if idle and len(self._busy) < self._order.jobs:
                check_stand_in(self._order.images.values(), [port])
                self._begin(port)
        if self._scanned:
            self._labels += self._scanned()
        for station in self._busy.values():
            if station.waits and self._labels:
                station.waits = False
                self._match(station, _id_of(self._labels.pop(0)))

    def _begin(self, port: str) -> None:
        from firegrid.flash.writer import serve  # only here and in its process: it needs esptool

        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(port, theirs), daemon=True)
        process.start()
        theirs.close()
        self._busy[port] = _Station(port, process, ours)

    def _hear(self) -> None:
        pipes = {station.pipe: station for station in self._busy.values()}
        if not pipes:
            time.sleep(TICK_S)
            return
        for pipe in wait(list(pipes), TICK_S):
            station = pipes[pipe]  # type: ignore[index]
            try:
                message = station.pipe.recv()
            except (EOFError, OSError):
                message = ("failed", Failure("other", "its process has ended", "try again"))
            self._take(station, message)

    def _take(self, station: _Station, message: tuple[Any, ...]) -> None:
        match message:
            case ("found", board):
                self._found(station, board)
            case ("state", str(state)):
                self._note(station, state)
                self._show.say(station.port, f"{station.gateway}: {state}")
            case ("progress", int(done), int(total)):
                self._show.progress(station.port, station.gateway or "", done, total)
            case ("again", failure, baud):
                self._show.say(
                    station.port, f"{station.gateway}: {failure.what}; once more at {baud} baud"
                )
            case ("heard", said):
                self._heard(station, said)
            case ("failed", failure):
                self._end(station, FAILED, failure.what, failure.advice)

    def _note(self, station: _Station, state: str) -> None:
        if state != "erasing" and station.mac and station.gateway:
            self._boards.note(station.mac, station.gateway, state, station.port)

    def _found(self, station: _Station, board: Any) -> None:
        """Decide which gateway this board is, or why it is none."""
        station.mac = board.mac
        about = ", ".join(filter(None, (board.chip, board.mac, self._show.about(station.port))))
        self._show.say(station.port, about)
        wrong = _unfit(board) or self._taken(station)
        if wrong:
            self._leave(station, FAILED, *wrong)
            return
        known = self._boards.gateway_of(board.mac)
        if self._order.scan and known is None:
            station.waits = True
            self._show.say(station.port, "waits for its label: scan it")
            return
        self._match(station, self._order.fixed or known)

    def _taken(self, station: _Station) -> tuple[str, str] | None:
        for other in self._busy.values():
            if other is not station and other.mac == station.mac:
                return f"the same board is at {other.port} as well", "unplug one of its cables"
        return None

    def _match(self, station: _Station, wanted: str | None) -> None:
        """Give a board its gateway: `wanted`, else the next of the plan."""
        order, boards = self._order, self._boards
        assert station.mac
        known = boards.gateway_of(station.mac)
        gateway = wanted or self._next()
        holder = boards.mac_of(gateway) if gateway else None
        if gateway is None:
            self._leave(station, TOO_MANY, "all gateways of the plan have a board", "unplug it")
        elif gateway not in order.images:
            told = f"it is {gateway}, which was not asked for"
            self._leave(station, TOO_MANY, told if known else f"no gateway {gateway} here", "")
        elif known and known != gateway:
            advice = f"plug {holder} in: that is {gateway}" if holder else "take a new board"
            if not holder and not boards.has_answered(station.mac):
                advice += f", or let it go: firegrid flash SITE --release {known}"
            self._leave(station, FAILED, f"this board is {known} already, not {gateway}", advice)
        elif holder and holder != station.mac:
            way = f"flash SITE --release {gateway}"
            if boards.has_answered(holder):
                way = f"replace SITE {gateway} NEW"
            self._leave(
                station, FAILED, f"{gateway} is the board {holder} already",
                f"plug that one in; where it is lost or broken: firegrid {way}",
            )  # fmt: skip
        elif not self._order.again and not self._order.wipe and self._has_it(station, gateway):
            station.gateway = gateway
            self._leave(station, UP_TO_DATE, "it has this image already", "unplug it")
        else:
            self._write(station, gateway)

    def _has_it(self, station: _Station, gateway: str) -> bool:
        image = self._order.images[gateway]
        assert station.mac
        return self._boards.image_of(station.mac) == image.application_sha256

    def _next(self) -> str | None:
        for name in self._order.images:
            if self._boards.mac_of(name) is None:
                return name
        return None

    def _write(self, station: _Station, gateway: str) -> None:
        from firegrid.flash.writer import Job

        image = self._order.images[gateway]
        assert station.mac
        new = not self._boards.has_answered(station.mac)
        if new and not image.holds_identity:
            self._leave(
                station, FAILED, f"the image of {gateway} holds no identity: another board has it",
                f"plug that one in; where it is lost: firegrid replace SITE {gateway} NEW",
            )  # fmt: skip
            return
        self._boards.note(station.mac, gateway, MATCHED, station.port)
        station.gateway = gateway
        kept = () if new else KEPT
        parts = tuple(
            (part["offset"], image.data[part["offset"] : part["offset"] + part["bytes"]])
            for part in image.manifest["parts"]
            if part["label"] not in kept
        )
        station.size = sum(len(data) for _, data in parts)
        rows = [partition(name) for name in WIPED] if self._order.wipe and not new else []
        erase = tuple((row.offset, row.size) for row in rows)
        kind = "a new board" if new else "known, its identity and journal stay"
        self._show.say(station.port, f"{gateway}: {kind}; {station.size / 1e6:.1f} MB")
        job = Job(parts, self._order.bauds, new, erase, skip_same=not new)
        station.pipe.send(job)

    def _heard(self, station: _Station, said: dict[str, Any]) -> None:
        """The application has started: only now is it done."""
        site, gateway = said.get("site"), said.get("gateway")
        assert station.mac and station.gateway
        if (site, gateway) != (self._order.site, station.gateway):
            self._end(station, FAILED, f"it calls itself {site}/{gateway}", "flash it once more")
            return
        if said.get("self_test") != "ok":
            told = f"its self-test says: {said.get('self_test')}"
            self._end(station, FAILED, told, "flash it once more; if it repeats, set it aside")
            return
        image = self._order.images[station.gateway].application_sha256
        self._boards.note(station.mac, station.gateway, BOOTED, station.port, image_sha256=image)
        self._answered(station.gateway)
        label = self._show.label(station.gateway)
        if label:
            self._boards.note(station.mac, station.gateway, LABELLED, station.port)
        self._end(station, DONE, f"it says self-test ok{f'; label: {label}' if label else ''}")

    def _leave(self, station: _Station, result: str, what: str, advice: str) -> None:
        """Let the board start what it has."""
        with contextlib.suppress(OSError):  # it has gone meanwhile
            station.pipe.send(None)
        station.process.join(5)
        self._end(station, result, what, advice)

    def _end(self, station: _Station, result: str, detail: str, advice: str = "") -> None:
        station.process.join(1)
        station.process.kill()
        station.process.join()
        station.pipe.close()
        del self._busy[station.port]
        self._served.add(station.port)
        took_s = time.monotonic() - station.began_s
        outcome = Outcome(
            station.port, result, station.mac, station.gateway, detail, advice, took_s,
            station.size,
        )  # fmt: skip
        self.outcomes.append(outcome)
        self._show.done(outcome)


def _unfit(board: Any) -> tuple[str, str] | None:
    if board.chip != "ESP32":
        return f"this is an {board.chip}; the images are for ESP32", "take another board"
    if board.flash_bytes < FLASH_BYTES:
        mib = board.flash_bytes / 1024 / 1024
        return f"it has {mib:g} MB of flash; 4 MB are needed", "take another board"
    return None


def _id_of(label: str) -> str:
    """Return the id on a label, as its QR code says it (firegrid:1:SITE:GATEWAY:CLAIM-CODE) or as
    it was typed."""
    parts = label.strip().split(":")
    return parts[3] if parts[:2] == ["firegrid", "1"] and len(parts) > 3 else label.strip()


def check_stand_in(images: Collection[Image], ports: Collection[str]) -> None:
    """Raise where a stand-in for MicroPython would go to a real board."""
    if any(image.manifest["stand_in"] for image in images):
        for port in ports:
            if not is_simulated(port):
                raise FiregridError(
                    f"{port}: the images hold a stand-in for MicroPython, for simulated boards",
                    "provision with MicroPython's own .bin: --micropython FILE",
                )
