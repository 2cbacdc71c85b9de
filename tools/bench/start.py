"""Time until many gateways have all told their state, against as many forks of an empty VM."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from firegrid import mqtt, wire
from firegrid.errors import FiregridError
from firegrid.site.model import Site
from firegrid_sim.board import HEAP
from firegrid_sim.broker import Broker
from firegrid_sim.forkserver import ForkServer

from bench import rig
from bench.result import Area, Pair, Result, Tell, compare

ABOUT = (
    "From the first power switch until the broker has delivered the first `up/state/0` of the "
    "last gateway: fork, VM, HAL, firmware, Wi-Fi (300 ms), MQTT session, state. Each has a point "
    "of each kind, read as often as usual, and goes on working while the others start. The "
    "yardstick is as many VMs that print and exit, from the same fork server, just before."
)
EMPTY = "print('up')"


class Size(NamedTuple):
    """How much is measured."""

    gateways: int
    rounds: int


FULL = Size(gateways=200, rounds=3)
QUICK = Size(gateways=3, rounds=1)


def run(quick: bool, directory: Path, tell: Tell) -> Result:
    """Start them all, several times, each time on a new fork server and a new broker."""
    size = QUICK if quick else FULL
    rounds = []
    for n in range(size.rounds):
        tell(f"round {n + 1} of {size.rounds}")
        place = directory / str(n)
        place.mkdir()
        rounds.append(_round(rig.quiet_site(place, [rig.QUIET] * size.gateways), place))
    what = f"{size.gateways} gateways until all have sent up/state"
    yardstick = f"{size.gateways} forks of an empty VM that prints and exits"
    return Result([compare(what, "s", yardstick, rounds)])


def _round(site: Site, directory: Path) -> Pair:
    with ExitStack() as stack:
        server = rig.started(stack, ForkServer())
        broker = rig.started(stack, Broker(directory / "broker"))
        heard: set[str] = set()
        topic = wire.topic(site.id, "+", "up", "state", 0)
        rig.started(
            stack,
            mqtt.Client(
                broker.url,
                f"bench-{uuid4().hex[:8]}",
                lambda message: heard.add(message.topic),
                [topic],
            ),
        )
        boards = rig.gateways(site, directory / "boards", server, broker.port)
        forks_s = _forks_s(server, len(boards), directory / "console.log")
        begin = time.monotonic()
        for board in boards:
            rig.started(stack, board)
        rig.wait_for(lambda: len(heard) == len(boards), f"{len(boards)} first states", 120)
        return Pair(time.monotonic() - begin, forks_s)


def _forks_s(server: ForkServer, count: int, console: Path) -> float:
    argv = ["micropython", "-X", f"heapsize={HEAP}", "-c", EMPTY]
    begin = time.monotonic()
    vms = [server.spawn(argv, {}, console, lambda _: None) for _ in range(count)]
    if not all(vm.wait(60) for vm in vms):
        raise FiregridError(f"{count} forks took longer than a minute")
    return time.monotonic() - begin


AREA = Area("start", ABOUT, run)
